import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { GATEWAY_PATHS, type Gateway, type GatewayOptions, startGateway } from '../../src/demo/gateway.js'
import { makeCertificates } from '../support/certificates.js'
import { needs } from '../support/needs.js'

const REDIRECT_URI = 'http://127.0.0.1:8252/callback'
/** The vector of the gateway's PKCE page. */
const VERIFIER = '95b4efde52b141d1bde8a7bfc23bdb244728fdd70d4a4be5b110866cfc218db7'
const CHALLENGE = 'tMTWyt3W5QtaPIqNkqAHLTGZnN0aPopp2fsLrUFdAC0'
const ADA = { user: 'ada', password: 'lovelace' }

const started: Gateway[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((gateway) => gateway.close()))
})

async function gatewayWith(options: GatewayOptions = {}): Promise<Gateway> {
  const gateway = await startGateway({ redirectUris: [REDIRECT_URI], ...options })
  started.push(gateway)
  return gateway
}

function authorizationUrl(gateway: Gateway, changes: Record<string, string | null> = {}): string {
  const url = new URL(gateway.baseUrl + GATEWAY_PATHS.authorize)
  const parameters = {
    response_type: 'code',
    client_id: gateway.clientId,
    redirect_uri: REDIRECT_URI,
    scope: 'email',
    state: 'a-state-of-sixteen',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...changes,
  }
  for (const [name, value] of Object.entries(parameters))
    if (value !== null) url.searchParams.set(name, value)
  return url.href
}

async function codeFrom(gateway: Gateway, changes: Record<string, string | null> = {}): Promise<string> {
  const response = new URL(await approve(authorizationUrl(gateway, changes), ADA))
  return response.searchParams.get('code') ?? ''
}

function basic(gateway: Gateway): string {
  return `Basic ${Buffer.from(`${gateway.clientId}:${gateway.clientSecret}`).toString('base64')}`
}

interface Posted {
  readonly form?: boolean
  readonly authorization?: string | null
}

interface AnswerMembers {
  readonly access_token: string
  readonly refresh_token: string
  readonly error?: string
}

async function post(gateway: Gateway, path: string, members: Record<string, string>, posted: Posted = {}) {
  const authorization = posted.authorization === undefined ? basic(gateway) : posted.authorization
  const response = await fetch(gateway.baseUrl + path, {
    method: 'POST',
    headers: {
      'content-type': posted.form ? 'application/x-www-form-urlencoded' : 'application/json',
      ...(authorization === null ? {} : { authorization }),
    },
    body: posted.form ? new URLSearchParams(members).toString() : JSON.stringify(members),
  })
  return {
    status: response.status,
    headers: response.headers,
    json: (await response.json()) as AnswerMembers,
  }
}

function redemption(gateway: Gateway, code: string): Record<string, string> {
  return {
    redirect_uri: REDIRECT_URI,
    scope: 'email',
    grant_type: 'authorization_code',
    code,
    code_verifier: VERIFIER,
    client_id: gateway.clientId,
  }
}

async function redeem(gateway: Gateway, changes: Record<string, string> = {}, posted: Posted = {}) {
  const code = await codeFrom(gateway)
  return post(gateway, GATEWAY_PATHS.getAccessToken, { ...redemption(gateway, code), ...changes }, posted)
}

async function hello(gateway: Gateway, accessToken: string) {
  const response = await fetch(gateway.resourceUrl, { headers: { authorization: `Bearer ${accessToken}` } })
  return { status: response.status, text: await response.text() }
}

test("the vendor's test vector is standard S256", () => {
  expect(createHash('sha256').update(VERIFIER).digest('base64url')).toBe(CHALLENGE)
})

