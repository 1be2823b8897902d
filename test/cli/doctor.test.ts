/**
 * `catchd doctor` as it is built: what it says of a home in trouble, its exit codes, and that it starts and changes
 * nothing. The judgements themselves are test/doctor/checks.test.ts.
 */
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { startGateway } from '../../src/demo/gateway.js'
import { VERSION } from '../../src/version.js'
import { FakeDaemon, problem, type Routes } from '../client/fake-daemon.js'
import { makeCertificates } from '../support/certificates.js'
import { startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { keyringReason, startKeyring } from '../support/keyring.js'
import { needs } from '../support/needs.js'
import { type Environment, runProgram } from '../support/program.js'
import { fakeDaemon } from './run.js'

interface Check {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly detail: string
  readonly next: string | null
}

const cleanUps: (() => Promise<unknown> | unknown)[] = []
let home = ''

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'catchd-doctor-'))
})

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  await rm(home, { recursive: true, force: true })
})

/** In a home where nothing runs, with the sealed file as the vault. */
function place(env: Environment = {}): Environment {
  return {
    HOME: home,
    CATCHD_HOME: home,
    CATCHD_API_PORT: '0',
    CATCHD_REDIRECT_PORT: '0',
    CATCHD_VAULT: 'file',
    CATCHD_BROWSER: 'none',
    ...env,
  }
}

async function doctor(args: readonly string[] = [], env: Environment = place()) {
  const { exitCode, stdout, stderr } = await runProgram(['doctor', ...args, '--json'], { env })
  expect(stderr).toBe('')
  const checks = JSON.parse(stdout) as Check[]
  const find = (name: string) => checks.find(({ check }) => check === name)
  return { exitCode, checks, find, failures: checks.filter((check) => check.status === 'fail') }
}

async function writeConfig(config: object | string): Promise<void> {
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  await writeFile(join(home, 'config.jsonc'), text, { mode: 0o600 })
}

async function stateFile(name: string, content: string | Buffer = '', mode = 0o600): Promise<string> {
  await mkdir(join(home, 'state'), { recursive: true, mode: 0o700 })
  const path = join(home, 'state', name)
  await writeFile(path, content)
  await chmod(path, mode)
  return path
}

/** An HTTP server that is no catchd, on a port of its own. */
async function occupiedPort(): Promise<number> {
  const port = await freePort()
  const server = createServer((socket) => socket.end())
  server.listen({ host: '127.0.0.1', port })
  await once(server, 'listening')
  cleanUps.push(() => server.close())
  return port
}

describe('on a machine where nothing runs', () => {
  test('a fresh home is in order, stays empty, and no daemon is started', async () => {
    const { exitCode, failures, find } = await doctor()
    expect(failures).toEqual([])
    expect(exitCode).toBe(0)
    expect(find('daemon')?.detail).toContain('Not running')
    expect(find('configuration')).toMatchObject({ status: 'warn' })
    expect(await readdir(home)).toEqual([])
  })

  test('people read one line a check, with the fix under it and no colour where NO_COLOR is set', async () => {
    await writeConfig('{')
    const { exitCode, stdout } = await runProgram(['doctor'], { env: { ...place(), NO_COLOR: '1' } })
    expect(exitCode).toBe(7)
    expect(stdout).toMatch(/^ok {4}node {2,}Node\.js /m)
    expect(stdout).toMatch(/^fail {2}configuration {2,}.*config\.jsonc:1:2: /m)
    expect(stdout).toMatch(/^ +→ catchd profile edit$/m)
    expect(stdout).toMatch(/\n1 failed.*\.\n$/)
    expect(stdout).not.toContain('\u001b')
  })

  test('JSON is a list of check, status, detail and next', async () => {
    const { checks } = await doctor()
    for (const check of checks) expect(Object.keys(check)).toEqual(['check', 'status', 'detail', 'next'])
  })
})

