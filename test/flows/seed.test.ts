/**
 * The first system that must work: webMethods API Gateway, from the authorization URL to the token on the local
 * endpoint, with `state` echoed and dropped, over http and over https with a private CA.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import type { Gateway } from '../../src/demo/gateway.js'
import type { Daemon } from '../support/daemon.js'
import { type SeedSystemOptions, startSeedSystem } from '../support/seed-system.js'

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function start(options: SeedSystemOptions = {}) {
  const system = await startSeedSystem(options)
  cleanups.push(() => system.stop())
  return system
}

async function expectToken(daemon: Daemon, gateway: Gateway) {
  const answer = await daemon.api('GET', '/v1/tokens/gw')
  expect(answer.status).toBe(200)
  expect(answer.json).toEqual({
    access_token: expect.stringMatching(/^[0-9a-f]{64}$/),
    token_type: 'Bearer',
    expires_in: expect.any(Number),
    context: {},
    expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    scope: 'email',
    profile: 'gw',
  })
  expect(answer.json['expires_in']).toBeGreaterThan(3_500)
  expect(gateway.counts.codesRedeemedTwice).toBe(0)
  return String(answer.json['access_token'])
}

describe.each([
  { stateEcho: true, https: false },
  { stateEcho: true, https: true },
  { stateEcho: false, https: false },
  { stateEcho: false, https: true },
])('webMethods API Gateway, state echoed: $stateEcho, https with a private CA: $https', (options) => {
  test('a login ends with a token on the socket and over TCP', async () => {
    const { gateway, daemon, login } = await start(options)
    await login()

    expect(gateway.tokenRequests).toHaveLength(1)
    const [request] = gateway.tokenRequests
    expect(request?.path).toBe('/invoke/pub.apigateway.oauth2/getAccessToken')
    expect(request?.headers['content-type']).toMatch(/^application\/json/)
    expect(request?.headers['authorization']).toMatch(/^Basic/)
    expect(JSON.parse(request?.body ?? '')).toEqual({
      redirect_uri: `http://127.0.0.1:${daemon.redirectPort}/callback/gw`,
      scope: 'email',
      grant_type: 'authorization_code',
      code: expect.stringMatching(/^[0-9a-f]{32}$/),
      code_verifier: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      client_id: gateway.clientId,
    })

    const token = await expectToken(daemon, gateway)
    const overTcp = await daemon.api('GET', '/v1/tokens/gw', { via: 'tcp' })
    expect(overTcp.json['access_token']).toBe(token)
    const bare = await daemon.api('GET', '/v1/tokens/gw', { headers: { accept: 'text/plain' } })
    expect(bare.text).toBe(token)
  })
})

test('without the private CA named, the gateway cannot be reached, and the error says what to name', async () => {
  const { daemon, login } = await start({ https: true, profile: { ca_file: undefined } })
  const walk = await login()
  expect(walk.login).toMatchObject({ status: 'failed', error: { code: 'provider_unreachable' } })
  expect(walk.page?.body).toContain('ca_file')
  expect((await daemon.api('GET', '/v1/tokens/gw')).json['code']).toBe('login_required')
})

test('a thousand callers at expiry make one refresh at the gateway', async () => {
  const { gateway, daemon, login } = await start({
    rotateRefreshTokens: true,
    accessTokenLifetimeSeconds: 61,
  })
  await login()
  const before = gateway.tokenRequests.length
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, () => daemon.api('GET', '/v1/tokens/gw?min_ttl=62')),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(new Set(answers.map(({ json }) => json['access_token'])).size).toBe(1)
  expect(gateway.tokenRequests.length - before).toBe(1)
  expect(gateway.counts.refreshTokensReused).toBe(0)
})

test('denied at the approval page: the login ends with its cause, and the page says so', async () => {
  const { gateway, daemon } = await start()
  const [user] = gateway.users
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
  const response = await approve(String(begun.json['authorization_url']), {
    user: user.name,
    password: user.password,
    deny: true,
  })
  const redirected = await daemon.follow(response)
  expect(redirected.status).toBe(303)
  const login = await daemon.api('GET', `/v1/logins/${begun.json['login_id']}`)
  expect(login.json).toMatchObject({
    status: 'failed',
    error: { code: 'authorization_denied', error: 'access_denied' },
  })
})

test('the clean page answers again after a reload, and the used response redeems nothing', async () => {
  const { gateway, daemon } = await start()
  const [user] = gateway.users
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
  const response = await approve(String(begun.json['authorization_url']), {
    user: user.name,
    password: user.password,
  })
  const first = await daemon.follow(response)
  const again = await daemon.follow(response)
  expect([first.status, again.status]).toEqual([303, 303])
  expect(again.headers['location']).toBe(`${first.headers['location']}?again`)
  const page = new URL(first.headers['location'] ?? '', response).href
  const pages = await Promise.all([daemon.follow(page), daemon.follow(page)])
  expect(pages.map(({ status }) => status)).toEqual([200, 200])
  expect(pages[0]?.body).toContain('gw')
  expect(gateway.tokenRequests).toHaveLength(1)
  const code = new URL(response).searchParams.get('code') ?? 'no code'
  expect(`${page}${pages[0]?.body}${JSON.stringify(first.headers)}`).not.toContain(code)
})