describe('the approval', () => {
  test('is clicked before credentials are asked, and then gives a code of 32 hexadecimal digits', async () => {
    const gateway = await gatewayWith()
    const page = await fetch(authorizationUrl(gateway))
    expect(page.status).toBe(200)
    const html = await page.text()
    for (const field of [
      'client_id',
      'redirect_uri',
      'scope',
      'state',
      'approved',
      'response_type',
      'selectScope',
    ]) {
      expect(html).toContain(`name="${field}"`)
    }
    expect(html).toContain('name="approve" value="Approve"')
    expect(html).toContain('Demo gateway')
    expect(html).not.toMatch(/<script|src=|https?:\/\/(?!127\.0\.0\.1)/)

    const location = new URL(await approve(authorizationUrl(gateway), ADA))
    expect(location.origin + location.pathname).toBe(REDIRECT_URI)
    expect(location.searchParams.get('code')).toMatch(/^[0-9a-f]{32}$/)
  })

  test.each([
    { stateEcho: true, state: 'a-state-of-sixteen' },
    { stateEcho: false, state: null },
  ])('with stateEcho $stateEcho answers with state $state', async ({ stateEcho, state }) => {
    const gateway = await gatewayWith({ stateEcho })
    const location = new URL(await approve(authorizationUrl(gateway), ADA))
    expect(location.searchParams.get('state')).toBe(state)
    const denied = new URL(await approve(authorizationUrl(gateway), { ...ADA, deny: true }))
    expect(denied.searchParams.get('error')).toBe('access_denied')
    expect(denied.searchParams.get('state')).toBe(state)
  })

  test('answers markup in its parameters escaped', async () => {
    const gateway = await gatewayWith()
    const html = await (await fetch(authorizationUrl(gateway, { state: '"><script>1</script>' }))).text()
    expect(html).not.toContain('<script>')
    const location = new URL(await approve(authorizationUrl(gateway, { state: '"><script>1</script>' }), ADA))
    expect(location.searchParams.get('state')).toBe('"><script>1</script>')
  })

  test('refuses a wrong password with the challenge again', async () => {
    const gateway = await gatewayWith()
    await expect(approve(authorizationUrl(gateway), { ...ADA, password: 'wrong' })).rejects.toMatchObject({
      code: 'provider_refused',
      detail: expect.stringContaining('401'),
    })
    expect(gateway.counts.codesIssued).toBe(0)
  })

  test.each([
    ['another redirect URI', { redirect_uri: 'http://127.0.0.1:8252/callback/' }],
    ['another port', { redirect_uri: 'http://127.0.0.1:8253/callback' }],
    ['no redirect URI', { redirect_uri: null }],
    ['an unknown client', { client_id: 'nobody' }],
  ])('shows a page and redirects nowhere for %s', async (_what, changes) => {
    const gateway = await gatewayWith()
    const response = await fetch(authorizationUrl(gateway, changes), { redirect: 'manual' })
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
  })

  test.each([
    ['invalid_scope', { scope: 'email everything' }],
    ['unsupported_response_type', { response_type: 'token' }],
    ['invalid_request', { code_challenge: null, code_challenge_method: null }],
    ['invalid_request', { code_challenge_method: 'S512' }],
    ['invalid_request', { code_challenge: 'short' }],
  ])('redirects with %s for %o', async (error, changes) => {
    const gateway = await gatewayWith()
    const location = new URL(await approve(authorizationUrl(gateway, changes), ADA))
    expect(location.searchParams.get('error')).toBe(error)
    expect(location.searchParams.get('state')).toBe('a-state-of-sixteen')
    expect(location.searchParams.has('code')).toBe(false)
  })

  test('checks the posted form again, as it comes from the browser', async () => {
    const gateway = await gatewayWith()
    const response = await fetch(gateway.baseUrl + GATEWAY_PATHS.authorize, {
      method: 'POST',
      redirect: 'manual',
      headers: { authorization: `Basic ${Buffer.from('ada:lovelace').toString('base64')}` },
      body: new URLSearchParams({
        client_id: gateway.clientId,
        redirect_uri: 'https://elsewhere.example/',
        scope: 'email',
        response_type: 'code',
        approved: 'true',
        approve: 'Approve',
      }),
    })
    expect(response.status).toBe(400)
  })

  test('asks nobody with autoApprove', async () => {
    const gateway = await gatewayWith({ autoApprove: true })
    const response = await fetch(authorizationUrl(gateway), { redirect: 'manual' })
    expect(response.status).toBe(302)
    expect(response.headers.get('location')).toMatch(/code=[0-9a-f]{32}&state=a-state-of-sixteen$/)
  })
})

