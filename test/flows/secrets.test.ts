/**
 * The canary: a login, a refresh, refusals and a logout with every secret known, then a search for all of them in
 * whatever the program leaves behind or shows (SECURITY.md#no-secret-leaks).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { startGateway } from '../../src/demo/gateway.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { startOidcProvider } from '../support/oidc-provider.js'

const CLIENT_SECRET = 'canary-client-secret-3f9a'

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** @returns What the page shows, without the key that it is given; link, cookie and key become secrets too. */
async function lookAtDashboard(daemon: Daemon, secrets: Map<string, string>): Promise<string[]> {
  const { json } = await daemon.api('POST', '/v1/dashboard/links')
  const link = new URL(String(json['url']))
  secrets.set('dashboard link', link.searchParams.get('link') ?? 'none')
  const browse = (path: string, headers: Record<string, string>) =>
    daemon.api('GET', path, { via: 'tcp', key: null, headers })
  const entered = await browse(link.pathname + link.search, {})
  const cookie = entered.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
  secrets.set('dashboard session', cookie.split('=')[1] ?? 'none')
  const page = await browse('/', { cookie })
  const key = /name="catchd-page-key" content="([\w-]+)"/.exec(page.text)?.[1] ?? 'none'
  secrets.set('page key', key)
  const panels = await browse('/dashboard/panels', {
    cookie,
    'catchd-page-key': key,
    'sec-fetch-site': 'same-origin',
  })
  expect([page.status, panels.status]).toEqual([200, 200])
  expect(panels.text).toContain('data-key="profile-gw"')
  return [page.text.replace(key, ''), panels.text, (await browse(link.pathname + link.search, {})).text]
}

test.each(['memory', 'file'])(
  'with the %s vault at log level trace, no secret is anywhere',
  async (vault) => {
    const gateway = await startGateway({ clientSecret: CLIENT_SECRET, refreshTokens: true })
    const daemon = await startDaemon({
      env: { CATCHD_VAULT: vault, CATCHD_LOG_LEVEL: 'trace' },
    })
    const shown: string[] = []
    const secrets = new Map<string, string>([['client secret', CLIENT_SECRET]])
    try {
      gateway.allowRedirectUri(daemon.redirectUri('gw'))
      const added = await daemon.cli(
        [
          'profile',
          'add',
          'gw',
          '--preset',
          'webmethods',
          '--base-url',
          gateway.baseUrl,
          '--client-id',
          gateway.clientId,
        ].concat(['--client-secret-stdin', '--scope', 'email']),
        { stdin: `${CLIENT_SECRET}\n` },
      )
      expect(added.exitCode, added.stderr).toBe(0)
      shown.push(added.stdout, added.stderr)

      const [user] = gateway.users
      let response = ''
      const walk = await daemon.login('gw', async (url) => {
        secrets.set('state', new URL(url).searchParams.get('state') ?? 'none')
        response = await approve(url, { user: user.name, password: user.password })
        secrets.set('code', new URL(response).searchParams.get('code') ?? 'none')
        // Refused on the way: a wrong state, a repeated code, a denied look-alike.
        for (const refused of [
          `${response}x`,
          `${response}&code=again`,
          response.replace('state=', 'state=no'),
        ]) {
          const page = await daemon.follow(refused)
          expect(page.status).toBeGreaterThanOrEqual(400)
          shown.push(page.body, JSON.stringify(page.headers))
        }
        return response
      })
      expect(walk.login['status']).toBe('succeeded')
      shown.push(JSON.stringify(walk.response), JSON.stringify(walk.page), JSON.stringify(walk.login))
      const replayed = await daemon.follow(response)
      shown.push(JSON.stringify(replayed))

      const first = await daemon.api('GET', '/v1/tokens/gw')
      secrets.set('access token', String(first.json['access_token']))
      const refreshed = await daemon.api('POST', '/v1/tokens/gw/refresh')
      expect(refreshed.status, refreshed.text).toBe(200)
      secrets.set('second access token', String(refreshed.json['access_token']))
      for (const { body } of gateway.tokenRequests) {
        const members = JSON.parse(body) as Record<string, string>
        if (members['code_verifier'] !== undefined) secrets.set('code_verifier', members['code_verifier'])
        if (members['refresh_token'] !== undefined) secrets.set('refresh token', members['refresh_token'])
      }
      expect([...secrets.keys()]).toHaveLength(7)

      gateway.failNext({
        status: 400,
        body: JSON.stringify({
          error: 'invalid_grant',
          error_description: `Bad ${secrets.get('refresh token')}`,
        }),
      })
      shown.push((await daemon.api('POST', '/v1/tokens/gw/refresh')).text)
      for (const path of [
        '/v1/profiles',
        '/v1/profiles/gw',
        '/v1/status',
        '/v1/tokens/none',
        '/openapi.json',
      ]) {
        shown.push((await daemon.api('GET', path)).text)
      }
      shown.push((await daemon.api('GET', '/v1/tokens/gw', { via: 'tcp', key: 'wrong' })).text)
      shown.push(...(await lookAtDashboard(daemon, secrets)))
      const status = await daemon.cli(['status'])
      shown.push(status.stdout, status.stderr)

      shown.push(
        readFileSync(`/proc/${daemon.pid}/cmdline`, 'utf8'),
        readFileSync(`/proc/${daemon.pid}/environ`, 'utf8'),
      )
      const logout = await daemon.cli(['logout', 'gw'])
      expect(logout.exitCode, logout.stderr).toBe(0)
      shown.push(logout.stdout, logout.stderr)
      await daemon.kill('SIGTERM')
      for (const file of filesUnder(daemon.home)) shown.push(readFileSync(file, 'latin1'))
      shown.push(daemon.output)

      const everything = shown.join('\n')
      expect(everything).toContain('login.succeeded') // the log was really read
      for (const [name, secret] of secrets) {
        expect(secret.length, name).toBeGreaterThan(10)
        expect(everything.includes(secret), `${name} leaked`).toBe(false)
      }
    } finally {
      await daemon.stop()
      await gateway.close()
    }
  },
)

