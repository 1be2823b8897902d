/** The daemon started by its first use, with addresses that systemd holds, and `catchd service` on the command line. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.js'
import { exchange } from '../support/http-client.js'
import { needs } from '../support/needs.js'
import { environment, PROGRAM, runProgram } from '../support/program.js'
import { type SeedSystem, startSeedSystem } from '../support/seed-system.js'

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function temporaryHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'catchd-'))
  cleanUps.push(() => rm(home, { recursive: true, force: true }))
  return home
}

describe.skipIf(needs('systemd-socket-activate') !== undefined)('socket activation', () => {
  async function activated(home: string, env: Record<string, string>, ports: readonly number[]) {
    await mkdir(join(home, 'run'), { recursive: true, mode: 0o700 })
    const socket = join(home, 'run', 'catchd.sock')
    await rm(socket, { force: true })
    const addresses = [socket, ...ports.map((port) => `127.0.0.1:${port}`)]
    const args = [...addresses.flatMap((address) => ['-l', address]), '--fdname=api:tcp:redirect']
    const handedOn = Object.keys(env).flatMap((name) => ['-E', name])
    const child = spawn(
      'systemd-socket-activate',
      [...args, ...handedOn, process.execPath, PROGRAM, 'daemon', 'run'],
      { env: environment(env), stdio: ['ignore', 'ignore', 'pipe'] },
    )
    cleanUps.push(() => end(child))
    const [hint] = (await once(child.stderr, 'data')) as [Buffer]
    expect(hint.toString()).toContain('Listening on')
    return { child, socket }
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
  }

  /** A system that is logged in, whose daemon was stopped: tokens rest in its sealed file. */
  async function loggedIn(): Promise<SeedSystem> {
    const system = await startSeedSystem({ env: { CATCHD_VAULT: 'file' } })
    cleanUps.push(() => system.stop())
    await system.login()
    await system.daemon.kill('SIGTERM')
    return system
  }

  test('the first request starts the daemon and gets its token, on each address', async () => {
    const { daemon } = await loggedIn()
    const env = {
      HOME: daemon.home,
      CATCHD_HOME: daemon.home,
      CATCHD_API_PORT: String(daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
      CATCHD_VAULT: 'file',
      CATCHD_BROWSER: 'none',
    }
    const { child, socket } = await activated(daemon.home, env, [daemon.apiPort, daemon.redirectPort])
    const first = await exchange('http://localhost/v1/tokens/gw', { socketPath: socket })
    expect(first.status, first.body).toBe(200)
    expect(JSON.parse(first.body)).toMatchObject({ profile: 'gw', access_token: expect.any(String) })

    const { json: status } = await daemon.api('GET', '/v1/status')
    expect(status['pid']).toBe(child.pid) // it took the place of the activator
    expect(status['listeners']).toEqual({
      redirect: [`http://127.0.0.1:${daemon.redirectPort}`],
      socket,
      tcp: `http://127.0.0.1:${daemon.apiPort}`,
      tcp_error: null,
    })
    expect((await daemon.api('GET', '/v1/tokens/gw', { via: 'tcp' })).status).toBe(200)
    expect((await daemon.api('GET', '/v1/tokens/gw', { via: 'tcp', key: null })).status).toBe(401)
    expect((await daemon.follow(`http://127.0.0.1:${daemon.redirectPort}/nowhere`)).status).toBe(404)

    await end(child)
    // Whoever bound the socket removes it.
    expect((await stat(socket)).isSocket()).toBe(true)
  })

  test('a login comes home through the address that systemd holds', async () => {
    const system = await startSeedSystem()
    cleanUps.push(() => system.stop())
    const { daemon } = system
    await daemon.kill('SIGTERM')
    const env = {
      HOME: daemon.home,
      CATCHD_HOME: daemon.home,
      CATCHD_API_PORT: String(daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
      CATCHD_VAULT: 'memory',
      CATCHD_BROWSER: 'none',
      GW_SECRET: system.gateway.clientSecret ?? '',
    }
    await activated(daemon.home, env, [daemon.apiPort, daemon.redirectPort])
    const { login } = await system.login()
    expect(login).toMatchObject({ status: 'succeeded' })
  })

  test('descriptors that are meant for another process are left alone', async () => {
    const home = await temporaryHome()
    const run = await runProgram(['daemon', 'start'], {
      env: {
        HOME: home,
        CATCHD_HOME: home,
        CATCHD_API_PORT: '0',
        CATCHD_REDIRECT_PORT: String(await freePort()),
        CATCHD_VAULT: 'memory',
        LISTEN_PID: '1',
        LISTEN_FDS: '1',
        LISTEN_FDNAMES: 'api',
      },
    })
    expect(run.exitCode, run.stderr).toBe(0)
    const answer = await exchange('http://localhost/v1/status', { socketPath: join(home, 'run/catchd.sock') })
    const { pid } = JSON.parse(answer.body) as { pid: number }
    process.kill(pid, 'SIGTERM')
    await delay(100)
  })
})