describe('the token endpoint', () => {
  test.each([{ form: false }, { form: true }])('redeems a code once (form: $form)', async ({ form }) => {
    const gateway = await gatewayWith()
    const { status, json } = await redeem(gateway, {}, { form })
    expect(status).toBe(200)
    expect(json).toEqual({
      access_token: expect.stringMatching(/^[0-9a-f]{64}$/),
      token_type: 'Bearer',
      expires_in: 3600,
    })
    expect(await hello(gateway, json.access_token)).toEqual({ status: 200, text: '{"hello":"ada"}' })
    expect(gateway.counts).toMatchObject({ codesIssued: 1, codesRedeemed: 1, codesRedeemedTwice: 0 })
  })

  test('takes an omitted code_challenge_method for plain', async () => {
    const gateway = await gatewayWith()
    const code = await codeFrom(gateway, { code_challenge: VERIFIER, code_challenge_method: null })
    const { status } = await post(gateway, GATEWAY_PATHS.getAccessToken, redemption(gateway, code))
    expect(status).toBe(200)
  })

  test('verifies a challenge that was sent even where PKCE is not enforced', async () => {
    const gateway = await gatewayWith({ enforcePkce: false })
    expect((await redeem(gateway, { code_verifier: 'f'.repeat(64) })).json.error).toBe('invalid_grant')
    const code = await codeFrom(gateway, { code_challenge: null, code_challenge_method: null })
    const { code_verifier: _, ...members } = redemption(gateway, code)
    expect((await post(gateway, GATEWAY_PATHS.getAccessToken, members)).status).toBe(200)
  })

  test.each([
    [400, 'invalid_grant', { code_verifier: CHALLENGE }],
    [400, 'invalid_grant', { redirect_uri: 'http://localhost:8252/callback' }],
    [400, 'invalid_grant', { code: '0'.repeat(32) }],
    [400, 'unsupported_grant_type', { grant_type: 'password' }],
    [401, 'invalid_client', { client_id: 'somebody-else' }],
    [400, 'invalid_request', { client_secret: 'in-the-body' }],
  ])('answers %i %s to %o', async (status, error, changes) => {
    const gateway = await gatewayWith()
    const answer = await redeem(gateway, changes)
    expect(answer).toMatchObject({ status, json: { error } })
    expect(gateway.counts.codesRedeemed).toBe(0)
  })

  test.each([
    ['no credentials', null],
    [
      'a wrong secret',
      `Basic ${Buffer.from('374b1fae-0c5d-4f5c-9d7e-5a1b6c2d3e4f:wrong').toString('base64')}`,
    ],
    [
      'form-encoded credentials',
      `Basic ${Buffer.from('374b1fae%2D0c5d%2D4f5c%2D9d7e%2D5a1b6c2d3e4f:demo%2Dgateway%2Dsecret').toString('base64')}`,
    ],
    ['another scheme', 'Bearer abc'],
  ])('refuses a confidential client with %s', async (_what, authorization) => {
    const gateway = await gatewayWith()
    const answer = await redeem(gateway, {}, { authorization })
    expect(answer).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
  })

  test('takes a public client by its client_id alone', async () => {
    const gateway = await gatewayWith({ clientSecret: null })
    expect((await redeem(gateway, {}, { authorization: null })).status).toBe(200)
    expect((await redeem(gateway)).status).toBe(401)
  })

  test('revokes what a code gave when the code comes a second time', async () => {
    const gateway = await gatewayWith()
    const code = await codeFrom(gateway)
    const first = await post(gateway, GATEWAY_PATHS.getAccessToken, redemption(gateway, code))
    expect((await hello(gateway, first.json.access_token)).status).toBe(200)
    const second = await post(gateway, GATEWAY_PATHS.getAccessToken, redemption(gateway, code))
    expect(second).toMatchObject({ status: 400, json: { error: 'invalid_grant' } })
    expect(gateway.counts.codesRedeemedTwice).toBe(1)
    const refused = await hello(gateway, first.json.access_token)
    expect(refused.status).toBe(401)
    expect(refused.text).toContain('[ISS.0010.8046]')
  })

  test('refuses a code after 600 seconds', async () => {
    let now = 1_800_000_000_000
    const gateway = await gatewayWith({ now: () => now })
    const [early, late] = [await codeFrom(gateway), await codeFrom(gateway)]
    now += 599_000
    expect((await post(gateway, GATEWAY_PATHS.getAccessToken, redemption(gateway, early))).status).toBe(200)
    now += 1_000
    const refused = await post(gateway, GATEWAY_PATHS.getAccessToken, redemption(gateway, late))
    expect(refused.json.error).toBe('invalid_grant')
  })

  test('records requests as they came, the Authorization header as its scheme only', async () => {
    const printed: string[] = []
    const gateway = await gatewayWith({ onTokenRequest: ({ path }) => void printed.push(path) })
    await redeem(gateway)
    expect(printed).toEqual([GATEWAY_PATHS.getAccessToken])
    const [recorded] = gateway.tokenRequests
    expect(recorded).toMatchObject({
      method: 'POST',
      path: GATEWAY_PATHS.getAccessToken,
      headers: { authorization: 'Basic', 'content-type': 'application/json' },
    })
    expect(Object.keys(JSON.parse(recorded?.body ?? '{}'))).toEqual([
      'redirect_uri',
      'scope',
      'grant_type',
      'code',
      'code_verifier',
      'client_id',
    ])
    expect(JSON.stringify(recorded?.headers)).not.toContain(gateway.clientSecret)
  })
})

