/**
 * Failed logins of the built program, explained: in the login's report, on the page, by `catchd login` and by
 * `catchd doctor NAME`; and none of them shows a secret.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import { type FakeServer, json, startFakeServer } from '../authorization-server/fake-server.js'
import { makeCertificates } from '../support/certificates.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { needs } from '../support/needs.js'
import { type OidcProviderOptions, startOidcProvider } from '../support/oidc-provider.js'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

interface Report {
  readonly causes: { cause: string; detail: string; fix: Record<string, string | null> }[]
  readonly exchanges: { endpoint: string; sent: Record<string, string>; answered: Record<string, string> }[]
}
const reportOf = (login: Readonly<Record<string, unknown>>) => login['report'] as Report

interface Check {
  readonly check: string
  readonly status: string
  readonly detail: string
  readonly next: string | null
}

/** A profile `gw` at a server that answers as the test says. */
async function atFake(
  server: FakeServer,
  profile: object,
  metadata: object = {},
  env: Record<string, string> = {},
): Promise<Daemon> {
  server.routes.set(
    '/.well-known/openid-configuration',
    json({
      issuer: server.base,
      authorization_endpoint: `${server.base}/authorize`,
      token_endpoint: `${server.base}/token`,
      jwks_uri: `${server.base}/jwks`,
      ...metadata,
    }),
  )
  return daemonWith({ issuer: server.base, client_id: 'client-1', ...profile }, undefined, env)
}

async function daemonWith(
  profile: object,
  redirectPort?: number,
  env: Record<string, string> = {},
): Promise<Daemon> {
  const daemon = await startDaemon({
    config: { profiles: { gw: profile } },
    env,
    ...(redirectPort === undefined ? {} : { redirectPort }),
  })
  cleanUps.push(() => daemon.stop())
  return daemon
}

/** The browser comes back with this, and the `state` of the request. */
const withResponse = (response: string) => async (url: string) => {
  const { searchParams } = new URL(url)
  return `${searchParams.get('redirect_uri')}?${response}&state=${searchParams.get('state')}`
}

/** A program for CATCHD_BROWSER that comes back to the redirect URI at once. */
async function browserThatBrings(response: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'catchd-browser-'))
  cleanUps.push(() => rm(folder, { recursive: true }))
  const path = join(folder, 'browser')
  const script = `#!${process.execPath}
const { searchParams } = new URL(process.argv[2])
const back = searchParams.get('redirect_uri') + '?${response}&state=' + searchParams.get('state')
require('node:http').get(back, (answer) => answer.resume())
`
  await writeFile(path, script, { mode: 0o700 })
  return path
}

async function doctor(daemon: Daemon): Promise<Check[]> {
  const { stdout } = await daemon.cli(['doctor', 'gw', '--json'])
  return JSON.parse(stdout) as Check[]
}

