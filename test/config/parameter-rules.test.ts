/** What a profile may add to requests: placeholders, names of the standard, and secrets that stand there themselves. */
import { describe, expect, test } from 'vitest'
import { parseConfiguration } from '../../src/config/file.js'
import { fillIn } from '../../src/config/placeholders.js'
import type { ProfileEntry } from '../../src/config/profile.js'
import { resolveProfile } from '../../src/config/resolve.js'
import { checkProfiles } from '../../src/config/rules.js'

const ENTRY = {
  authorization_endpoint: 'https://as.example/authorize',
  token_endpoint: 'https://as.example/token',
  client_id: 'c-1',
} satisfies ProfileEntry

function profileOf(entry: ProfileEntry) {
  const entries = new Map([['a', { ...ENTRY, ...entry }]])
  return resolveProfile('a', entries, { redirectPort: 8252, configFolder: '/' })
}

function ruleOf(entry: ProfileEntry): string {
  try {
    checkProfiles(new Map([['a', profileOf(entry)]]))
    return 'none'
  } catch (error) {
    return (error as { detail?: string }).detail ?? String(error)
  }
}

describe('a placeholder', () => {
  const values = { code: 'c0de', client_id: 'c 1', empty: '' }
  test.each<[string, string | undefined]>([
    ['{code}', 'c0de'],
    ['{code}-{client_id}', 'c0de-c 1'],
    ['{code}{refresh_token}', undefined],
    ['{empty}', undefined],
    ['', ''],
    // A value is not read once more, and `$&` means nothing.
    ['$&{code}$1', '$&c0de$1'],
    // Two braces are one in the text.
    ['{{code}}', '{code}'],
    ['{{{code}}}', '{{code}}'],
    ['{{nobody_knows}}', '{nobody_knows}'],
    // JSON, identifiers of Microsoft and lone braces are no placeholders.
    ['{"id_token":{"email":{"essential":true}}}', '{"id_token":{"email":{"essential":true}}}'],
    ['{}', '{}'],
    ['{ code }', '{ code }'],
    ['{9b2e0000-0000-4000-8000-000000000000}', '{9b2e0000-0000-4000-8000-000000000000}'],
    ['a{b', 'a{b'],
  ])('%s gives %s', (template, filled) => expect(fillIn(template, values)).toBe(filled))
})

describe('is refused, with what helps', () => {
  test.each<[ProfileEntry, string]>([
    [
      { token_parameters: { s: '{clientSecret}' } },
      'unknown placeholder {clientSecret}. Did you mean {client_secret}? For this text itself, write {{clientSecret}}.',
    ],
    [{ token_parameters: { s: '{code_verifer}' } }, 'Did you mean {code_verifier}?'],
    [{ refresh_parameters: { s: 'x{Refresh-Token}' } }, 'Did you mean {refresh_token}?'],
    [{ token_parameters: { s: '{tenant}' } }, 'unknown placeholder {tenant}. For this text itself'],
    [
      { authorization_parameters: { s: '{client_secret}' } },
      '"authorization_parameters" of profile "a" must not have {client_secret}, because the browser shows this request.',
    ],
    [{ authorization_parameters: { s: 'x-{refresh_token}' } }, 'must not have {refresh_token}'],
    [{ authorization_parameters: { s: '{code_verifier}' } }, 'must not have {code_verifier}'],
    [{ authorization_parameters: { s: '{code}' } }, 'must not have {code}'],
    [{ authorization_parameters: { state: '{client_id}' } }, 'must not name state'],
    [{ token_parameters: { code: 'x{code}' } }, 'must not name code: each request sets its own.'],
    [
      { token_parameters: { code_verifier: '' } },
      'must not leave out code_verifier, unless another parameter has the value {code_verifier}.',
    ],
    [{ token_parameters: { code: '' } }, 'must not leave out code,'],
    [
      { refresh_parameters: { refresh_token: '' } },
      '"refresh_parameters" of profile "a" must not leave out refresh_token,',
    ],
    [{ code_parameter: 'state' }, '"code_parameter" of profile "a" must not be state'],
    [{ code_parameter: 'auth_code', state_echo: false }, 'works only with state_echo true.'],
    [{ code_parameter: 'error' }, 'must not be error'],
    [{ code_parameter: 'response' }, 'must not be response'],
  ])('%j', (entry, rule) => expect(ruleOf(entry)).toContain(rule))
})

