/**
 * A secret goes only to the server that it came from or was entered for: token sets, codes with their verifier and client
 * secrets, however the server of a profile changes. Each test counts what arrives at the second server.
 */
import { describe, expect, test } from 'vitest'
import {
  authorizationServer,
  CLIENT_SECRET,
  daemonWith,
  dashboardSession,
  endpointsOf,
  logIn,
  publish,
  resourceServer,
  responseTo,
  rewrite,
  runPrinted,
  secretsAt,
} from './two-servers.js'

const client = {
  client_id: 'c',
  client_secret: CLIENT_SECRET,
  token_endpoint_auth_method: 'client_secret_post',
  scope: 'x',
}

async function twoServers() {
  return [await authorizationServer(), await authorizationServer()] as const
}

describe('the owner names another server', () => {
  test.each([
    ['token_endpoint', '/token'],
    ['refresh_endpoint', '/token'],
    ['issuer', ''],
  ])(
    '%s: the tokens stay, the error says what changed, and its command accepts it',
    async (key, path) => {
      const [honest, other] = await twoServers()
      const gw = { ...client, issuer: honest.base }
      const daemon = await daemonWith({ gw })
      expect(await logIn(daemon, 'gw')).toMatchObject({ status: 'succeeded' })
      const now = `${other.base}${path}`
      await rewrite(daemon, { gw: { ...gw, [key]: now } })
      const { json: problem } = await daemon.api('POST', '/v1/tokens/gw/refresh')
      expect(problem).toMatchObject({ code: 'login_required', next: 'catchd login gw' })
      expect(problem['detail']).toContain(now)
      expect(problem['detail']).toContain(honest.base)
      expect((await daemon.api('GET', '/v1/tokens/gw')).json).toMatchObject({ code: 'login_required' })
      const { exitCode, stderr } = await daemon.cli(['token', 'gw'])
      expect([exitCode, stderr]).toEqual([3, expect.stringContaining(now)])
      expect(secretsAt(other)).toEqual([])
      // The edit is undone: nothing was lost.
      await rewrite(daemon, { gw })
      expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).status).toBe(200)
      expect(secretsAt(other)).toEqual([])
      // The command as printed. The person approves.
      await rewrite(daemon, { gw: { ...gw, [key]: now } })
      const login = daemon.cli(String(problem['next']).split(' ').slice(1), {
        onStderr: (text) => {
          const url = /https?:\/\/\S+authorize\?\S+/.exec(text)?.[0]
          if (url !== undefined) void daemon.follow(responseTo(url, 'code-2')).catch(() => {})
        },
      })
      expect((await login).exitCode).toBe(0)
      expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).status).toBe(200)
      expect(secretsAt(other)).not.toEqual([])
    },
    60_000,
  )

  test('other endpoints get nothing, and the tokens are served and refreshed', async () => {
    const [honest, other] = await twoServers()
    const gw = { ...client, issuer: honest.base }
    const daemon = await daemonWith({ gw })
    await logIn(daemon, 'gw')
    const { introspection_endpoint, userinfo_endpoint, revocation_endpoint } = endpointsOf(other)
    await rewrite(daemon, { gw: { ...gw, introspection_endpoint, userinfo_endpoint, revocation_endpoint } })
    expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).status).toBe(200)
    const inspection = (await daemon.api('GET', '/v1/tokens/gw/inspection')).json
    expect(inspection).toMatchObject({
      introspection: { answer: null, error: { code: 'login_required' } },
      userinfo: { answer: null, error: { code: 'login_required' } },
    })
    expect(JSON.stringify(inspection)).toContain(userinfo_endpoint)
    const logout = await daemon.cli(['logout', 'gw'])
    expect(logout.stdout + logout.stderr).toContain(revocation_endpoint)
    expect(secretsAt(other)).toEqual([])
  }, 60_000)

  test('tokens of a grant without a login: the printed command gets new ones for it', async () => {
    const [honest, other] = await twoServers()
    const job = { ...client, issuer: honest.base, grant: 'client_credentials' }
    const daemon = await daemonWith({ job })
    expect((await daemon.api('GET', '/v1/tokens/job')).status).toBe(200)
    const { userinfo_endpoint } = endpointsOf(other)
    await rewrite(daemon, { job: { ...job, userinfo_endpoint } })
    const inspect = async () => (await daemon.api('GET', '/v1/tokens/job/inspection')).json['userinfo']
    const { error } = (await inspect()) as { error: { code: string; detail: string } }
    expect(error.code).toBe('login_required')
    const command = /run: (.*)$/.exec(error.detail)?.[1]
    expect(command).toBe('catchd refresh job')
    expect(secretsAt(other)).toEqual([])
    expect(await runPrinted(daemon, command)).toMatchObject({ exitCode: 0 })
    expect(await inspect()).toMatchObject({ error: null })
  }, 60_000)

  test('the same endpoint written out, or no longer, changes nothing', async () => {
    const [honest, other] = await twoServers()
    const gw = { ...client, issuer: honest.base }
    const daemon = await daemonWith({ gw })
    await logIn(daemon, 'gw')
    for (const entry of [{ ...gw, ...endpointsOf(honest) }, gw]) {
      await rewrite(daemon, { gw: entry })
      expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).status).toBe(200)
    }
    // The word of the same issuer: its metadata moves the token endpoint.
    publish(honest, { token_endpoint: `${other.base}/token` })
    await daemon.restart()
    expect((await daemon.api('POST', '/v1/tokens/gw/refresh')).status).toBe(200)
    expect(secretsAt(other)).toEqual(['POST /token'])
  }, 60_000)
})

