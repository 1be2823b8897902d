/** Pushed authorization requests (RFC 9126) as they go over the wire, refusals, and servers that only offer them. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { Secret } from '../../src/secret.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import { authorizationServers, type FakeServer, failureOf, json, startFakeServer } from './fake-server.js'

const REQUEST = {
  redirectUri: 'http://127.0.0.1:8252/callback/gw',
  state: new Secret('state-of-this-login'),
  codeVerifier: new Secret('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'),
  nonce: null,
}
const REQUEST_URI = 'urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c'
const PUSHED = { request_uri: REQUEST_URI, expires_in: 60 }

let server: FakeServer
beforeEach(async () => {
  server = await startFakeServer()
  server.routes.set('/par', json(PUSHED, 201))
})

/** A profile that names its endpoints, the one for pushed requests among them. */
const naming = (changes: Partial<Profile> = {}) =>
  testProfile({
    authorization_endpoint: `${server.base}/authorize`,
    token_endpoint: `${server.base}/token`,
    pushed_authorization_request_endpoint: `${server.base}/par`,
    ...changes,
  })

/** A profile of an issuer that publishes `metadata`. */
function discovering(metadata: object): Profile {
  const { authorization_endpoint: _authorize, token_endpoint: _token, ...profile } = testProfile()
  server.routes.set(
    '/.well-known/openid-configuration',
    json({
      issuer: server.base,
      authorization_endpoint: `${server.base}/authorize`,
      token_endpoint: `${server.base}/token`,
      ...metadata,
    }),
  )
  return { ...profile, issuer: server.base }
}

const prepare = (profile: Profile, secret?: string) =>
  authorizationServers(secret === undefined ? {} : { secret }).prepare(profile, REQUEST, false)

const pushes = () => server.seen.filter(({ url }) => url.startsWith('/par'))

describe('a request that is pushed', () => {
  test('goes to the server with all its parameters, and the browser carries the reference alone', async () => {
    const profile = naming({
      authorization_parameters: { prompt: 'consent' },
      resource: ['https://api.example/a', 'https://api.example/b'],
    })
    const { authorizationUrl } = await prepare(profile)
    expect([...new URL(authorizationUrl).searchParams]).toEqual([
      ['client_id', 'client-1'],
      ['request_uri', REQUEST_URI],
    ])
    const [pushed] = pushes()
    expect(pushed).toMatchObject({ method: 'POST', url: '/par' })
    expect(pushed?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/)
    const form = new URLSearchParams(pushed?.body)
    expect(Object.fromEntries(form)).toMatchObject({
      response_type: 'code',
      client_id: 'client-1',
      redirect_uri: REQUEST.redirectUri,
      state: 'state-of-this-login',
      scope: 'email',
      prompt: 'consent',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    })
    expect(form.getAll('resource')).toEqual(['https://api.example/a', 'https://api.example/b'])
    expect(form.has('code_verifier')).toBe(false)
  })

  test('authenticates the client as the token endpoint wants it, in a form even where that takes JSON', async () => {
    const profile = naming({
      token_endpoint_auth_method: 'client_secret_basic',
      token_request_format: 'json',
    })
    await prepare(profile, 's3cret')
    const [pushed] = pushes()
    expect(pushed?.headers.authorization).toBe(`Basic ${Buffer.from('client-1:s3cret').toString('base64')}`)
    expect(new URLSearchParams(pushed?.body).get('state')).toBe('state-of-this-login')
  })

  test('a query of the authorization endpoint stays', async () => {
    const profile = naming({ authorization_endpoint: `${server.base}/authorize?tenant=a%20b` })
    const { authorizationUrl } = await prepare(profile)
    expect(new URL(authorizationUrl).searchParams.get('tenant')).toBe('a b')
  })

  test('each login pushes its own: a reference is good once', async () => {
    const servers = authorizationServers()
    let count = 0
    server.routes.set('/par', (request, response) => {
      count += 1
      json({ ...PUSHED, request_uri: `urn:example:${count}` }, 201)(request, response)
    })
    const first = await servers.prepare(naming(), REQUEST, false)
    const second = await servers.prepare(naming(), REQUEST, false)
    expect(first.authorizationUrl).toContain('urn%3Aexample%3A1')
    expect(second.authorizationUrl).toContain('urn%3Aexample%3A2')
  })
})

