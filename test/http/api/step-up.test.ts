/** `GET /v1/tokens/{profile}?scope=`: the token must cover scopes, and a login asks for those that it does not have. */
import { describe, expect, test } from 'vitest'
import { DEVICE_CODE } from '../../../src/config/grants.js'
import { TokenAnswer } from '../../../src/http/api/token-answer.js'
import { Secret } from '../../../src/secret.js'
import { issued } from '../../support/composed-daemon.js'
import { settle } from '../../support/manual-clock.js'
import { openApi, serveApi } from './opened-api.js'

const GW = { issuer: 'https://id.example.com', client_id: 'catchd', scope: 'a' }

/** Logged in with the scope `a`. @param grants - The scope that the server grants to the next login. */
async function start(grants: string | null = 'a b', profile: object = {}) {
  const opened = await openApi({ config: { profiles: { gw: { ...GW, ...profile } } } })
  await opened.logIn('gw', { scope: 'a' })
  const { servers, services } = opened
  const grant = (scope: string | null) => {
    servers.answer = () => issued({ scope, accessToken: new Secret(`token for ${scope}`) })
  }
  grant(grants)
  servers.askedScopes.length = 0
  return {
    ...opened,
    grant,
    get: (query: string, key?: string) =>
      opened.call('GET', `/v1/tokens/gw?${query}`, key === undefined ? {} : { key }),
    pending: () => services.logins.pendingOf('gw'),
  }
}

describe('without a login', () => {
  test.each([
    ['scope=a', 200, undefined],
    ['scope=a%20a', 200, undefined],
    ['scope=b', 403, ['b']],
    ['scope=a%20b+c', 403, ['b', 'c']],
    ['scope=A', 403, ['A']],
    ['scope=b&wait=10', 403, ['b']],
    ['scope=https%3A%2F%2Fapi.example.com%2F.default', 403, ['https://api.example.com/.default']],
  ])('%s is %i, missing: %j', async (query, status, missing) => {
    const { get, pending } = await start()
    const answer = await get(query)
    expect(answer.status).toBe(status)
    if (missing !== undefined) {
      expect(answer.problem()).toMatchObject({ code: 'scope_insufficient', profile: 'gw', missing })
      expect(answer.problem()).not.toHaveProperty('authorization_url')
    }
    expect(pending()).toEqual([])
  })

  test('a malformed one is request_invalid, and nothing begins', async () => {
    const { get, pending } = await start()
    const malformed = ['', '%20a', 'a%20', 'a%20%20b', 'a%09b', 'a%0Ab', '%22a%22', 'a%5Cb', '%C3%A4', '%00']
    for (const scope of [...malformed, 'a&scope=b', 'a'.repeat(5_000)]) {
      const problem = (await get(`scope=${scope}&login=auto`)).problem()
      expect(problem, scope).toMatchObject({
        code: 'request_invalid',
        errors: [{ in: 'query', name: 'scope' }],
      })
    }
    expect(pending()).toEqual([])
  })

  test('what the server does not name was granted as asked for', async () => {
    const { get, logIn } = await start()
    await logIn('gw', { scope: null })
    expect((await get('scope=a')).status).toBe(200)
    expect((await get('scope=b')).problem().missing).toEqual(['b'])
  })

  test('no token at all is still login_required', async () => {
    const { call } = await openApi({ config: { profiles: { gw: GW } } })
    expect((await call('GET', '/v1/tokens/gw?scope=a')).problem().code).toBe('login_required')
  })

  test('a token that is due is refreshed first, and keeps the scope that it has', async () => {
    const { get, logIn, servers } = await start()
    await logIn('gw', { scope: 'a b', expiresInSeconds: 10 })
    servers.refreshAnswer = () => ({ outcome: 'refreshed', response: issued({ scope: null }) })
    expect((await get('scope=a%20b')).json(TokenAnswer)).toMatchObject({ scope: 'a b' })
    expect(servers.refreshed[0]?.scope).toBe('a b')
  })

  test('the id_token has no scope of its own', async () => {
    const { call } = await start()
    expect((await call('GET', '/v1/tokens/gw/id_token?scope=a')).problem().code).toBe('request_invalid')
  })
})