test('an id_token is nowhere but where it was asked for, and what was asked for holds no other token', async () => {
  const redirectPort = await freePort()
  const redirectUri = `http://127.0.0.1:${redirectPort}/callback/gw`
  const server = await startOidcProvider({ redirectUris: [redirectUri] })
  const profile = { issuer: server.issuer, client_id: server.clientId, scope: 'openid email' }
  const daemon = await startDaemon({
    redirectPort,
    env: { CATCHD_VAULT: 'file', CATCHD_LOG_LEVEL: 'trace' },
    config: { profiles: { gw: { ...profile, redirect_uri: redirectUri } } },
  })
  const shown: string[] = []
  const secrets = new Map<string, string>()
  const idTokens: string[] = []
  try {
    const walk = await daemon.login('gw', server.approveByRedirect)
    shown.push(JSON.stringify(walk.response), JSON.stringify(walk.page), JSON.stringify(walk.login))
    for (const round of ['first', 'second']) {
      const access = String((await daemon.api('GET', '/v1/tokens/gw')).json['access_token'])
      const { text, json } = await daemon.api('GET', '/v1/tokens/gw/id_token')
      idTokens.push(String(json['id_token']))
      expect(text.includes(access)).toBe(false)
      secrets.set(`${round} access token`, access)
      await daemon.api('POST', '/v1/tokens/gw/refresh')
    }
    const key = String(
      (await daemon.api('POST', '/v1/clients', { body: { client: 'a', profiles: [], actions: ['admin'] } }))
        .json['key'],
    )
    for (const [method, path, call] of [
      ['GET', '/v1/tokens/gw', {}],
      ['GET', '/v1/tokens/gw/id_token', { via: 'tcp', key: 'wrong' }],
      ['GET', '/v1/tokens/gw/id_token', { via: 'tcp', key, headers: { origin: 'https://evil.example' } }],
      ['GET', '/v1/tokens/gw/id_token?min_ttl=x', {}],
      ['POST', '/v1/tokens/gw/id_token', {}],
      ['GET', '/v1/tokens/gw/inspection', {}],
      ['GET', '/v1/profiles/gw', {}],
      ['GET', '/v1/status', {}],
      ['GET', '/v1/logins?profile=gw', {}],
      ['DELETE', '/v1/tokens/gw', {}],
      ['GET', '/v1/tokens/gw/id_token', {}],
    ] as const) {
      const answer = await daemon.api(method, path, call)
      const isToken = path === '/v1/tokens/gw'
      shown.push(isToken ? answer.text.replace(String(answer.json['access_token']), '') : answer.text)
    }
    shown.push(...(await lookAtDashboard(daemon, secrets)))
    shown.push(readFileSync(`/proc/${daemon.pid}/cmdline`, 'utf8'))
    await daemon.kill('SIGTERM')
    for (const file of filesUnder(daemon.home)) shown.push(readFileSync(file, 'latin1'))
    shown.push(daemon.output)

    expect(new Set(idTokens).size).toBe(2)
    for (const [n, idToken] of idTokens.entries()) {
      secrets.set(`id_token ${n}`, idToken)
      secrets.set(`claims of id_token ${n}`, idToken.split('.')[1] ?? '')
      secrets.set(`signature of id_token ${n}`, idToken.split('.')[2] ?? '')
    }
    const everything = shown.join('\n')
    expect(everything).toContain('login.succeeded') // the log was really read
    for (const [name, secret] of secrets) {
      expect(secret.length, name).toBeGreaterThan(10)
      expect(everything.includes(secret), `${name} leaked`).toBe(false)
    }
  } finally {
    await daemon.stop()
    await server.close()
  }
})

