import { homedir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { PRESETS } from '../../src/config/presets.js'
import type { ProfileEntry } from '../../src/config/profile.js'
import { resolveProfile } from '../../src/config/resolve.js'
import { checkProfiles } from '../../src/config/rules.js'
import { failureOf } from './support.js'

const context = { redirectPort: 8252, configFolder: '/home/me/.config/catchd' }
const asksForBase = (keys: ProfileEntry) => JSON.stringify(keys).includes('{base}')
const complete = { issuer: 'https://id.example.com', client_id: 'c' }

function resolve(entries: Record<string, ProfileEntry>, name = 'a') {
  return resolveProfile(name, new Map(Object.entries(entries)), context)
}

function refusalOf(entries: Record<string, ProfileEntry>, name = 'a') {
  const failure = failureOf(() => resolve(entries, name))
  expect(failure).toMatchObject({ profile: name, exitCode: 7 })
  return failure
}

test('the defaults of the contract', () => {
  expect(resolve({ a: complete })).toEqual({
    name: 'a',
    preset: null,
    issuer: 'https://id.example.com',
    client_id: 'c',
    grant: 'authorization_code',
    redirect_uri: 'http://127.0.0.1:8252/callback/a',
    response_mode: 'query',
    scope_separator: ' ',
    code_challenge_method: 'S256',
    code_challenge_encoding: 'base64url',
    code_parameter: 'code',
    state_echo: true,
    authorization_parameters: {},
    token_parameters: {},
    token_request_headers: {},
    token_request_format: 'form',
    token_endpoint_auth_method: 'none',
    client_secret_basic_encoding: 'form',
    dpop: false,
    refresh: 'ahead',
    min_ttl_seconds: 60,
    hosts: [],
  })
})

test('a client secret means client_secret_basic unless the entry says otherwise', () => {
  const client_secret = { keychain: true } as const
  expect(resolve({ a: { ...complete, client_secret } }).token_endpoint_auth_method).toBe(
    'client_secret_basic',
  )
  const post = { ...complete, client_secret, token_endpoint_auth_method: 'client_secret_post' } as const
  expect(resolve({ a: post }).token_endpoint_auth_method).toBe('client_secret_post')
})

/** For presets whose server is different for everybody. */
const SERVER = {
  authorization_endpoint: 'https://as.example.com/authorize',
  token_endpoint: 'https://as.example.com/token',
}

function hasServer({ issuer, authorization_endpoint }: ProfileEntry): boolean {
  return issuer !== undefined || authorization_endpoint !== undefined
}

describe('presets', () => {
  test('stand where the entry says nothing, with base_url in their endpoints', () => {
    const profile = resolve({
      a: { preset: 'webmethods', base_url: 'https://gw.example.com:5543/', client_id: 'c', scope: 'email' },
    })
    expect(profile).toMatchObject({
      preset: 'webmethods',
      authorization_endpoint: 'https://gw.example.com:5543/invoke/pub.apigateway.oauth2/authorize',
      token_endpoint: 'https://gw.example.com:5543/invoke/pub.apigateway.oauth2/getAccessToken',
      scope: 'email',
    })
    expect(profile).not.toHaveProperty('base_url')
    expect(JSON.stringify(profile)).not.toContain('{base}')
  })

  test('give way to the entry', () => {
    const token_endpoint = 'https://other.example.com/token'
    const base_url = 'https://gw.example.com'
    expect(resolve({ a: { preset: 'webmethods', base_url, client_id: 'c', token_endpoint } })).toMatchObject({
      authorization_endpoint: `${base_url}/invoke/pub.apigateway.oauth2/authorize`,
      token_endpoint,
    })
  })

  const ENDPOINTS_OF_A_SERVER = {
    authorization_endpoint: 'https://as.example.com/authorize',
    token_endpoint: 'https://as.example.com/token',
  }
  test.each(PRESETS.map((preset) => [preset.name, preset.profile]))(
    '%s makes a profile that keeps to every rule',
    (name, { token_endpoint_auth_method: method, ...keys }) => {
      const entry: ProfileEntry = {
        preset: name,
        client_id: 'c',
        ...(asksForBase(keys) ? { base_url: 'https://as.example.com' } : {}),
        ...(hasServer(keys) ? {} : SERVER),
        ...(method?.startsWith('client_secret') === true ? { client_secret: { keychain: true } } : {}),
        // The others ask for the two endpoints, which are different at every server.
        ...((keys.issuer ?? keys.token_endpoint) === undefined ? ENDPOINTS_OF_A_SERVER : {}),
      }
      const profile = resolve({ a: entry })
      expect(profile.preset).toBe(name)
      expect(() => checkProfiles(new Map([['a', profile]]))).not.toThrow()
      expect(JSON.stringify(profile)).not.toContain('{base}')
    },
  )

  test('that need base_url say so', () => {
    const failure = refusalOf({ a: { preset: 'webmethods', client_id: 'c' } })
    expect(failure.code).toBe('profile_invalid')
    expect(failure.detail).toContain('Set base_url')
  })

  test('that do not exist are refused with a suggestion', () => {
    const failure = refusalOf({ a: { preset: 'webmethod', client_id: 'c' } })
    expect(failure.code).toBe('config_invalid')
    expect(failure.detail).toContain('Did you mean "webmethods"?')
  })

  test.each<ProfileEntry>([
    { issuer: 'https://id.example.com' },
    ...PRESETS.filter(({ profile }) => !asksForBase(profile)).map(({ name }) => ({ preset: name })),
  ])('base_url that nothing asks for is refused: %j', (keys) => {
    const failure = refusalOf({ a: { ...keys, client_id: 'c', base_url: 'https://x.example.com' } })
    expect(failure.code).toBe('config_invalid')
    expect(failure.detail).toContain('base_url has no effect')
  })

  test.each(['https://x.example.com/?a', 'https://x.example.com/#a'])(
    'base_url that cannot be built upon: %s',
    (base_url) => {
      expect(refusalOf({ a: { preset: 'webmethods', client_id: 'c', base_url } }).code).toBe('config_invalid')
    },
  )

  test.each([
    [
      'webmethods',
      'https://gw.example:5543/invoke/pub.apigateway.oauth2/authorize',
      'https://gw.example:5543',
    ],
    ['webmethods', 'https://gw.example:5543/invoke/', 'https://gw.example:5543'],
    ['webmethods', 'https://gw.example/base/invoke/pub.oauth/refreshAccessToken', 'https://gw.example/base'],
    ['entra', 'https://login.example/T/oauth2/v2.0/authorize', 'https://login.example/T'],
    ['entra', 'https://login.example/T/oauth2/v2.0', 'https://login.example/T'],
    ['github', 'https://ghe.example/login/oauth', 'https://ghe.example'],
  ])('%s: base_url %s has what the preset adds; %s is meant', (preset, base_url, meant) => {
    const failure = refusalOf({ a: { preset, client_id: 'c', base_url } })
    expect(failure.code).toBe('profile_invalid')
    expect(failure.detail).toContain(`Set base_url to ${meant}.`)
  })

  test.each([
    ['webmethods', 'https://gw.example/invoked'],
    ['entra', 'https://login.example/oauth2-tenant'],
    ['gitlab', 'https://code.example/gitlab'],
    ['keycloak', 'https://id.example/realms/work'],
  ])('%s: base_url %s may have a path', (preset, base_url) => {
    expect(() => resolve({ a: { preset, client_id: 'c', base_url } })).not.toThrow()
  })
})

describe('extends', () => {
  test('takes the keys of the other profile, and of what that extends', () => {
    const profile = resolve({
      base: {
        preset: 'webmethods',
        base_url: 'https://gw.example.com',
        scope: 'x',
        authorization_parameters: { a: '1', b: '1' },
      },
      mid: { extends: 'base', client_id: 'mid', scope: 'y' },
      a: { extends: 'mid', client_id: 'a', authorization_parameters: { b: '2' } },
    })
    expect(profile).toMatchObject({
      name: 'a',
      preset: 'webmethods',
      client_id: 'a',
      scope: 'y',
      authorization_parameters: { a: '1', b: '2' },
      redirect_uri: 'http://127.0.0.1:8252/callback/a',
    })
    expect(profile).not.toHaveProperty('extends')
  })

  test('merges parameters and headers name by name; an empty value takes one away', () => {
    const base = { a: '1', b: '1' }
    const own = { b: '', c: '2' }
    const profile = resolve({
      base: {
        ...complete,
        authorization_parameters: base,
        token_parameters: base,
        token_request_headers: base,
      },
      a: {
        extends: 'base',
        authorization_parameters: own,
        token_parameters: own,
        token_request_headers: own,
      },
    })
    const merged = { a: '1', c: '2' }
    expect(profile).toMatchObject({ token_parameters: merged, token_request_headers: merged })
    expect(profile.authorization_parameters).toEqual(merged)
  })

  test('says whose client secret it is', () => {
    const entries = {
      base: { ...complete, client_secret: { keychain: true } },
      a: { extends: 'base' },
      b: { extends: 'base', client_secret: { keychain: true } },
    } as const
    expect(resolve(entries, 'a').client_secret_of).toBe('base')
    expect(resolve(entries, 'b')).not.toHaveProperty('client_secret_of')
  })

  test.each([
    [{ a: { extends: 'a' } }],
    [{ a: { extends: 'b' }, b: { extends: 'c' }, c: { extends: 'a' } }],
    [{ a: { extends: 'b' }, b: { extends: 'c' }, c: { extends: 'b' } }],
  ])('that comes back to itself is refused: %j', (entries) => {
    const failure = refusalOf(entries)
    expect(failure.code).toBe('config_invalid')
    expect(failure.detail).toContain('leads back to')
  })

  test('of a profile that is not there is refused with a suggestion', () => {
    const failure = refusalOf({ a: { extends: 'basis' }, bases: complete })
    expect(failure.code).toBe('config_invalid')
    expect(failure.detail).toContain('"basis"')
    expect(failure.detail).toContain('Did you mean "bases"?')
  })

  test('that goes on for ever is refused', () => {
    const entries = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`p${index}`, { extends: `p${index + 1}` }]),
    )
    expect(refusalOf(entries, 'p0').detail).toContain('more than 16')
  })
})

