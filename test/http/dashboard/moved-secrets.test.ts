/**
 * A session of the dashboard may not move a secret that it did not bring itself to another server: no way to name a
 * server in a profile does it. What moves nothing is allowed.
 */
import { describe, expect, test } from 'vitest'
import { callAs, enteredApi, outcome } from './entered.js'

const GOOD = 'https://id.example.com'
const EVIL = 'https://evil.example'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** `gw` is logged in. */
const profiles = {
  gw: { issuer: GOOD, client_id: 'catchd', scope: 'openid email' },
  kept: { issuer: GOOD, client_id: 'c', client_secret: { keychain: true } },
  env: { issuer: GOOD, client_id: 'c', client_secret: { env: 'SECRET' } },
  file: { issuer: GOOD, client_id: 'c', client_secret: { file: '/s/secret' } },
  command: { issuer: GOOD, client_id: 'c', client_secret: { command: ['/bin/secret'] } },
  text: { issuer: GOOD, client_id: 'c', client_secret: 'canary-in-the-file' },
  signed: {
    issuer: GOOD,
    client_id: 'c',
    token_endpoint_auth_method: 'private_key_jwt',
    private_key_file: '/s/key.pem',
  },
  header: { issuer: GOOD, client_id: 'c', token_request_headers: { 'x-api-key': 'canary-header' } },
  preset: {
    preset: 'webmethods',
    base_url: 'https://gw.example.com',
    client_id: 'c',
    client_secret: { keychain: true },
  },
  api: { resource_server: 'https://api.example.com', client_id: 'c', client_secret: { keychain: true } },
  renamed: {
    issuer: GOOD,
    client_id: 'c',
    client_secret: { keychain: true },
    token_parameters: { appid: '{client_id}', secret: '{client_secret}' },
  },
  named: { issuer: GOOD, client_id: 'c', authorization_redirect_uri: 'Name_Of-Nobody' },
  base: { issuer: GOOD, client_id: 'c' },
  heir: { extends: 'base', client_secret: { keychain: true } },
  google: { preset: 'google', client_id: 'c' },
  pointing: { issuer: GOOD, client_id: 'c', token_response: { pointers: { access_token: '/data/token' } } },
}
type Name = keyof typeof profiles

async function put(name: string, entry: object) {
  const api = await enteredApi({ config: { profiles } })
  const before = await api.socket({ target: '/v1/profiles' })
  api.effects.length = 0
  const answer = await callAs(api, 'PUT', `/v1/profiles/${name}`, { body: entry })
  const after = await api.socket({ target: '/v1/profiles' })
  return { answer, isSame: before.body === after.body }
}

async function expectRefused(name: string, entry: object, key: string) {
  const { answer, isSame } = await put(name, entry)
  expect(outcome(answer)).toEqual([403, 'forbidden'])
  const problem = JSON.parse(answer.body) as { detail: string; next: string }
  expect(problem.detail).toContain(key)
  // A new profile is not in the file that the editor opens.
  expect(problem.next).toBe(name in profiles ? `catchd profile edit ${name}` : 'catchd profile edit')
  expect(answer.body).not.toContain('canary')
  expect(isSame).toBe(true)
}

const TO_EVIL: [key: string, keys: object][] = [
  ['issuer', { issuer: EVIL }],
  ['token_endpoint', { token_endpoint: `${EVIL}/token` }],
  ['refresh_endpoint', { refresh_endpoint: `${EVIL}/token` }],
  ['revocation_endpoint', { revocation_endpoint: `${EVIL}/revoke` }],
  ['introspection_endpoint', { introspection_endpoint: `${EVIL}/introspect` }],
  ['userinfo_endpoint', { userinfo_endpoint: `${EVIL}/userinfo` }],
  ['device_authorization_endpoint', { device_authorization_endpoint: `${EVIL}/device` }],
  ['pushed_authorization_request_endpoint', { pushed_authorization_request_endpoint: `${EVIL}/par` }],
  ['registration_endpoint', { registration_endpoint: `${EVIL}/register` }],
  ['authorization_endpoint', { authorization_endpoint: `${EVIL}/authorize` }],
  ['jwks_uri', { jwks_uri: `${EVIL}/keys` }],
]

