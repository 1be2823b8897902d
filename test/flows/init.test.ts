/** `catchd init` in a terminal, answered by keys: from nothing to a token. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { approve } from '../../src/demo/approval.js'
import { type Gateway, startGateway } from '../../src/demo/gateway.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { needs } from '../support/needs.js'
import { environment, PROGRAM } from '../support/program.js'

const ENTER = '\r'
const CTRL_C = '\x03'
const CTRL_D = '\x04'
/** Deletes what was typed. */
const CTRL_U = '\x15'
const WITHIN_MS = 60_000

const cleanUps: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A person at a terminal: sees all that was written so far, and presses keys. */
class Terminal {
  readonly #child: ChildProcess
  #screen = ''
  /** How much of it was waited for already. */
  #read = 0
  keys = 0

  constructor(daemon: Daemon) {
    // Without a window of its own there would be no columns.
    const command = `stty cols 80 rows 24; '${process.execPath}' '${PROGRAM}' init`
    this.#child = spawn('script', ['-qfec', command, '/dev/null'], {
      env: environment({
        HOME: daemon.home,
        CATCHD_HOME: daemon.home,
        CATCHD_API_PORT: String(daemon.apiPort),
        CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
        CATCHD_BROWSER: 'none',
        TERM: 'xterm-256color',
      }),
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#screen += chunk.toString('utf8')
    })
    cleanUps.push(async () => this.#child.kill('SIGKILL'))
  }

  get screen(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal reads
    return this.#screen.replaceAll(/\x1b\[[0-9;?]*[a-zA-Z]/g, '')
  }

  /** @returns What matched, after the place of the last one. */
  async sees(pattern: RegExp): Promise<string> {
    const giveUpAtMs = Date.now() + WITHIN_MS
    while (Date.now() < giveUpAtMs) {
      const match = pattern.exec(this.screen.slice(this.#read))
      if (match !== null) {
        this.#read += match.index + match[0].length
        return match[0]
      }
      await delay(20)
    }
    throw new Error(`${pattern} did not appear:\n${this.screen}`)
  }

  async press(keys: string): Promise<void> {
    this.keys += keys.length
    this.#child.stdin?.write(keys)
    await delay(50)
  }

  async ended(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode
    const [code] = (await once(this.#child, 'exit')) as [number | null]
    return code
  }
}

async function started(): Promise<{ gateway: Gateway; daemon: Daemon }> {
  const gateway = await startGateway()
  cleanUps.push(() => gateway.close())
  const daemon = await startDaemon()
  cleanUps.push(() => daemon.stop())
  return { gateway, daemon }
}

describe.skipIf(needs('script') !== undefined)('at a terminal', () => {
  test('a preset: what to register is shown, the secret is not, and there is a token at the end', async () => {
    const { gateway, daemon } = await started()
    const terminal = new Terminal(daemon)
    await terminal.sees(/Which service do you want to connect to\?/)
    await terminal.press(`webm`)
    await terminal.press(ENTER)
    await terminal.sees(/What should the profile be called\? \(Enter: webmethods\)/)
    await terminal.press('gw') // nothing is there before it
    await terminal.press(ENTER)
    await terminal.sees(/The address of your server/)
    // What would be refused at the end is said here.
    for (const [answer, rule] of [
      ['gw.example.com', /It must be a complete URL/],
      ['http://gw.example.com', /It must begin with https:\/\//],
      ['https://gw.example.com/?a=b', /It must not have a query/],
    ] as const) {
      await terminal.press(answer + ENTER)
      await terminal.sees(rule)
      await terminal.press(CTRL_U)
    }
    await terminal.press(gateway.baseUrl + ENTER)
    await terminal.sees(
      new RegExp(`Register this redirect URI at the server:\\s+│ +${daemon.redirectUri('gw')}\\s`),
    )
    gateway.allowRedirectUri(daemon.redirectUri('gw'))
    await terminal.sees(/The client ID/)
    await terminal.press(gateway.clientId + ENTER)
    await terminal.sees(/The client secret/)
    await terminal.press((gateway.clientSecret ?? '') + ENTER)
    await terminal.sees(/Scopes/)
    await terminal.press(`email${ENTER}`)
    await terminal.sees(/Saved in .*config\.jsonc\. The secret is in the vault\./)
    const url = await terminal.sees(/http:\/\/127\.0\.0\.1:\d+\/invoke\/\S+/)
    await daemon.follow(
      await approve(url, { user: gateway.users[0].name, password: gateway.users[0].password }),
    )
    await terminal.sees(/Logged in: gw/)
    await terminal.sees(/catchd token gw/)
    expect(await terminal.ended()).toBe(0)
    expect(terminal.screen).not.toContain(gateway.clientSecret)
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(200)
    const { json } = await daemon.api('GET', '/v1/profiles/gw')
    expect(json['configuration']).toEqual({
      preset: 'webmethods',
      base_url: gateway.baseUrl,
      client_id: gateway.clientId,
      client_secret: { keychain: true },
      scope: 'email',
    })
  })

  test('Ctrl-C and Ctrl-D save nothing, also after some answers', async () => {
    const { daemon } = await started()
    const all = ['webm', ENTER, ENTER, `https://gw.example.com${ENTER}`, `id-1${ENTER}`, `s-1${ENTER}`]
    for (const [answers, last] of [
      [[], CTRL_C],
      [all, CTRL_C],
      [[], CTRL_D],
      [all.slice(0, 5), CTRL_D],
    ] as const) {
      const terminal = new Terminal(daemon)
      await terminal.sees(/Which service do you want to connect to\?/)
      const questions = [/webMethods/, /called/, /address/, /client ID/, /secret/, /Scopes/]
      for (const [index, keys] of answers.entries()) {
        await terminal.press(keys)
        await terminal.sees(questions[index] ?? /./)
      }
      await terminal.press(last)
      await terminal.sees(/Cancelled\. No profile was saved\./)
      expect(await terminal.ended()).toBe(130)
    }
    expect((await daemon.api('GET', '/v1/profiles')).json['profiles']).toEqual([])
  })

  test('a service that is not in the list is another server', async () => {
    const { daemon } = await started()
    const terminal = new Terminal(daemon)
    await terminal.sees(/Which service do you want to connect to\?/)
    await terminal.press('githb')
    await terminal.sees(/githb\S* \(1 match\)\s+│ +● Another server/)
    await terminal.press(ENTER)
    await terminal.sees(/Another server, an MCP server or an API\s+│\s+◆ +What is its address\?/)
    await terminal.press(CTRL_C)
    expect(await terminal.ended()).toBe(130)
  })

  test('an existing profile is named, no word is broken, and a failed login leaves the profile', async () => {
    const { daemon } = await started()
    await daemon.api('PUT', '/v1/profiles/ebay', {
      body: { issuer: 'https://id.example.com', client_id: 'c' },
    })
    const terminal = new Terminal(daemon)
    await terminal.sees(/You already have: ebay\. This adds another profile\./)
    await terminal.press(`ebay`)
    await terminal.press(ENTER)
    await terminal.sees(/\(Enter: ebay-2\)/)
    await terminal.press(ENTER)
    await terminal.sees(/accepts no redirect URI[\s\S]*The redirect URI to use instead/)
    await terminal.press(`https://localhost:1/callback${ENTER}`)
    const advice = await terminal.sees(/Register this redirect URI[\s\S]*The client ID/)
    expect(advice).toContain('https://localhost:1/callback')
    const lines = advice.split(/\r?\n/)
    expect(lines.filter((line) => line.length > 80 && !line.includes('https://'))).toEqual([])
    await terminal.press(`id-1${ENTER}`)
    await terminal.sees(/The client secret/)
    await terminal.press(`s-1${ENTER}`)
    await terminal.sees(/The runame that the server gave you/)
    await terminal.press(`A-ruName${ENTER}`)
    await terminal.sees(/Scopes/)
    await terminal.press(ENTER)
    await terminal.sees(/The profile is saved\. To log in later: catchd login ebay-2/)
    expect(await terminal.ended()).toBeGreaterThan(0)
    const { json } = await daemon.api('GET', '/v1/profiles/ebay-2')
    expect(json['configuration']).toMatchObject({
      preset: 'ebay',
      authorization_redirect_uri: 'A-ruName',
      redirect_uri: 'https://localhost:1/callback',
    })
  })
})

test('without a terminal it asks nothing', async () => {
  const { daemon } = await started()
  const run = await daemon.cli(['init'])
  expect(run.exitCode).toBe(2)
  expect(run.stderr).toContain('→ catchd profile add --help')
})