describe('what is wrong decides the exit code', () => {
  test('7: a variable that is none of ours; the rest is looked at all the same', async () => {
    const { exitCode, failures, find } = await doctor([], place({ CATCHD_HOEM: '/x' }))
    expect(exitCode).toBe(7)
    expect(failures).toEqual([expect.objectContaining({ check: 'environment', next: 'unset CATCHD_HOEM' })])
    expect(find('configuration folder')?.detail).toBe(home)
  })

  test('7: a configuration that cannot be read, with its place', async () => {
    await writeConfig('{\n  "profiels": {}\n}')
    const { exitCode, failures } = await doctor()
    expect(exitCode).toBe(7)
    expect(failures).toHaveLength(1)
    expect(failures[0]?.detail).toMatch(/config\.jsonc:2:3: .*Did you mean "profiles"\?/)
  })

  test('7: a folder that others can write to; the command it names puts it right', async () => {
    await mkdir(join(home, 'state'))
    await chmod(join(home, 'state'), 0o777)
    const { exitCode, failures } = await doctor()
    expect(exitCode).toBe(7)
    expect(failures).toMatchObject([{ check: 'state folder', next: `chmod 700 ${join(home, 'state')}` }])
    expect((await stat(join(home, 'state'))).mode & 0o777).toBe(0o777)
    await chmod(join(home, 'state'), 0o700)
    expect((await doctor()).exitCode).toBe(0)
  })

  test('7: a key that others can read', async () => {
    const path = await stateFile('admin.key', 'x', 0o644)
    const { exitCode, failures } = await doctor()
    expect(exitCode).toBe(7)
    expect(failures).toMatchObject([{ check: 'state files', next: `chmod 600 ${path}` }])
  })

  test('7: a socket path that is too long', async () => {
    const { exitCode, failures } = await doctor([], place({ CATCHD_HOME: join(home, 'x'.repeat(120)) }))
    expect(exitCode).toBe(7)
    expect(failures).toMatchObject([{ check: 'folders' }])
  })

  test('6: a damaged sealed file, which is left as it is', async () => {
    const path = await stateFile('vault.sealed', 'damaged')
    const { exitCode, failures } = await doctor()
    expect(exitCode).toBe(6)
    expect(failures).toMatchObject([{ check: 'sealed file', next: 'catchd daemon restart' }])
    expect(await readFile(path, 'utf8')).toBe('damaged')
    expect(await readdir(join(home, 'state'))).toEqual(['vault.sealed'])
  })

  test('6: a sealed file whose passphrase is another', async () => {
    const daemon = await startDaemon({
      home,
      env: { CATCHD_VAULT: 'file', CATCHD_VAULT_PASSPHRASE_FILE: await stateFile('passphrase', 'right') },
      config: { profiles: { cc: { ...ENDPOINTS, client_id: 'c' } } },
    })
    cleanUps.push(() => daemon.stop())
    await daemon.api('POST', '/v1/logins', { body: { profile: 'cc', open: false } })
    await daemon.stop()
    const passphrase = (path: string) => place({ CATCHD_VAULT_PASSPHRASE_FILE: path })
    expect((await doctor([], passphrase(join(home, 'state', 'passphrase')))).exitCode).toBe(0)
    const { exitCode, failures } = await doctor([], passphrase(await stateFile('wrong', 'wrong')))
    expect(exitCode).toBe(6)
    expect(failures[0]?.detail).toContain('The sealed file cannot be opened: wrong passphrase in ')
  })

  test('8: the API port is taken, and by whom', async () => {
    const port = await occupiedPort()
    const { exitCode, failures } = await doctor([], place({ CATCHD_API_PORT: String(port) }))
    expect(exitCode).toBe(8)
    expect(failures).toMatchObject([{ check: 'API port', next: 'CATCHD_API_PORT=0 catchd daemon restart' }])
    if (process.platform === 'linux') expect(failures[0]?.detail).toContain(`process ${process.pid}`)
  })

  test('8: the redirect port is taken, the default or that of a profile', async () => {
    const [ours, own] = [await occupiedPort(), await occupiedPort()]
    const redirect_uri = `http://127.0.0.1:${own}/cb`
    await writeConfig({ profiles: { gw: { ...ENDPOINTS, client_id: 'c', redirect_uri } } })
    const { exitCode, failures } = await doctor([], place({ CATCHD_REDIRECT_PORT: String(ours) }))
    expect(exitCode).toBe(8)
    expect(failures).toMatchObject([
      { check: 'redirect port', next: 'CATCHD_REDIRECT_PORT=0 catchd daemon restart' },
      { check: 'redirect port of gw', next: 'catchd profile edit gw' },
    ])
  })

  test("8: something else is at the socket's path", async () => {
    await mkdir(join(home, 'run'), { mode: 0o700 })
    await writeFile(join(home, 'run', 'catchd.sock'), '')
    const { exitCode, find } = await doctor()
    expect(find('daemon')).toMatchObject({ status: 'fail' })
    expect(exitCode).toBe(8)
  })

  test('5: nothing listens at CATCHD_URL', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const { exitCode, failures } = await doctor([], place({ CATCHD_URL: url, CATCHD_API_KEY: 'canary' }))
    expect(exitCode).toBe(5)
    expect(failures).toMatchObject([{ check: 'daemon' }])
    expect(JSON.stringify(failures)).not.toContain('canary')
  })
})

