/** The daemon as it is wired: what happens in which order when it starts, when it cannot, and when it ends. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/clock.js'
import { rememberedVault } from '../../src/vault/vault-choice.js'
import { CODE, codeOf, composeDaemon, issued, makeHome, PROFILES } from '../support/composed-daemon.js'
import { freePort } from '../support/free-port.js'
import { type Exchanged, exchange } from '../support/http-client.js'

const json = ({ body }: Exchanged) => JSON.parse(body)

/** Every file below a folder with what tells that it was written. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => `${path} ${statSync(path).mtimeMs} ${readFileSync(path, 'base64')}`)
    .sort()
}

async function started(options: Parameters<typeof composeDaemon>[0] = {}) {
  const composed = await composeDaemon(options)
  await composed.start()
  const { socketPath } = composed.folders
  const call = (method: string, path: string) => exchange(`http://localhost${path}`, { method, socketPath })
  return { ...composed, call, get: (path: string) => call('GET', path) }
}

/** A port that another program has until it is freed. */
async function occupied() {
  const port = await freePort()
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  return { port, free: () => new Promise<void>((resolve) => other.close(() => resolve())) }
}

describe('start', () => {
  test('composing binds nothing and writes no journal', async () => {
    const { folders, services } = await composeDaemon({ env: { CATCHD_REDIRECT_PORT: '8252' } })
    expect(existsSync(folders.socketPath)).toBe(false)
    expect(existsSync(join(folders.stateFolder, 'logins.journal'))).toBe(false)
    expect((await services.status()).listeners).toEqual({
      redirect: [],
      socket: null,
      tcp: null,
      tcp_error: null,
    })
  })

  test('a damaged line of the journal of logins does not stop it', async () => {
    const composed = await composeDaemon({})
    const facts = { profile: 'gw', redirect_uri: 'http://a b' }
    const line = JSON.stringify({ begun: 'login-1', facts })
    mkdirSync(composed.folders.stateFolder, { recursive: true, mode: 0o700 })
    writeFileSync(join(composed.folders.stateFolder, 'logins.journal'), `${line}\n`, { mode: 0o600 })
    await composed.start()
    expect(composed.services.logins.find('login-1')).toBeUndefined()
  })

  test('a second daemon of the home fails with already_running, and changes nothing', async () => {
    const first = await started()
    await first.logIn('gw')
    const before = filesOf(first.home)
    const second = await composeDaemon({
      home: first.home,
      env: { CATCHD_API_PORT: String(await freePort()) },
    })
    expect(await codeOf(second.start())).toBe('already_running')
    expect(filesOf(first.home)).toEqual(before)
    expect((await second.services.status()).listeners).toEqual({
      redirect: [],
      socket: null,
      tcp: null,
      tcp_error: null,
    })
    await second.stop()
    expect((await first.get('/v1/status')).status).toBe(200)
    expect(filesOf(first.home)).toEqual(before)
  })

  test('the socket of a daemon that was killed is taken over', async () => {
    const home = await makeHome()
    const dead = await composeDaemon({ home, config: { profiles: PROFILES } })
    // What a kill leaves behind: a socket file that nobody listens on.
    const { execFileSync } = await import('node:child_process')
    const { socketPath } = dead.folders
    const bind = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
    expect(() => execFileSync(process.execPath, ['-e', bind, socketPath], { stdio: 'ignore' })).toThrow()
    expect(existsSync(socketPath)).toBe(true)
    const next = await started({ home })
    expect((await next.get('/v1/status')).status).toBe(200)
  })

  test('a taken API port is told, the socket serves, and the port is bound when it is free', async () => {
    const { port: apiPort, free } = await occupied()
    const { get, clock, logged, folders } = await started({ env: { CATCHD_API_PORT: String(apiPort) } })
    const listeners = async () => json(await get('/v1/status')).listeners
    expect(await listeners()).toMatchObject({
      socket: folders.socketPath,
      tcp: null,
      tcp_error: expect.stringContaining(`127.0.0.1:${apiPort} is used by`),
    })
    expect(logged).toContainEqual({
      event: 'api.tcp_unavailable',
      detail: expect.stringContaining(`127.0.0.1:${apiPort}`),
    })
    const link = await exchange('http://localhost/v1/dashboard/links', {
      method: 'POST',
      socketPath: folders.socketPath,
    })
    expect(json(link)).toMatchObject({
      code: 'api_port_in_use',
      detail: expect.stringContaining(`127.0.0.1:${apiPort} is used by`),
      next: 'catchd doctor',
    })

    await clock.pass(5_000)
    expect(await listeners()).toMatchObject({ tcp: null })
    await free()
    await expect
      .poll(async () => {
        await clock.pass(60_000)
        return listeners()
      })
      .toMatchObject({ tcp: `http://127.0.0.1:${apiPort}`, tcp_error: null })
    expect(logged.filter(({ event }) => event === 'api.tcp_unavailable')).toHaveLength(1)
    expect(logged).toContainEqual({ event: 'api.tcp_open', tcp: `http://127.0.0.1:${apiPort}` })
  })

  test('a daemon that ends while the API port is taken does not take it afterwards', async () => {
    const { port: apiPort, free } = await occupied()
    const { clock, stop } = await started({ env: { CATCHD_API_PORT: String(apiPort) } })
    await stop()
    await free()
    await clock.pass(600_000)
    await expect(exchange(`http://127.0.0.1:${apiPort}/`)).rejects.toThrow()
  })

  test('a request that comes while the start fails is answered with why', async () => {
    await (await started()).get('/v1/status') // loads the routes, which would take longer than the refusal
    const composed = await composeDaemon()
    const { socketPath, stateFolder } = composed.folders
    writeFileSync(join(stateFolder, 'lock.json'), '{', { mode: 0o600 })
    const starting = codeOf(composed.start())
    while (!existsSync(socketPath)) await new Promise((resolve) => setImmediate(resolve))
    const answer = await exchange('http://localhost/v1/tokens/gw', { socketPath })
    expect(json(answer)).toMatchObject({ code: 'config_invalid' })
    expect(await starting).toBe('config_invalid')
    expect(composed.effects).toEqual([])
    expect(existsSync(socketPath)).toBe(false)
  })

  test('a taken redirect port is told, and everything else is served', async () => {
    const port = await freePort()
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { logged, get } = await started({ env: { CATCHD_REDIRECT_PORT: String(port) } })
    expect(logged).toContainEqual(
      expect.objectContaining({ event: 'redirect.unavailable', code: 'redirect_port_in_use' }),
    )
    expect((await get('/v1/status')).status).toBe(200)
  })

  test('logins of the last run are back before the first request is answered', async () => {
    const home = await makeHome()
    const env = { CATCHD_VAULT: 'file', CATCHD_REDIRECT_PORT: String(await freePort()) }
    const first = await started({ home, config: { profiles: PROFILES }, env })
    const { id } = await first.services.logins.begin({ profile: 'gw', open: false })
    const response = first.responseOf(id)
    await first.stop()
    const second = await composeDaemon({ home, env })
    const { socketPath } = second.folders
    const starting = second.start()
    while (!existsSync(socketPath)) await new Promise((resolve) => setImmediate(resolve))
    const answer = await exchange(`http://localhost/v1/logins/${id}`, { socketPath })
    expect(json(answer)).toMatchObject({ login_id: id, status: 'pending' })
    await starting
    expect((await exchange(response)).status).toBe(303)
    expect(second.services.logins.find(id)?.status).toBe('succeeded')
    expect((await second.services.tokens.get('gw', undefined)).accessToken.reveal()).toBe(
      issued().accessToken.reveal(),
    )
  })
})

