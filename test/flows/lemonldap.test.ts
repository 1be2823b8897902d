/**
 * Whole logins of the built program at LemonLDAP::NG: an OpenID Connect server whose refresh tokens stay the same,
 * whose responses bring more than the standard's parameters, and whose refusals are words of its own.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Daemon, type DaemonOptions, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { exchange, redirectTarget } from '../support/http-client.js'
import { type Lemonldap, startLemonldap, withoutLemonldap } from '../support/lemonldap.js'

describe.skipIf(withoutLemonldap !== undefined)('LemonLDAP::NG', () => {
  let server: Lemonldap
  let redirectPort: number
  let daemon: Daemon

  beforeAll(async () => {
    redirectPort = await freePort()
    server = await startLemonldap({ redirectUris: [`http://127.0.0.1:${redirectPort}/callback/lemon`] })
  })
  afterAll(() => server?.close())
  afterEach(() => daemon?.stop())

  async function start({ profile = {}, env = {} }: { profile?: object; env?: DaemonOptions['env'] } = {}) {
    const lemon = {
      issuer: server.issuer,
      client_id: server.clientId,
      client_secret: server.clientSecret,
      scope: 'openid email',
      offline_scope: 'offline_access',
      // OpenID Connect Core §11: without it offline_access is ignored.
      authorization_parameters: { prompt: 'consent' },
      ...profile,
    }
    daemon = await startDaemon({ redirectPort, config: { profiles: { lemon } }, env: env ?? {} })
    return daemon
  }

  async function accessToken(): Promise<string> {
    const answer = await daemon.api('GET', '/v1/tokens/lemon')
    expect(answer.status, answer.text).toBe(200)
    return String(answer.json['access_token'])
  }

  async function refreshed(): Promise<string> {
    const answer = await daemon.api('POST', '/v1/tokens/lemon/refresh')
    expect(answer.status, answer.text).toBe(200)
    return String(answer.json['access_token'])
  }

  async function userinfo(token: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}` }
    return (await exchange(`${server.issuer}/oauth2/userinfo`, { headers })).status
  }

  /** What the server saw since the last call. */
  let seenBefore = 0
  function newLines(): string {
    const lines = server.log().slice(seenBefore)
    seenBefore = server.log().length
    return lines
  }
  const tokenRequests = (lines: string) => lines.match(/OpenID Connect TOKEN URL/g)?.length ?? 0

  test.each(['client_secret_basic', 'client_secret_post'])(
    'signs in, consents, and serves a token that the server takes, client authentication %s',
    async (method) => {
      await start({ profile: { token_endpoint_auth_method: method } })
      newLines()
      let parameters: string[] = []
      const { response, page, login } = await daemon.login('lemon', async (url) => {
        const answer = await server.approve(url)
        parameters = [...new URL(answer).searchParams.keys()]
        return answer
      })
      expect(parameters).toContain('session_state') // OpenID Connect Session Management §2
      expect(response.status).toBe(303)
      expect(page?.status).toBe(200)
      expect(login).toMatchObject({ profile: 'lemon', status: 'succeeded', error: null })
      expect(await userinfo(await accessToken())).toBe(200)

      const lines = newLines()
      expect(lines).toContain(`Method ${method} used`)
      expect(lines).toContain('PKCE challenge validated')
      expect(tokenRequests(lines)).toBe(1)
    },
  )

  test('tells whose token it is, and what the server says about it', async () => {
    await start()
    await daemon.login('lemon', server.approve)
    const answer = await daemon.api('GET', '/v1/tokens/lemon/inspection')
    expect(answer.json).toMatchObject({
      issuer: server.issuer,
      subject: 'dwho',
      // Without offline_access, which the server gave as a refresh token and not as a scope.
      access_token: { token_type: 'Bearer', scope: 'openid email' },
      refresh_token: { refused: null },
      id_token: { header: { alg: 'RS256' }, claims: { iss: server.issuer, sub: 'dwho' } },
      introspection: { answer: { active: true, client_id: 'catchd', sub: 'dwho' }, error: null },
      userinfo: { answer: { sub: 'dwho', email: 'dwho@badwolf.org' }, error: null },
    })
    expect(answer.text).not.toContain(await accessToken())
  })

  test('a refresh token that is not replaced is kept, over a kill -9 too', async () => {
    await start({ env: { CATCHD_VAULT: 'file' } })
    await daemon.login('lemon', server.approve)
    newLines()
    const tokens = [await accessToken(), await refreshed(), await refreshed()]
    await daemon.restart('SIGKILL')
    tokens.push(await refreshed())
    expect(new Set(tokens).size).toBe(4)
    expect(await userinfo(await accessToken())).toBe(200)
    const sent = [...newLines().matchAll(/OpenID Refresh Token: (\S+)/g)].map(([, token]) => token)
    expect(sent).toHaveLength(3)
    expect(new Set(sent).size).toBe(1)
  })

  test('without offline access there is no refresh token, and a refresh says so', async () => {
    await start({ profile: { offline_scope: '', authorization_parameters: {} } })
    const { login } = await daemon.login('lemon', server.approve)
    expect(login).toMatchObject({ status: 'succeeded' })
    const answer = await daemon.api('POST', '/v1/tokens/lemon/refresh')
    expect(answer).toMatchObject({ status: 409, json: { code: 'login_required' } })
    expect(answer.json['detail']).toContain('no refresh token')
    expect(await userinfo(await accessToken())).toBe(200)
  })

  test('a logout forgets here and says that the server was not told', async () => {
    await start()
    await daemon.login('lemon', server.approve)
    const answer = await daemon.api('DELETE', '/v1/tokens/lemon')
    expect(answer.status).toBe(204)
    expect(answer.headers['catchd-revoked']).toBe('false')
    expect(answer.headers['catchd-not-revoked']).toBe('No revocation endpoint is known.')
    const after = await daemon.api('GET', '/v1/tokens/lemon')
    expect(after).toMatchObject({ status: 409, json: { code: 'login_required' } })
  })

  describe('refuses', () => {
    // With Basic the refusal is a 401 with a challenge, otherwise a 400 (RFC 6749 §5.2).
    test.each(['client_secret_basic', 'client_secret_post'])('a wrong client secret, %s', async (method) => {
      await start({ profile: { client_secret: 'another', token_endpoint_auth_method: method } })
      const { page, login } = await daemon.login('lemon', server.approve)
      expect(login).toMatchObject({
        status: 'failed',
        error: { code: 'provider_refused', error: 'invalid_client' },
      })
      expect(page?.body).toContain('invalid_client')
      const after = await daemon.api('GET', '/v1/tokens/lemon')
      expect(after.json).toMatchObject({ code: 'login_required' })
    })

    test('a redirect URI that is not registered: nothing comes back, and the login waits', async () => {
      const redirectUri = `http://127.0.0.1:${redirectPort}/callback/other`
      await start({ profile: { redirect_uri: redirectUri } })
      newLines()
      const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'lemon', open: false } })
      const approval = server.approve(String(begun.json['authorization_url']))
      await expect(approval).rejects.toThrow('no form')
      const lines = newLines()
      expect(lines).toContain(`Redirect URI ${redirectUri} not allowed`)
      expect(tokenRequests(lines)).toBe(0)
      const { json } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}`)
      expect(json).toMatchObject({ status: 'pending', error: null })
    })

    test('what the person did not consent to: a denial, in its own word', async () => {
      await start()
      newLines()
      const { page, login } = await daemon.login('lemon', (url) =>
        server.approve(url, { refuseConsent: true }),
      )
      expect(login).toMatchObject({
        status: 'failed',
        error: {
          code: 'authorization_denied',
          error: 'consent_required',
          error_description: 'consent not given',
        },
      })
      expect(page?.body).toContain('Login denied')
      expect(tokenRequests(newLines())).toBe(0)
    })

    test('a code that somebody else has spent', async () => {
      await start()
      const { login } = await daemon.login('lemon', async (url) => {
        const response = await server.approve(url)
        const spent = await exchange(`${server.issuer}/oauth2/token`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({
            grant_type: 'authorization_code',
            code: new URL(response).searchParams.get('code') ?? '',
            redirect_uri: daemon.redirectUri('lemon'),
            client_id: server.clientId,
            client_secret: server.clientSecret,
            code_verifier: 'a'.repeat(43),
          }).toString(),
        })
        expect(JSON.parse(spent.body)).toEqual({ error: 'invalid_grant' })
        return response
      })
      expect(login).toMatchObject({
        status: 'failed',
        error: { code: 'provider_refused', error: 'invalid_grant' },
      })
    })
  })

  test('a response that the browser brings twice is redeemed once', async () => {
    await start()
    newLines()
    let response = ''
    const { login } = await daemon.login('lemon', async (url) => {
      response = await server.approve(url)
      return response
    })
    expect(login).toMatchObject({ status: 'succeeded' })
    const token = await accessToken()
    const again = await daemon.deliver(response)
    const page = await daemon.follow(redirectTarget(again, response) ?? '')
    expect(page).toMatchObject({ status: 200 })
    expect(page.body).toContain('was already used')
    expect(tokenRequests(newLines())).toBe(1)
    expect(await accessToken()).toBe(token)
    expect(await userinfo(token)).toBe(200)
  })

  describe('has forgotten the refresh token, and calls that invalid_request', () => {
    test('a refresh fails, and the token that is still good is served', async () => {
      await start()
      await daemon.login('lemon', server.approve)
      const token = await accessToken()
      await server.forgetSessions()
      const answer = await daemon.api('POST', '/v1/tokens/lemon/refresh')
      expect(answer).toMatchObject({
        status: 502,
        json: { code: 'provider_refused', error: 'invalid_request' },
      })
      expect(await accessToken()).toBe(token)
    })

    test('a profile that knows the word asks for a login', async () => {
      await start({ profile: { token_response: { dead_refresh_token: ['invalid_request'] } } })
      await daemon.login('lemon', server.approve)
      await server.forgetSessions()
      const answer = await daemon.api('POST', '/v1/tokens/lemon/refresh')
      expect(answer).toMatchObject({
        status: 409,
        json: { code: 'login_required', error: 'invalid_request', next: 'catchd login lemon' },
      })
      expect((await daemon.login('lemon', server.approve)).login).toMatchObject({ status: 'succeeded' })
      expect(await userinfo(await refreshed())).toBe(200)
    })
  })
})