describe('refresh', () => {
  const refreshed = (gateway: Gateway, refreshToken: string) =>
    post(gateway, GATEWAY_PATHS.refreshAccessToken, {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
    })

  test('echoes grant_type, pads scope and keeps the refresh token', async () => {
    const gateway = await gatewayWith({ refreshTokens: true })
    const { json } = await redeem(gateway)
    const { status, json: answer } = await refreshed(gateway, json.refresh_token)
    expect(status).toBe(200)
    expect(answer).toEqual({
      grant_type: 'refresh_token',
      scope: 'email ',
      refresh_token: json.refresh_token,
      access_token: expect.stringMatching(/^[0-9a-f]{64}$/),
      token_type: 'Bearer',
      expires_in: 3600,
    })
    expect(answer.access_token).not.toBe(json.access_token)
  })

  test('rotates when told to, and the reuse of an old token revokes the family', async () => {
    const gateway = await gatewayWith({ rotateRefreshTokens: true })
    const { json: first } = await redeem(gateway)
    const { json: second } = await refreshed(gateway, first.refresh_token)
    expect(second.refresh_token).not.toBe(first.refresh_token)
    expect(gateway.isRefreshable(second.refresh_token)).toBe(true)
    expect((await refreshed(gateway, first.refresh_token)).json.error).toBe('invalid_grant')
    expect(gateway.counts).toMatchObject({ refreshes: 1, refreshTokensReused: 1 })
    expect((await refreshed(gateway, second.refresh_token)).json.error).toBe('invalid_grant')
    expect((await hello(gateway, second.access_token)).status).toBe(401)
    expect(gateway.isRefreshable(second.refresh_token)).toBe(false)
  })

  test('revokes and introspects, with active as a string', async () => {
    const gateway = await gatewayWith({ refreshTokens: true })
    const { json } = await redeem(gateway)
    const introspected = async () =>
      (await post(gateway, GATEWAY_PATHS.introspectToken, { token: json.access_token })).json
    expect(await introspected()).toMatchObject({ active: 'true', username: 'ada', scope: 'email' })
    const revoked = await post(gateway, GATEWAY_PATHS.revokeToken, {
      token: json.refresh_token,
      token_type_hint: 'refresh_token',
    })
    expect(revoked.status).toBe(200)
    expect(await introspected()).toEqual({ active: 'false' })
    expect((await post(gateway, GATEWAY_PATHS.revokeToken, { token: 'never-issued' })).status).toBe(200)
  })

  test('an expired access token is refused by the resource and can be refreshed', async () => {
    const gateway = await gatewayWith({ refreshTokens: true })
    const { json } = await redeem(gateway)
    gateway.expireAccessTokens()
    expect((await hello(gateway, json.access_token)).status).toBe(401)
    const { json: answer } = await refreshed(gateway, json.refresh_token)
    expect((await hello(gateway, answer.access_token)).status).toBe(200)
  })
})

