/** What an authorization response says, however it was written (RFC 6749 §4.1.2). */
import { describe, expect, test } from 'vitest'
import { joined, parseAuthorizationResponse } from '../../src/login/authorization-response.js'

const STATE = 'Q2F0Y2hkLXN0YXRl'
const KNOWN = `state=${STATE}`

function read(encoded: string) {
  const { state, parameters, extra, iss, hasMisplacedState, ...rest } = parseAuthorizationResponse(encoded)
  return {
    ...rest,
    ...('code' in rest ? { code: rest.code.reveal() } : {}),
    state: state?.reveal() ?? null,
    extra: { ...extra },
    parameters: JSON.parse(parameters.reveal()),
  }
}

describe('only what decides about the login is decoded strictly', () => {
  test.each([
    ['Latin-1', 'Zugriff+f%FCr+Ger%E4t+verweigert', 'Zugriff für Gerät verweigert'],
    ['a bare percent sign', '50%+of+the+quota', '50% of the quota'],
    ['a percent sign at the end', 'quota+100%', 'quota 100%'],
    ['half an escape', 'quota%2', 'quota%2'],
    ['a bare percent sign beside UTF-8', '100%+refus%C3%A9', '100% refusé'],
    ['escapes of JavaScript', 'refus%u00e9', 'refus%u00e9'],
    ['cut UTF-8', 'refus%C3', 'refusÃ'],
    ['overlong UTF-8', 'a%c0%afb', 'aÀ¯b'],
    ['UTF-8', 'refus%C3%A9', 'refusé'],
    ['plus and %20', 'a+b%20c', 'a b c'],
    ['encoded twice, which is not guessed', 'a%2520b', 'a%20b'],
  ])('a text for people: %s', (_what, encoded, text) => {
    const response = read(`error=access_denied&error_description=${encoded}&${KNOWN}`)
    expect(response).toMatchObject({ kind: 'error', errorDescription: text, state: STATE })
    expect(response.parameters.error_description).toBe(text)
  })

  test.each([
    ['the value of another parameter', 'display_name=Ren%E9', {}],
    ['its name', 'pr%E9nom=x', { prénom: 'x' }],
    ['a bare percent sign', 'rate=5%', {}],
    ['a value that can be read', 'realmId=12', { realmId: '12' }],
  ])('a code is a code: %s', (_what, parameter, extra) => {
    expect(read(`code=c-1&${KNOWN}&${parameter}`)).toMatchObject({ kind: 'code', code: 'c-1', extra })
  })

  test.each(['code=%ff', 'code=c%', 'code=c%2', 'code=%c0%af', 'iss=%zz', 'error=%e9', 'response=%'])(
    'but not %s',
    (parameter) => {
      const rest = parameter.startsWith('code') ? KNOWN : `code=c-1&${KNOWN}`
      expect(() => parseAuthorizationResponse(`${rest}&${parameter}`)).toThrow(/invalid percent-encoding/)
    },
  )

  test('nor the state itself', () => {
    expect(() => parseAuthorizationResponse(`code=c-1&state=${STATE}%`)).toThrow(/The parameter state/)
  })
})

describe('a parameter without a value counts as absent (RFC 6749 §3.1)', () => {
  test.each([
    ['an empty error beside a code', `code=c-1&error=&${KNOWN}`, 'code'],
    ['a name alone', `code=c-1&error&${KNOWN}`, 'code'],
    ['an empty code beside an error', `code=&error=server_error&${KNOWN}`, 'error'],
    ['an empty code', `code=&${KNOWN}`, 'incomplete'],
    ['both empty', `code=&error=&${KNOWN}`, 'incomplete'],
    ['the state alone', KNOWN, 'incomplete'],
    ['an access token, which was not asked for', `access_token=t&token_type=Bearer&${KNOWN}`, 'incomplete'],
    ['other spellings', `CODE=c-1&Error=x&${KNOWN}`, 'incomplete'],
  ])('%s', (_what, encoded, kind) => {
    expect(read(encoded)).toMatchObject({ kind, state: STATE })
  })

  test.each(['', 'code=&state=', 'x=1', `code=&state=&amp;${KNOWN}`, '&&'])(
    'without a state, a response needs more: %j',
    (encoded) => {
      expect(() => parseAuthorizationResponse(encoded)).toThrow(/neither a code nor an error/)
    },
  )

  test('a state, a code or an error twice is no response, even if both are the same', () => {
    for (const twice of [KNOWN, 'code=c-1', 'x=1', 'st%61te=x'])
      expect(() => parseAuthorizationResponse(`code=c-1&${KNOWN}&x=1&${twice}`)).toThrow(/repeats/)
    expect(() => parseAuthorizationResponse(`code=c-1&error=x&${KNOWN}`)).toThrow(/both/)
  })
})

describe('what the server says in words of its own', () => {
  test.each([
    ['error_code=2&error_message=Not+available', 'error_code: 2, error_message: Not available'],
    ['errcode=40029&errmsg=invalid+code', 'errcode: 40029, errmsg: invalid code'],
    ['error_reason=user_denied&session_state=s', 'error_reason: user_denied'],
    ['denied=1', 'denied: 1'],
    ['usercancel=1&msg=', 'usercancel: 1'],
    ['access_token=t&id_token=t', null],
  ])('%s', (parameters, text) => {
    expect(read(`${parameters}&${KNOWN}`)).toMatchObject({ kind: 'incomplete', errorDescription: text })
  })

  test('error_description comes first', () => {
    const beside = 'error=access_denied&error_code=200&error_reason=user_denied'
    expect(read(`${beside}&error_description=No&${KNOWN}`)).toMatchObject({ errorDescription: 'No' })
    expect(read(`${beside}&error_description=&${KNOWN}`)).toMatchObject({
      errorDescription: 'error_code: 200, error_reason: user_denied',
    })
  })
})

test.each([
  [`code=c-1&amp;${KNOWN}`, true],
  [`code=c-1&amp%3B${KNOWN}`, true],
  [`code=c-1;${KNOWN}`, true],
  [`error=access_denied;${KNOWN}`, true],
  [`code=c-1?${KNOWN}`, true],
  [`code=c-1&state[]=${STATE}`, true],
  [`code=c-1&State=${STATE}`, true],
  ['code=c-1&session_state=x', false],
  ['code=c-1&state=', false],
  ['code=c-1', false],
])('a state that cannot be read as one is noticed: %s', (encoded, isThere) => {
  const { state, hasMisplacedState } = parseAuthorizationResponse(encoded)
  expect([state, hasMisplacedState]).toEqual([null, isThere])
})

test.each([
  ['http://127.0.0.1/cb', '?code=c', 'code=c'],
  ['http://127.0.0.1/cb?tenant=1', 'tenant=1?code=c&state=s', 'tenant=1&code=c&state=s'],
  ['http://127.0.0.1/cb?tenant=1', 'tenant=1&code=c', 'tenant=1&code=c'],
  ['http://127.0.0.1/cb?tenant=1', 'tenant=12?code=c', 'tenant=12?code=c'],
  ['http://127.0.0.1/cb', 'code=a?b', 'code=a?b'],
])('at %s, %s is %s', (redirectUri, query, expected) => {
  expect(joined(redirectUri, query)).toBe(expected)
})