describe('is allowed', () => {
  test.each<[ProfileEntry]>([
    [
      {
        token_parameters: {
          code: '{code}',
          redirect_uri: '{redirect_uri}',
          client_secret: '{client_secret}',
        },
      },
    ],
    [{ token_parameters: { redirect_uri: '', client_id: '', grant_type: '' } }],
    [{ token_parameters: { code_verifier: '', codeVerifier: '{code_verifier}' } }],
    [{ token_parameters: { refresh_token: '' }, refresh_parameters: { refreshToken: '{refresh_token}' } }],
    [{ authorization_parameters: { appid: '{client_id}', scopes: '{scope}', back: '{redirect_uri}' } }],
    [{ authorization_parameters: { claims: '{"userinfo":{"email":null}}' } }],
    [{ code_parameter: 'auth_code' }],
    [{ authorization_redirect_uri: 'Name_Of-Nobody-1234' }],
  ])('%j', (entry) => expect(ruleOf(entry)).toBe('none'))
})

describe('the client secret is sent in one way', () => {
  const client_secret = { keychain: true } as const
  test.each<[ProfileEntry, string]>([
    [{ client_secret }, 'client_secret_basic'],
    [{ client_secret, token_parameters: { secret: '{client_secret}' } }, 'none'],
    [{ client_secret, refresh_parameters: { secret: '{client_secret}' } }, 'none'],
    [
      { client_secret, token_parameters: { appid: '{client_id}', secret: '{{client_secret}}' } },
      'client_secret_basic',
    ],
    [
      {
        client_secret,
        token_parameters: { secret: '{client_secret}' },
        token_endpoint_auth_method: 'client_secret_post',
      },
      'client_secret_post',
    ],
  ])('%j: %s', (entry, method) => expect(profileOf(entry).token_endpoint_auth_method).toBe(method))
})

test('a device login has PKCE only if the profile says so', () => {
  const grant = 'urn:ietf:params:oauth:grant-type:device_code'
  const device = { grant, device_authorization_endpoint: 'https://as.example/device' } as const
  expect(profileOf(device).code_challenge_method).toBe('none')
  expect(profileOf({ ...device, code_challenge_method: 'S256' }).code_challenge_method).toBe('S256')
  expect(profileOf({}).code_challenge_method).toBe('S256')
})

describe('a secret that stands in the parameters themselves', () => {
  const warningsOf = (entry: ProfileEntry) =>
    parseConfiguration(JSON.stringify({ profiles: { a: entry } }), 'config.jsonc').warnings

  test.each(['secret', 'appsecret', 'clientSecret', 'client_assertion', 'password', 'api-key', 'authToken'])(
    '%s is a warning that does not repeat it',
    (name) => {
      for (const key of ['token_parameters', 'refresh_parameters'] as const) {
        const [warning, ...more] = warningsOf({ [key]: { [name]: 'canary-1' } })
        expect(more).toEqual([])
        expect(warning).toContain(
          `the value of "${name}" in ${key} (write {client_secret} instead) of profile "a" is in the file.`,
        )
        expect(warning).toContain('catchd profile set-secret a')
        expect(warning).not.toContain('canary')
      }
    },
  )

  test.each<ProfileEntry>([
    { token_parameters: { secret: '{client_secret}', client_assertion: 'v1.{code}', appsecret: '' } },
    {
      token_parameters: {
        client_assertion_type: 'x',
        subject_token_type: 'x',
        token_access_type: 'x',
        grant_type: 'x',
      },
    },
  ])('%j is none', (entry) => expect(warningsOf(entry)).toEqual([]))
})
