/** Dynamic client registration (RFC 7591): what is asked, and which answers are taken. */
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

  test('null members', async () => {
    const client = await register(
      created({ client_secret: null, redirect_uris: null, token_endpoint_auth_method: null }),
    )
    expect(client.method).toBe('none')
  })
})

describe('answers that are not taken', () => {
  test.each([
    ['no client_id', json({}, 201), 'client_id'],
    ['an empty client_id', created({ client_id: '' }), 'client_id'],
    ['a client_id that is no string', created({ client_id: 7 }), 'client_id'],
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

  test.each([401, 403])('%i: only for those it knows (§3)', async (status) => {
    const failure = await failureOf(register(json({ error: 'invalid_token' }, status)))
    expect([failure.code, failure.detail]).toEqual([
      'provider_refused',
      expect.stringContaining('registers clients only for users that it knows'),
    ])
  })

  test('a server error without JSON', async () => {
    const failure = await failureOf(register((_request, response) => response.writeHead(503).end('down')))
    expect([failure.code, failure.detail]).toEqual(['provider_refused', expect.stringContaining('503')])
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
