/** Dynamic client registration (RFC 7591): what is asked, and which answers are taken. */
import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import {
  authorizationServers,
  type FakeServer,
  failureOf,
  type Handler,
  json,
  startFakeServer,
} from './fake-server.js'

const REDIRECT_URI = 'http://127.0.0.1:8252/callback/tools'
const DESCRIPTION = { clientName: 'catchd', redirectUri: REDIRECT_URI, scope: 'read' }

const { homepage } = JSON.parse(readFileSync('package.json', 'utf8')) as { homepage: string }

let server: FakeServer
beforeEach(async () => {
  server = await startFakeServer()
  publish()
})

function publish(members: object = {}): void {
  const document = {
    issuer: server.base,
    authorization_endpoint: `${server.base}/authorize`,
    token_endpoint: `${server.base}/token`,
    registration_endpoint: `${server.base}/register`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'none'],
  }
  server.routes.set('/.well-known/openid-configuration', json({ ...document, ...members }))
}

function register(answer: Handler, description = DESCRIPTION) {
  server.routes.set('/register', answer)
  return authorizationServers().discovery.register(server.base, description)
}

const asked = () => server.members()
const created = (members: object) => json({ client_id: 'c-1', ...members }, 201)

test('a native public client with one redirect URI is asked for, as JSON', async () => {
  const client = await register(created({}))
  expect(server.seen.at(-1)?.headers['content-type']).toBe('application/json')
  expect(asked()).toEqual({
    client_name: 'catchd',
    client_uri: homepage,
    software_id: 'catchd',
    software_version: expect.any(String),
    application_type: 'native',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    scope: 'read',
  })
  expect(client).toMatchObject({ clientId: 'c-1', clientSecret: null, method: 'none' })
})

test.each([
  ['the default of RFC 8414 where the server does not say', undefined, 'client_secret_basic'],
  ['Basic before a secret in the body', ['client_secret_post', 'client_secret_basic'], 'client_secret_basic'],
  ['what is left', ['private_key_jwt', 'client_secret_post'], 'client_secret_post'],
])('client authentication: %s', async (_name, methods, expected) => {
  publish({ token_endpoint_auth_methods_supported: methods })
  await register(created({ client_secret: 's' }))
  expect(asked()['token_endpoint_auth_method']).toBe(expected)
})

test('none that a registered client could use is said before anything is asked', async () => {
  publish({ token_endpoint_auth_methods_supported: ['private_key_jwt'] })
  expect((await failureOf(register(created({})))).code).toBe('provider_answer_invalid')
  expect(server.paths()).not.toContain('/register')
})

test('scopes that the server does not know are left out, or it would refuse them', async () => {
  publish({ scopes_supported: ['openid'] })
  await register(created({}))
  expect(asked()).not.toHaveProperty('scope')
})

test('algorithms are named where the server does not sign with the usual one', async () => {
  publish({ id_token_signing_alg_values_supported: ['none', 'HS256', 'ES256'] })
  await register(created({}))
  expect(asked()['id_token_signed_response_alg']).toBe('ES256')
})

test.each([
  [
    'all of ours',
    ['refresh_token', 'authorization_code', 'implicit'],
    ['authorization_code', 'refresh_token'],
  ],
  ['only the code', ['authorization_code'], ['authorization_code']],
  ['an empty list, which cannot be right', [], ['authorization_code', 'refresh_token']],
  ['a list without any login', ['client_credentials'], ['authorization_code', 'refresh_token']],
])('grants that the server lists: %s', async (_name, listed, expected) => {
  publish({ grant_types_supported: listed })
  await register(created({}))
  expect(asked()['grant_types']).toEqual(expected)
})

