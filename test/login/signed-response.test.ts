/** Reading authorization responses that are one signed token (JARM); whether the signature holds is asked later. */
import { describe, expect, test } from 'vitest'
import { parseAuthorizationResponse } from '../../src/login/authorization-response.js'

const part = (text: string) => Buffer.from(text).toString('base64url')
const token = (claims: object | string) =>
  `${part('{"alg":"ES256"}')}.${part(typeof claims === 'string' ? claims : JSON.stringify(claims))}.c2ln`
const parse = (response: string) => parseAuthorizationResponse(`response=${response}`)

test('its claims are the parameters; those about the token itself are not', () => {
  const response = token({
    iss: 'https://id.example',
    aud: 'c',
    exp: 1,
    state: 's-1',
    code: 'c-1',
    session_state: 'x',
  })
  const parsed = parse(response)
  if (parsed.kind !== 'code') return expect.unreachable()
  expect([parsed.code.reveal(), parsed.state?.reveal(), parsed.iss]).toEqual([
    'c-1',
    's-1',
    'https://id.example',
  ])
  expect({ ...parsed.extra }).toEqual({ session_state: 'x' })
  expect(parsed.signedResponse?.reveal()).toBe(response)
})

test('an error can come so, too', () => {
  expect(parse(token({ state: 's-1', error: 'access_denied' }))).toMatchObject({
    kind: 'error',
    error: 'access_denied',
  })
})

test('a plain response that has a parameter of that name stays a plain one', () => {
  const parsed = parseAuthorizationResponse(`code=c-1&state=s-1&response=${token({ code: 'other' })}`)
  if (parsed.kind !== 'code') return expect.unreachable()
  expect([parsed.code.reveal(), parsed.signedResponse]).toEqual(['c-1', null])
})

describe('what is no signed response is refused without being quoted', () => {
  test.each([
    ['a word', 'hidden-word'],
    ['two parts', 'hidden-word.e30'],
    ['five parts, which are encrypted', `a.${part('{"code":"c"}')}.c.d.e`],
    ['no JSON', token('hidden-word')],
    ['a list', token([])],
    ['null', token('null')],
    ['broken UTF-8', `a.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.c`],
    ['neither code nor error nor state', token({ x: '1' })],
    ['an error that is no text', token({ state: 's-1', error: ['x'] })],
    ['a code that is no text', token({ state: 's-1', code: 7 })],
    ['both', token({ code: 'c', error: 'e' })],
    ['nothing', ''],
  ])('%s', (_what, response) => {
    expect(() => parse(response)).toThrow(expect.objectContaining({ code: 'redirect_malformed' }))
    expect(() => parse(response)).not.toThrow(/hidden-word/)
  })

  test('a claim with an odd name is a parameter like any other', () => {
    const parsed = parse(token('{"code":"c-1","state":"s-1","__proto__":"x"}'))
    expect(Object.keys(parsed.extra)).toEqual(['__proto__'])
  })
})
