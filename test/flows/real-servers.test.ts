/**
 * Whole logins of the built program at authorization servers that other people wrote: discovery, PKCE, `iss`,
 * rotation of refresh tokens, revocation at logout.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { type Daemon, type DaemonOptions, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { startGlewlwyd, withoutGlewlwyd } from '../support/glewlwyd.js'
import { exchange } from '../support/http-client.js'
import { type OidcProviderOptions, startOidcProvider } from '../support/oidc-provider.js'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function daemonWith(options: DaemonOptions): Promise<Daemon> {
  const daemon = await startDaemon(options)
  cleanUps.push(() => daemon.stop())
  return daemon
}

async function accessToken(daemon: Daemon, profile: string, query = ''): Promise<string> {
  const answer = await daemon.api('GET', `/v1/tokens/${profile}${query}`)
  expect(answer.status, answer.text).toBe(200)
  return String(answer.json['access_token'])
}

async function refreshed(daemon: Daemon, profile: string): Promise<string> {
  const answer = await daemon.api('POST', `/v1/tokens/${profile}/refresh`)
  expect(answer.status, answer.text).toBe(200)
  return String(answer.json['access_token'])
}

describe('oidc-provider', () => {
  interface Setting extends Omit<OidcProviderOptions, 'redirectUris'> {
    readonly profile?: object
    readonly env?: DaemonOptions['env']
  }

  async function corp({ profile, env, ...options }: Setting = {}) {
    const redirectPort = await freePort()
    const redirectUris = [`http://127.0.0.1:${redirectPort}/callback/corp`]
    const server = await startOidcProvider({ redirectUris, ...options })
    cleanUps.push(() => server.close())
    const entry = {
      issuer: server.issuer,
      client_id: server.clientId,
      ...(server.clientSecret === null ? {} : { client_secret: server.clientSecret }),
      ...(options.tokenEndpointAuthMethod === undefined
        ? {}
        : { token_endpoint_auth_method: options.tokenEndpointAuthMethod }),
      scope: 'openid email',
      ...profile,
    }
    const daemon = await daemonWith({ redirectPort, config: { profiles: { corp: entry } }, env: env ?? {} })
    const userinfo = async (token: string) => {
      const { status } = await exchange(`${server.issuer}/me`, {
        headers: { authorization: `Bearer ${token}` },
      })
      return status
    }
    return { server, daemon, userinfo }
  }

  test.each(['none', 'client_secret_basic', 'client_secret_post'] as const)(
    'logs in, refreshes with rotation and revokes at logout, client authentication %s',
    async (method) => {
      const { server, daemon, userinfo } = await corp({ tokenEndpointAuthMethod: method })
      const { authorizationUrl, response, page, login } = await daemon.login('corp', server.approve)
      expect(new URL(authorizationUrl).searchParams.get('code_challenge_method')).toBe('S256')
      expect(response.status).toBe(303)
      expect(page?.status).toBe(200)
      expect(login).toMatchObject({ profile: 'corp', status: 'succeeded', error: null })

      const first = await accessToken(daemon, 'corp')
      expect(await userinfo(first)).toBe(200)
      const second = await refreshed(daemon, 'corp')
      const third = await refreshed(daemon, 'corp')
      expect(new Set([first, second, third]).size).toBe(3)
      expect(await accessToken(daemon, 'corp')).toBe(third)
      expect(await userinfo(third)).toBe(200)
      expect(server.counts).toMatchObject({ codesRedeemed: 1, refreshes: 2, refreshTokensReused: 0 })

      expect((await daemon.api('DELETE', '/v1/tokens/corp')).status).toBe(204)
      expect(server.counts.revocations).toBeGreaterThan(0)
      expect(await userinfo(third)).toBe(401)
      const after = await daemon.api('GET', '/v1/tokens/corp')
      expect(after).toMatchObject({ status: 409, json: { code: 'login_required' } })
    },
  )

  test('shows whose account it is and what was granted', async () => {
    const { server, daemon } = await corp()
    await daemon.login('corp', server.approve)
    const { json } = await daemon.api('GET', '/v1/profiles/corp')
    expect(json).toMatchObject({ status: 'logged_in', scope: 'openid email', subject: 'ada' })
  })

  test('takes the response as a posted form', async () => {
    const { server, daemon } = await corp({ profile: { response_mode: 'form_post' } })
    const { response, login } = await daemon.login('corp', server.approve)
    expect(response.status).toBe(303)
    expect(login).toMatchObject({ status: 'succeeded' })
  })

  test('a denied login fails with its cause', async () => {
    const { server, daemon } = await corp()
    const { login } = await daemon.login('corp', (url) => server.approve(url, { deny: true }))
    expect(login).toMatchObject({
      status: 'failed',
      error: { code: 'authorization_denied', error: 'access_denied' },
    })
    expect(server.counts.tokenRequests).toBe(0)
  })

  test.each([
    ['another issuer', () => 'http://127.0.0.1:9'],
    ['the issuer and a slash', (issuer: string) => `${issuer}/`],
    ['no issuer', () => null],
  ])('a response with %s ends the login and sends no token request', async (_what, issFor) => {
    const { server, daemon } = await corp()
    const { page, login } = await daemon.login('corp', async (url) => {
      const answer = new URL(await server.approveByRedirect(url))
      const iss = issFor(server.issuer)
      if (iss === null) answer.searchParams.delete('iss')
      else answer.searchParams.set('iss', iss)
      return answer.href
    })
    expect(login).toMatchObject({ status: 'failed', error: { code: 'issuer_mismatch' } })
    expect(page?.body).toContain('issuer_mismatch')
    expect(server.counts.tokenRequests).toBe(0)
  })

  test('many callers at expiry make one refresh', async () => {
    const { server, daemon } = await corp({
      accessTokenLifetimeSeconds: 120,
      profile: { refresh: 'on_demand' },
    })
    await daemon.login('corp', server.approve)
    const callers = Array.from({ length: 50 }, () => accessToken(daemon, 'corp', '?min_ttl=120'))
    const tokens = new Set(await Promise.all(callers))
    expect(tokens.size).toBe(1)
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensReused: 0 })
  })

  test('kill -9 loses no stored token set, and the rotated refresh token still works', async () => {
    const { server, daemon, userinfo } = await corp({ env: { CATCHD_VAULT: 'file' } })
    await daemon.login('corp', server.approve)
    const before = await refreshed(daemon, 'corp')
    await daemon.restart('SIGKILL')
    expect(await accessToken(daemon, 'corp')).toBe(before)
    expect(await userinfo(await refreshed(daemon, 'corp'))).toBe(200)
    expect(server.counts).toMatchObject({ codesRedeemed: 1, refreshes: 2, refreshTokensReused: 0 })
  })
})

describe.skipIf(withoutGlewlwyd !== undefined)('glewlwyd', () => {
  async function glew() {
    const redirectPort = await freePort()
    const server = await startGlewlwyd({ redirectUris: [`http://127.0.0.1:${redirectPort}/callback/glew`] })
    cleanUps.push(() => server.close())
    const daemon = await daemonWith({
      redirectPort,
      config: {
        profiles: {
          glew: {
            issuer: server.issuer,
            client_id: server.clientId,
            client_secret: server.clientSecret,
            scope: 'openid',
          },
        },
      },
    })
    return { server, daemon }
  }

  test('logs in, refreshes with rotation and revokes at logout', async () => {
    const { server, daemon } = await glew()
    const { response, page, login } = await daemon.login('glew', server.approve)
    expect(response.status).toBe(303)
    expect(page?.status).toBe(200)
    expect(login).toMatchObject({ status: 'succeeded', error: null })

    const tokens = [await accessToken(daemon, 'glew')]
    // Each rotation uses the refresh token of the one before; an old one would revoke the family.
    for (let round = 0; round < 3; round += 1) tokens.push(await refreshed(daemon, 'glew'))
    expect(new Set(tokens).size).toBe(4)
    expect(server.log().match(/Refresh token generated for client 'catchd' granted/g)).toHaveLength(4)
    const revoked = /Refresh token generated for client 'catchd' revoked/
    expect(server.log()).not.toMatch(revoked)

    expect((await daemon.api('DELETE', '/v1/tokens/glew')).status).toBe(204)
    expect(server.log()).toMatch(revoked)
    const after = await daemon.api('GET', '/v1/tokens/glew')
    expect(after).toMatchObject({ status: 409, json: { code: 'login_required' } })
  })
})