describe('what is answered holds, whatever was asked for (§3.2.1)', () => {
  test('another method', async () => {
    const client = await register(
      created({ client_secret: 'shh', token_endpoint_auth_method: 'client_secret_basic' }),
    )
    expect([client.method, client.clientSecret?.reveal()]).toEqual(['client_secret_basic', 'shh'])
  })

  test('a secret for a client that is not to use one is not kept beside it', async () => {
    const client = await register(created({ client_secret: 'shh', token_endpoint_auth_method: 'none' }))
    expect([client.method, client.clientSecret]).toEqual(['none', null])
  })

  test('the answer is kept whole, and wrapped', async () => {
    const client = await register(created({ registration_access_token: 'rat-canary' }))
    expect(client.record.reveal()).toContain('rat-canary')
    expect(JSON.stringify(client)).not.toContain('canary')
  })

  test('200 instead of 201', async () => {
    expect((await register(json({ client_id: 'c-2' }))).clientId).toBe('c-2')
  })

  test.each<[string, object]>([
    ['null members', { client_secret: null, redirect_uris: null, token_endpoint_auth_method: null }],
    ['an empty secret', { client_secret: '', client_secret_expires_at: 0 }],
    ['a secret that is no text', { client_secret: false }],
    ['a secret longer than any', { client_secret: 'x'.repeat(5000) }],
    ['an expiry as text', { client_secret_expires_at: '0' }],
    ['an expiry as a date', { client_secret_expires_at: '2030-01-01T00:00:00Z' }],
    ['an expiry in milliseconds', { client_secret_expires_at: 4102444800000 }],
    ['one redirect URI as text', { redirect_uris: REDIRECT_URI }],
    ['redirect URIs in another order', { redirect_uris: ['http://localhost/x', REDIRECT_URI] }],
    ['no redirect URIs', { redirect_uris: [] }],
    ['redirect URIs as objects', { redirect_uris: [{ uri: REDIRECT_URI }] }],
    [
      'the redirect URI without its port (RFC 8252 §7.3)',
      { redirect_uris: ['http://127.0.0.1/callback/tools'] },
    ],
    ['the redirect URI with a slash and blanks', { redirect_uris: [` ${REDIRECT_URI}/ `] }],
    ['an empty method', { token_endpoint_auth_method: '' }],
    ['a method in capitals', { token_endpoint_auth_method: 'NONE' }],
    ['a method that is a list', { token_endpoint_auth_method: ['none'] }],
    [
      'a scope as a list, and dates as text',
      { scope: ['a'], client_id_issued_at: 'today', grant_types: 'code' },
    ],
    ['members that nobody knows', { id: 1, _links: { self: null }, jwks: 'none', error: null }],
  ])('members that cannot be used count as absent: %s', async (_name, members) => {
    const client = await register(created(members))
    expect(client).toMatchObject({ clientId: 'c-1', clientSecret: null, method: 'none' })
  })

  test('a client_id that is a whole number', async () => {
    expect((await register(created({ client_id: 4711 }))).clientId).toBe('4711')
  })

  test.each([
    ['no method, none asked for', ['none', 'client_secret_post'], undefined, 'client_secret_post'],
    ['a word that is no method', ['client_secret_basic'], 'basic', 'client_secret_basic'],
    ['no method where the server lists none alone', ['none'], undefined, 'none'],
  ])('a secret with %s is used as the server lists it', async (_name, supported, named, expected) => {
    publish({ token_endpoint_auth_methods_supported: supported })
    const client = await register(created({ client_secret: 'shh', token_endpoint_auth_method: named }))
    expect([client.method, client.clientSecret?.reveal()]).toEqual([
      expected,
      expected === 'none' ? undefined : 'shh',
    ])
  })
})