describe('stop', () => {
  test('answers who waits for a login with how it stands, and closes every listener', async () => {
    const { services, folders, get, stop, environment } = await started({
      env: { CATCHD_API_PORT: String(await freePort()), CATCHD_REDIRECT_PORT: String(await freePort()) },
    })
    const { id } = await services.logins.begin({ profile: 'gw', open: false })
    await get('/v1/status') // the routes are loaded
    const waiting = get(`/v1/logins/${id}?wait=600`)
    await new Promise((resolve) => setTimeout(resolve, 50)) // it has arrived
    const { listeners } = await services.status()
    expect(listeners).toEqual({
      redirect: [`http://127.0.0.1:${environment.redirectPort}`],
      socket: folders.socketPath,
      tcp: `http://127.0.0.1:${environment.apiPort}`,
      tcp_error: null,
    })
    await stop()
    expect(json(await waiting)).toMatchObject({ login_id: id, status: 'pending' })
    expect(existsSync(folders.socketPath)).toBe(false)
    for (const url of [...listeners.redirect, listeners.tcp ?? ''])
      await expect(exchange(`${url}/`)).rejects.toThrow()
  })

  test('waits for a refresh under way, and its rotated token is stored', async () => {
    const home = await makeHome()
    const env = { CATCHD_VAULT: 'file' }
    const first = await started({ home, config: { profiles: PROFILES }, env })
    await first.logIn('gw')
    let answer = () => {}
    first.servers.gate = new Promise((resolve) => {
      answer = resolve
    })
    const refreshing = first.services.tokens.refresh('gw')
    await expect.poll(() => first.effects).toContain('refresh gw')
    let isOver = false
    const stopping = first.stop().then(() => {
      isOver = true
    })
    await new Promise((resolve) => setTimeout(resolve, 100)) // everything else has ended
    expect(isOver).toBe(false)
    answer()
    await stopping
    expect((await refreshing).refreshToken?.reveal()).toBe('refresh-r1')
    const second = await started({ home, env })
    expect((await second.services.tokens.get('gw', undefined)).accessToken.reveal()).toBe('access-r1')
  })

  test('is asked for over the API', async () => {
    const { effects, call } = await started()
    expect((await call('POST', '/v1/daemon/stop')).status).toBe(202)
    expect(effects).toEqual(['stop'])
  })
})