describe('redirect_uri mismatch', () => {
  test('an error of the authorization endpoint: the exact URI to register, everywhere', async () => {
    const server = await startFakeServer()
    const daemon = await atFake(server, { scope: 'email' })
    const uri = daemon.redirectUri('gw')
    const walk = await daemon.login(
      'gw',
      withResponse('error=invalid_request&error_description=AADSTS50011%3A+The+redirect+URI+does+not+match'),
    )
    const [cause] = reportOf(walk.login).causes
    expect(cause).toMatchObject({ cause: 'redirect_uri_mismatch', fix: { register: uri } })
    expect(walk.page?.body).toContain(`<pre class="value"><code>${uri}</code></pre>`)
    expect(walk.page?.body).toContain('catchd login gw')
    const checks = await doctor(daemon)
    expect(checks.find(({ check }) => check === 'last login')?.detail).toContain('AADSTS50011')
    expect(checks.find(({ check }) => check === 'likely cause')?.detail).toContain(uri)
  })

  test('a login that nothing came back to', async () => {
    const server = await startFakeServer()
    const daemon = await atFake(server, {})
    const body = { profile: 'gw', timeout: 5 }
    const begun = await daemon.api('POST', '/v1/logins', { body })
    const { json: login } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}?wait=10`)
    expect(login['status']).toBe('expired')
    expect(reportOf(login).causes[0]).toMatchObject({ fix: { register: daemon.redirectUri('gw') } })
    const { exitCode, stderr } = await daemon.cli(['login', 'gw', '--no-browser', '--timeout', '1'])
    expect(exitCode).toBe(124)
    expect(stderr).toContain(`Register exactly this at the server: ${daemon.redirectUri('gw')}`)
  })
})

test('wrong client authentication: what was announced, and the line that puts it right', async () => {
  const server = await startFakeServer()
  server.routes.set('/token', json({ error: 'invalid_client' }, 401))
  const daemon = await atFake(
    server,
    { client_secret: 'canary-client-secret', token_endpoint_auth_method: 'client_secret_basic' },
    { token_endpoint_auth_methods_supported: ['client_secret_post'] },
  )
  const before = await doctor(daemon)
  const walk = await daemon.login('gw', withResponse('code=canary-code-1'))
  const fix = '"token_endpoint_auth_method": "client_secret_post"'
  expect(reportOf(walk.login).causes[0]).toMatchObject({ fix: { set: fix, run: 'catchd profile edit gw' } })
  expect(reportOf(walk.login).exchanges[1]).toMatchObject({
    endpoint: `${new URL(server.base).host}/token`,
    sent: { grant_type: 'authorization_code', code: '[secret]', code_verifier: '[secret]' },
    answered: { error: 'invalid_client' },
  })
  const named = before.find(({ check }) => check === 'client authentication')
  expect(named).toMatchObject({ status: 'warn', next: 'catchd profile edit gw' })
  expect(named?.detail).toContain(fix)
})

test('a refresh that is refused says why, too', async () => {
  const server = await startFakeServer()
  const tokens = { access_token: 'canary-access-1', token_type: 'Bearer', refresh_token: 'canary-refresh-1' }
  server.routes.set('/token', json(tokens))
  const daemon = await atFake(server, {})
  expect((await daemon.login('gw', withResponse('code=canary-code-1'))).login['status']).toBe('succeeded')
  server.routes.set('/token', json({ error: 'unauthorized_client' }, 400))
  const { json: problem, text } = await daemon.api('POST', '/v1/tokens/gw/refresh')
  expect(problem).toMatchObject({ code: 'provider_refused', error: 'unauthorized_client' })
  expect(problem['detail']).toContain('Register exactly this at the server: refresh_token')
  expect(text).not.toContain('canary')
})

describe('at oidc-provider', () => {
  async function corp(options: Partial<OidcProviderOptions>, profile: object) {
    const redirectPort = await freePort()
    const server = await startOidcProvider({
      redirectUris: [`http://127.0.0.1:${redirectPort}/callback/gw`],
      ...options,
    })
    cleanUps.push(() => server.close())
    const entry = { issuer: server.issuer, client_id: server.clientId, scope: 'openid email', ...profile }
    return { server, daemon: await daemonWith(entry, redirectPort) }
  }

  test('PKCE that is switched off: the server wants it', async () => {
    const { server, daemon } = await corp({}, { code_challenge_method: 'none' })
    const walk = await daemon.login('gw', server.approve)
    expect(walk.login['status']).toBe('failed')
    expect(reportOf(walk.login).causes[0]).toMatchObject({
      cause: 'pkce_required',
      fix: { set: '"code_challenge_method": "S256"' },
    })
    const check = (await doctor(daemon)).find((found) => found.check === 'PKCE')
    expect(check).toMatchObject({ status: 'warn', next: 'catchd profile edit gw' })
  })

  test('a secret that is another one, and the method the client may be registered for', async () => {
    const { server, daemon } = await corp(
      { tokenEndpointAuthMethod: 'client_secret_post' },
      { client_secret: 'canary-another-secret', token_endpoint_auth_method: 'client_secret_basic' },
    )
    const walk = await daemon.login('gw', server.approve)
    expect(reportOf(walk.login).causes.map(({ cause }) => cause)).toEqual([
      'client_secret_wrong',
      'client_authentication_method',
      'client_secret_encoding',
    ])
  })

  test('a scope that the server does not have', async () => {
    const { server, daemon } = await corp({}, { scope: 'openid emial' })
    const [finding] = (await doctor(daemon)).filter(({ check }) => check === 'scope')
    expect(finding).toMatchObject({ status: 'warn', detail: expect.stringContaining('asks for emial, but') })
    expect(server.counts.tokenRequests).toBe(0)
  })

  test('a profile that is right: nothing to warn of but that nobody is logged in', async () => {
    const { server, daemon } = await corp({}, {})
    const before = (await doctor(daemon)).filter(({ status }) => status !== 'ok')
    expect(before.map(({ check }) => check)).not.toContain('client authentication')
    expect(before.some(({ check }) => ['grant', 'PKCE', 'scope', 'response mode'].includes(check))).toBe(
      false,
    )
    const walk = await daemon.login('gw', server.approve)
    expect(walk.login).toMatchObject({ status: 'succeeded', report: { causes: [] } })
    expect((await doctor(daemon)).find(({ check }) => check === 'last login')).toMatchObject({ status: 'ok' })
  })
})

