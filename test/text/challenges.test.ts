/** Which parameters of a WWW-Authenticate field belong to which scheme (RFC 9110 §11). */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asksForNonce, parseChallenges, tokenChallengeValues } from '../../src/text/challenges.js'

const at = (field: string) => tokenChallengeValues(field, 'resource_metadata')

describe('a parameter of the challenge for an access token', () => {
  test.each([
    ['quoted', 'Bearer resource_metadata="https://a/m"'],
    ['a token', 'Bearer resource_metadata=https://a/m'],
    ['a token between others', 'Bearer realm=x,resource_metadata=https://a/m,error=y'],
    ['blanks around =', 'Bearer resource_metadata = "https://a/m"'],
    ['a tab before =', 'Bearer resource_metadata\t="https://a/m"'],
    ['capitals', 'BEARER Resource_Metadata="https://a/m"'],
    ['single quotes', "Bearer resource_metadata='https://a/m'"],
    ['escapes', 'Bearer resource_metadata="ht\\tps://a/\\m"'],
    ['no closing quote', 'Bearer resource_metadata="https://a/m'],
    ['DPoP', 'DPoP algs="ES256", resource_metadata="https://a/m"'],
    ['behind Basic', 'Basic realm="a", Bearer resource_metadata="https://a/m"'],
    ['behind Basic, without a comma', 'Basic realm="a" Bearer resource_metadata="https://a/m"'],
    ['behind a token68', 'Negotiate YII/+a==, Bearer resource_metadata="https://a/m"'],
    ['behind a scheme alone', 'Negotiate, NTLM, Bearer resource_metadata="https://a/m"'],
    ['before another scheme', 'Bearer resource_metadata="https://a/m", Basic realm="x"'],
    ['behind a comma in quotes', 'Bearer error_description="no, thanks", resource_metadata="https://a/m"'],
    ['behind an escaped quote', 'Bearer realm="say \\"hi\\", Basic", resource_metadata="https://a/m"'],
    ['behind a backslash at the end', 'Bearer realm="C:\\\\", resource_metadata="https://a/m"'],
    ['behind an empty value', 'Bearer realm=, resource_metadata="https://a/m"'],
    ['behind an empty string', 'Bearer realm="", resource_metadata="https://a/m"'],
    ['without a comma before it', 'Bearer realm="x" resource_metadata="https://a/m"'],
    ['behind a list without quotes', 'Bearer scope=read write all, resource_metadata="https://a/m"'],
    ['empty list elements', ', ,Bearer realm="x",, resource_metadata="https://a/m",'],
    ['in the second Bearer', 'Bearer realm="x", Bearer resource_metadata="https://a/m"'],
    ['a line that was folded', 'Bearer realm="x",\r\n resource_metadata="https://a/m"'],
  ])('%s', (_name, field) => expect(at(field)).toEqual(['https://a/m']))

  test('each of several, in order', () =>
    expect(at('Bearer resource_metadata="https://a/1", realm="x", resource_metadata="https://a/2"')).toEqual([
      'https://a/1',
      'https://a/2',
    ]))
})

describe('no parameter of it', () => {
  test.each([
    ['of Basic', 'Basic resource_metadata="https://a/m"'],
    ['of Basic behind Bearer', 'Bearer, Basic realm="x", resource_metadata="https://a/m"'],
    ['text in a realm', 'Bearer realm="x, resource_metadata=https://a/m"'],
    ['escaped text in a realm', 'Bearer realm="x\\", resource_metadata=\\"https://a/m"'],
    ['text in the realm of Basic', 'Basic realm="Bearer resource_metadata=https://a/m"'],
    ['text in single quotes', "Bearer realm='resource_metadata=https://a/m'"],
    ['a name that ends alike', 'Bearer x_resource_metadata="https://a/m", x-resource_metadata="https://a/m"'],
    ['a name that begins alike', 'Bearer resource_metadata_uri="https://a/m"'],
    ['without a scheme', 'resource_metadata="https://a/m"'],
    ['a scheme that begins alike', 'BearerToken resource_metadata="https://a/m"'],
    ['nothing', ''],
    ['a field of 64 KiB', `Bearer realm="${'x'.repeat(70_000)}", resource_metadata="https://a/m"`],
  ])('%s', (_name, field) => expect(at(field)).toEqual([]))
})

test('every scheme has its own parameters', () => {
  expect(parseChallenges('Basic YWJj, Digest nonce="a",qop=auth, Bearer scope="a b", error="x"')).toEqual([
    { scheme: 'basic', parameters: [] },
    {
      scheme: 'digest',
      parameters: [
        ['nonce', 'a'],
        ['qop', 'auth'],
      ],
    },
    {
      scheme: 'bearer',
      parameters: [
        ['scope', 'a b'],
        ['error', 'x'],
      ],
    },
  ])
})

test('any text ends in a list, and quoted values come back as they were', () => {
  fc.assert(fc.property(fc.string(), (field) => Array.isArray(parseChallenges(field))))
  const value = fc.string({ unit: fc.constantFrom('"', '\\', ',', '=', ' ', "'", 'a', 'Basic ') })
  fc.assert(
    fc.property(value, value, (first, second) => {
      const quote = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
      const field = `Basic realm=${quote(first)}, Bearer realm=${quote(second)}, scope=${quote(first)}`
      expect(tokenChallengeValues(field, 'realm')).toEqual([second])
      expect(tokenChallengeValues(field, 'scope')).toEqual([first])
    }),
  )
})

test.each([
  [undefined, false],
  ['DPoP error="use_dpop_nonce", error_description="x"', true],
  ['Bearer realm="r", DPoP algs="ES256", error=use_dpop_nonce', true],
  ['Bearer error="invalid_token", error_description="not use_dpop_nonce"', false],
  ['Basic realm="use_dpop_nonce"', false],
])('%s asks for a nonce: %s', (field, expected) => {
  expect(asksForNonce(field)).toBe(expected)
})
