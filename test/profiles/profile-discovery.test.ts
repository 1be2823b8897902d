/** Profiles from URLs, against servers on loopback: the redirect URI to register, and a resource that moved. */
import { expect, test } from 'vitest'
import { ProfileAnswer } from '../../src/http/api/profiles.js'
import { itemName } from '../../src/vault/vault.js'
import {
  authorizationServers,
  type FakeServer,
  type Handler,
  json,
  startFakeServer,
} from '../authorization-server/fake-server.js'
import { openApi } from '../http/api/opened-api.js'

const created: Handler = (request, response) => {
  const asked = JSON.parse(request.body) as object
  json({ ...asked, client_id: 'c-1', client_secret: 'secret-canary-1' }, 201)(request, response)
}

function publish({ base, routes }: FakeServer, members: object = {}, register: Handler = created): void {
  routes.set(
    '/.well-known/oauth-authorization-server',
    json({
      issuer: base,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      registration_endpoint: `${base}/register`,
      token_endpoint_auth_methods_supported: ['client_secret_post'],
      ...members,
    }),
  )
  routes.set('/register', register)
}

/** A resource that names these issuers. */
function nameIssuers({ base, routes }: FakeServer, ...issuers: string[]): void {
  routes.set(
    '/.well-known/oauth-protected-resource/mcp',
    json({ resource: `${base}/mcp`, authorization_servers: issuers }),
  )
}

async function scene() {
  const api = await openApi({ config: { profiles: {} } })
  const { discovery } = authorizationServers()
  Object.assign(api.servers.discovery, {
    discover: discovery.discover.bind(discovery),
    register: discovery.register.bind(discovery),
    unregister: discovery.unregister.bind(discovery),
  })
  const post = (body: object) => api.call('POST', '/v1/profiles', { body })
  const entry = async (name = 'tools') =>
    (await api.call('GET', `/v1/profiles/${name}`)).json(ProfileAnswer).configuration
  return { ...api, post, entry }
}

const registeredUris = ({ seen }: FakeServer) =>
  seen
    .filter(({ url }) => url === '/register')
    .map(({ body }) => (JSON.parse(body) as { redirect_uris: string[] }).redirect_uris[0])

const refuseLiteral =
  (refusal: object): Handler =>
  (request, response) =>
    request.body.includes('127.0.0.1') ? json(refusal, 400)(request, response) : created(request, response)

test.each([
  ['by the code of RFC 7591', { error: 'invalid_redirect_uri' }],
  ['in words', { error: 'invalid_client_metadata', error_description: 'Only localhost is allowed' }],
  [
    'in other words',
    { error: 'invalid_request', error_description: "redirect_uris[0]: '127.0.0.1' is not a host" },
  ],
  ['without a code', { message: 'Callback URL must be https or http://localhost' }],
])('the literal is refused %s: localhost is tried once, and used', async (_name, refusal) => {
  const as = await startFakeServer()
  publish(as, {}, refuseLiteral(refusal))
  const { post, entry } = await scene()
  const made = await post({ url: as.base, profile: 'tools' })
  expect([made.status, registeredUris(as)]).toEqual([
    201,
    ['http://127.0.0.1/callback/tools', 'http://localhost/callback/tools'],
  ])
  expect((await entry()).redirect_uri).toBe('http://localhost:0/callback/tools')
})

test('localhost is not tried where both are refused twice, or the refusal is about something else', async () => {
  const as = await startFakeServer()
  const { post } = await scene()
  publish(as, {}, json({ error: 'invalid_redirect_uri', error_description: 'Only https.' }, 400))
  const refused = (await post({ url: as.base, profile: 'tools' })).problem()
  expect(refused).toMatchObject({ code: 'provider_refused', error: 'invalid_redirect_uri' })
  expect(refused.detail).toContain('localhost/callback/tools')
  expect(registeredUris(as)).toHaveLength(2)
  publish(as, {}, json({ error: 'invalid_client_metadata', error_description: 'scope' }, 400))
  await post({ url: as.base, profile: 'tools' })
  expect(registeredUris(as)).toHaveLength(3)
})