describe('faults', () => {
  test('replace one answer and leave the code unspent', async () => {
    const gateway = await gatewayWith()
    const code = await codeFrom(gateway)
    gateway.failNext({ status: 503, body: '<h1>Bad</h1>', headers: { 'retry-after': '7' } })
    const failed = await fetch(gateway.baseUrl + GATEWAY_PATHS.getAccessToken, { method: 'POST' })
    expect([failed.status, failed.headers.get('retry-after'), await failed.text()]).toEqual([
      503,
      '7',
      '<h1>Bad</h1>',
    ])
    expect((await post(gateway, GATEWAY_PATHS.getAccessToken, redemption(gateway, code))).status).toBe(200)
  })

  test.each([
    { afterServing: false, redeemed: 0 },
    { afterServing: true, redeemed: 1 },
  ])('drop the connection with afterServing $afterServing', async ({ afterServing, redeemed }) => {
    const gateway = await gatewayWith()
    gateway.failNext({ destroy: true, afterServing })
    await expect(redeem(gateway)).rejects.toThrow()
    expect(gateway.counts).toMatchObject({ tokenRequests: 1, codesRedeemed: redeemed })
  })

  test('a late answer is a proper one, and closing does not wait for it', async () => {
    const gateway = await gatewayWith()
    gateway.failNext({ delayMs: 20 })
    expect((await redeem(gateway)).status).toBe(200)
    gateway.failNext({ delayMs: 60_000 })
    const waiting = redeem(gateway).catch(() => 'closed')
    while (gateway.tokenRequests.length < 2) await new Promise((resolve) => setTimeout(resolve, 2))
    await gateway.close()
    expect(await waiting).toBe('closed')
  })
})

describe('https', () => {
  test('is demanded with requireHttps: plain http gets 400 at every endpoint', async () => {
    const gateway = await gatewayWith({ requireHttps: true })
    expect((await fetch(authorizationUrl(gateway))).status).toBe(400)
    const answer = await post(gateway, GATEWAY_PATHS.getAccessToken, redemption(gateway, 'c'))
    expect(answer.status).toBe(400)
    expect(gateway.tokenRequests).toEqual([])
  })

  test.skipIf(needs('openssl') !== undefined)(
    'is served under a private CA, trusted only when given',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'catchd-test-'))
      try {
        const { ca, key, cert } = makeCertificates(folder)
        const gateway = await gatewayWith({ tls: { key, cert }, requireHttps: true })
        expect(gateway.baseUrl).toMatch(/^https:/)
        await expect(approve(authorizationUrl(gateway), ADA)).rejects.toMatchObject({
          code: 'provider_unreachable',
        })
        expect(await approve(authorizationUrl(gateway), { ...ADA, ca })).toContain('code=')
      } finally {
        await rm(folder, { recursive: true })
      }
    },
  )
})
