import { describe, expect, test } from 'vitest'
import type { ProfileEntry } from '../../src/config/profile.js'
import { resolveProfile } from '../../src/config/resolve.js'
import { checkProfiles } from '../../src/config/rules.js'
import { failureOf } from './support.js'

const context = { redirectPort: 8252, configFolder: '/c' }

/** Two servers: `one` and `two` name an issuer, `plain` and `bare` endpoints only. */
const one: ProfileEntry = { client_id: 'c', issuer: 'https://one.example.com' }
const two: ProfileEntry = { client_id: 'c', issuer: 'https://two.example.com' }
const endpointsOf = (origin: string): ProfileEntry => ({
  client_id: 'c',
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
})
const plain = endpointsOf('https://plain.example.com')
const bare = endpointsOf('https://bare.example.com')

function check(entries: Record<string, ProfileEntry>) {
  const written = new Map(Object.entries(entries))
  return checkProfiles(
    new Map([...written.keys()].map((name) => [name, resolveProfile(name, written, context)])),
  )
}

function refusalOf(entries: Record<string, ProfileEntry>) {
  const failure = failureOf(() => check(entries))
  expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7 })
  return failure.detail
}

describe('one redirect URI for two authorization servers', () => {
  const at = (entry: ProfileEntry, redirect_uri: string): ProfileEntry => ({ ...entry, redirect_uri })
  const shared = 'http://127.0.0.1:8252/callback'

  test.each<[string, ProfileEntry, ProfileEntry]>([
    ['neither names an issuer', plain, bare],
    ['one names an issuer', one, bare],
    ['the other names an issuer', plain, two],
    [
      'one is found through a resource server',
      one,
      { client_id: 'c', resource_server: 'https://r.example.com' },
    ],
  ])('is refused when %s', (_when, left, right) => {
    const detail = refusalOf({ a: at(left, shared), b: at(right, shared) })
    expect(detail).toContain('"redirect_uri" of profile')
    expect(detail).toContain('another authorization server')
    expect(detail).toContain('"a"')
    expect(detail).toContain('"b"')
  })

  test('is allowed when both name an issuer, and iss is then required of both', () => {
    const rules = check({ a: at(one, shared), b: at(two, shared), c: one })
    expect(['a', 'b', 'c', 'd'].map((name) => rules.has(name))).toEqual([true, true, false, false])
  })

  test('two profiles of one server may share it', () => {
    const rules = check({ a: at(plain, shared), b: at(plain, shared) })
    expect(rules.has('a')).toBe(false)
  })

  test.each([
    ['http://localhost:8252/callback', 'http://127.0.0.1:8252/callback', false],
    ['http://127.0.0.1:8252/callback', 'http://127.0.0.1:8253/callback', false],
    ['http://127.0.0.1:8252/callback', 'http://127.0.0.1:8252/Callback', false],
    ['http://127.0.0.1:8252/callback', 'http://127.0.0.1:8252/callback/', false],
    ['http://127.0.0.1:8252/callback?a', 'http://127.0.0.1:8252/callback?b', true],
    ['http://LOCALHOST:80/callback', 'http://localhost/callback', true],
    ['http://127.0.0.1:0/callback', 'http://127.0.0.1:0/callback', true],
    ['http://127.0.0.1:0/callback', 'http://localhost:0/callback', true],
    ['http://127.0.0.1:0/callback/a', 'http://127.0.0.1:0/callback/b', false],
  ])('%s and %s: the same? %s', (left, right, same) => {
    const entries = { a: at(plain, left), b: at(bare, right) }
    if (same) expect(refusalOf(entries)).toContain('redirect_uri')
    else expect(() => check(entries)).not.toThrow()
  })

  test('grants without a redirect do not count', () => {
    expect(() =>
      check({ a: at(plain, shared), b: { ...at(bare, shared), grant: 'client_credentials' } }),
    ).not.toThrow()
  })

  test('the default redirect URIs never meet', () => {
    expect(() => check({ a: plain, b: bare, c: one, d: two })).not.toThrow()
  })
})

describe('state_echo false', () => {
  const dropping: ProfileEntry = { ...plain, state_echo: false }

  test('is allowed with PKCE on a redirect URI of its own', () => {
    expect(() => check({ a: dropping, b: plain })).not.toThrow()
  })

  test('is refused without PKCE', () => {
    expect(refusalOf({ a: { ...dropping, code_challenge_method: 'none' } })).toContain(
      '"state_echo" of profile "a"',
    )
  })

  test('is refused on a redirect URI that any other profile has too, even of the same server', () => {
    const redirect_uri = 'http://127.0.0.1:8252/callback'
    const detail = refusalOf({ a: { ...plain, redirect_uri }, b: { ...dropping, redirect_uri } })
    expect(detail).toContain('"redirect_uri" of profile "b" is also used by profile "a"')
  })
})

