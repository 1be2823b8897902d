/**
 * `catchd lock` on the built program: what is refused while it is locked, what still answers, what unlocks it, and that
 * nothing is lost and no token is left in memory (SECURITY.md#a-lock-is-a-lock).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { startGateway } from '../../src/demo/gateway.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { exchange } from '../support/http-client.js'
import { keyringReason, startKeyring } from '../support/keyring.js'
import { needs } from '../support/needs.js'
import { environment, PROGRAM } from '../support/program.js'

const run = promisify(execFile)
const cleanUps: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const PASSPHRASE = 'lock-passphrase-canary'

interface Options {
  readonly env?: Record<string, string>
  readonly lock?: object
}

async function start({ env = {}, lock }: Options = {}) {
  const gateway = await startGateway({ rotateRefreshTokens: true })
  cleanUps.push(() => gateway.close())
  const daemon = await startDaemon({
    env: { CATCHD_VAULT: 'file', GW_SECRET: gateway.clientSecret ?? '', ...env },
    config: {
      profiles: {
        gw: {
          preset: 'webmethods',
          base_url: gateway.baseUrl,
          client_id: gateway.clientId,
          client_secret: { env: 'GW_SECRET' },
          scope: 'email',
          hosts: ['gw.example.com'],
        },
      },
      ...(lock === undefined ? {} : { lock }),
    },
  })
  cleanUps.push(() => daemon.stop())
  gateway.allowRedirectUri(daemon.redirectUri('gw'))
  const [user] = gateway.users
  const approved = (url: string) => approve(url, { user: user.name, password: user.password })
  const { login } = await daemon.login('gw', approved)
  expect(login).toMatchObject({ status: 'succeeded' })
  const token = async () => (await daemon.api('GET', '/v1/tokens/gw')).json['access_token']
  const lockIt = async (passphrase = PASSPHRASE) => {
    const answer = await daemon.api('POST', '/v1/lock', { body: { passphrase } })
    expect(answer.status, answer.text).toBe(204)
  }
  return { gateway, daemon, approved, token, lockIt }
}

const codeOf = async (daemon: Daemon, method: string, path: string, body?: unknown) => {
  const answer = await daemon.api(method, path, body === undefined ? {} : { body })
  return answer.status === 423 ? answer.json['code'] : `${answer.status} ${answer.text}`
}

describe('while it is locked', () => {
  test('every use of the tokens is refused, by every way, and no request goes to the server', async () => {
    const { daemon, gateway, lockIt, token } = await start()
    const before = await token()
    await lockIt()
    const sent = gateway.tokenRequests.length
    const calls: [method: string, path: string, body?: unknown][] = [
      ['GET', '/v1/tokens/gw'],
      ['GET', '/v1/tokens/gw?min_ttl=1'],
      ['GET', '/v1/tokens/gw?login=auto'],
      ['GET', '/v1/tokens/gw/id_token'],
      ['GET', '/v1/tokens/gw/inspection'],
      ['POST', '/v1/tokens/gw/refresh'],
      ['POST', '/v1/tokens/gw/proof', { method: 'GET', url: 'https://api.example.com/' }],
      ['DELETE', '/v1/tokens/gw'],
      ['POST', '/v1/logins', { profile: 'gw', open: false }],
      ['POST', '/v1/logins', { redirect_uri: 'http://127.0.0.1:0/cb' }],
      ['PUT', '/v1/profiles/gw', { issuer: 'https://id.example.com', client_id: 'other' }],
      ['DELETE', '/v1/profiles/gw'],
      ['POST', '/v1/profiles', { url: gateway.baseUrl }],
      ['POST', '/v1/vault/migrate', { to: 'file' }],
      ['POST', '/v1/clients', { client: 'ci', profiles: ['gw'], actions: ['token'] }],
    ]
    for (const [method, path, body] of calls) {
      expect(await codeOf(daemon, method, path, body), `${method} ${path}`).toBe('locked')
    }
    const text = await daemon.api('GET', '/v1/tokens/gw', { headers: { accept: 'text/plain' } })
    expect([text.status, text.json['code']]).toEqual([423, 'locked'])
    const overTcp = await daemon.api('GET', '/v1/tokens/gw', { via: 'tcp' })
    expect(overTcp.status).toBe(423)
    expect(gateway.tokenRequests.length).toBe(sent)

    for (const args of [
      ['token', 'gw'],
      ['refresh', 'gw'],
      ['login', 'gw', '--no-browser'],
      ['exec', 'gw', '--', 'env'],
      ['logout', 'gw'],
    ]) {
      const { exitCode, stdout, stderr } = await daemon.cli(args)
      expect([exitCode, stdout], args.join(' ')).toEqual([6, ''])
      expect(stderr).toContain('→ catchd unlock')
    }
    const helper = await daemon.cli(['credential', 'git', 'get'], {
      stdin: 'protocol=https\nhost=gw.example.com\n\n',
    })
    expect(helper.stdout).not.toContain('password=')

    expect((await daemon.api('POST', '/v1/unlock', { body: { passphrase: PASSPHRASE } })).status).toBe(204)
    expect(await token()).toBe(before)
  })

  test('status and the names of the profiles are still told, and nothing about the account', async () => {
    const { daemon, lockIt } = await start()
    expect((await daemon.api('GET', '/v1/status')).json).toMatchObject({ locked: false, lock_error: null })
    await lockIt()
    expect((await daemon.api('GET', '/v1/status')).json).toMatchObject({
      locked: true,
      vault: { kind: 'file', health: 'locked' },
    })
    const { json } = await daemon.api('GET', '/v1/profiles')
    expect(json['profiles']).toMatchObject([
      { profile: 'gw', status: 'locked', expires_at: null, scope: null, subject: null },
    ])
    const { exitCode, stdout } = await daemon.cli(['status'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('catchd is locked: catchd unlock')
    expect((await daemon.api('POST', '/v1/daemon/stop')).status).toBe(202)
  })

  test('the response of a pending login changes nothing, and finishes the login after the unlock', async () => {
    const { daemon, gateway, approved, lockIt } = await start()
    const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
    const response = await approved(String(begun.json['authorization_url']))
    await lockIt()
    const sent = gateway.tokenRequests.length
    const refused = await daemon.follow(response)
    expect(refused.status).toBe(423)
    expect(refused.body).toContain('Nothing is lost')
    expect(refused.body).toContain('catchd unlock')
    expect(refused.body).not.toContain(new URL(response).searchParams.get('code'))
    expect(gateway.tokenRequests.length).toBe(sent)

    await daemon.api('POST', '/v1/unlock', { body: { passphrase: PASSPHRASE } })
    expect((await daemon.follow(response)).status).toBe(303)
    const { json } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}?wait=10`)
    expect(json).toMatchObject({ status: 'succeeded' })
  })

  test('a proxy in the foreground sends nothing more to its upstream', async () => {
    const { daemon, lockIt } = await start()
    const seen: (string | undefined)[] = []
    const upstream = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.end('ok')
    }).listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    cleanUps.push(() => upstream.close())
    await daemon.writeConfig(readFileSync(daemon.configPath, 'utf8').replace('"gw.example.com"', ''))
    const base = await startProxy(daemon, (upstream.address() as AddressInfo).port)
    expect((await exchange(`${base}/x`)).status).toBe(200)
    await lockIt()
    // For up to a second the proxy may use the token that it has.
    await expect.poll(async () => (await exchange(`${base}/x`)).status, { interval: 100 }).toBe(423)
    const { length } = seen
    expect((await exchange(`${base}/x`)).status).toBe(423)
    expect(seen.length).toBe(length)
  })
})

async function startProxy(daemon: Daemon, port: number): Promise<string> {
  const child = spawn(process.execPath, [PROGRAM, 'proxy', 'gw', '--upstream', `http://127.0.0.1:${port}`], {
    env: environment({
      HOME: daemon.home,
      CATCHD_HOME: daemon.home,
      CATCHD_API_PORT: String(daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
    }),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanUps.push(() => ended(child))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return line.toString().trim()
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGINT')
  await once(child, 'exit')
}

describe('the passphrase', () => {
  test('a wrong one unlocks nothing and loses nothing; the right one unlocks', async () => {
    const { daemon, token, lockIt } = await start()
    const before = await token()
    await lockIt()
    for (const body of [{ passphrase: 'wrong' }, { passphrase: `${PASSPHRASE} ` }]) {
      const wrong = await daemon.api('POST', '/v1/unlock', { body })
      expect([wrong.status, wrong.json['code'], wrong.json['detail']]).toEqual([
        423,
        'locked',
        expect.stringContaining('passphrase is wrong'),
      ])
    }
    expect((await daemon.api('POST', '/v1/unlock')).json['code']).toBe('request_invalid')
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(423)
    const cli = await daemon.cli(['unlock', '--stdin'], { stdin: `${PASSPHRASE}\n` })
    expect([cli.exitCode, cli.stdout]).toEqual([0, 'catchd is unlocked.\n'])
    expect(await token()).toBe(before)
  })

  test('another one does not replace it while it is locked', async () => {
    const { daemon, token, lockIt } = await start()
    await lockIt()
    const other = await daemon.api('POST', '/v1/lock', { body: { passphrase: 'other' } })
    expect(other.json['code']).toBe('locked')
    expect((await daemon.api('POST', '/v1/lock')).status).toBe(204)
    expect((await daemon.api('POST', '/v1/unlock', { body: { passphrase: 'other' } })).status).toBe(423)
    expect((await daemon.api('POST', '/v1/unlock', { body: { passphrase: PASSPHRASE } })).status).toBe(204)
    expect(await token()).toBeDefined()
  })

  test('a restart does not open the lock, and the passphrase is nowhere', async () => {
    const { daemon, token, lockIt } = await start()
    const before = await token()
    await lockIt()
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await daemon.restart(signal)
      expect((await daemon.api('GET', '/v1/status')).json['locked']).toBe(true)
      expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(423)
    }
    const record = join(daemon.home, 'state', 'lock.json')
    expect(statSync(record).mode & 0o777).toBe(0o600)
    for (const entry of readdirSync(daemon.home, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      expect(readFileSync(join(entry.parentPath, entry.name), 'latin1')).not.toContain(PASSPHRASE)
    }
    await daemon.api('POST', '/v1/unlock', { body: { passphrase: PASSPHRASE } })
    expect(await token()).toBe(before)
    await daemon.restart()
    expect(await token(), 'unlocked for good').toBe(before)
  })

  test('a record that other users can write stops the start, and names the fix', async () => {
    const { daemon, lockIt } = await start()
    await lockIt()
    await daemon.kill('SIGTERM')
    await chmod(join(daemon.home, 'state', 'lock.json'), 0o666)
    const { exitCode, stderr } = await daemon.cli(['daemon', 'run'])
    expect(exitCode).toBe(7)
    expect(stderr).toContain('chmod 600')
  })

  test('without one, without a terminal, nothing is locked and the command says what to do', async () => {
    const { daemon, token } = await start()
    for (const args of [['lock'], ['lock', '--passphrase'], ['lock', '--stdin']]) {
      const { exitCode, stderr } = await daemon.cli(args)
      expect(exitCode, args.join(' ')).toBe(2)
      expect(stderr).toMatch(/passphrase/)
    }
    expect(await token()).toBeDefined()
  })

  test('once set, `catchd lock` needs no question', async () => {
    const { daemon, lockIt } = await start()
    await lockIt()
    await daemon.api('POST', '/v1/unlock', { body: { passphrase: PASSPHRASE } })
    const { exitCode, stdout } = await daemon.cli(['lock', '--json'])
    expect([exitCode, stdout]).toEqual([0, '{"locked":true}\n'])
    expect((await daemon.cli(['unlock'])).exitCode).toBe(2)
    expect((await daemon.api('POST', '/v1/unlock', { body: { passphrase: PASSPHRASE } })).status).toBe(204)
  })
})

describe('who may lock', () => {
  test('a key that is not for everything can neither lock nor unlock', async () => {
    const { daemon, lockIt } = await start()
    const body = { client: 'ci', profiles: ['gw'], actions: ['token', 'login'] }
    const key = String((await daemon.api('POST', '/v1/clients', { body })).json['key'])
    const as = { via: 'tcp', key, body: { passphrase: PASSPHRASE } } as const
    expect((await daemon.api('POST', '/v1/lock', as)).json['code']).toBe('forbidden')
    await lockIt()
    expect((await daemon.api('POST', '/v1/unlock', as)).json['code']).toBe('forbidden')
    const status = await daemon.api('GET', '/v1/status', { via: 'tcp', key })
    expect(status.json).toMatchObject({ locked: true })
  })
})

test('with the memory vault the tokens are sealed with the passphrase and come back', async () => {
  const { daemon, token, lockIt } = await start({ env: { CATCHD_VAULT: 'memory' } })
  const before = await token()
  expect((await daemon.api('POST', '/v1/lock')).json['code']).toBe('request_invalid')
  await lockIt()
  expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(423)
  expect((await daemon.api('POST', '/v1/unlock', { body: { passphrase: 'wrong' } })).status).toBe(423)
  expect((await daemon.api('POST', '/v1/unlock', { body: { passphrase: PASSPHRASE } })).status).toBe(204)
  expect(await token()).toBe(before)
  expect((await daemon.api('POST', '/v1/lock')).json['code'], 'each time').toBe('request_invalid')
})

describe.skipIf(keyringReason !== undefined)('with a real keyring', () => {
  test('without a passphrase catchd locks the keyring, and unlocking the keyring unlocks catchd', async () => {
    const keyring = await startKeyring()
    cleanUps.push(() => keyring.stop())
    const { HOME: _home, ...session } = keyring.env
    const { daemon, token } = await start({ env: { ...session, CATCHD_VAULT: 'keychain' } })
    const before = await token()
    const locked = await daemon.cli(['lock'])
    expect(locked.exitCode, locked.stderr).toBe(0)
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['code']).toBe('locked')
    expect((await daemon.api('POST', '/v1/unlock')).json['code']).toBe('vault_locked')
    await daemon.restart()
    expect((await daemon.api('GET', '/v1/tokens/gw')).json['code']).toBe('locked')
    await keyring.unlock()
    await expect.poll(token, { interval: 100 }).toBe(before)
  })
})

describe.skipIf(needs('dbus-daemon', 'dbus-send') !== undefined)('the screen', () => {
  test('locking it locks catchd, with the passphrase of the last lock', async () => {
    const bus = await startKeyring({ service: false })
    cleanUps.push(() => bus.stop())
    const { HOME: _home, ...session } = bus.env
    const { daemon, lockIt } = await start({ env: session, lock: { screen: true } })
    const error = async () => (await daemon.api('GET', '/v1/status')).json['lock_error']
    expect(await error()).toContain('Run: catchd lock --passphrase')
    await lockIt()
    await daemon.api('POST', '/v1/unlock', { body: { passphrase: PASSPHRASE } })
    await expect.poll(error).toBe(null)
    const locked = async () => (await daemon.api('GET', '/v1/status')).json['locked']
    const emit = (value: boolean) =>
      run(
        'dbus-send',
        ['--session', '/org/gnome/ScreenSaver', 'org.gnome.ScreenSaver.ActiveChanged', `boolean:${value}`],
        { env: { ...bus.env } },
      )
    await emit(false)
    await delay(200)
    expect(await locked()).toBe(false)
    await emit(true)
    await expect.poll(locked, { interval: 50 }).toBe(true)
  })
})