describe('during a login', () => {
  test.each(['metadata', 'token_endpoint', 'issuer'])(
    'another server by %s: the code and its verifier stay',
    async (how) => {
      const [honest, other] = await twoServers()
      const gw = { ...client, issuer: honest.base }
      const daemon = await daemonWith({ gw })
      const begun = (await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })).json
      if (how === 'metadata') publish(honest, { token_endpoint: `${other.base}/token` })
      else {
        const url = how === 'issuer' ? other.base : `${other.base}/token`
        await rewrite(daemon, { gw: { ...gw, [how]: url } })
      }
      await daemon.restart() // or ten minutes, after which metadata is fetched again
      await daemon.follow(responseTo(String(begun['authorization_url']), 'code-1'))
      const ended = (await daemon.api('GET', `/v1/logins/${String(begun['login_id'])}?wait=10`)).json
      const code = how === 'issuer' ? 'profile_invalid' : 'issuer_mismatch'
      expect(ended).toMatchObject({ status: 'failed', error: { code } })
      if (how !== 'issuer') expect(JSON.stringify(ended)).toContain(`${other.base}/token`)
      expect(secretsAt(other)).toEqual([])
    },
    60_000,
  )

  test('a device code stays too', async () => {
    const [honest, other] = await twoServers()
    const grant = 'urn:ietf:params:oauth:grant-type:device_code'
    const tv = { ...client, issuer: honest.base, grant }
    honest.routes.set('/token', (_seen, response) =>
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end('{"error":"authorization_pending"}'),
    )
    const daemon = await daemonWith({ tv })
    const begun = (await daemon.api('POST', '/v1/logins', { body: { profile: 'tv' } })).json
    await rewrite(daemon, { tv: { ...tv, token_endpoint: `${other.base}/token` } })
    const ended = (await daemon.api('GET', `/v1/logins/${String(begun['login_id'])}?wait=20`)).json
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'issuer_mismatch' } })
    expect(secretsAt(other)).toEqual([])
  }, 60_000)
})

describe('a resource server that names another authorization server later', () => {
  async function takenOver(keys: object = {}) {
    const [honest, other] = await twoServers()
    const named = { server: honest }
    const resource = await resourceServer(() => named.server)
    const api = { ...client, resource_server: `${resource.base}/api`, ...keys }
    const daemon = await daemonWith({ api })
    const takeOver = async () => {
      named.server = other
      await daemon.restart()
    }
    return { honest, other, api, daemon, takeOver }
  }

  test('gets no token, code, verifier or client secret for it', async () => {
    const { honest, other, daemon, takeOver } = await takenOver()
    await logIn(daemon, 'api')
    const begun = (await daemon.api('POST', '/v1/logins', { body: { profile: 'api', open: false } })).json
    await takeOver()
    await daemon.follow(responseTo(String(begun['authorization_url']), 'code-2'))
    const ended = (await daemon.api('GET', `/v1/logins/${String(begun['login_id'])}?wait=10`)).json
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'issuer_mismatch' } })
    const refused = (await daemon.api('POST', '/v1/tokens/api/refresh')).json
    expect(refused).toMatchObject({ code: 'issuer_mismatch', next: 'catchd profile edit api' })
    expect(refused['detail']).toContain(`${other.base}. Before, it named ${honest.base}.`)
    const login = await daemon.api('POST', '/v1/logins', { body: { profile: 'api', open: false } })
    expect(login.json).toMatchObject({ code: 'issuer_mismatch' })
    expect((await daemon.api('GET', '/v1/tokens/api')).status).toBe(200) // it is still valid
    await daemon.api('DELETE', '/v1/tokens/api')
    // The client secret is bound without tokens too.
    const again = await daemon.api('POST', '/v1/logins', { body: { profile: 'api', open: false } })
    expect(again.json).toMatchObject({ code: 'issuer_mismatch', next: 'catchd profile edit api' })
    expect(secretsAt(other)).toEqual([])
  }, 60_000)

  test('is accepted with the printed command, and then with a login', async () => {
    const { other, daemon, takeOver } = await takenOver()
    await logIn(daemon, 'api')
    await takeOver()
    const refused = (await daemon.api('POST', '/v1/tokens/api/refresh')).json
    const edited = await runPrinted(daemon, refused['next'], { issuer: other.base })
    expect(edited).toMatchObject({ exitCode: 0 })
    const code = async () => (await daemon.api('POST', '/v1/tokens/api/refresh')).json['code']
    await expect.poll(code).toBe('login_required')
    expect(secretsAt(other)).toEqual([])
    expect(await logIn(daemon, 'api')).toMatchObject({ status: 'succeeded' })
    expect((await daemon.api('POST', '/v1/tokens/api/refresh')).status).toBe(200)
  }, 60_000)

  test('gets no client secret for a grant without a login', async () => {
    const { other, daemon, takeOver } = await takenOver({ grant: 'client_credentials' })
    expect((await daemon.api('GET', '/v1/tokens/api')).status).toBe(200)
    await takeOver()
    expect((await daemon.api('POST', '/v1/tokens/api/refresh')).json).toMatchObject({
      code: 'issuer_mismatch',
    })
    expect(secretsAt(other)).toEqual([])
  }, 60_000)

  test('may name it for a profile that was removed and added again', async () => {
    const { other, api, daemon, takeOver } = await takenOver()
    await logIn(daemon, 'api')
    await takeOver()
    await daemon.api('DELETE', '/v1/profiles/api')
    expect(secretsAt(other)).toEqual([])
    await rewrite(daemon, { api })
    expect(await logIn(daemon, 'api')).toMatchObject({ status: 'succeeded' })
  }, 60_000)
})