test.each<[string, Handler, string]>([
  ['a refusal', json({ error: 'invalid_client_metadata' }, 400), 'provider_refused'],
  [
    'a client without a secret',
    json({ client_id: 'c', token_endpoint_auth_method: 'client_secret_post' }, 201),
    'provider_answer_invalid',
  ],
])('after %s, the command for a client of one’s own asks for the same', async (_name, register, code) => {
  const as = await startFakeServer()
  const { post } = await scene()
  publish(as, {}, register)
  const failure = (await post({ url: as.base, profile: 'tools', scope: 'a b' })).problem()
  expect(failure).toMatchObject({
    code,
    next: `catchd login ${as.base} --name tools --scope 'a b' --client-id CLIENT_ID`,
  })
  expect(failure.detail).toContain('callback/tools')
})

test('after a refusal on localhost, the command has the redirect URI that was named', async () => {
  const as = await startFakeServer()
  const { post } = await scene()
  publish(as, {}, json({ error: 'invalid_redirect_uri' }, 400))
  const { next } = (await post({ url: as.base, profile: 'tools' })).problem()
  expect(next).toMatch(
    / --name tools --redirect-uri http:\/\/localhost\S*\/callback\/tools --client-id CLIENT_ID$/,
  )
})

test('a chosen redirect URI is the one to register, and no other is tried', async () => {
  const as = await startFakeServer()
  publish(as)
  const { post, entry } = await scene()
  const body = { url: as.base, profile: 'tools', redirect_uri: 'http://localhost:3118/callback' }
  expect((await post(body)).status).toBe(201)
  expect(registeredUris(as)).toEqual(['http://localhost:3118/callback'])
  expect((await entry()).redirect_uri).toBe('http://localhost:3118/callback')
  expect((await post(body)).status).toBe(200)
  const other = (await post({ ...body, redirect_uri: 'http://localhost:1/' })).problem()
  expect([other.code, other.detail]).toEqual([
    'request_invalid',
    expect.stringContaining('another redirect_uri'),
  ])
  publish(as, {}, json({ error: 'invalid_redirect_uri' }, 400))
  await post({ url: as.base, profile: 'two', redirect_uri: 'http://127.0.0.1:3118/callback' })
  expect(registeredUris(as)).toHaveLength(2)
})

test.each([
  ['another machine', 'http://example.com/callback', 'must name 127.0.0.1'],
  ['another scheme', 'app://callback', 'must be an http or https URL'],
  ['a fragment', 'http://localhost/#x', 'must not have a fragment'],
  ['a password', 'http://a:b@localhost/', 'must not contain a user name'],
])('a redirect URI with %s is refused before anything is registered', async (_name, redirect_uri, part) => {
  const as = await startFakeServer()
  publish(as)
  const { post } = await scene()
  const refused = (await post({ url: as.base, redirect_uri })).problem()
  expect([refused.code, refused.detail]).toEqual(['request_invalid', expect.stringContaining(part)])
  expect(as.seen).toEqual([])
})

/** A profile for a resource whose server was `before`, and which now names `after`. */
async function moved() {
  const [resource, before, after] = [
    await startFakeServer(),
    await startFakeServer(),
    await startFakeServer(),
  ]
  const url = `${resource.base}/mcp`
  const made = await scene()
  nameIssuers(resource, before.base)
  publish(before)
  expect((await made.post({ url, profile: 'tools' })).status).toBe(201)
  nameIssuers(resource, after.base)
  publish(after)
  return { ...made, resource, before, after, url }
}

test('a resource that names another server: nothing is sent there until the user agrees', async () => {
  const { post, entry, before, after, url } = await moved()
  const refused = (await post({ url })).problem()
  expect(refused).toMatchObject({
    code: 'issuer_mismatch',
    next: `catchd login ${url} --name tools --issuer ${after.base}`,
  })
  expect(refused.detail).toContain(before.base)
  expect(registeredUris(after)).toEqual([])
  expect((await entry()).issuer).toBe(before.base)
  const wrong = (await post({ url, issuer: 'https://elsewhere.example' })).problem()
  expect([wrong.code, registeredUris(after)]).toEqual(['issuer_mismatch', []])
})

