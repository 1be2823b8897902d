/** Each check's judgement, over facts as they may be found anywhere. */
import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { DaemonStatus, ProfileAnswer } from '../../src/client/api-types.js'
import { NothingListens } from '../../src/client/daemon-error.js'
import { examineEnvironment } from '../../src/doctor/configuration.js'
import {
  askDaemon,
  type DaemonState,
  examinePort,
  judgeDaemon,
  judgeMissedResponse,
  judgePort,
  portsNeeded,
} from '../../src/doctor/daemon.js'
import { exitCodeOf, fail, failed, ok, warn } from '../../src/doctor/finding.js'
import { checkBrowser, checkNode, type Machine } from '../../src/doctor/machine.js'
import { checkFolder, checkStateFiles, judgeFolder, judgeSpace } from '../../src/doctor/places.js'
import { checkProxy, compareProxies, startEnvironment } from '../../src/doctor/proxy.js'
import { judgeClock } from '../../src/doctor/server.js'
import { examineService, judgeService } from '../../src/doctor/service.js'
import { judgeTokens } from '../../src/doctor/tokens.js'
import { judgeDaemonVault, judgeKeychain, judgeUnsaved } from '../../src/doctor/vault.js'
import { CatchdError } from '../../src/failures.js'
import { installCommand } from '../../src/process/install-command.js'
import { keytarTrouble } from '../../src/vault/keytar-engine.js'
import { VERSION } from '../../src/version.js'

function machine(facts: Partial<Machine> & { programs?: readonly string[] } = {}): Machine {
  const { programs = [], ...rest } = facts
  return {
    nodeVersion: '22.1.0',
    platform: 'linux',
    env: {},
    kernelRelease: '6.1.0-40-amd64',
    isContainer: false,
    isRoot: false,
    hasProgram: (name) => programs.includes(name),
    ...rest,
  }
}

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catchd-doctor-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

describe('the exit code', () => {
  test('is that of the first failure, and 0 without one', () => {
    expect(exitCodeOf([ok('a', ''), warn('b', '', 'x')])).toBe(0)
    expect(exitCodeOf([ok('a', ''), fail('b', 7, '', null), fail('c', 5, '', null)])).toBe(7)
  })

  test('a failure that sends people here gives the command of its detail instead', () => {
    const error = new CatchdError('config_invalid', {
      detail: 'Look, then run: chmod 700 /x',
      next: 'catchd doctor',
    })
    expect(failed('x', error)).toMatchObject({ status: 'fail', exitCode: 7, next: 'chmod 700 /x' })
    const without = new CatchdError('config_invalid', { detail: 'It is gone.', next: 'catchd doctor' })
    expect(failed('x', without).next).toBeNull()
  })
})

test.each([
  ['18.20.0', 'fail'],
  ['20.18.9', 'fail'],
  ['20.19.0', 'ok'],
  ['22.1.0', 'ok'],
])('Node.js %s: %s', (nodeVersion, status) => {
  expect(checkNode({ nodeVersion }).status).toBe(status)
})

describe('the environment', () => {
  test('what is wrong is named, the rest is used', () => {
    const env = { CATCHD_API_PORT: 'many', CATCHD_HOME: '/home', CATCHD_REDIRECTPORT: '1', PATH: '/bin' }
    const { environment, finding } = examineEnvironment(env)
    expect(finding).toMatchObject({
      status: 'fail',
      exitCode: 7,
      next: 'unset CATCHD_API_PORT CATCHD_REDIRECTPORT',
    })
    expect(finding.detail).toContain('CATCHD_REDIRECT_PORT?')
    expect(environment).toMatchObject({ home: '/home', apiPort: undefined })
  })

  test('names are told, values never', () => {
    const { finding } = examineEnvironment({ CATCHD_API_KEY: 'canary' })
    expect(finding).toMatchObject({ status: 'ok', detail: 'Set: CATCHD_API_KEY' })
  })
})