const ENDPOINTS = {
  authorization_endpoint: 'https://as.invalid/authorize',
  token_endpoint: 'https://as.invalid/token',
}

describe('with a daemon that runs', () => {
  const status = (members: object = {}): Routes => ({
    'GET /v1/status': {
      body: {
        version: VERSION,
        pid: 1,
        started_at: '2026-01-01T00:00:00Z',
        listeners: { redirect: [], socket: null, tcp: null, tcp_error: null },
        vault: { kind: 'keychain', engine: 'keytar', health: 'ok', unsaved: [] },
        config: { path: '/x', ok: true, error: null },
        profiles: 0,
        logins_pending: 0,
        ...members,
      },
    },
  })

  test('of another version: a warning', async () => {
    const daemon = await fakeDaemon(
      status({ version: '0.0.1', vault: { kind: 'file', engine: 'sealed-file', health: 'ok', unsaved: [] } }),
    )
    const { exitCode, find } = await doctor([], place({ CATCHD_HOME: daemon.home }))
    expect(find('daemon')).toMatchObject({ status: 'warn', next: 'catchd daemon restart' })
    expect(exitCode).toBe(0)
    expect(daemon.calls).toEqual(['GET /v1/status'])
  })

  test('6: with token sets that are not stored', async () => {
    const vault = { kind: 'file', engine: 'sealed-file', health: 'unavailable', unsaved: ['gw'] }
    const daemon = await fakeDaemon(status({ vault }))
    const { exitCode, failures } = await doctor([], place({ CATCHD_HOME: daemon.home }))
    expect(exitCode).toBe(6)
    expect(failures.map(({ check }) => check)).toEqual(['vault', 'unsaved'])
    expect(failures[1]?.detail).toContain('gw')
  })

  test('5: that does not answer', async () => {
    const daemon = await fakeDaemon({ 'GET /v1/status': { silent: true } })
    const { exitCode, failures } = await doctor([], place({ CATCHD_HOME: daemon.home }))
    expect(exitCode).toBe(5)
    expect(failures).toMatchObject([{ check: 'daemon', next: 'catchd daemon logs' }])
  })

  test('over TCP, only what it says counts, and a wrong key is said', async () => {
    const daemon = new FakeDaemon({
      'GET /v1/status': problem('unauthorized', 401, { next: 'catchd status' }),
    })
    cleanUps.push(() => daemon.close())
    const url = await daemon.listenOnTcp()
    const { exitCode, checks, failures } = await doctor([], place({ CATCHD_URL: url }))
    expect(exitCode).toBe(7)
    expect(failures).toMatchObject([{ check: 'daemon' }])
    expect(checks.map(({ check }) => check)).toEqual(['node', 'environment', 'daemon'])
  })
})

