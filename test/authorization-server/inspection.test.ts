/** Looking into tokens: the id_token decoded, introspection (RFC 7662) and userinfo, and what servers get wrong in it. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Report } from '../../src/authorization-server/port.js'
import type { Profile } from '../../src/config/profile.js'
import { Secret } from '../../src/secret.js'
import { type TokenSet, tokenSetFrom } from '../../src/tokens/token-set.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { authorizationServers, type FakeServer, json, startFakeServer } from './fake-server.js'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const ID_TOKEN = `${part({ alg: 'ES256' })}.${part({ iss: 'https://id.example', sub: 'ada' })}.sig`

let server: FakeServer
beforeEach(async () => {
  server = await startFakeServer()
  server.routes.set('/introspect', json({ active: true, scope: 'email', exp: 1_767_225_600 }))
  server.routes.set('/me', json({ sub: 'ada', email: 'ada@example.org' }))
})

const profileOf = (changes: Partial<Profile> = {}) =>
  testProfile({
    token_endpoint: `${server.base}/token`,
    introspection_endpoint: `${server.base}/introspect`,
    userinfo_endpoint: `${server.base}/me`,
    ...changes,
  })

const tokens = (changes: Parameters<typeof tokenResponse>[0] = {}): TokenSet =>
  tokenSetFrom(
    tokenResponse({
      idToken: new Secret(ID_TOKEN),
      subject: 'ada',
      issuer: 'https://id.example',
      ...changes,
    }),
    { authorizationServer: server.base, clientId: 'client-1' },
    null,
    0,
  )

const inspect = (profile = profileOf(), set = tokens(), secret?: string) =>
  authorizationServers(secret === undefined ? {} : { secret }).inspect(profile, set)

const failureIn = (report: Report) => (report.outcome === 'failed' ? report.error : expect.unreachable())
const sentTo = (path: string) => server.seen.filter(({ url }) => url === path)

test('the id_token is decoded, and the server is asked about the access token', async () => {
  const profile = profileOf({ token_endpoint_auth_method: 'client_secret_post' })
  expect(await inspect(profile, tokens(), 's3cret')).toEqual({
    idToken: { header: { alg: 'ES256' }, claims: { iss: 'https://id.example', sub: 'ada' } },
    introspection: { outcome: 'answered', members: { active: true, scope: 'email', exp: 1_767_225_600 } },
    userinfo: { outcome: 'answered', members: { sub: 'ada', email: 'ada@example.org' } },
  })
  const [introspected] = sentTo('/introspect')
  expect(Object.fromEntries(new URLSearchParams(introspected?.body))).toEqual({
    client_id: 'client-1',
    client_secret: 's3cret',
    token: 'access-1',
    token_type_hint: 'access_token',
  })
  const [asked] = sentTo('/me')
  expect(asked).toMatchObject({ method: 'GET', headers: { authorization: 'Bearer access-1' } })
})

test('what has no endpoint is not asked', async () => {
  const { introspection_endpoint: _i, userinfo_endpoint: _u, ...profile } = profileOf()
  expect(await inspect(profile, tokens({ idToken: null }))).toEqual({
    idToken: null,
    introspection: { outcome: 'not_asked' },
    userinfo: { outcome: 'not_asked' },
  })
  expect(server.seen).toEqual([])
})

test('endpoints come from the metadata, and trouble with it is told for each question', async () => {
  const { introspection_endpoint: _i, userinfo_endpoint: _u, ...rest } = profileOf({ issuer: server.base })
  const metadata = { issuer: server.base, userinfo_endpoint: `${server.base}/me` }
  server.routes.set('/.well-known/openid-configuration', json(metadata))
  expect((await inspect(rest)).userinfo).toMatchObject({ outcome: 'answered' })
  server.routes.set(
    '/.well-known/openid-configuration',
    json({ ...metadata, issuer: 'https://other.example' }),
  )
  const { introspection, userinfo, idToken } = await inspect(rest)
  expect(idToken?.claims).toMatchObject({ sub: 'ada' })
  expect(failureIn(introspection).code).toBe('issuer_mismatch')
  expect(failureIn(userinfo)).toMatchObject({ code: 'issuer_mismatch', profile: 'gw' })
})

test('tokens that a server repeats do not come out, wherever they stand', async () => {
  server.routes.set(
    '/introspect',
    json({
      active: true,
      access_token: 'other',
      deep: [{ at: 'access-1', refresh_token: 'r' }],
      rt: 'refresh-1',
    }),
  )
  expect((await inspect()).introspection).toEqual({
    outcome: 'answered',
    members: {
      active: true,
      access_token: '[secret]',
      deep: [{ at: '[secret]', refresh_token: '[secret]' }],
      rt: '[secret]',
    },
  })
})

test('an answer that is nested too deeply to be searched is not one', async () => {
  const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`
  server.routes.set('/me', (_request, response) => response.end(`{"sub":"ada","deep":${deep}}`))
  const claims = Buffer.from(`{"sub":"ada","deep":${deep}}`).toString('base64url')
  const idToken = new Secret(`${part({ alg: 'ES256' })}.${claims}.sig`)
  const { userinfo, idToken: decoded } = await inspect(profileOf(), tokens({ idToken }))
  expect(failureIn(userinfo).code).toBe('provider_answer_invalid')
  expect(decoded).toBe(null)
})

test('a bound token is shown with a proof, and a nonce that is asked for is sent', async () => {
  server.routes.set('/me', (request, response) => {
    const [, payload = ''] = String(request.headers['dpop']).split('.')
    const { nonce } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { nonce?: string }
    if (nonce === 'n-1') return json({ sub: 'ada' })(request, response)
    const challenge = { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n-1' }
    response.writeHead(401, challenge).end()
  })
  const { userinfo } = await inspect(profileOf({ dpop: true }), tokens({ tokenType: 'DPoP' }))
  expect(userinfo).toEqual({ outcome: 'answered', members: { sub: 'ada' } })
  expect(sentTo('/me').map(({ headers }) => headers.authorization)).toEqual([
    'DPoP access-1',
    'DPoP access-1',
  ])
})

test('a word for a token that is over is a no', async () => {
  server.routes.set('/introspect', json({ active: 'false' }))
  expect((await inspect()).introspection).toEqual({ outcome: 'answered', members: { active: false } })
})

describe('introspection that', () => {
  test.each([
    ['says that the token is over', { active: false }, 200, 'answered'],
    ['does not say whether it is active', { scope: 'email' }, 200, 'provider_answer_invalid'],
    ['says it with a word', { active: 'true' }, 200, 'answered'],
    ['says it with a word that means neither', { active: 'perhaps' }, 200, 'provider_answer_invalid'],
    ['refuses the client', { error: 'invalid_client' }, 401, 'provider_refused'],
    ['is in trouble', {}, 500, 'provider_answer_invalid'],
    ['is in trouble and says so', { error: 'server_error' }, 500, 'provider_refused'],
  ])('%s', async (_what, body, status, outcome) => {
    server.routes.set('/introspect', json(body, status))
    const { introspection, userinfo } = await inspect()
    expect(introspection.outcome === 'failed' ? introspection.error.code : introspection.outcome).toBe(
      outcome,
    )
    expect(userinfo.outcome).toBe('answered')
  })
})

describe('userinfo that', () => {
  test.each([
    ['is about somebody else', { sub: 'eve' }, /another subject than the id_token/],
    ['does not say about whom it is', { email: 'ada@example.org' }, /has no sub/],
    ['has a number for sub', { sub: 7 }, /has no sub/],
  ])('%s is refused (OpenID Connect Core §5.3.2)', async (_what, body, says) => {
    server.routes.set('/me', json(body))
    const failure = failureIn((await inspect()).userinfo)
    expect(failure).toMatchObject({ code: 'provider_answer_invalid', detail: expect.stringMatching(says) })
    expect(failure.detail).not.toMatch(/eve|ada/)
  })

  test('refuses the token says why, by its challenge', async () => {
    server.routes.set('/me', (_request, response) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end(),
    )
    expect(failureIn((await inspect()).userinfo)).toMatchObject({
      code: 'provider_refused',
      error: 'invalid_token',
    })
  })

  test('is signed is not read', async () => {
    server.routes.set('/me', (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/jwt' }).end(ID_TOKEN),
    )
    expect(failureIn((await inspect()).userinfo).detail).toContain('signed')
  })

  test('is a page or a redirect is no answer', async () => {
    for (const status of [200, 302]) {
      server.routes.set('/me', (_request, response) => response.writeHead(status).end('<html>'))
      expect(failureIn((await inspect()).userinfo).code).toBe('provider_answer_invalid')
    }
  })
})

test('a token inside a longer value is masked, also in the claims of the id_token', async () => {
  const set = tokens({
    accessToken: new Secret('access-canary-5d1c'),
    idToken: new Secret(
      `${part({ alg: 'ES256' })}.${part({ sub: 'ada', x: 'Bearer access-canary-5d1c' })}.sig`,
    ),
  })
  const members = { active: true, sub: 'ada', seen: 'Bearer access-canary-5d1c', 'access-canary-5d1c': [1] }
  server.routes.set('/introspect', json(members))
  server.routes.set('/me', json(members))
  const masked = { active: true, sub: 'ada', seen: 'Bearer [secret]', '[secret]': [1] }
  expect(await inspect(profileOf(), set)).toEqual({
    idToken: { header: { alg: 'ES256' }, claims: { sub: 'ada', x: 'Bearer [secret]' } },
    introspection: { outcome: 'answered', members: masked },
    userinfo: { outcome: 'answered', members: masked },
  })
})