describe('answers that are not taken', () => {
  test.each([
    ['no client_id', json({}, 201), 'client_id'],
    ['an empty client_id', created({ client_id: '' }), 'client_id'],
    ['a client_id that is an object', created({ client_id: { id: 7 } }), 'client_id'],
    ['a client_id with a fraction', created({ client_id: 7.5 }), 'client_id'],
    ['a client_id that is too long', created({ client_id: 'x'.repeat(5000) }), 'client_id'],
    [
      'a method that needs a key of ours',
      created({ token_endpoint_auth_method: 'private_key_jwt' }),
      'token_endpoint_auth_method',
    ],
    [
      'a method that needs a secret, and none',
      created({ token_endpoint_auth_method: 'client_secret_basic' }),
      'without a client_secret',
    ],
    ['a path of another redirect URI', created({ redirect_uris: `${REDIRECT_URI}2` }), 'other redirect URIs'],
    ['other redirect URIs', created({ redirect_uris: ['https://evil.example/'] }), 'other redirect URIs'],
    ['a redirect', (_request, response) => response.writeHead(302, { location: '/x' }).end(), '302'],
    ['a page', (_request, response) => response.writeHead(201).end('<p>ok</p>'), '201'],
    ['a list', json([{ client_id: 'x' }], 201), '201'],
  ] satisfies [string, Handler, string][])('%s', async (_name, answer, part) => {
    const failure = await failureOf(register(answer))
    expect([failure.code, failure.detail]).toEqual(['provider_answer_invalid', expect.stringContaining(part)])
  })

  test('a refusal keeps its error and description (§3.2.2)', async () => {
    const refusal = { error: 'invalid_redirect_uri', error_description: 'Only https.\r\nSee the manual.' }
    const failure = await failureOf(register(json(refusal, 400)))
    expect([failure.code, failure.error, failure.errorDescription]).toEqual([
      'provider_refused',
      'invalid_redirect_uri',
      'Only https. See the manual.',
    ])
  })

  test('a refusal with status 200 is one', async () => {
    const failure = await failureOf(register(json({ error: 'invalid_client_metadata' })))
    expect([failure.code, failure.error]).toEqual(['provider_refused', 'invalid_client_metadata'])
  })

  const KNOWN = 'registers clients only for users that it knows'
  const BLOCKED = 'probably by a firewall'
  const answered =
    (status: number, body: string, headers: Record<string, string> = {}): Handler =>
    (_request, response) =>
      response.writeHead(status, headers).end(body)
  test.each<[string, Handler, string, string]>([
    ['401 invalid_token (§3)', json({ error: 'invalid_token' }, 401), 'provider_refused', KNOWN],
    ['403 invalid_token', json({ error: 'invalid_token' }, 403), 'provider_refused', KNOWN],
    ['403 access_denied', json({ error: 'access_denied' }, 403), 'provider_refused', KNOWN],
    ['401 with a challenge', answered(401, '', { 'www-authenticate': 'Bearer' }), 'provider_refused', KNOWN],
    ['403 with a page', answered(403, '<h1>Request blocked</h1>'), 'provider_refused', BLOCKED],
    ['403 of a gateway', json({ message: 'Forbidden' }, 403), 'provider_refused', BLOCKED],
    ['403 without anything', answered(403, ''), 'provider_refused', BLOCKED],
    ['401 of a portal', answered(401, '<p>Sign in to the network</p>'), 'provider_refused', BLOCKED],
    [
      '403 for a reason of its own',
      json({ error: 'insufficient_scope' }, 403),
      'provider_refused',
      'did not register a client (403)',
    ],
    ['503 with a page', answered(503, 'down'), 'provider_answer_invalid', 'Try again later'],
    ['429', json({ message: 'Too Many Requests' }, 429), 'provider_answer_invalid', 'Try again later'],
  ])('%s', async (_name, answer, code, part) => {
    const failure = await failureOf(register(answer))
    expect([failure.code, failure.detail]).toEqual([code, expect.stringContaining(part)])
  })
})

describe('endpoints of an honest server between those of another (mix-up)', () => {
  test('a code that would go to another host: nothing is registered', async () => {
    publish({ authorization_endpoint: 'https://honest.example/authorize' })
    const failure = await failureOf(register(created({})))
    expect([failure.code, failure.detail]).toEqual([
      'provider_answer_invalid',
      expect.stringContaining('honest.example'),
    ])
    expect(server.paths()).not.toContain('/register')
  })

  test.each([
    ['its response names the issuer', { authorization_response_iss_parameter_supported: true }],
    ['one lies under the other', { token_endpoint: 'https://cf.honest.example/token' }],
  ])('but not where %s', async (_name, members) => {
    publish({ authorization_endpoint: 'https://honest.example/authorize', ...members })
    expect((await register(created({}))).clientId).toBe('c-1')
  })
})

describe('taking a client off the list again (RFC 7592)', () => {
  const unregister = (record: object | string) =>
    authorizationServers().discovery.unregister(
      server.base,
      new Secret(typeof record === 'string' ? record : JSON.stringify(record)),
    )
  const managed = () => ({
    registration_client_uri: `${server.base}/register/c-1`,
    registration_access_token: 'rat-1',
  })

  test('by the URI and the token that the registration gave', async () => {
    await unregister(managed())
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['DELETE /register/c-1'])
    expect(server.seen[0]?.headers.authorization).toBe('Bearer rat-1')
  })

  test.each([
    ['no URI', () => ({ ...managed(), registration_client_uri: undefined })],
    [
      'a URI where the token must not go',
      () => ({ ...managed(), registration_client_uri: 'http://a.example/' }),
    ],
    ['a token that breaks the header', () => ({ ...managed(), registration_access_token: 'a\r\nb: c' })],
    ['nothing that can be read', () => 'nonsense'],
  ])('%s: nothing is sent', async (_name, record) => {
    await unregister(record())
    expect(server.seen).toEqual([])
  })

  test("a server that is gone is nobody's trouble", async () => {
    const record = { ...managed(), registration_client_uri: 'http://127.0.0.1:1/register/c-1' }
    await expect(unregister(record)).resolves.toBeUndefined()
  })
})