describe('with the name of a profile', () => {
  test('7: one that does not exist, with a suggestion', async () => {
    await writeConfig({ profiles: { gateway: { ...ENDPOINTS, client_id: 'c' } } })
    const { exitCode, failures } = await doctor(['gatewya'])
    expect(exitCode).toBe(7)
    expect(failures).toMatchObject([{ check: 'profile', next: 'catchd profile list' }])
    expect(failures[0]?.detail).toContain('Did you mean "gateway"?')
  })

  test('a broken configuration is said once', async () => {
    await writeConfig('{')
    const { exitCode, find } = await doctor(['gw'])
    expect(exitCode).toBe(7)
    expect(find('profile')).toMatchObject({ status: 'warn' })
  })

  test('5: a server that cannot be reached', async () => {
    const server = `http://127.0.0.1:${await freePort()}`
    const authorization_endpoint = `${server}/authorize`
    const token_endpoint = `${server}/token`
    await writeConfig({ profiles: { gw: { authorization_endpoint, token_endpoint, client_id: 'c' } } })
    const { exitCode, failures } = await doctor(['gw'])
    expect(exitCode).toBe(5)
    expect(failures).toMatchObject([{ check: 'token endpoint', next: 'catchd profile show gw' }])
  })

  test('4: an issuer that publishes nothing', async () => {
    const gateway = await startGateway()
    cleanUps.push(() => gateway.close())
    await writeConfig({ profiles: { gw: { issuer: gateway.baseUrl, client_id: 'c' } } })
    const { exitCode, failures } = await doctor(['gw'])
    expect(exitCode).toBe(4)
    expect(failures).toMatchObject([{ check: 'endpoints' }])
    expect(failures[0]?.detail).toContain('publishes no metadata')
  })

  test('its endpoints, its clock and its tokens, without a secret', async () => {
    const gateway = await startGateway()
    cleanUps.push(() => gateway.close())
    const daemon = await startDaemon({
      home,
      env: { CATCHD_VAULT: 'file', GW_SECRET: gateway.clientSecret ?? '' },
      config: {
        profiles: {
          gw: {
            preset: 'webmethods',
            base_url: gateway.baseUrl,
            client_id: gateway.clientId,
            client_secret: { env: 'GW_SECRET' },
            scope: 'email',
          },
        },
      },
    })
    cleanUps.push(() => daemon.stop())
    gateway.allowRedirectUri(daemon.redirectUri('gw'))
    const env = place({
      CATCHD_API_PORT: String(daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
    })
    const before = await doctor(['gw'], env)
    expect(before.failures).toEqual([])
    expect(before.exitCode).toBe(0)
    expect(before.find('profile')?.detail).toContain(daemon.redirectUri('gw'))
    expect(before.find('endpoints')?.detail).toContain(gateway.baseUrl)
    expect(before.find('token endpoint')).toMatchObject({ status: 'ok' })
    expect(before.find('clock')).toMatchObject({ status: 'ok' })
    expect(before.find('tokens')).toMatchObject({ status: 'warn', next: 'catchd login gw' })
    expect(before.find('API port')?.detail).toContain('used by the daemon')
    expect(before.find('redirect port')?.detail).toContain('used by the daemon')
    expect(JSON.stringify(before.checks)).not.toContain(gateway.clientSecret)
    const [user] = gateway.users
    const { login } = await daemon.login('gw', (url) =>
      approve(url, { user: user.name, password: user.password }),
    )
    expect(login).toMatchObject({ status: 'succeeded' })
    const after = await doctor(['gw'], env)
    expect(after.find('tokens')).toMatchObject({ status: 'ok' })
    expect(after.find('unsaved')).toMatchObject({ status: 'ok' })
    expect(gateway.counts.codesRedeemedTwice).toBe(0)
  })

  test.skipIf(needs('openssl') !== undefined)('5: a private CA is believed with ca_file alone', async () => {
    const { caFile, key, cert } = makeCertificates(home)
    const gateway = await startGateway({ tls: { key, cert } })
    cleanUps.push(() => gateway.close())
    const profile = { preset: 'webmethods', base_url: gateway.baseUrl, client_id: 'c' }
    await writeConfig({ profiles: { without: profile, with: { ...profile, ca_file: caFile } } })
    const without = await doctor(['without'])
    expect(without.exitCode).toBe(5)
    expect(without.failures[0]?.detail).toContain('Set ca_file to that CA')
    const withFile = await doctor(['with'])
    expect(withFile.failures).toEqual([])
  })
})

describe.skipIf(keyringReason !== undefined)('on a real keyring', () => {
  test('6: locked or frozen; ok when it is neither', async () => {
    const keyring = await startKeyring()
    cleanUps.push(() => keyring.stop())
    const { HOME: _home, ...session } = keyring.env
    const env = place({ ...session, CATCHD_VAULT: 'keychain' })
    expect((await doctor([], env)).failures).toEqual([])
    await keyring.lock()
    const locked = await doctor([], env)
    expect(locked.exitCode).toBe(6)
    expect(locked.failures).toMatchObject([
      { check: 'keychain', next: 'gnome-keyring-daemon --replace --unlock' },
    ])
    await keyring.unlock()
    keyring.freeze()
    const frozen = await doctor([], env)
    keyring.thaw()
    expect(frozen.exitCode).toBe(6)
    expect(frozen.failures[0]?.detail).toContain('did not answer')
    expect((await doctor([], env)).exitCode).toBe(0)
  })
})
