/**
 * What a person at a terminal sees while a login waits. The first part has the real daemon in this process, whose clock
 * stands still until the test moves it, and the built command line. The second part kills and stops a built daemon.
 */
import { existsSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Running } from '../cli/run.js'
import { type ComposedDaemon, type ComposedOptions, composeDaemon } from '../support/composed-daemon.js'
import { type Daemon, startDaemon } from '../support/daemon.js'

const SILENCE_MS = 20_000

/** The command line of the composed daemon. While it runs, the clock of the daemon moves by no more than `clock.pass`. */
async function watched(args: readonly string[], options: ComposedOptions = {}) {
  const daemon = await composeDaemon(options)
  await daemon.start()
  const running = new Running(args, daemon.home, { DISPLAY: ':0' })
  onTestFinished(() => void running.child.kill('SIGKILL'))
  running.child.stdin.end()
  return { daemon, running }
}

/** Moves the clock in steps until the command has said it: its next question is answered only when the clock moves. */
async function saidAfter(
  { clock }: ComposedDaemon,
  running: Running,
  ms: number,
  text: string,
): Promise<void> {
  await clock.pass(ms)
  let isSaid = false
  const said = running.said(text).finally(() => {
    isSaid = true
  })
  while (!isSaid) {
    await clock.pass(100)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await said
}

/** The daemon of these tests has a new port for each login, and that is what is registered. */
const withoutPort = (redirectUri: string) => redirectUri.replace(/:\d+/, '')

async function interrupted(running: Running) {
  running.child.kill('SIGINT')
  return running.finished()
}

describe('a login that nobody answers', () => {
  test.each([
    ['login gw', ['login', 'gw', '--no-browser']],
    ['token gw --login', ['token', 'gw', '--login']],
  ])('%s says once, without a terminal too, what to register', async (_name, args) => {
    const { daemon, running } = await watched(args)
    const { redirectUri } = (await daemon.begun('gw')) as { redirectUri: string }
    await running.said('Open this URL')
    await saidAfter(daemon, running, SILENCE_MS, 'The login still waits. It ends in ')
    await saidAfter(daemon, running, SILENCE_MS, '')
    const { exitCode, stdout, stderr } = await interrupted(running)
    expect([exitCode, stdout]).toEqual([130, ''])
    expect(stderr).toContain(`\n  ${withoutPort(redirectUri)}\n`)
    expect(stderr.match(/No response arrived at/g)).toHaveLength(1)
    expect(stderr.match(/catchd login gw --paste/g)).toHaveLength(1)
  })

  test('Ctrl-C before that says it too, and that the earlier tokens are kept', async () => {
    const daemon = await composeDaemon()
    await daemon.start()
    await daemon.logIn('gw')
    const running = new Running(['login', 'gw', '--no-browser'], daemon.home, { DISPLAY: ':0' })
    const { redirectUri } = (await daemon.begun('gw')) as { redirectUri: string }
    await running.said('Open this URL')
    const { exitCode, stderr } = await interrupted(running)
    expect(exitCode).toBe(130)
    expect(stderr).toMatch(/The login was cancelled\.\nNo response arrived at .*\nRegister exactly this/)
    expect(stderr).toContain(`\n  ${withoutPort(redirectUri)}\n`)
    expect(stderr).toContain('\nThe earlier tokens are kept.\n')
  })

  test('so does a --timeout that is over, with exit code 124', async () => {
    const { running } = await watched(['login', 'gw', '--no-browser', '--timeout', '1'])
    const { exitCode, stderr } = await running.finished()
    expect(exitCode).toBe(124)
    expect(stderr).toMatch(
      /Login timed out after 1 s.* Likely cause: No response arrived at .*Register exactly/,
    )
    expect(stderr).not.toContain('earlier tokens')
  })

  test('a response at another address is the cause that is said, not the silence', async () => {
    const { daemon, running } = await watched(['login', 'gw', '--no-browser'])
    const { id, redirectUri } = await daemon.begun('gw')
    const elsewhere = daemon.responseOf(id).replace('/callback/gw', '/other')
    const page = await (await fetch(elsewhere)).text()
    expect(page).toContain('Page not found')
    await saidAfter(daemon, running, SILENCE_MS, `came to another address than ${redirectUri}`)
    const { stderr } = await interrupted(running)
    expect(stderr).not.toContain('No response arrived')
  })

  test('a browser command that does not exist is named at once', async () => {
    const { daemon, running } = await watched(['login', 'gw'], { env: { CATCHD_BROWSER: 'nosuch' } })
    await running.said('Browser command not found: nosuch (from CATCHD_BROWSER). Open the authorization URL')
    const { id } = await daemon.begun('gw')
    await daemon.approve(id)
    await daemon.clock.pass(2_000)
    expect(await running.finished()).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('Logged in: gw'),
    })
  })

  test('nor is one that ends with an error', async () => {
    const daemon = await composeDaemon()
    const program = join(daemon.home, 'broken')
    await writeFile(program, '#!/bin/sh\nexit 3\n')
    await chmod(program, 0o755)
    const { running } = await watched(['login', 'gw'], { env: { CATCHD_BROWSER: program } })
    await running.said(`The browser command ${program} (from CATCHD_BROWSER) ended at once with exit code 3.`)
    await interrupted(running)
  })
})

describe('a daemon that ends while a login waits', () => {
  let daemon: Daemon
  const env = { CATCHD_VAULT: 'file', CATCHD_BROWSER: 'none' }
  const config = {
    profiles: {
      gw: {
        authorization_endpoint: 'https://id.example.com/authorize',
        token_endpoint: 'https://id.example.com/token',
        client_id: 'client-1',
      },
    },
  }
  beforeAll(async () => {
    daemon = await startDaemon({ env, config })
  })
  afterAll(() => daemon?.stop())

  const begin = async (...args: string[]) => {
    const settings = {
      ...env,
      DISPLAY: ':0',
      CATCHD_API_PORT: String(daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
    }
    const running = new Running(args, daemon.home, settings)
    onTestFinished(() => void running.child.kill('SIGKILL'))
    return running
  }
  const pidOf = async () => (await daemon.api('GET', '/v1/status')).json['pid'] as number

  test('killed: the wait starts it again and goes on with the same login', async () => {
    const running = await begin('login', 'gw', '--no-browser')
    await running.said('Open this URL')
    const before = await pidOf()
    process.kill(before, 'SIGKILL')
    await running.said('The daemon has ended unexpectedly. Starting it again.')
    await running.said('The daemon runs again, and the login still waits.')
    expect(await pidOf()).not.toBe(before)
    const { exitCode } = await interrupted(running)
    expect(exitCode).toBe(130)
    expect((await daemon.api('GET', '/v1/status')).json['logins_pending']).toBe(0)
  })

  test('stopped: the wait does not undo it, and ends with a command that works', async () => {
    const running = await begin('login', 'gw', '--no-browser')
    await running.said('Open this URL')
    await daemon.api('POST', '/v1/daemon/stop')
    await running.said('The daemon was stopped. Waiting until it is started again.')
    const { exitCode, stderr } = await running.finished()
    expect(exitCode).toBe(5)
    expect(stderr).toMatch(/was not started again\.\n {2}→ catchd login gw\n$/)
    expect(existsSync(daemon.socketPath)).toBe(false)
  })
})