describe('metadata with the authorization endpoint of another server (mix-up)', () => {
  test('begins no login, until the owner names both endpoints', async () => {
    const [honest, other] = await twoServers()
    const gw = { client_id: 'c', issuer: other.base }
    const daemon = await daemonWith({ gw })
    expect(await logIn(daemon, 'gw')).toMatchObject({ status: 'succeeded' })
    const front = `${honest.base}/authorize`
    publish(other, { authorization_endpoint: front })
    await daemon.restart()
    for (const body of [
      { profile: 'gw', open: false },
      { profile: 'gw', state: 's'.repeat(16), code_verifier: 'v'.repeat(43) },
    ]) {
      const refused = (await daemon.api('POST', '/v1/logins', { body })).json
      expect(refused).toMatchObject({ code: 'provider_answer_invalid', next: 'catchd profile edit gw' })
      expect(refused['detail']).toContain(front)
    }
    const edited = await runPrinted(daemon, 'catchd profile edit gw', {
      authorization_endpoint: front,
      token_endpoint: `${other.base}/token`,
    })
    expect(edited).toMatchObject({ exitCode: 0 })
    const begun = async () =>
      (await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })).status
    await expect.poll(begun).toBe(201)
  }, 60_000)

  test('is in order with iss, and if the user approves at the issuer itself', async () => {
    const [honest, other] = await twoServers()
    publish(honest, { token_endpoint: `${other.base}/token` })
    publish(other, {
      authorization_endpoint: `${honest.base}/authorize`,
      authorization_response_iss_parameter_supported: true,
    })
    const daemon = await daemonWith({
      own: { client_id: 'c', issuer: honest.base },
      iss: { client_id: 'c', issuer: other.base },
    })
    expect(await logIn(daemon, 'own')).toMatchObject({ status: 'succeeded' })
    secretsAt(other)
    // Without iss in the response, the code is not redeemed.
    expect(await logIn(daemon, 'iss')).toMatchObject({ error: { code: 'issuer_mismatch' } })
    expect(secretsAt(other)).toEqual([])
  }, 60_000)
})

describe('a session of the dashboard', () => {
  test('gets no secret by an edit, not even with a client secret of its own', async () => {
    const [honest, other] = await twoServers()
    const gw = { ...client, issuer: honest.base }
    const daemon = await daemonWith({ gw })
    await logIn(daemon, 'gw')
    const call = await dashboardSession(daemon)
    const refused = await call('PUT', '/v1/profiles/gw', {
      ...gw,
      client_secret: '[secret]',
      token_endpoint: `${other.base}/token`,
    })
    expect(refused.json).toMatchObject({ code: 'forbidden', next: 'catchd profile edit gw' })
    const own = { ...gw, client_secret: 'of-the-session', issuer: other.base }
    expect((await call('PUT', '/v1/profiles/gw', own)).status).toBe(200)
    expect((await call('POST', '/dashboard/profiles/gw/refresh')).json).toMatchObject({
      code: 'login_required',
    })
    await call('DELETE', '/v1/tokens/gw')
    expect(secretsAt(other)).toEqual([])
    expect(secretsAt(honest)).toEqual(['POST /token'])
  }, 60_000)

  test('gets no tokens of a profile whose entry was taken out of the file', async () => {
    const [honest, other] = await twoServers()
    const gw = { client_id: 'c', issuer: honest.base, scope: 'x' }
    const daemon = await daemonWith({ gw })
    await logIn(daemon, 'gw')
    await daemon.writeConfig({ profiles: {} })
    const count = async () => (await daemon.api('GET', '/v1/status')).json['profiles']
    await expect.poll(count).toBe(0)
    const call = await dashboardSession(daemon)
    expect((await call('PUT', '/v1/profiles/gw', { ...gw, issuer: other.base })).status).toBe(201)
    expect((await call('POST', '/dashboard/profiles/gw/refresh')).json).toMatchObject({
      code: 'login_required',
    })
    await call('DELETE', '/v1/profiles/gw')
    expect(secretsAt(other)).toEqual([])
  }, 60_000)
})
