/**
 * What others must not get out of the processes of the program: no debugger opens in them, and no core dump is written.
 * All processes that hold a token or a key: the daemon, started in each way, keytar's process, the proxy and forward.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { LOADER_VARIABLES } from '../../src/process/own-processes.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { type Keyring, keyringReason, startKeyring } from '../support/keyring.js'
import { needs } from '../support/needs.js'
import { asOtherUser, otherUserReason } from '../support/other-user.js'
import { type Environment, environment, PROGRAM } from '../support/program.js'

const notLinux = process.platform === 'linux' ? undefined : 'skipped: the processes are read in /proc'
if (notLinux !== undefined) console.warn(notLinux)

const CONFIG = { profiles: { gw: { issuer: 'https://id.example.com', client_id: 'catchd' } } }

/** So that no inspector finds its port taken by another one. */
const ANY_PORT = { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' }

const proc = (pid: number, file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8')
const environmentOf = (pid: number) =>
  new Map(
    proc(pid, 'environ')
      .split('\0')
      .map((entry) => entry.split(/=(.*)/s, 2) as [string, string]),
  )
const childrenOf = (pid: number) => proc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)

/** Whether it handles a signal by now: until Node has set up its own handlers, SIGUSR1 ends it. */
function catchesSignal(pid: number, signal: number): boolean {
  const [, caught = '0'] = /^SigCgt:\s*(\w+)$/m.exec(proc(pid, 'status')) ?? []
  return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n
}

/** The TCP ports that a process listens on. */
function listeningPorts(pid: number): number[] {
  const inodes = readdirSync(`/proc/${pid}/fd`).map((name) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1]
    } catch {
      return undefined // closed meanwhile
    }
  })
  const rows = ['tcp', 'tcp6'].flatMap((table) => readFileSync(`/proc/net/${table}`, 'utf8').split('\n'))
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.includes(inode))
    .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16))
    .filter((port, index, ports) => ports.indexOf(port) === index) // one port on both loopback addresses
    .sort((one, other) => one - other)
}

/** For commands in the home of a daemon. */
function inHome(daemon: Daemon, more: Environment = {}): Record<string, string> {
  const own = {
    HOME: daemon.home,
    CATCHD_HOME: daemon.home,
    CATCHD_API_PORT: String(daemon.apiPort),
    CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
    CATCHD_VAULT: 'memory',
    CATCHD_BROWSER: 'none',
  }
  return environment(own, more)
}

/** A home whose daemon does not run. */
async function restingDaemon(): Promise<Daemon> {
  const daemon = await startDaemon({ config: CONFIG })
  onTestFinished(() => daemon.stop())
  await daemon.kill('SIGTERM')
  return daemon
}

/** A foreground command of the program, ready when it has printed a line. */
async function startCommand(daemon: Daemon, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: inHome(daemon, ANY_PORT),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  return child
}

describe.skipIf(notLinux !== undefined)('each process that holds tokens or keys', () => {
  const processes = new Map<string, number>()
  const ends: (() => Promise<unknown> | undefined)[] = []

  beforeAll(async () => {
    let keyring: Keyring | undefined
    if (keyringReason === undefined) {
      keyring = await startKeyring()
      ends.push(() => keyring?.stop())
    }
    const { HOME: _home, ...session } = keyring?.env ?? {}
    const inForeground = await startDaemon({
      config: CONFIG,
      env: { ...ANY_PORT, ...(keyring === undefined ? {} : { ...session, CATCHD_VAULT: 'keychain' }) },
    })
    ends.unshift(() => inForeground.stop())
    processes.set('catchd daemon run', inForeground.pid)

    const inBackground = await startDaemon({ config: CONFIG, env: { CATCHD_VAULT: 'memory' } })
    ends.unshift(() => inBackground.stop())
    await inBackground.kill('SIGTERM')
    const { stdout } = await inBackground.cli(['daemon', 'start', '--json'])
    processes.set('catchd daemon start', (JSON.parse(stdout) as { pid: number }).pid)

    for (const args of [
      ['proxy', 'gw', '--upstream', 'https://api.example.com'],
      ['forward', '--socket', join(inBackground.home, 'forward.sock'), '--profiles', 'gw'],
    ]) {
      const child = await startCommand(inBackground, args)
      processes.set(`catchd ${args[0]}`, child.pid ?? 0)
      ends.unshift(() => {
        child.kill()
        return once(child, 'exit')
      })
    }
    if (keyring === undefined) return
    await inForeground.api('GET', '/v1/profiles') // it reads the token sets
    const [child = 0] = childrenOf(inForeground.pid).filter((pid) => proc(pid, 'cmdline').includes('keytar'))
    processes.set('keytar', child)
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })

  const NAMES = ['catchd daemon run', 'catchd daemon start', 'catchd proxy', 'catchd forward']
  if (keyringReason === undefined) NAMES.push('keytar')

  test.skipIf(needs('prlimit') !== undefined).each(NAMES)('%s writes no core dump', (name) => {
    const limits = proc(processes.get(name) ?? 0, 'limits')
    expect(/^Max core file size +(\S+) +(\S+)/m.exec(limits)?.slice(1)).toEqual(['0', '0'])
  })

  test.each(NAMES)('%s opens no inspector at SIGUSR1', async (name) => {
    const pid = processes.get(name) ?? 0
    const before = listeningPorts(pid)
    process.kill(pid, 'SIGUSR1')
    await untilNodeOpensItsInspector()
    expect(listeningPorts(pid)).toEqual(before)
  })
})