test('what only the token endpoint is told is not shown, and what was shown can be put back', async () => {
  const entry = {
    authorization_endpoint: 'https://id.example.com/authorize',
    token_endpoint: 'https://id.example.com/token',
    client_id: 'catchd',
    client_secret: 'canary-secret',
    token_parameters: { audience: 'https://api.example.com', pin: 'canary-pin' },
    refresh_parameters: { device_pass: 'canary-pass', scope: '' },
    token_request_headers: { 'User-Agent': 'catchd', 'X-Api-Key': 'canary-key' },
  }
  const daemon = await startDaemon({ config: { profiles: { gw: entry } } })
  try {
    const { json: key } = await daemon.api('POST', '/v1/clients', {
      body: { client: 'ci', profiles: ['gw'], actions: ['token'] },
    })
    const lent = await daemon.api('GET', '/v1/profiles', { via: 'tcp', key: String(key['key']) })
    const shown = await daemon.api('GET', '/v1/profiles/gw')
    const { configuration } = shown.json as { configuration: Record<string, unknown> }
    expect(configuration).toEqual({
      ...entry,
      client_secret: '[secret]',
      token_parameters: { audience: 'https://api.example.com', pin: '[secret]' },
      refresh_parameters: { device_pass: '[secret]', scope: '' },
      token_request_headers: { 'User-Agent': 'catchd', 'X-Api-Key': '[secret]' },
    })

    const { client_secret: _mask, ...rest } = configuration
    const put = await daemon.api('PUT', '/v1/profiles/gw', { body: { ...rest, scope: 'email' } })
    expect(put.status, put.text).toBe(200)
    const { client_secret: _secret, ...kept } = entry
    expect(JSON.parse(readFileSync(daemon.configPath, 'utf8'))).toEqual({
      profiles: { gw: { ...kept, scope: 'email' } },
    })
    expect(`${lent.text}${shown.text}${put.text}`).not.toContain('canary')

    const unfounded = { ...rest, token_parameters: { other: '[secret]' } }
    await daemon.api('PUT', '/v1/profiles/gw', { body: unfounded })
    expect(readFileSync(daemon.configPath, 'utf8')).not.toContain('[secret]')
  } finally {
    await daemon.stop()
  }
})