test('a clock that is wrong: by how much, and the command that sets it', async () => {
  const server = await startFakeServer()
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  server.routes.set('/jwks', json({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' }] }))
  // Two hours ago, as far as the server knows.
  const theirs = Date.now() - 7_200_000
  let nonce = ''
  server.routes.set('/token', async (_request, response) => {
    const seconds = Math.floor(theirs / 1000)
    const idToken = await new SignJWT({ nonce })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(server.base)
      .setSubject('ada')
      .setAudience('client-1')
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 600)
      .sign(privateKey)
    const body = { access_token: 'canary-access-1', token_type: 'Bearer', id_token: idToken }
    json(body, 200, { date: new Date(theirs).toUTCString() })(_request, response)
  })
  const daemon = await atFake(
    server,
    { scope: 'openid' },
    { id_token_signing_alg_values_supported: ['ES256'] },
  )
  const walk = await daemon.login('gw', (url) => {
    nonce = new URL(url).searchParams.get('nonce') ?? ''
    return withResponse('code=canary-code-1')(url)
  })
  expect(walk.login).toMatchObject({ status: 'failed', error: { code: 'provider_answer_invalid' } })
  const [cause] = reportOf(walk.login).causes
  expect(cause).toMatchObject({
    cause: 'clock_skew',
    fix: { run: expect.stringMatching(/timedatectl|sntp|w32tm/) },
  })
  expect(cause?.detail).toMatch(/^This machine is 7\d{3} s ahead of the server/)
})

describe.skipIf(needs('openssl') !== undefined)('a private CA', () => {
  test('is named before a login begins, and by the doctor', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'catchd-ca-'))
    cleanUps.push(() => rm(folder, { recursive: true }))
    const server = await startFakeServer(makeCertificates(folder))
    const daemon = await atFake(server, {})
    const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw' } })
    expect(begun.json).toMatchObject({ code: 'provider_unreachable', next: 'catchd profile edit gw' })
    expect(begun.json['detail']).toContain('Set "ca_file": "PATH.pem" in the profile.')
    const check = (await doctor(daemon)).find((found) => found.check === 'endpoints')
    expect(check).toMatchObject({ status: 'fail', next: 'catchd profile edit gw' })
    expect(check?.detail).toContain('ca_file')
  })
})

test('no report, page, command or log holds a secret, even where the server repeats all of them', async () => {
  const server = await startFakeServer()
  const CODE = 'canary-code-8d21'
  const SECRET = 'canary secret:+/3f9a'
  const secrets = new Map([
    ['code', CODE],
    ['client secret', SECRET],
    ['client secret, form-encoded', 'canary+secret%3A%2B%2F3f9a'],
  ])
  server.routes.set('/token', (request, response) => {
    const form = new URLSearchParams(request.body)
    const verifier = form.get('code_verifier')
    if (verifier !== null) secrets.set(`code_verifier ${secrets.size}`, verifier)
    const error_description = `Refused: ${request.body} ${SECRET} ${request.headers.authorization} ${[...form.values()].join(' ')}`
    json({ error: 'invalid_client', error_description, access_token: 'canary-access-77' }, 401)(
      request,
      response,
    )
  })
  const browser = await browserThatBrings(`code=${CODE}`)
  const daemon = await atFake(
    server,
    {
      client_secret: SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
      token_parameters: { tenant_key: 'canary-parameter' },
      authorization_parameters: { login_hint: 'canary-person' },
    },
    {},
    { CATCHD_BROWSER: browser },
  )
  const shown: string[] = []
  const walk = await daemon.login('gw', (url) => {
    for (const name of ['state', 'code_challenge'])
      secrets.set(name, new URL(url).searchParams.get(name) ?? '')
    return withResponse(`code=${CODE}`)(url)
  })
  shown.push(JSON.stringify(walk.login), walk.page?.body ?? '', walk.response.body)
  const echoed = await daemon.login('gw', (url) => {
    const state = new URL(url).searchParams.get('state') ?? ''
    secrets.set('state of the second', state)
    return withResponse(`error=invalid_scope&error_description=state+${state}`)(url)
  })
  shown.push(JSON.stringify(reportOf(echoed.login)))
  const { logins } = (await daemon.api('GET', '/v1/logins?profile=gw')).json as {
    logins: { report: Report }[]
  }
  expect(logins).toHaveLength(2)
  shown.push(JSON.stringify(logins.map(({ report }) => report)))
  const failed = await daemon.cli(['login', 'gw', '--verbose'])
  expect(failed.exitCode).toBe(4)
  // The authorization URL, which a person has to open, holds state and challenge.
  shown.push(failed.stdout, failed.stderr.replace(/^http:.*$/gm, ''))
  for (const command of [['doctor', 'gw'], ['doctor', 'gw', '--json'], ['status']]) {
    const { stdout, stderr: said } = await daemon.cli(command)
    shown.push(stdout, said)
  }
  shown.push(daemon.output)
  const everything = shown.join('\n')
  expect(everything).toContain('Likely cause')
  expect(everything).toContain('code_verifier=[secret]')
  expect([...secrets.keys()]).toHaveLength(8)
  for (const [name, secret] of secrets) {
    expect(secret.length, name).toBeGreaterThan(10)
    expect(everything.includes(secret), `${name} leaked`).toBe(false)
  }
  // Nobody knows whether a parameter of the configuration is a secret.
  expect(everything).toContain('tenant_key=[secret]')
  for (const canary of ['canary-person', 'canary-access']) {
    expect(everything.includes(canary), `${canary} leaked`).toBe(false)
  }
})
