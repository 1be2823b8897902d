/**
 * Settings from outside, in one home: `catchd config`, what a shell with other variables is told, and a taken API port.
 * The tests build on each other, because each start of a daemon takes time.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.js'
import { type Finished, runProgram } from '../support/program.js'

let home = ''
let other = ''
let configFile = ''
let apiPort = 0
let redirectPort = 0

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'catchd-settings-'))
  other = await mkdtemp(join(tmpdir(), 'catchd-settings-'))
  configFile = join(home, 'config.jsonc')
  apiPort = await freePort()
  redirectPort = await freePort()
})
afterAll(async () => {
  for (const folder of [home, other]) {
    await catchd(['daemon', 'stop'], { CATCHD_HOME: folder })
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
})

function catchd(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return runProgram(args, { env: { HOME: home, CATCHD_HOME: home, ...env } })
}

async function json(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { stdout, stderr } = await catchd([...args, '--json'], env)
  return { answer: JSON.parse(stdout), stderr }
}

const status = async () => (await json(['status'])).answer

describe('without a daemon', () => {
  test('get prints the value in effect, and list where each comes from', async () => {
    expect(await catchd(['config', 'get', 'daemon.api_port'])).toEqual({
      exitCode: 0,
      stdout: '7636\n',
      stderr: '',
    })
    const unset = await catchd(['config', 'get', 'daemon.browser'])
    expect(unset).toEqual({ exitCode: 0, stdout: '', stderr: 'daemon.browser is not set.\n' })
    const { answer } = await json(['config', 'list'], { CATCHD_VAULT: 'memory' })
    expect(answer).toContainEqual({ key: 'daemon.vault', value: 'memory', source: 'environment' })
    expect(answer).toContainEqual({ key: 'daemon.api_port', value: 7636, source: 'default' })
    const { stdout } = await catchd(['config', 'list'], { CATCHD_VAULT: 'memory' })
    expect(stdout).toMatch(/^daemon\.vault +memory +CATCHD_VAULT$/m)
  })

  test.each([
    [['get', 'api_port'], 2, 'Did you mean "daemon.api_port"?', 'catchd config get daemon.api_port'],
    [['get', 'daemon.api-port'], 2, 'Did you mean "daemon.api_port"?', 'catchd config get daemon.api_port'],
    [
      ['get', 'CATCHD_LOG_LEVEL'],
      2,
      'Did you mean "daemon.log_level"?',
      'catchd config get daemon.log_level',
    ],
    [['get', 'profiles.gw.client_secret'], 2, 'commands of their own', 'catchd profile show gw'],
    [['set', 'profiles.gw.scope', 'x'], 2, 'commands of their own', 'catchd profile show gw'],
    [['set', 'daemon.api_port', '99999'], 7, 'must be 65535 or less', 'catchd config list'],
    [['set', 'daemon.api_port', '-1'], 7, 'must be 0 or more', 'catchd config list'],
    [['set', 'daemon.vault', 'keychian'], 7, 'did you mean "keychain"?', 'catchd config list'],
  ])('%j ends with %i: %s', async (args, exitCode, said, next) => {
    const finished = await catchd(['config', ...args])
    expect(finished).toMatchObject({ exitCode, stdout: '' })
    expect(finished.stderr).toContain(said)
    expect(finished.stderr).toContain(`→ ${next}\n`)
    expect(existsSync(configFile)).toBe(false)
  })

  test('set writes what the next daemon uses, and starts none', async () => {
    writeFileSync(configFile, '{\n  // mine\n  "profiles": {}\n}\n', { mode: 0o600 })
    expect(await catchd(['config', 'set', 'daemon.api_port', String(apiPort)])).toEqual({
      exitCode: 0,
      stdout: `daemon.api_port: ${apiPort}\n`,
      stderr: '',
    })
    await catchd(['config', 'set', 'daemon.redirect_port', String(redirectPort)])
    await catchd(['config', 'set', 'daemon.vault', 'file'])
    await catchd(['config', 'set', 'daemon.browser', 'none'])
    await catchd(['config', 'set', 'daemon.log_level', 'warn'])
    await catchd(['config', 'set', 'daemon.log_level', 'null'])
    expect(readFileSync(configFile, 'utf8')).toBe(`{
  // mine
  "profiles": {},
  "daemon": {
    "api_port": ${apiPort},
    "redirect_port": ${redirectPort},
    "vault": "file",
    "browser": "none"
  }
}
`)
    expect(statSync(configFile).mode & 0o777).toBe(0o600)
    expect(existsSync(join(home, 'run', 'catchd.sock'))).toBe(false)
    const { answer, stderr } = await json(['config', 'set', 'daemon.api_port', String(apiPort)], {
      CATCHD_API_PORT: '0',
    })
    expect(answer).toEqual({ key: 'daemon.api_port', value: 0, source: 'environment' })
    expect(stderr).toBe(
      'CATCHD_API_PORT is set in this shell. It wins over the file.\n  → unset CATCHD_API_PORT\n',
    )
  })
})

const STARTED_WITH =
  'This shell does not set CATCHD_VAULT, but the running daemon was started with CATCHD_VAULT=memory.'

describe('a shell with other variables than the daemon', () => {
  test('the daemon that it leaves behind is told to the next shell, by status and by what fails', async () => {
    const first = await catchd(['status'], { CATCHD_VAULT: 'memory' })
    expect(first).toMatchObject({ exitCode: 0, stderr: '' })
    expect(first.stdout).toContain(`http://127.0.0.1:${apiPort}`)
    expect(first.stdout).toContain(`http://127.0.0.1:${redirectPort}`)
    const line = `${STARTED_WITH} → catchd daemon restart\n`
    expect(await catchd(['status'])).toMatchObject({ exitCode: 0, stderr: line })
    expect(await json(['status'])).toMatchObject({ answer: { vault: { kind: 'memory' } }, stderr: line })
    const failed = await catchd(['token', 'gw'])
    expect(failed).toMatchObject({ exitCode: 7, stdout: '' })
    expect(failed.stderr.split('\n').slice(-2)).toEqual([line.trim(), ''])
    const failure = JSON.parse((await catchd(['token', 'gw', '--json'])).stderr)
    expect(failure).toMatchObject({ code: 'profile_unknown', note: line.trim() })
  })

  test.each([
    [['profile', 'list'], {}],
    [['tokne'], {}],
    [['token', 'gw'], { CATCHD_VAULT: 'memory' }],
    [['token', 'gw'], { CATCHD_URL: 'http://127.0.0.1:9' }],
  ] as const)('%j with %j does not say it', async (args, env) => {
    expect((await catchd(args, env)).stderr).not.toContain('running daemon')
  })

  test('doctor compares too', async () => {
    const { answer } = await json(['doctor'])
    expect(answer).toContainEqual({
      check: 'settings',
      status: 'warn',
      detail: STARTED_WITH,
      next: 'catchd daemon restart',
    })
  })

  test('the command that is printed makes the daemon use the settings of this shell', async () => {
    expect(await catchd(['daemon', 'start'])).toMatchObject({
      exitCode: 0,
      stderr: `${STARTED_WITH} → catchd daemon restart\n`,
    })
    expect(await catchd(['daemon', 'restart'])).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await json(['status'])).toMatchObject({ answer: { vault: { kind: 'file' } }, stderr: '' })
  })
})

describe('a change while the daemon runs', () => {
  test('of a port or the vault is used after a restart, and set says so', async () => {
    const { stderr, stdout } = await catchd(['config', 'set', 'daemon.vault', 'memory'])
    expect(stdout).toBe('daemon.vault: memory\n')
    expect(
      stderr,
    ).toBe(`daemon.vault is memory now, but the running daemon still uses file. → catchd daemon restart
Tokens are not moved. They stay in the vault "file". To use them again:
  → catchd config set daemon.vault file
`)
    expect((await status()).vault.kind).toBe('file')
    expect((await catchd(['config', 'set', 'daemon.vault', 'file'])).stderr).toBe('')
    const port = await freePort()
    expect((await catchd(['config', 'set', 'daemon.redirect_port', String(port)])).stderr).toContain(
      `daemon.redirect_port is ${port} now, but the running daemon still uses ${redirectPort}.`,
    )
    redirectPort = port
    await catchd(['daemon', 'restart'])
    expect((await status()).listeners.redirect).toEqual([`http://127.0.0.1:${port}`])
  })

  test('of anything else is used at once', async () => {
    const opened = join(home, 'opened')
    const browser = join(home, 'browser')
    writeFileSync(browser, `#!/bin/sh\necho "$1" > ${opened}\n`, { mode: 0o700 })
    const endpoint = `http://127.0.0.1:${apiPort}/x`
    const add = ['--authorization-endpoint', endpoint, '--token-endpoint', endpoint, '--client-id', 'c']
    await catchd(['profile', 'add', 'gw', ...add])
    for (const [name, value] of [
      ['browser', browser],
      ['login_timeout_seconds', '1000'],
      ['log_level', 'debug'],
    ]) {
      expect(await catchd(['config', 'set', `daemon.${name}`, `${value}`])).toMatchObject({ stderr: '' })
    }
    await expect
      .poll(async () => (await status()).settings, { timeout: 30_000 })
      .toEqual(
        expect.arrayContaining([
          { key: 'daemon.browser', value: browser, source: 'file' },
          { key: 'daemon.login_timeout_seconds', value: 1000, source: 'file' },
          { key: 'daemon.log_level', value: 'debug', source: 'file' },
        ]),
      )
    const begun = JSON.parse((await catchd(['login', 'gw', '--start'])).stdout)
    const seconds = (Date.parse(begun.expires_at) - Date.now()) / 1000
    expect(seconds).toBeGreaterThan(700)
    expect(seconds).toBeLessThan(1001)
    await expect.poll(() => existsSync(opened), { timeout: 30_000 }).toBe(true)
    expect(readFileSync(join(home, 'state', 'catchd.log'), 'utf8')).toContain('"event":"api.answered"')
  })
})

test('a file with a mistake: get says what is in effect, set leaves it alone, a restart keeps the ports', async () => {
  const good = readFileSync(configFile, 'utf8')
  const broken = good.replace(',\n    "redirect_port"', '\n    "redirect_port"')
  writeFileSync(configFile, broken)
  const got = await catchd(['config', 'get', 'daemon.redirect_port'])
  expect(got).toMatchObject({ exitCode: 0, stdout: `${redirectPort}\n` })
  expect(got.stderr).toContain(`${configFile}:`)
  expect(await catchd(['config', 'set', 'daemon.redirect_port', '0'])).toMatchObject({
    exitCode: 7,
    stdout: '',
  })
  expect(readFileSync(configFile, 'utf8')).toBe(broken)
  writeFileSync(configFile, good.replace('"daemon": {', '"daemon": { "api_prot": 1,'))
  expect(await catchd(['daemon', 'restart'])).toMatchObject({ exitCode: 0 })
  expect((await status()).listeners).toMatchObject({
    redirect: [`http://127.0.0.1:${redirectPort}`],
    tcp: `http://127.0.0.1:${apiPort}`,
  })
  writeFileSync(configFile, good)
})

test('another home on the same API port: the socket serves, and everything names the port and who has it', async () => {
  const env = {
    CATCHD_HOME: other,
    CATCHD_API_PORT: String(apiPort),
    CATCHD_REDIRECT_PORT: '0',
    CATCHD_VAULT: 'memory',
  }
  const { pid } = await status()
  const shown = await catchd(['status'], env)
  expect(shown).toMatchObject({ exitCode: 0, stderr: '' })
  const holder = process.platform === 'linux' ? `(process ${pid})` : 'used by'
  for (const text of [`127.0.0.1:${apiPort} is used by`, holder]) expect(shown.stdout).toContain(text)
  expect((await json(['status'], env)).answer.listeners).toMatchObject({
    tcp: null,
    tcp_error: expect.stringContaining(`127.0.0.1:${apiPort}`),
  })
  expect(readFileSync(join(other, 'state', 'catchd.log'), 'utf8')).toContain(
    `127.0.0.1:${apiPort} is used by`,
  )

  expect(await catchd(['token', 'gw'], env)).toMatchObject({ exitCode: 7 })
  const key = await catchd(['client', 'add', 'ci', '--profiles', 'gw', '--actions', 'token'], env)
  expect(key.exitCode).toBe(0)
  expect(key.stderr).toContain(`API keys need the API port. The API port 127.0.0.1:${apiPort} is used by`)
  for (const args of [
    ['dashboard', '--no-browser'],
    ['forward', 'me@host', '--profiles', 'gw'],
  ]) {
    const refused = await catchd(args, env)
    expect(refused).toMatchObject({ exitCode: 8, stdout: '' })
    expect(refused.stderr).toContain(`127.0.0.1:${apiPort} is used by`)
  }
  const { answer } = await json(['doctor'], { ...env, CATCHD_API_PORT: '' })
  expect(answer).toContainEqual(expect.objectContaining({ check: 'settings', status: 'warn' }))
  writeFileSync(join(other, 'config.jsonc'), JSON.stringify({ daemon: { api_port: apiPort } }), {
    mode: 0o600,
  })
  const { answer: fromFile } = await json(['doctor'], { ...env, CATCHD_API_PORT: '' })
  const next = fromFile.find(({ check }: { check: string }) => check === 'API port').next
  expect(next).toMatch(/^catchd config set daemon\.api_port \d+ && catchd daemon restart$/)
})