describe('a secret of the profile', () => {
  test.each(TO_EVIL)('is not moved by %s', async (key, keys) => {
    await expectRefused('kept', { ...profiles.kept, ...keys }, key)
  })

  test.each<[Name, object?]>([
    ['gw'],
    ['env'],
    ['file'],
    ['command'],
    ['text', { client_secret: '[secret]' }],
    ['signed'],
    ['header', { token_request_headers: { 'x-api-key': '[secret]' } }],
  ])('is not moved, whatever it is: %s', async (name, masked) => {
    const keys = { ...profiles[name], ...masked }
    await expectRefused(name, { ...keys, issuer: EVIL }, 'issuer')
    await expectRefused(name, { ...keys, token_endpoint: `${EVIL}/token` }, 'token_endpoint')
  })

  test.each<[string, object]>([
    ['kept', { token_parameters: { audience: '{client_secret}' } }],
    ['kept', { refresh_parameters: { pin: 'x{refresh_token}' } }],
    ['gw', { token_parameters: { scope: '{code}' } }],
    ['renamed', { token_parameters: { ...profiles.renamed.token_parameters, state: '{client_secret}' } }],
    ['new', { extends: 'kept', token_parameters: { audience: '{client_secret}' } }],
  ])('is not put into a parameter of the choice of the session: %s, %j', async (name, keys) => {
    const before = name in profiles ? profiles[name as Name] : {}
    await expectRefused(name, { ...before, ...keys }, 'parameters')
  })

  test('is not moved together with the parameter that sends it', async () => {
    await expectRefused('renamed', { ...profiles.renamed, issuer: EVIL }, 'issuer')
    await expectRefused('renamed', { ...profiles.renamed, token_endpoint: `${EVIL}/t` }, 'token_endpoint')
  })

  test('is not moved by base_url, another preset, resource_server or the end of an issuer', async () => {
    await expectRefused('preset', { ...profiles.preset, base_url: EVIL }, 'token_endpoint')
    await expectRefused(
      'preset',
      { preset: 'github', client_id: 'c', client_secret: { keychain: true } },
      'endpoint',
    )
    await expectRefused('api', { ...profiles.api, resource_server: EVIL }, 'resource_server')
    const { issuer: _none, ...kept } = profiles.kept
    await expectRefused('kept', { ...kept, resource_server: EVIL }, 'resource_server')
  })

  test('is not moved by a change of what it extends', async () => {
    await expectRefused('base', { ...profiles.base, issuer: EVIL }, '"heir"')
    await expectRefused(
      'heir',
      { extends: 'base', client_secret: { keychain: true }, issuer: EVIL },
      'issuer',
    )
  })
})

describe('a secret of another profile', () => {
  test.each<Name>(['kept', 'env', 'file', 'command', 'text', 'signed', 'header'])(
    'is not inherited for another server: %s',
    async (parent) => {
      await expectRefused('new', { extends: parent, issuer: EVIL }, 'issuer')
      const grant = { grant: 'client_credentials', token_endpoint: `${EVIL}/token` }
      await expectRefused('new', { extends: parent, ...grant }, 'token_endpoint')
    },
  )

  test('is not exchanged at another server', async () => {
    const exchange = { grant: EXCHANGE, client_id: 'x', subject_token: { profile: 'gw' } }
    await expectRefused('new', { ...exchange, token_endpoint: `${EVIL}/token` }, 'token_endpoint')
    await expectRefused('new', { ...exchange, issuer: EVIL }, 'issuer')
    await expectRefused('gw', { ...exchange, subject_token: { profile: 'kept' }, issuer: EVIL }, 'issuer')
    expect((await put('new', { ...exchange, issuer: GOOD })).answer.status).toBe(201)
  })

  test('is not read from the vault, a file, a variable or a command by a new profile', async () => {
    const entry = { issuer: EVIL, client_id: 'c' }
    await expectRefused('removed', { ...entry, client_secret: { keychain: true } }, 'client_secret')
    for (const source of [{ file: '/s/secret' }, { env: 'SECRET' }, { command: ['/bin/secret'] }]) {
      await expectRefused('new', { ...entry, client_secret: source }, 'client_secret')
    }
    for (const key of ['private_key_file', 'certificate_file', 'ca_file', 'redirect_private_key_file']) {
      await expectRefused('new', { ...entry, [key]: '/s/key.pem' }, key)
    }
  })
})

const GITHUB = 'https://github.com/login'
const GITHUB_ENDPOINTS = {
  authorization_endpoint: `${GITHUB}/oauth/authorize`,
  token_endpoint: `${GITHUB}/oauth/access_token`,
  device_authorization_endpoint: `${GITHUB}/device/code`,
}