test('the dashboard is on the TCP address, the API on both', async () => {
  const { environment, get, keys } = await started({ env: { CATCHD_API_PORT: String(await freePort()) } })
  const origin = `http://127.0.0.1:${environment.apiPort}`
  const page = await exchange(`${origin}/`, { headers: { 'sec-fetch-dest': 'document' } })
  expect([page.status, page.body]).toEqual([401, expect.stringContaining('catchd dashboard')])
  expect((await exchange(`${origin}/v1/status`)).status).toBe(401)
  const ci = { name: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: null } as const
  const authorization = `Bearer ${(await keys.add(ci)).key.reveal()}`
  expect((await exchange(`${origin}/v1/status`, { headers: { authorization } })).status).toBe(200)
  expect((await get('/')).status).toBe(404)
})

describe('the configuration', () => {
  test('that turns bad while the daemon runs leaves the last good one in use, and says so', async () => {
    const { services, writeConfig, effects, logged } = await started({ clock: systemClock })
    await writeConfig('{ "profiles": { "gw": { "client_id": 1 } } ')
    await expect.poll(() => effects, { timeout: 5_000 }).toContain('configuration.refused')
    const { config, profiles } = await services.status()
    expect(config).toMatchObject({ ok: false, error: expect.stringContaining('config.jsonc') })
    expect(profiles).toBe(2)
    expect((await services.profiles.show('gw')).entry).toEqual(PROFILES.gw)
    expect(logged).toContainEqual({ event: 'configuration.refused' })
    await writeConfig({ profiles: { gw: PROFILES.gw } })
    await expect.poll(() => effects, { timeout: 5_000 }).toContain('configuration.changed')
    expect(await services.status()).toMatchObject({ config: { ok: true, error: null }, profiles: 1 })
  })

  test('that is bad at the start starts a daemon that says so', async () => {
    const { get, services } = await started({ config: '{' })
    expect(json(await get('/v1/status'))).toMatchObject({ config: { ok: false }, profiles: 0 })
    expect(await codeOf(services.tokens.get('gw', undefined))).toBe('config_invalid')
  })

  test('that loses a profile takes its tokens out of the memory', async () => {
    const { services, writeConfig, logIn } = await started({ clock: systemClock })
    await logIn('gw')
    expect(services.tokens.peek('gw', 0)).toBeDefined()
    await writeConfig({ profiles: { corp: PROFILES.corp } })
    await expect.poll(() => services.tokens.peek('gw', 0), { timeout: 5_000 }).toBeUndefined()
    expect(await codeOf(services.tokens.get('gw', undefined))).toBe('profile_unknown')
  })
})