/** A systemctl that writes down what it is asked, for machines without a user manager. */
async function fakeSystemctl(home: string, exitCode = 0): Promise<{ path: string; log: string }> {
  const bin = join(home, 'bin')
  const log = join(home, 'systemctl.log')
  await mkdir(bin)
  const script = `#!/bin/sh\necho "$@" >> '${log}'\n[ ${exitCode} = 0 ] || echo 'Failed to connect to bus' >&2\nexit ${exitCode}\n`
  await writeFile(join(bin, 'systemctl'), script, { mode: 0o755 })
  return { path: `${bin}:${process.env['PATH']}`, log }
}

const service = (home: string, path: string | undefined, ...args: string[]) =>
  runProgram(['service', ...args], {
    env: { HOME: home, CATCHD_HOME: join(home, 'c'), CATCHD_VAULT: 'memory', PATH: path },
  })

test('install writes the units for this user alone and switches them on; uninstall leaves nothing', async () => {
  const home = await temporaryHome()
  const { path } = await fakeSystemctl(home)
  const unit = join(home, '.config/systemd/user/catchd.service')
  const run = await service(home, path, 'install')
  expect(run.exitCode, run.stderr).toBe(0)
  expect(run.stdout).toContain('Installed: systemd user service')
  expect((await stat(unit)).mode & 0o777).toBe(0o600)
  expect((await service(home, path, 'status', '--json')).stdout).toContain('"enabled":true')
  expect((await service(home, path, 'uninstall')).exitCode).toBe(0)
  await expect(stat(unit)).rejects.toThrow('ENOENT')
})

test('--print shows files and commands and changes nothing', async () => {
  const home = await temporaryHome()
  const run = await service(home, process.env['PATH'], 'install', '--print')
  expect(run.stdout).toContain('ListenStream=127.0.0.1:8252')
  expect(run.stdout).toContain('# then: systemctl --user enable --now catchd.socket')
  await expect(stat(join(home, '.config'))).rejects.toThrow('ENOENT')
})

test('where it cannot be switched on, the cause and the command are named', async () => {
  const home = await temporaryHome()
  const { path } = await fakeSystemctl(home, 1)
  const run = await service(home, path, 'install')
  expect(run.exitCode).toBe(2)
  expect(run.stderr).toContain('Failed to connect to bus')
  expect(run.stderr).toContain('→ systemctl --user daemon-reload')
})

test('other settings than those of the daemon: the service is installed again only where it is switched on', async () => {
  const home = await temporaryHome()
  const { path } = await fakeSystemctl(home)
  const catchd = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runProgram(args, {
      env: {
        HOME: home,
        CATCHD_HOME: home,
        CATCHD_API_PORT: '0',
        CATCHD_REDIRECT_PORT: '0',
        PATH: path,
        ...env,
      },
    })
  expect((await catchd(['service', 'install'])).exitCode).toBe(0)
  cleanUps.push(() => catchd(['daemon', 'stop']))
  await catchd(['status'], { CATCHD_VAULT: 'memory' })
  expect((await catchd(['status'])).stderr).toMatch(/CATCHD_VAULT=memory.* → catchd service install\n$/)
  await writeFile(join(home, 'bin', 'systemctl'), '#!/bin/sh\nexit 1\n')
  expect((await catchd(['status'])).stderr).toMatch(/CATCHD_VAULT=memory.* → catchd daemon restart\n$/)
})