describe('login=auto', () => {
  test('begins one login for old and new; the old token serves on', async () => {
    const { get, pending, servers } = await start()
    const problem = (await get('scope=b&login=auto')).problem()
    const [login] = pending()
    expect(problem).toMatchObject({ code: 'scope_insufficient', missing: ['b'], login_id: login?.id })
    expect(problem.authorization_url).toBe(login?.authorizationUrl)
    expect(servers.askedScopes).toEqual(['a b'])
    expect((await get('')).json(TokenAnswer).scope).toBe('a')
    expect((await get('scope=a&login=auto')).status).toBe(200)
    expect((await get('scope=b&login=auto')).problem().login_id).toBe(problem.login_id)
    expect(pending()).toHaveLength(1)
  })

  test.each(['a b', null])(
    'with wait it answers when the token covers it; the server says %j',
    async (scope) => {
      const { get, begun, approve } = await start(scope)
      const called = Promise.all([1, 2, 3].map(() => get('scope=b&login=auto&wait=60')))
      await approve((await begun('gw')).id)
      for (const answer of await called) {
        expect(answer.json(TokenAnswer)).toMatchObject({ scope: 'a b', access_token: `token for ${scope}` })
      }
      expect((await get('')).json(TokenAnswer).scope).toBe('a b')
    },
  )

  test('asks for nothing where the token covers it', async () => {
    const { get, pending } = await start()
    expect((await get('scope=a&login=auto&wait=60')).status).toBe(200)
    expect(pending()).toEqual([])
  })

  test('a login that brought less is not begun again, and the answer says what is missing', async () => {
    const { get, begun, approve, pending, servers, call } = await start('a c')
    const called = get('scope=b%20c&login=auto&wait=60')
    await approve((await begun('gw')).id)
    const problem = (await called).problem()
    expect(problem).toMatchObject({ code: 'scope_insufficient', missing: ['b'], next: 'catchd login gw' })
    expect(problem).not.toHaveProperty('authorization_url')
    for (const query of ['scope=b', 'scope=b%20d', 'scope=a%20b']) {
      expect((await get(`${query}&login=auto&wait=60`)).problem().code).toBe('scope_insufficient')
    }
    expect(servers.askedScopes).toEqual(['a b c'])
    // The command that the answer names.
    await call('POST', '/v1/logins', { body: { profile: 'gw' } })
    await approve(pending()[0]?.id ?? '')
    await get('scope=b&login=auto')
    expect(servers.askedScopes).toEqual(['a b c', 'a', 'a c b'])
  })

  test('scopes that nobody withheld are still asked for', async () => {
    const { get, begun, approve, grant, servers } = await start('a')
    const called = get('scope=b&login=auto&wait=60')
    await approve((await begun('gw')).id)
    await called
    grant('a c')
    const other = get('scope=c&login=auto&wait=60')
    await approve((await begun('gw')).id)
    expect((await other).status).toBe(200)
    expect((await get('scope=b&login=auto')).problem()).not.toHaveProperty('authorization_url')
    expect(servers.askedScopes).toEqual(['a b', 'a c'])
  })

  test('after the pause of the profile it is asked for once more', async () => {
    const { get, begun, approve, clock, servers } = await start('a', { login_pause_seconds: 60 })
    const called = get('scope=b&login=auto&wait=60')
    await approve((await begun('gw')).id)
    await called
    expect((await get('scope=b&login=auto')).problem().detail).toContain('before 2026-01-01T00:01:00Z')
    await clock.pass(60_000)
    expect((await get('scope=b&login=auto')).problem()).toHaveProperty('authorization_url')
    expect(servers.askedScopes).toEqual(['a b', 'a b'])
  })

  test('one that the user refuses leaves the old token, and no tool opens another tab', async () => {
    const { get, begun, deny, servers } = await start()
    const called = get('scope=b&login=auto&wait=60')
    await deny((await begun('gw')).id)
    expect((await called).problem()).toMatchObject({
      code: 'scope_insufficient',
      missing: ['b'],
      error: 'access_denied',
      detail: expect.stringContaining('was denied'),
    })
    expect((await get('scope=b&login=auto&wait=60')).problem()).toMatchObject({
      code: 'scope_insufficient',
      missing: ['b'],
      detail: expect.stringContaining('was not finished'),
    })
    expect((await get('')).status).toBe(200)
    expect(servers.askedScopes).toEqual(['a b'])
  })

  test('callers for other scopes share the tab, and a login for theirs follows', async () => {
    const { get, begun, approve, grant, servers } = await start('a b')
    const first = get('scope=b&login=auto&wait=60')
    const { id } = await begun('gw')
    const second = get('scope=c&login=auto&wait=60')
    await settle()
    expect(servers.askedScopes).toEqual(['a b'])
    await approve(id)
    expect((await first).status).toBe(200)
    grant('a b c')
    await approve((await begun('gw')).id)
    expect((await second).json(TokenAnswer).scope).toBe('a b c')
    expect(servers.askedScopes).toEqual(['a b', 'a b c'])
  })

  test('a caller joins two logins at most', async () => {
    const { get, begun, approve, servers } = await start('a')
    const first = get('scope=b&login=auto&wait=60')
    const { id } = await begun('gw')
    const others = ['c', 'd'].map((scope) => get(`scope=${scope}&login=auto&wait=60`))
    await settle()
    await approve(id)
    expect((await first).status).toBe(403)
    await approve((await begun('gw')).id)
    for (const answer of await Promise.all(others)) expect(answer.problem().code).toBe('scope_insufficient')
    expect(servers.askedScopes).toHaveLength(2)
  })

  test('a login of the user is joined, and one for more scopes follows', async () => {
    const { get, call, approve, begun, grant, servers } = await start('a')
    await call('POST', '/v1/logins', { body: { profile: 'gw', open: true } })
    const { id } = await begun('gw')
    const called = get('scope=b&login=auto&wait=60')
    await settle()
    expect(servers.askedScopes).toEqual(['a'])
    await approve(id)
    grant('a b')
    await approve((await begun('gw')).id)
    expect((await called).status).toBe(200)
    expect(servers.askedScopes).toEqual(['a', 'a b'])
  })

  test('without a token, one login asks for all of it', async () => {
    const { call, servers, approve, begun } = await openApi({ config: { profiles: { gw: GW } } })
    servers.answer = () => issued({ scope: 'a b' })
    const called = call('GET', '/v1/tokens/gw?scope=b&login=auto&wait=60')
    await approve((await begun('gw')).id)
    expect((await called).status).toBe(200)
    expect(servers.askedScopes).toEqual(['a b'])
  })

  test('openid among them: the id_token is bound to the request', async () => {
    const { get, servers } = await start()
    await get('scope=openid&login=auto')
    expect(servers.prepared.at(-1)?.nonce).not.toBeNull()
  })

  test('a key without the action login hears what is missing, and starts none', async () => {
    const { get, keys, pending } = await start()
    const { key } = await keys.add({ name: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: 60 })
    const problem = (await get('scope=b&login=auto&wait=60', key.reveal())).problem()
    expect(problem).toMatchObject({ code: 'scope_insufficient', missing: ['b'] })
    expect(problem).not.toHaveProperty('authorization_url')
    expect(pending()).toEqual([])
  })

  test('a key of another profile hears nothing', async () => {
    const { get, keys, pending } = await start()
    const { key } = await keys.add({
      ...{ name: 'ci', profiles: ['hub'], expiresInSeconds: 60 },
      actions: ['token', 'login'],
    })
    const problem = (await get('scope=b&login=auto', key.reveal())).problem()
    expect(problem.code).toBe('forbidden')
    expect(problem).not.toHaveProperty('missing')
    expect(pending()).toEqual([])
  })

  test('a device login asks for them too', async () => {
    const device = { grant: DEVICE_CODE, device_authorization_endpoint: 'https://id.example.com/device' }
    const { call, servers, clock } = await openApi({ config: { profiles: { gw: { ...GW, ...device } } } })
    servers.devicePoll = () => ({ outcome: 'issued', response: issued({ scope: null }) })
    expect((await call('GET', '/v1/tokens/gw?scope=b&login=auto')).problem().code).toBe('login_required')
    await clock.pass(5_000)
    await settle()
    expect((await call('GET', '/v1/tokens/gw?scope=a%20b')).json(TokenAnswer).scope).toBe('a b')
  })

  test('a grant without a login asks for the scope of the profile only', async () => {
    const machine = { grant: 'client_credentials', token_endpoint: 'https://id.example.com/token' }
    const config = { profiles: { gw: { ...GW, ...machine, client_secret: { keychain: true } } } }
    const { call, servers } = await openApi({ config })
    const problem = (await call('GET', '/v1/tokens/gw?scope=b&login=auto&wait=60')).problem()
    expect(problem).toMatchObject({
      code: 'scope_insufficient',
      missing: ['b'],
      next: 'catchd profile edit gw',
    })
    expect(servers.credentialsAsked).toBe(1)
  })
})

test('the next login of the user asks for the scope of the profile', async () => {
  const { get, begun, approve, call, servers, grant } = await start()
  const called = get('scope=b&login=auto&wait=60')
  await approve((await begun('gw')).id)
  await called
  grant('a')
  await call('POST', '/v1/logins', { body: { profile: 'gw' } })
  await approve((await begun('gw')).id)
  expect(servers.askedScopes).toEqual(['a b', 'a'])
  expect((await get('scope=b')).problem().missing).toEqual(['b'])
})

test('the handler of fresh tokens answers no request for scopes', async () => {
  const api = await serveApi({ config: { profiles: { gw: GW } } })
  await api.logIn('gw', { scope: 'a' })
  const status = async (target: string) => (await api.socket({ target })).status
  expect(await status('/v1/tokens/gw')).toBe(200)
  expect(await status('/v1/tokens/gw?scope=a')).toBe(200)
  expect(await status('/v1/tokens/gw?scope=b')).toBe(403)
})