describe('the browser', () => {
  test.each([
    ['switched off', {}, 'none', 'ok', null],
    ['a program of CATCHD_BROWSER', { programs: ['firefox'] }, 'firefox --new-tab', 'ok', null],
    ['one that is not there', {}, 'firefox', 'warn', 'env -u CATCHD_BROWSER catchd daemon restart'],
    [
      'one of $BROWSER that is not there',
      { env: { BROWSER: 'w3m:lynx' } },
      undefined,
      'warn',
      'env -u BROWSER catchd daemon restart',
    ],
    ['no display', {}, undefined, 'warn', 'catchd login --help'],
    ['a display with xdg-open', { env: { DISPLAY: ':0' }, programs: ['xdg-open'] }, undefined, 'ok', null],
    [
      'a display without xdg-open',
      { env: { WAYLAND_DISPLAY: 'w' }, programs: ['apt'] },
      undefined,
      'warn',
      'sudo apt install xdg-utils',
    ],
    ['macOS', { platform: 'darwin' as const }, undefined, 'ok', null],
    ['Windows seen from Linux', { env: { WSL_DISTRO_NAME: 'Debian' } }, undefined, 'ok', null],
    ['a container', { isContainer: true }, undefined, 'warn', 'catchd login --help'],
    [
      'a remote shell',
      { env: { SSH_CONNECTION: 'x' } },
      undefined,
      'warn',
      'ssh -L 8252:127.0.0.1:8252 HOST',
    ],
    [
      "a remote shell with an editor's way back",
      { env: { SSH_TTY: 'x', BROWSER: 'code' }, programs: ['code'] },
      undefined,
      'ok',
      null,
    ],
  ] as const)('%s', (_, facts, command, status, next) => {
    const finding = checkBrowser(machine(facts), { command, place: 'CATCHD_BROWSER' }, 8252)
    expect(finding).toMatchObject({ status, next })
  })

  test('one of the file is changed in the file', () => {
    const inFile = { command: 'firefox', place: 'daemon.browser' }
    expect(checkBrowser(machine({}), inFile, 8252)).toMatchObject({
      detail: expect.stringContaining('firefox, from daemon.browser, cannot be run'),
      next: 'catchd config set daemon.browser null',
    })
    const off = checkBrowser(machine({}), { ...inFile, command: 'none' }, 8252)
    expect(off.detail).toContain('Switched off: none, from daemon.browser.')
  })

  test('one that is switched off, where the redirect does not come back by itself, is told so', () => {
    const remote = machine({ env: { SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' } })
    const finding = checkBrowser(remote, { command: 'none', place: 'CATCHD_BROWSER' }, 8252)
    expect(finding).toMatchObject({ status: 'ok', next: null })
    expect(finding.detail).toMatch(/none, from CATCHD_BROWSER.*SSH/)
  })
})

describe('the proxy', () => {
  test.each([
    [{}, 'ok', /^None/],
    [{ https_proxy: 'http://proxy:3128' }, 'ok', /^proxy:3128, from https_proxy\.$/],
    [
      { ALL_PROXY: 'me:canary@proxy:3128', NO_PROXY: 'intranet' },
      'ok',
      /from ALL_PROXY, with a user name.*NO_PROXY/,
    ],
    [{ HTTPS_PROXY: 'socks5://me:canary@proxy' }, 'fail', /HTTPS_PROXY names a socks5 proxy/],
  ] as const)('%j', (env, status, detail) => {
    const finding = checkProxy({ env })
    expect(finding).toMatchObject({
      status,
      next: status === 'fail' ? 'env -u HTTPS_PROXY catchd daemon restart' : null,
    })
    expect(finding.detail).toMatch(detail)
    expect(finding.detail).not.toMatch(/canary|intranet/)
  })

  test('a daemon with other variables than the shell is named with them, without values', () => {
    const shell = { HTTPS_PROXY: 'http://me:canary@proxy', NO_PROXY: 'a', PATH: '/bin' }
    const [finding] = compareProxies({ env: shell }, { no_proxy: 'a', NO_PROXY: 'a' })
    expect(finding).toMatchObject({ status: 'warn', next: 'catchd daemon restart' })
    expect(finding?.detail).toContain('HTTPS_PROXY')
    expect(finding?.detail).toMatch(/no_proxy/)
    expect(finding?.detail).not.toMatch(/canary|NO_PROXY|PATH/)
    expect(compareProxies({ env: shell }, { ...shell, PATH: '/other' })).toEqual([])
    expect(compareProxies({ env: shell }, undefined)).toEqual([])
  })

  test.skipIf(process.platform !== 'linux')('what a process was started with is read', async () => {
    expect(await startEnvironment(process.pid)).toMatchObject({ PATH: process.env['PATH'] })
    expect(await startEnvironment(2 ** 30)).toBeUndefined()
  })
})

test.each([
  [['apt'], false, 'sudo apt install a b c'],
  [['apt'], true, 'apt install a b c'],
  [['dnf'], false, 'sudo dnf install a'],
  [['pacman'], true, 'pacman -S a'],
  [['zypper'], true, 'zypper install a'],
  [['apk'], true, 'apk add a'],
  [['emerge'], true, null],
] as const)('what installs with %j', (programs, isRoot, command) => {
  const [first, second] = [
    { apt: 'a b', dnf: 'a', pacman: 'a', zypper: 'a', apk: 'a' },
    { apt: 'b c', dnf: 'a', pacman: 'a', zypper: 'a', apk: 'a' },
  ]
  expect(installCommand(machine({ programs, isRoot }), first, second)).toBe(command)
})

describe('folders', () => {
  const own = { isFolder: true, uid: 1000, mode: 0o40700 }
  test.each([
    ['ours alone', own, 'ok', null],
    ['read by others', { ...own, mode: 0o40755 }, 'warn', 'chmod 700 /x'],
    ['written by others', { ...own, mode: 0o40777 }, 'fail', 'chmod 700 /x'],
    ['closed to us', { ...own, mode: 0o40500 }, 'fail', 'chmod 700 /x'],
    ["somebody else's", { ...own, uid: 0 }, 'fail', 'ls -ld /x'],
    ['a file', { ...own, isFolder: false }, 'fail', 'mv /x /x.old'],
  ] as const)('%s', (_, place, status, next) => {
    const exitCode = status === 'fail' ? 7 : 0
    expect(judgeFolder('folder', '/x', place, 1000)).toMatchObject({ status, next, exitCode })
  })

  test('Windows keeps them private itself', () => {
    expect(judgeFolder('folder', 'x', { ...own, mode: 0o40777 }, undefined).status).toBe('ok')
  })

  test('one that is missing is fine where it can be made, and is not made', async () => {
    const path = join(folder, 'a', 'b')
    expect((await checkFolder('folder', path)).status).toBe('ok')
    await expect(stat(join(folder, 'a'))).rejects.toMatchObject({ code: 'ENOENT' })
    await writeFile(join(folder, 'a'), '')
    expect(await checkFolder('folder', path)).toMatchObject({ status: 'fail', exitCode: 7 })
  })
})

describe('files of the state folder', () => {
  test.each([
    ['admin.key', 'fail'],
    ['clients.json', 'fail'],
    ['vault.sealed', 'fail'],
    ['vault.key', 'fail'],
    ['keychain-index.json', 'fail'],
    ['catchd.log', 'warn'],
  ])('%s that others can read: %s', async (name, status) => {
    const path = join(folder, name)
    await writeFile(path, '')
    await chmod(path, 0o644)
    const [finding] = await checkStateFiles(folder)
    expect(finding).toMatchObject({ check: 'state files', status, next: `chmod 600 ${path}` })
    expect((await stat(path)).mode & 0o777, 'nothing is changed').toBe(0o644)
  })

  test('a link in the place of a key', async () => {
    await symlink('/etc/hostname', join(folder, 'admin.key'))
    const [finding] = await checkStateFiles(folder)
    expect(finding).toMatchObject({ status: 'fail', exitCode: 7 })
  })

  test('ours alone, on a disk with space', async () => {
    await writeFile(join(folder, 'admin.key'), '', { mode: 0o600 })
    expect((await checkStateFiles(folder)).map(({ status }) => status)).toEqual(['ok', 'ok'])
  })

  test('none yet', async () => {
    expect(await checkStateFiles(join(folder, 'never'))).toEqual([])
  })

  test('a full disk is a failure of the vault', () => {
    expect(judgeSpace('/x', 4096)).toMatchObject({ status: 'fail', exitCode: 6, next: 'df -h /x' })
    expect(judgeSpace('/x', 10 * 1024 * 1024).status).toBe('ok')
  })
})

describe('the keychain', () => {
  const gone = "Cannot find package 'keytar' imported from dist/vault/keytar-child.js"
  const noLibrary = 'Failed to load keytar native addon, checked ["../build/Release"] on prebuilds/linux-x64'
  const unlocked = { state: 'unlocked' } as const
  const npm = expect.stringMatching(/^npm install --prefix \S+ --no-save --include=optional$/)

  test.each([
    ['keytar', machine(), undefined, 'ok', null],
    ['no keytar, secret-tool in its place', machine({ programs: ['secret-tool'] }), gone, 'ok', null],
    [
      'neither, on Debian',
      machine({ programs: ['apt', 'kwalletd5'] }),
      gone,
      'fail',
      'sudo apt install libsecret-tools',
    ],
    [
      'neither, and no keyring',
      machine({ programs: ['apt'] }),
      gone,
      'fail',
      'sudo apt install libsecret-tools gnome-keyring dbus-user-session libsecret-1-0',
    ],
    [
      'neither, on Fedora',
      machine({ programs: ['dnf', 'gnome-keyring-daemon'] }),
      gone,
      'fail',
      'sudo dnf install libsecret',
    ],
    ['neither, elsewhere', machine(), gone, 'fail', npm],
    [
      'keytar without its library',
      machine({ programs: ['apt', 'gnome-keyring-daemon'] }),
      noLibrary,
      'fail',
      'sudo apt install libsecret-tools',
    ],
    ['no keytar on macOS', machine({ platform: 'darwin' }), gone, 'fail', npm],
    ['no keytar on Windows', machine({ platform: 'win32' }), gone, 'fail', npm],
  ])('engine: %s', (_, here, trouble, status, next) => {
    const [engine] = judgeKeychain(here, { inUse: 'keychain', keytarTrouble: trouble, lockState: unlocked })
    expect(engine).toMatchObject({
      check: 'keychain engine',
      status,
      next,
      exitCode: status === 'fail' ? 6 : 0,
    })
    expect(engine?.detail).not.toMatch(/keytar-child|build\/Release/)
  })

  test('no engine is no failure where nothing is decided: the sealed file would be used', () => {
    const facts = { inUse: 'undecided', keytarTrouble: gone, lockState: unlocked } as const
    const here = machine({ programs: ['apt', 'gnome-keyring-daemon'] })
    expect(judgeKeychain(here, facts)[0]).toMatchObject({
      status: 'warn',
      next: 'sudo apt install libsecret-tools',
    })
  })

  const trouble = (of: 'locked' | 'no_keychain' | 'silent' | 'failed') =>
    ({ state: 'trouble', trouble: of, text: 'The name org.freedesktop.secrets was not provided' }) as const
  test.each([
    ['unlocked', 'keychain', unlocked, 'ok', null],
    ['not to be asked', 'keychain', { state: 'unknown' } as const, 'ok', null],
    ['locked', 'keychain', trouble('locked'), 'fail', 'gnome-keyring-daemon --replace --unlock'],
    ['locked, undecided', 'undecided', trouble('locked'), 'fail', 'gnome-keyring-daemon --replace --unlock'],
    ['not there', 'keychain', trouble('no_keychain'), 'fail', 'gnome-keyring-daemon --replace --unlock'],
    [
      'not there, undecided',
      'undecided',
      trouble('no_keychain'),
      'warn',
      'gnome-keyring-daemon --replace --unlock',
    ],
    ['frozen', 'keychain', trouble('silent'), 'fail', 'pkill -KILL -x gnome-keyring-d'],
    ['refusing', 'keychain', trouble('failed'), 'fail', null],
  ] as const)('%s', (_, inUse, lockState, status, next) => {
    const here = machine({
      programs: ['apt', 'gnome-keyring-daemon'],
      env: { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/' },
    })
    const lock = judgeKeychain(here, { inUse, keytarTrouble: undefined, lockState }).at(-1)
    expect(lock).toMatchObject({ check: 'keychain', status, next, exitCode: status === 'fail' ? 6 : 0 })
  })

  test('no session bus at all', () => {
    const facts = { keytarTrouble: undefined, lockState: { state: 'unknown' } } as const
    expect(judgeKeychain(machine(), { ...facts, inUse: 'keychain' })[1]).toMatchObject({ status: 'warn' })
    const undecided = judgeKeychain(machine({ programs: ['apt'] }), { ...facts, inUse: 'undecided' })
    expect(undecided).toMatchObject([
      { status: 'warn', next: 'sudo apt install gnome-keyring dbus-user-session libsecret-1-0' },
    ])
  })

  test('whether keytar loads is tried in a process of its own', async () => {
    const entry = async (code: string) => {
      const file = join(folder, 'child.mjs')
      await writeFile(file, code)
      return { execArgv: [], file }
    }
    expect(await keytarTrouble(await entry('process.send({ ready: true })'))).toBeUndefined()
    expect(await keytarTrouble(await entry('process.send({ ready: false, failure: "no" })'))).toBe('no')
    expect(await keytarTrouble(await entry('process.exit()'))).toBe('the keytar process ended')
    expect(await keytarTrouble(await entry('process.send({})'))).toBe(
      'the keytar process sent an invalid message',
    )
  })
})

describe('the vault as the daemon has it', () => {
  const vault = { kind: 'keychain', engine: 'keytar', health: 'ok', unsaved: [] }
  const MEMORY = { kind: 'memory', engine: 'memory' }
  test.each([
    [vault, 'ok', null],
    [{ ...vault, health: 'locked' }, 'fail', 'catchd daemon logs'],
    [{ ...vault, health: 'locked', reason: 'Why.', next: 'this' }, 'fail', 'this'],
    [{ ...vault, health: 'unavailable' }, 'fail', 'catchd daemon logs'],
    [{ ...vault, ...MEMORY }, 'warn', 'CATCHD_VAULT=auto catchd daemon restart'],
  ])('%j: %s', (told, status, next) => {
    expect(judgeDaemonVault({ vault: told })).toMatchObject({
      status,
      next,
      exitCode: status === 'fail' ? 6 : 0,
    })
  })

  test('is changed where it was chosen', () => {
    const settings = [{ key: 'daemon.vault', source: 'file' }] as const
    expect(judgeDaemonVault({ vault: { ...vault, ...MEMORY }, settings })).toMatchObject({
      detail: expect.stringContaining('(daemon.vault: memory)'),
      next: 'catchd config set daemon.vault auto && catchd daemon restart',
    })
  })

  test('is closed while catchd is locked, which is no failure of the vault', () => {
    const told = { vault: { ...vault, health: 'locked' }, locked: true }
    expect(judgeDaemonVault(told)).toMatchObject({ status: 'warn', next: 'catchd unlock', exitCode: 0 })
  })

  test('unsaved token sets are a failure of the vault', () => {
    expect(judgeUnsaved([]).status).toBe('ok')
    const finding = judgeUnsaved(['gw', 'other'])
    expect(finding).toMatchObject({ status: 'fail', exitCode: 6 })
    expect(finding.detail).toContain('gw, other')
  })
})

const status: DaemonStatus = {
  version: VERSION,
  pid: 4711,
  started_at: '2026-01-01T00:00:00Z',
  listeners: {
    redirect: ['http://127.0.0.1:8252'],
    socket: '/x',
    tcp: 'http://127.0.0.1:7636',
    tcp_error: null,
  },
  vault: { kind: 'memory', engine: 'memory', health: 'ok', reason: null, next: null, unsaved: [] },
  config: { path: '/x', ok: true, error: null },
  profiles: 0,
  logins_pending: 0,
  locked: false,
  lock_error: null,
}
const running: DaemonState = { state: 'running', status }

test('what arrived at a redirect URI and could not be read is shown, if there was such a thing', () => {
  expect(judgeMissedResponse(running)).toEqual([])
  expect(judgeMissedResponse({ state: 'absent' })).toEqual([])
  const redirect_missed = { at: '2026-01-01T00:00:00Z', detail: 'Too many cookies.' }
  const told = { ...status, listeners: { ...status.listeners, redirect_missed } }
  expect(judgeMissedResponse({ state: 'running', status: told })).toMatchObject([
    { status: 'warn', detail: 'At 2026-01-01T00:00:00Z: Too many cookies.' },
  ])
})

describe('the daemon', () => {
  test('runs, is of another version, is absent', () => {
    expect(judgeDaemon(running, '/x', true).status).toBe('ok')
    const old: DaemonState = { state: 'running', status: { ...status, version: '0.0.1' } }
    expect(judgeDaemon(old, '/x', true)).toMatchObject({ status: 'warn', next: 'catchd daemon restart' })
    expect(judgeDaemon({ state: 'absent' }, '/never', true).status).toBe('ok')
    expect(judgeDaemon({ state: 'absent' }, 'http://127.0.0.1:1', false)).toMatchObject({
      status: 'fail',
      exitCode: 5,
    })
  })

  test('something else is at its place', async () => {
    const path = join(folder, 'catchd.sock')
    await writeFile(path, '')
    expect(judgeDaemon({ state: 'absent' }, path, true)).toMatchObject({
      status: 'fail',
      exitCode: 8,
      next: `ls -l ${path}`,
    })
  })

  test.each([
    ['nothing listens', new NothingListens('daemon_unreachable'), 'absent'],
    ['it does not answer', new CatchdError('daemon_unreachable'), 'trouble'],
    ['the key is wrong', new CatchdError('unauthorized'), 'trouble'],
  ])('asked, %s', async (_, error, state) => {
    const daemon = await askDaemon({ status: () => Promise.reject(error) })
    expect(daemon.state).toBe(state)
    if (daemon.state === 'trouble') {
      expect(judgeDaemon(daemon, '/x', true)).toMatchObject({ status: 'fail', exitCode: error.exitCode })
    }
  })
})

describe('a port', () => {
  const need = {
    check: 'API port',
    hosts: ['127.0.0.1'],
    port: 7636,
    next: 'CATCHD_API_PORT=0 catchd daemon restart',
  }
  const absent: DaemonState = { state: 'absent' }
  test.each([
    ['free', { refusal: undefined, holder: undefined }, absent, 'ok', /free/],
    [
      "the daemon's",
      { refusal: 'EADDRINUSE', holder: { pid: 4711, command: 'node' } },
      running,
      'ok',
      /the daemon/,
    ],
    [
      "the daemon's, where nobody tells who holds it",
      { refusal: 'EADDRINUSE', holder: undefined },
      running,
      'ok',
      /the daemon/,
    ],
    [
      "another program's",
      { refusal: 'EADDRINUSE', holder: { pid: 12, command: 'nginx' } },
      running,
      'fail',
      /nginx \(process 12\)/,
    ],
    ["somebody's", { refusal: 'EADDRINUSE', holder: undefined }, absent, 'fail', /another program/],
    ['not ours to use', { refusal: 'EACCES', holder: undefined }, absent, 'fail', /EACCES/],
  ] as const)('%s', (_, facts, daemon, status, detail) => {
    const finding = judgePort(need, facts, daemon)
    expect(finding).toMatchObject({ status, exitCode: status === 'fail' ? 8 : 0 })
    expect(finding.detail).toMatch(detail)
    expect(finding.next).toBe(status === 'fail' ? need.next : null)
  })
})

describe('the API port that is also a redirect port', () => {
  const settings = (apiPort: number, redirectPort: number, source: 'file' | 'environment') => [
    { key: 'daemon.redirect_port', value: redirectPort, source },
    { key: 'daemon.api_port', value: apiPort, source },
  ]
  test.each([
    ['file', /^catchd config set daemon\.api_port 8\d\d\d && catchd daemon restart$/],
    ['environment', /^CATCHD_API_PORT=0 catchd daemon restart$/],
  ] as const)('set in the %s', async (source, next) => {
    const needs = portsNeeded(settings(8252, 8252, source), undefined)
    expect(needs.map(({ check }) => check)).toEqual(['redirect port', 'API port'])
    const finding = await examinePort(needs[1] as (typeof needs)[number], running)
    expect(finding).toMatchObject({
      status: 'fail',
      exitCode: 8,
      detail: 'Port 8252 is also the redirect port. Each needs a port of its own.',
      next: expect.stringMatching(next),
    })
  })

  test.each([
    [7636, 8252, 2],
    [0, 0, 0],
    [0, 8252, 1],
  ])('%i and %i can be used together', (apiPort, redirectPort, count) => {
    const needs = portsNeeded(settings(apiPort, redirectPort, 'file'), undefined)
    expect(needs).toHaveLength(count)
    expect(needs.every(({ sharedWith }) => sharedWith === undefined)).toBe(true)
  })
})

describe('the clock', () => {
  const server = Date.parse('2026-01-01T12:00:00Z')
  const date = new Date(server).toUTCString()
  test.each([
    ['agrees', 0, 'ok', 'at most 1 s'],
    ['10 s behind', -10, 'ok', 'at most 10 s'],
    ['a minute behind', -60, 'warn', '60 s behind'],
    ['a minute ahead', 61, 'warn', '60 s ahead'],
    ['a day ahead', 86_401, 'fail', '86400 s ahead'],
  ])('%s: %s', (_, seconds, status, detail) => {
    const hereMs = server + seconds * 1000
    const finding = judgeClock(date, hereMs, hereMs, 'linux')
    expect(finding).toMatchObject({ status, exitCode: status === 'fail' ? 1 : 0 })
    expect(finding.detail).toContain(detail)
    expect(finding.next).toBe(status === 'ok' ? null : 'sudo timedatectl set-ntp true')
  })

  test('a slow answer is no skew', () => {
    expect(judgeClock(date, server - 60_000, server + 60_000, 'linux').status).toBe('ok')
  })

  test('a server that does not say', () => {
    expect(judgeClock(undefined, 0, 0, 'linux').status).toBe('ok')
    expect(judgeClock('yesterday', 0, 0, 'linux').status).toBe('ok')
  })
})

test.each([
  ['logged_in', 'ok', null],
  ['login_pending', 'ok', null],
  ['expired', 'warn', 'catchd refresh gw'],
  ['login_required', 'warn', 'catchd login gw'],
] as const)('tokens that are %s', (state, status, next) => {
  const answer: ProfileAnswer = {
    profile: 'gw',
    configuration: {},
    status: state,
    expires_at: null,
    scope: null,
    subject: null,
    error: null,
    refresh_failing: null,
    login_needed_at: null,
  }
  expect(judgeTokens(answer)).toMatchObject({ status, next })
})

test.each([
  ['logged_in', 'The access token is valid until 2026-11-23T15:00:00Z.'],
  ['expired', 'The access token expired at 2026-11-23T15:00:00Z.'],
] as const)('tokens that cannot be refreshed any more, %s: a refresh would not help', (status, detail) => {
  const finding = judgeTokens({
    profile: 'gw',
    configuration: {},
    status,
    expires_at: '2026-11-23T15:00:00Z',
    scope: null,
    subject: null,
    error: null,
    refresh_failing: null,
    login_needed_at: '2020-01-01T00:00:00Z',
  })
  expect(finding).toMatchObject({ status: 'warn', next: 'catchd login gw' })
  expect(finding.detail).toContain(detail)
})

describe('tokens whose refresh fails', () => {
  const refused = {
    code: 'provider_refused',
    detail: 'The token endpoint refused the request.',
    error: null,
    error_description: 'Session is over',
  } as const
  const unreachable = { ...refused, code: 'provider_unreachable', error_description: null } as const
  const failing = (error: typeof refused | typeof unreachable, status: 'logged_in' | 'expired') => ({
    profile: 'gw',
    configuration: {},
    status,
    expires_at: '2026-11-23T15:00:00Z',
    scope: null,
    subject: null,
    error: null,
    refresh_failing: { since: '2026-11-23T14:00:00Z', error },
    login_needed_at: null,
  })

  test.each(['logged_in', 'expired'] as const)(
    '%s: since when, what the server said, the way out',
    (status) => {
      const finding = judgeTokens(failing(refused, status))
      expect(finding).toMatchObject({ status: 'warn', next: 'catchd login gw' })
      expect(finding.detail).toContain('2026-11-23T14:00:00Z')
      expect(finding.detail).toContain('The server said Session is over.')
    },
  )

  test('a server that does not answer needs no login', () => {
    expect(judgeTokens(failing(unreachable, 'logged_in'))).toMatchObject({
      status: 'warn',
      next: 'catchd refresh gw',
    })
  })
})

describe('the service', () => {
  const plan = {
    kind: 'systemd user service',
    files: [
      { path: '/u/catchd.service', content: 'A\nExecStart="/n" "/c" daemon run\nEnvironment="PATH=/b"\n' },
    ],
    enable: [],
    disable: [],
    afterRemoval: [],
    query: ['true'],
  } as const
  const programs = ['/n', '/c']

  test('none is fine', () => {
    const found = judgeService(plan, programs, { installed: undefined, isEnabled: false })
    expect(found).toMatchObject({ status: 'ok', next: null })
  })

  test('one that starts this program is fine, whatever its other lines say', () => {
    const installed = 'ExecStart="/n" "/c" daemon run\nEnvironment="PATH=/elsewhere"\n'
    expect(judgeService(plan, programs, { installed, isEnabled: true }).status).toBe('ok')
  })

  test.each([
    ['is not switched on', { installed: plan.files[0].content, isEnabled: false }],
    ['starts another Node.js', { installed: 'ExecStart="/old" "/c" daemon run', isEnabled: true }],
  ])('one that %s is to be installed again', (detail, state) => {
    const found = judgeService(plan, programs, state)
    expect(found).toMatchObject({ status: 'warn', next: 'catchd service install' })
    expect(found.detail).toContain(detail)
  })

  test('the installed file is read, and the service manager is asked', async () => {
    const path = join(folder, 'catchd.service')
    const content = plan.files[0].content
    const here = { ...plan, files: [{ path, content }] }
    expect((await examineService(here, programs)).detail).toContain('Not installed')
    await writeFile(path, content)
    expect((await examineService(here, programs)).detail).toContain('switched on')
    expect((await examineService({ ...here, query: ['false'] }, programs)).status).toBe('warn')
  })
})