describe('what a login of the profile brings', () => {
  test.each([
    ['token_endpoint', { issuer: GOOD, token_endpoint: `${EVIL}/token` }],
    ['authorization_endpoint', { issuer: EVIL, authorization_endpoint: `${GOOD}/authorize` }],
    ['endpoint', { authorization_endpoint: `${GOOD}/authorize`, token_endpoint: `${EVIL}/token` }],
    ['userinfo_endpoint', { issuer: GOOD, userinfo_endpoint: `${EVIL}/userinfo` }],
    ['token_endpoint', { preset: 'google', token_endpoint: `${EVIL}/token` }],
    ['hosts', { issuer: GOOD, hosts: ['evil.example'] }],
    // A preset makes a host from base_url.
    ['hosts', { preset: 'github', base_url: EVIL, ...GITHUB_ENDPOINTS }],
    ['hosts', { preset: 'gitlab', base_url: EVIL, issuer: 'https://gitlab.com' }],
    ['redirect_uri', { issuer: GOOD, redirect_uri: `${EVIL}/cb`, listen: '127.0.0.1:9000' }],
    ['authorization_redirect_uri', { issuer: GOOD, authorization_redirect_uri: `${EVIL}/cb` }],
    ['pointers', { issuer: GOOD, token_response: { pointers: { scope: '/refresh_token' } } }],
    ['pointers', { preset: 'slack', token_response: { pointers: { scope: '/authed_user/access_token' } } }],
  ])('does not go elsewhere by %s of a new profile: %j', async (key, entry) => {
    await expectRefused('new', { client_id: 'c', ...entry }, key)
  })

  test.each([
    { preset: 'github' },
    { preset: 'github', base_url: 'https://github.corp.example' },
    { preset: 'gitlab', base_url: 'https://gitlab.corp.example:8443' },
    { preset: 'bitbucket', token_username: 'me' },
  ])('goes to the hosts of the preset where the same server issues it: %j', async (entry) => {
    const api = await enteredApi({ config: { profiles } })
    const body = { client_id: 'c', ...entry }
    expect((await callAs(api, 'PUT', '/v1/profiles/new', { body })).status).toBe(201)
  })

  test('does not go elsewhere by a profile of two steps', async () => {
    const api = await enteredApi({ config: { profiles } })
    const step = (name: string, body: object) => callAs(api, 'PUT', `/v1/profiles/${name}`, { body })
    const first = { grant: 'client_credentials', client_id: 'c', token_endpoint: `${EVIL}/token` }
    expect((await step('first', first)).status).toBe(201)
    const second = { extends: 'first', grant: 'authorization_code', preset: 'github' }
    expect(outcome(await step('second', second))).toEqual([403, 'forbidden'])
  })

  test('is not shown as a scope of the same profile', async () => {
    const shape = { pointers: { access_token: '/x', scope: '/access_token' } }
    await expectRefused('gw', { ...profiles.gw, token_response: shape }, 'pointers')
  })

  test.each([{ ca_file: '/s/ca.pem' }, { issuer: EVIL }, { profile: 'gw', issuer: EVIL }])(
    'neither a CA of this machine nor another server is agreed to for a URL: %j',
    async (keys) => {
      const api = await enteredApi({ config: { profiles } })
      const body = { url: 'https://mcp.example.com/mcp', ...keys }
      expect(outcome(await callAs(api, 'POST', '/v1/profiles', { body }))).toEqual([403, 'forbidden'])
    },
  )
})

describe('allowed', () => {
  test.each<[string, object]>([
    ['kept', { ...profiles.kept, scope: 'email' }],
    ['kept', { ...profiles.kept, token_endpoint_auth_method: 'client_secret_post' }],
    ['kept', { ...profiles.kept, issuer: EVIL, client_secret: 'of-the-session' }],
    ['gw', { ...profiles.gw, issuer: EVIL, client_secret: 'of-the-session' }],
    ['text', { ...profiles.text, client_secret: '[secret]', scope: 'email' }],
    ['header', { ...profiles.header, token_request_headers: { 'x-api-key': '[secret]' }, scope: 'email' }],
    ['header', { ...profiles.header, token_request_headers: { 'x-api-key': 'other' }, issuer: EVIL }],
    ['base', { ...profiles.base, scope: 'email' }],
    ['renamed', { ...profiles.renamed, scope: 'email' }],
    ['renamed', { ...profiles.renamed, issuer: EVIL, client_secret: 'of-the-session' }],
    ['kept', { ...profiles.kept, token_parameters: { appid: '{client_id}' } }],
    ['named', { ...profiles.named, scope: 'email' }],
    ['google', { ...profiles.google, scope: 'email' }],
    ['api', { ...profiles.api, scope: 'email' }],
    ['pointing', { ...profiles.pointing, scope: 'email' }],
    ['gw', { ...profiles.gw, token_response: { expires_in_unit: 'ms' } }],
  ])('an edit of %s that moves no secret: %j', async (name, entry) => {
    expect((await put(name, entry)).answer.status).toBe(200)
  })

  test.each<[object]>([
    [{ issuer: EVIL, client_id: 'c', client_secret: 'of-the-session' }],
    [{ issuer: GOOD, client_id: 'c', authorization_endpoint: `${GOOD}/a`, token_endpoint: `${GOOD}/t` }],
    [{ preset: 'google', client_id: 'c', client_secret: 'of-the-session' }],
    [{ extends: 'kept', scope: 'email' }],
    [{ extends: 'pointing', scope: 'email' }],
    [{ preset: 'slack', client_id: 'c', client_secret: 'of-the-session' }],
    [{ extends: 'header', scope: 'email' }],
    [{ extends: 'renamed', scope: 'email' }],
    [
      {
        issuer: EVIL,
        client_id: 'c',
        client_secret: 'of-the-session',
        token_parameters: { secret: '{client_secret}' },
      },
    ],
  ])('a new profile: %j', async (entry) => {
    expect((await put('new', entry)).answer.status).toBe(201)
  })

  test('everything, for the owner of the configuration', async () => {
    const api = await enteredApi({ config: { profiles } })
    for (const [, keys] of TO_EVIL) {
      const body = JSON.stringify({ ...profiles.kept, ...keys })
      const headers = ['Content-Type: application/json']
      const answer = await api.socket({ method: 'PUT', target: '/v1/profiles/kept', headers, body })
      expect(answer.status).toBe(200)
    }
  })
})