/** What Node does by itself, with the same signal, sent later. */
async function untilNodeOpensItsInspector(): Promise<number> {
  const port = await freePort()
  const words = [`--inspect-port=${port}`, '-e', 'console.log(); setInterval(() => {}, 1e6)']
  const node = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void node.kill('SIGKILL'))
  await once(node.stdout, 'data')
  node.kill('SIGUSR1')
  await expect.poll(() => listeningPorts(node.pid ?? 0), { interval: 20 }).toEqual([port])
  return port
}

/** Each with a value that harms nothing. */
const DEBUGGED = Object.fromEntries(LOADER_VARIABLES.map((name) => [name, '/nowhere']))

describe.skipIf(notLinux !== undefined)('a shell with a debugger', () => {
  test('what a command starts in it has neither its variables nor its options', async () => {
    const daemon = await restingDaemon()
    const child = spawn(process.execPath, ['--inspect=127.0.0.1:0', PROGRAM, 'daemon', 'start', '--json'], {
      env: inHome(daemon, {
        ...DEBUGGED,
        NODE_OPTIONS: '--inspect-port=0',
        NODE_V8_COVERAGE: join(daemon.home, 'coverage'),
        NODE_EXTRA_CA_CERTS: '/dev/null',
      }),
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [printed] = (await once(child.stdout, 'data')) as [Buffer]
    const { pid } = JSON.parse(printed.toString()) as { pid: number }
    const names = [...environmentOf(pid).keys()]
    expect(names.filter((name) => name.startsWith('NODE_'))).toEqual(['NODE_EXTRA_CA_CERTS'])
    expect(proc(pid, 'cmdline')).not.toContain('inspect')
    expect(listeningPorts(pid)).toEqual([daemon.apiPort, daemon.redirectPort].sort((a, b) => a - b))
  })

  test('a signal before the first line of the program opens it for a moment only', async () => {
    const daemon = await restingDaemon()
    const port = await freePort()
    const child = spawn(process.execPath, [`--inspect-port=${port}`, PROGRAM, 'daemon', 'run'], {
      env: inHome(daemon),
      stdio: 'ignore',
    })
    const pid = child.pid ?? 0
    while (!catchesSignal(pid, constants.signals.SIGUSR1)) await nextTurn()
    child.kill('SIGUSR1')
    // By then Node has opened the inspector, if the signal came early enough.
    await expect.poll(() => listeningPorts(pid)).toContain(daemon.apiPort)
    await expect.poll(() => listeningPorts(pid)).not.toContain(port)
  })

  test('a daemon in its foreground closes the inspector, and passes nothing on', async () => {
    const port = await freePort()
    const daemon = await startDaemon({ env: { ...DEBUGGED, NODE_OPTIONS: `--inspect=127.0.0.1:${port}` } })
    onTestFinished(() => daemon.stop())
    expect(listeningPorts(daemon.pid)).not.toContain(port)
    const file = join(daemon.home, 'environment.json')
    const tell = `require('node:fs').writeFileSync(${JSON.stringify(file)}, JSON.stringify(Object.keys(process.env)))`
    await daemon.writeConfig({
      profiles: {
        gw: {
          grant: 'client_credentials',
          token_endpoint: 'http://127.0.0.1:9/',
          client_id: 'catchd',
          client_secret: { command: [process.execPath, '-e', `${tell}; console.log('secret')`] },
        },
      },
    })
    await expect
      .poll(async () => (await daemon.api('GET', '/v1/tokens/gw')).json['code'])
      .toBe('provider_unreachable')
    const names = JSON.parse(readFileSync(file, 'utf8')) as string[]
    expect(names.filter((name) => (LOADER_VARIABLES as readonly string[]).includes(name))).toEqual([])
  })
})

describe.skipIf(notLinux !== undefined || otherUserReason !== undefined)('another user', () => {
  const ask = (port: number) =>
    asOtherUser(process.execPath, [
      '-e',
      `fetch('http://127.0.0.1:${port}/json').then(({ status }) => console.log(status), () => console.log('refused'))`,
    ])

  test('finds no debugger in the daemon that was sent SIGUSR1', async () => {
    const port = await freePort()
    const daemon = await startDaemon({ config: CONFIG, env: { NODE_OPTIONS: `--inspect-port=${port}` } })
    onTestFinished(() => daemon.stop())
    process.kill(daemon.pid, 'SIGUSR1')
    const plain = await untilNodeOpensItsInspector()
    expect((await ask(plain)).stdout).toBe('200\n')
    expect((await ask(port)).stdout).toBe('refused\n')
  })
})