describe('status', () => {
  test('says what there is, to the letter', async () => {
    const { services, folders, logIn } = await started()
    await logIn('gw')
    await services.logins.begin({ profile: 'corp', open: false })
    services.tokenServed('ci', 'gw')
    expect(await services.status()).toEqual({
      version: '0.0.0',
      pid: process.pid,
      started_at: '2026-01-01T00:00:00Z',
      listeners: {
        redirect: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)],
        socket: folders.socketPath,
        tcp: null,
        tcp_error: null,
      },
      vault: {
        kind: 'memory',
        engine: 'memory',
        health: 'ok',
        reason: null,
        next: null,
        unsaved: [],
      },
      locked: false,
      lock_error: null,
      config: { path: folders.configFile, ok: true, error: null },
      profiles: 2,
      logins_pending: 1,
      settings: [
        { key: 'daemon.redirect_port', value: 0, source: 'environment' },
        { key: 'daemon.api_port', value: 0, source: 'environment' },
        { key: 'daemon.vault', value: 'memory', source: 'environment' },
        { key: 'daemon.browser', value: 'none', source: 'environment' },
        { key: 'daemon.log_level', value: 'info', source: 'default' },
        { key: 'daemon.login_timeout_seconds', value: 600, source: 'default' },
        { key: 'daemon.client_metadata_url', value: null, source: 'default' },
      ],
      token_accesses: [
        {
          client: 'ci',
          profile: 'gw',
          first_at: '2026-01-01T00:00:00Z',
          last_at: '2026-01-01T00:00:00Z',
          count: 1,
        },
      ],
    })
  })

  test('with a limit it counts those profiles alone, and tells no accesses', async () => {
    const { services } = await started()
    await services.logins.begin({ profile: 'corp', open: false })
    services.tokenServed('ci', 'gw')
    const status = await services.status(new Set(['gw']))
    expect(status).toMatchObject({ profiles: 1, logins_pending: 0 })
    expect(status).not.toHaveProperty('token_accesses')
    expect(status).not.toHaveProperty('settings')
  })
})

test('the vault is migrated: everything is there, is served from there, and is found there by the next start', async () => {
  const home = await makeHome()
  const first = await started({ home, config: { profiles: PROFILES } })
  await first.logIn('gw')
  expect(await first.services.migrateVault('file')).toEqual({ from: 'memory', to: 'file', items: 1 })
  expect((await first.services.status()).vault).toMatchObject({ kind: 'file' })
  expect(await rememberedVault(first.folders.stateFolder)).toBe('file')
  await first.services.tokens.refresh('gw')
  await first.stop()
  const next = await started({ home, env: { CATCHD_VAULT: 'auto' } })
  expect((await next.services.status()).vault).toMatchObject({ kind: 'file' })
  expect((await next.services.tokens.get('gw', undefined)).accessToken.reveal()).toBe('access-r1')
})

test('a logout ends the pending logins of the profile, so that none of them brings tokens afterwards', async () => {
  const { services, logIn, responseOf } = await started()
  await logIn('gw')
  const { id } = await services.logins.begin({ profile: 'gw', open: false })
  const response = responseOf(id)
  await services.tokens.logout('gw')
  expect(services.logins.find(id)?.status).toBe('cancelled')
  expect((await services.logins.paste(id, response)).status).toBe('cancelled')
  expect(await codeOf(services.tokens.get('gw', undefined))).toBe('login_required')
})

test('events are logged with ids, and told without secrets', async () => {
  const { services, logged, approve } = await started()
  const told: object[] = []
  services.subscribe((event) => told.push(event))
  const { id } = await services.logins.begin({ profile: 'gw', open: false })
  await approve(id)
  expect(told).toContainEqual({
    ...{ event: 'login.succeeded', profile: 'gw', login_id: id },
    expires_at: expect.any(String),
  })
  expect(logged).toContainEqual(expect.objectContaining({ event: 'login.succeeded', login: id }))
  expect(services.activity.recent()[0]).toMatchObject({ event: 'login.succeeded', atMs: expect.any(Number) })
  expect(JSON.stringify([told, logged])).not.toMatch(new RegExp(`canary|${CODE}`))
})

test('a token exchange sends the token of the other profile', async () => {
  const exchangeProfile = {
    ...{ issuer: 'https://id.example.com', client_id: 'catchd' },
    grant: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: { profile: 'gw' },
  }
  const { services } = await started({ config: { profiles: { ...PROFILES, api: exchangeProfile } } })
  expect((await services.tokens.get('api', undefined)).accessToken.reveal()).toBe('machine-1')
})