describe('a server that', () => {
  const endpoint = () => ({ pushed_authorization_request_endpoint: `${server.base}/par` })

  test('requires it gets the request there', async () => {
    const { authorizationUrl } = await prepare(
      discovering({ ...endpoint(), require_pushed_authorization_requests: true }),
    )
    expect(authorizationUrl).toContain('request_uri=')
    expect(pushes()).toHaveLength(1)
  })

  test('offers it gets the request there when the profile names the endpoint', async () => {
    const { authorizationUrl } = await prepare({ ...discovering(endpoint()), ...endpoint() })
    expect(authorizationUrl).toContain('request_uri=')
  })

  test.each([
    ['only offers it', endpoint],
    ['does not have it', () => ({})],
  ])('%s gets the request through the browser, in a URL that lasts', async (_what, metadata) => {
    const { authorizationUrl } = await prepare(discovering(metadata()))
    expect(new URL(authorizationUrl).searchParams.get('state')).toBe('state-of-this-login')
    expect(pushes()).toEqual([])
  })

  test('requires it and does not want this client there refuses the login', async () => {
    server.routes.set('/par', json({ error: 'unauthorized_client' }, 400))
    const profile = discovering({ ...endpoint(), require_pushed_authorization_requests: true })
    const failure = await failureOf(prepare(profile))
    expect(failure).toMatchObject({ code: 'provider_refused', error: 'unauthorized_client', profile: 'gw' })
  })

  test('requires it and does not say where cannot be used', async () => {
    const failure = await failureOf(prepare(discovering({ require_pushed_authorization_requests: true })))
    expect(failure).toMatchObject({ code: 'profile_invalid' })
    expect(failure.detail).toContain('pushed_authorization_request_endpoint')
  })

  test.each(['true', true])(
    'requires it (%j) and aims it at plain http is not believed',
    async (required) => {
      const aimed = { pushed_authorization_request_endpoint: 'http://192.168.1.1/par' }
      const failure = await failureOf(
        prepare(discovering({ ...aimed, require_pushed_authorization_requests: required })),
      )
      expect(failure).toMatchObject({ code: 'provider_answer_invalid' })
      expect(failure.detail).toContain('pushed_authorization_request_endpoint')
    },
  )
})

describe('an answer to a pushed request', () => {
  test('a refusal is told with the words of the server, without what was sent', async () => {
    const description = 'redirect_uri is not registered (state-of-this-login, s3cret)'
    server.routes.set('/par', json({ error: 'invalid_request', error_description: description }, 400))
    const profile = naming({ token_endpoint_auth_method: 'client_secret_post' })
    const failure = await failureOf(prepare(profile, 's3cret'))
    expect(failure).toMatchObject({
      code: 'provider_refused',
      error: 'invalid_request',
      errorDescription: 'redirect_uri is not registered ([secret], [secret])',
      detail: 'The server refused the pushed authorization request.',
    })
  })

  test.each([
    ['no request_uri', { expires_in: 60 }],
    ['an empty request_uri', { ...PUSHED, request_uri: '' }],
    ['a request_uri that is no text', { ...PUSHED, request_uri: 7 }],
    ['a request_uri with a line break', { ...PUSHED, request_uri: 'urn:a\nb' }],
    ['an endless request_uri', { ...PUSHED, request_uri: `urn:${'x'.repeat(3000)}` }],
    ['a request_uri that is over already', { ...PUSHED, expires_in: 0 }],
    ['a lifetime below zero', { ...PUSHED, expires_in: -5 }],
    ['a list', [PUSHED]],
  ])('%s is refused before a browser opens', async (_what, body) => {
    server.routes.set('/par', json(body, 201))
    expect(await failureOf(prepare(naming()))).toMatchObject({
      code: 'provider_answer_invalid',
      profile: 'gw',
    })
  })

  test.each([
    ['a page', 200, 'text/html', '<html></html>'],
    ['trouble', 503, 'text/plain', 'later'],
    ['a redirect', 302, 'text/html', ''],
  ])('%s is no answer', async (_what, status, type, body) => {
    server.routes.set('/par', (_request, response) =>
      response.writeHead(status, { 'content-type': type, location: '/elsewhere' }).end(body),
    )
    expect(await failureOf(prepare(naming()))).toMatchObject({ code: 'provider_answer_invalid' })
    expect(server.seen).toHaveLength(1)
  })
})