describe('paths', () => {
  test.each([
    ['ca.pem', '/home/me/.config/catchd/ca.pem'],
    ['../ca.pem', '/home/me/.config/ca.pem'],
    ['~/ca.pem', `${homedir()}/ca.pem`],
    ['/etc/ca.pem', '/etc/ca.pem'],
  ])('%s is %s', (path, absolute) => {
    const profile = resolve({
      a: {
        ...complete,
        ca_file: path,
        private_key_file: path,
        certificate_file: path,
        client_secret: { file: path },
      },
    })
    expect(profile).toMatchObject({
      ca_file: absolute,
      private_key_file: absolute,
      certificate_file: absolute,
      client_secret: { file: absolute },
    })
  })

  test.each([
    ['op', 'op'],
    ['./secret.sh', '/home/me/.config/catchd/secret.sh'],
    ['~/bin/secret', `${homedir()}/bin/secret`],
  ])('the command %s is %s; its arguments stay', (program, absolute) => {
    expect(
      resolve({ a: { ...complete, client_secret: { command: [program, './x'] } } }).client_secret,
    ).toEqual({
      command: [absolute, './x'],
    })
  })
})

describe('what is missing is profile_invalid and names the key to set', () => {
  const device = 'urn:ietf:params:oauth:grant-type:device_code'
  const endpoint = 'https://as.example.com/x'
  test.each<[ProfileEntry, string]>([
    [{ issuer: endpoint }, 'Set client_id'],
    [{ client_id: 'c' }, 'authorization_endpoint and token_endpoint'],
    [{ client_id: 'c', token_endpoint: endpoint }, 'or authorization_endpoint.'],
    [{ client_id: 'c', authorization_endpoint: endpoint }, 'or token_endpoint.'],
    [{ client_id: 'c', grant: device, token_endpoint: endpoint }, 'device_authorization_endpoint'],
    [{ client_id: 'c', grant: 'client_credentials' }, 'or token_endpoint.'],
  ])('%j', (entry, rule) => {
    const failure = refusalOf({ a: entry })
    expect(failure).toMatchObject({ code: 'profile_invalid', next: 'catchd profile edit a' })
    expect(failure.detail).toContain(rule)
  })

  test.each<ProfileEntry>([
    { resource_server: endpoint },
    { authorization_endpoint: endpoint, token_endpoint: endpoint },
    { grant: device, device_authorization_endpoint: endpoint, token_endpoint: endpoint },
    { grant: 'client_credentials', token_endpoint: endpoint },
  ])('nothing is missing: %j', (entry) => {
    expect(resolve({ a: { client_id: 'c', ...entry } }).client_id).toBe('c')
  })
})

test('an unknown profile', () => {
  expect(failureOf(() => resolve({}, 'a')).code).toBe('profile_unknown')
})