describe('redirect_uri and listen', () => {
  test.each([
    'http://127.0.0.1:8252/callback',
    'http://127.0.0.1:0/',
    'http://[::1]:3000/cb',
    'http://localhost:3000/cb?keep=1',
    'https://localhost:8443/cb',
    'http://127.1.2.3:9/cb',
    'http://localhost/cb',
  ])('%s is loopback', (redirect_uri) => {
    expect(() => check({ a: { ...plain, redirect_uri } })).not.toThrow()
  })

  test.each([
    'http://0.0.0.0:8252/callback',
    'http://[::]:8252/callback',
    'http://[::ffff:127.0.0.1]:8252/callback',
    'http://192.168.1.2/callback',
    'http://example.com/callback',
    'http://localhost.example.com/callback',
    'http://127.0.0.1.example.com/callback',
    'http://128.0.0.1/callback',
  ])('%s is not, and needs listen', (redirect_uri) => {
    expect(refusalOf({ a: { ...plain, redirect_uri } })).toContain('set listen to the loopback host:port')
    expect(() => check({ a: { ...plain, redirect_uri, listen: '127.0.0.1:8080' } })).not.toThrow()
  })

  test.each(['127.0.0.1:8080', 'localhost:1', '[::1]:65535', '127.0.0.2:80'])('listen %s', (listen) => {
    expect(() => check({ a: { ...plain, redirect_uri: 'https://my.example.com/cb', listen } })).not.toThrow()
  })

  test.each([
    '0.0.0.0:8080',
    '[::]:8080',
    '*:8080',
    ':8080',
    '8080',
    '192.168.1.2:80',
    'example.com:80',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '127.0.0.999:80',
    '::1:80',
    'localhost:80/x',
  ])('listen %s is refused: nothing but loopback is bound', (listen) => {
    expect(refusalOf({ a: { ...plain, listen } })).toContain(
      '"listen" of profile "a" must be a loopback host:port',
    )
  })

  test.each([
    ['http://127.0.0.1:1/cb#frag', 'must not have a fragment'],
    ['http://127.0.0.1:1/cb#', 'must not have a fragment'],
    ['http://me:canary@127.0.0.1:1/cb', 'must not contain a user name or password'],
  ])('%s is refused', (redirect_uri, rule) => {
    const detail = refusalOf({ a: { ...plain, redirect_uri } })
    expect(detail).toContain(rule)
    expect(detail).not.toContain('canary')
  })
})

describe('addresses of the authorization server', () => {
  const keys = [
    'issuer',
    'resource_server',
    'authorization_endpoint',
    'token_endpoint',
    'refresh_endpoint',
    'revocation_endpoint',
    'introspection_endpoint',
    'userinfo_endpoint',
    'device_authorization_endpoint',
    'pushed_authorization_request_endpoint',
    'registration_endpoint',
    'jwks_uri',
  ] as const

  test.each(keys)('%s may be plain http on loopback only', (key) => {
    expect(refusalOf({ a: { ...plain, [key]: 'http://as.example.com/x' } })).toBe(
      `"${key}" of profile "a" must begin with https://. Plain http is allowed only for loopback addresses.`,
    )
    for (const host of ['127.0.0.1:8080', '[::1]', 'localhost'])
      expect(() => check({ a: { ...plain, [key]: `http://${host}/x` } })).not.toThrow()
  })

  test.each([
    ['token_endpoint', 'https://me:canary@as.example.com/x', 'user name or password'],
    ['token_endpoint', 'https://as.example.com/x#y', 'fragment'],
    ['issuer', 'https://as.example.com/?x', 'query'],
    ['issuer', 'https://as.example.com/realms/r/.well-known/openid-configuration', 'metadata'],
    ['issuer', 'https://as.example.com/.well-known/oauth-authorization-server/r', 'metadata'],
    ['issuer', 'http://0.0.0.0/', 'https://'],
  ])('%s %s is refused', (key, value, rule) => {
    const detail = refusalOf({ a: { ...plain, [key]: value } })
    expect(detail).toContain(rule)
    expect(detail).not.toContain('canary')
  })
})

describe('what each request sets itself cannot be configured', () => {
  test.each([
    'state',
    'redirect_uri',
    'client_id',
    'nonce',
    'code_challenge',
    'code_challenge_method',
    'code_verifier',
  ])('authorization_parameters: %s', (name) =>
    expect(refusalOf({ a: { ...plain, authorization_parameters: { [name]: 'canary' } } })).toMatch(
      new RegExp(`must not name ${name}: (?!.*canary)`),
    ),
  )

  test.each(['code', 'code_verifier', 'redirect_uri', 'refresh_token', 'client_secret'])(
    'token_parameters: %s',
    (name) =>
      expect(refusalOf({ a: { ...plain, token_parameters: { [name]: 'canary' } } })).toMatch(
        new RegExp(`must not name ${name}: (?!.*canary)`),
      ),
  )
})

test.each<[ProfileEntry, string]>([
  [{ token_endpoint_auth_method: 'private_key_jwt' }, 'private_key_file'],
  [{ token_endpoint_auth_method: 'tls_client_auth', certificate_file: 'c' }, 'private_key_file'],
  [{ token_endpoint_auth_method: 'tls_client_auth', private_key_file: 'k' }, 'certificate_file'],
])('client authentication without its file is refused: %j', (entry, key) => {
  expect(refusalOf({ a: { ...plain, ...entry } })).toContain(`needs ${key}.`)
})