test('after the user agreed there is a new client, and nothing of the old one', async () => {
  const { post, entry, vault, before, after, url } = await moved()
  publish(after, { token_endpoint_auth_methods_supported: ['none'] }, (request, response) =>
    json({ client_id: 'c-2' }, 201)(request, response),
  )
  const told = before.seen.length
  expect((await post({ url, issuer: after.base })).status).toBe(200)
  const { client_secret, token_endpoint_auth_method, ...rest } = await entry()
  expect(rest).toMatchObject({ issuer: after.base, client_id: 'c-2', resource_server: url })
  expect([client_secret, token_endpoint_auth_method]).toEqual([undefined, undefined])
  expect(await vault.get(itemName.clientSecret('tools'))).toBeUndefined()
  expect(JSON.stringify(after.seen)).not.toMatch(/secret-canary-1|c-1/)
  expect(before.seen).toHaveLength(told)
  expect((await post({ url })).status).toBe(200) // the next time there is nothing to agree to
  expect(registeredUris(after)).toHaveLength(1)
})

test('a profile that extends it does not move along: nothing is registered and nothing changes', async () => {
  const { call, post, entry, before, after, url } = await moved()
  const heir = { extends: 'tools', client_secret: 'heir-canary' }
  expect((await call('PUT', '/v1/profiles/heir', { body: heir })).status).toBe(201)
  const refused = (await post({ url, issuer: after.base })).problem()
  expect(refused).toMatchObject({ code: 'request_invalid', next: 'catchd profile edit heir' })
  expect(registeredUris(after)).toEqual([])
  expect((await entry()).issuer).toBe(before.base)
})

test('the client at the new server can be one that the user registered', async () => {
  const { post, entry, vault, after, url } = await moved()
  expect((await post({ url, issuer: after.base, client_id: 'mine' })).status).toBe(200)
  const { client_id, issuer, client_secret } = await entry()
  expect([client_id, issuer, client_secret]).toEqual(['mine', after.base, undefined])
  expect(registeredUris(after)).toEqual([])
  expect(await vault.get(itemName.registration('tools'))).toBeUndefined()
  expect(await vault.get(itemName.clientSecret('tools'))).toBeUndefined()
})

test.each<[string, (scene: Awaited<ReturnType<typeof moved>>) => void]>([
  ['does not answer now', ({ resource }) => resource.routes.clear()],
  ['names a server that publishes nothing', ({ after }) => after.routes.clear()],
  [
    'names its server among others',
    ({ resource, before, after }) => nameIssuers(resource, after.base, before.base),
  ],
  ['names its server with a slash', ({ resource, before }) => nameIssuers(resource, `${before.base}/`)],
  [
    'publishes what cannot be read',
    ({ resource }) => resource.routes.set('/.well-known/oauth-protected-resource/mcp', json([])),
  ],
])('a resource that %s costs no login', async (_name, change) => {
  const all = await moved()
  change(all)
  expect((await all.post({ url: all.url })).status).toBe(200)
  expect((await all.entry()).issuer).toBe(all.before.base)
  expect(registeredUris(all.after)).toEqual([])
})

test('the user may agree before there is a profile, and then to nothing else', async () => {
  const [resource, as] = [await startFakeServer(), await startFakeServer()]
  const url = `${resource.base}/mcp`
  nameIssuers(resource, as.base)
  publish(as)
  const { post } = await scene()
  const refused = (await post({ url, issuer: 'https://as.example' })).problem()
  expect([refused.code, refused.next]).toEqual(['issuer_mismatch', `catchd login ${url} --issuer ${as.base}`])
  expect(registeredUris(as)).toEqual([])
  expect((await post({ url, issuer: as.base })).status).toBe(201)
})
