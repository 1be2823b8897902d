/**
 * The built daemon in a home of its own, for flows that drive the whole program from outside: over the API
 * socket, the API's TCP port, the command line and the redirect URI.
 *
 * Everything lives in one temporary folder and on free loopback ports; the vault is in memory unless a test
 * says otherwise.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.js'
import { type Exchanged, type ExchangeOptions, exchange, redirectTarget } from './http-client.js'
import type { FormPost } from './oidc-provider.js'
import {
  type Environment,
  environment,
  type Finished,
  PROGRAM,
  type RunOptions,
  runProgram,
} from './program.js'

export interface DaemonOptions {
  readonly env?: Environment
  /** Content of config.jsonc; text is written as it is. */
  readonly config?: object | string
  /** An existing home to start in; it is left behind by `stop`. */
  readonly home?: string
  /** For a redirect URI that must be registered before. */
  readonly redirectPort?: number
  /** How many descriptors it may have open; the system's limit by default. */
  readonly openFiles?: number
}

export interface ApiCall {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Default `socket`. Over `tcp` the admin key goes along unless `key` says otherwise. */
  readonly via?: 'socket' | 'tcp'
  /** Another API key, or `null` for none. */
  readonly key?: string | null
  readonly timeoutMs?: number
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: Exchanged['headers']
  readonly text: string
  /** The body where it is JSON, else an empty object. */
  readonly json: Readonly<Record<string, unknown>>
}

export interface LoginWalk {
  readonly authorizationUrl: string
  /** What the browser got at the redirect URI. */
  readonly response: Exchanged
  /** Where its 303 led, and the page there; `undefined` when it was no redirect. */
  readonly pageUrl: string | undefined
  readonly page: Exchanged | undefined
  /** `GET /v1/logins/{id}` afterwards. */
  readonly login: Readonly<Record<string, unknown>>
}

/** From an authorization URL to the authorization response. */
export type Approve = (authorizationUrl: string) => Promise<string | FormPost>

const STARTS_WITHIN_MS = 60_000
/** The daemon drains for 5 s at most; a busy machine gets more. */
const STOPS_WITHIN_MS = 60_000

/** What a browser sends when a person followed a redirect of another site to here. */
const NAVIGATION = {
  accept: 'text/html,application/xhtml+xml',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'cross-site',
  'upgrade-insecure-requests': '1',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) test browser',
}

/** Resolves once the API socket answers. @throws when the daemon ends before, with what it printed. */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'catchd-')))
  const daemon = new Daemon({
    home,
    ownsHome: options.home === undefined,
    redirectPort: options.redirectPort ?? (await freePort()),
    apiPort: await freePort(),
    env: options.env ?? {},
    openFiles: options.openFiles,
  })
  if (options.config !== undefined) await daemon.writeConfig(options.config)
  try {
    await daemon.start()
  } catch (error) {
    await daemon.stop()
    throw error
  }
  return daemon
}

interface Place {
  readonly home: string
  readonly ownsHome: boolean
  readonly redirectPort: number
  readonly apiPort: number
  readonly env: Environment
  readonly openFiles: number | undefined
}

export class Daemon {
  readonly home: string
  readonly redirectPort: number
  readonly apiPort: number
  readonly socketPath: string
  readonly configPath: string
  readonly #ownsHome: boolean
  readonly #env: Record<string, string>
  readonly #openFiles: number | undefined
  #child: ChildProcess | undefined
  #output = ''

  constructor({ home, ownsHome, redirectPort, apiPort, env, openFiles }: Place) {
    this.home = home
    this.redirectPort = redirectPort
    this.apiPort = apiPort
    this.socketPath = join(home, 'run', 'catchd.sock')
    this.configPath = join(home, 'config.jsonc')
    this.#ownsHome = ownsHome
    this.#openFiles = openFiles
    this.#env = environment(
      {
        HOME: home,
        CATCHD_HOME: home,
        CATCHD_API_PORT: String(apiPort),
        CATCHD_REDIRECT_PORT: String(redirectPort),
        CATCHD_VAULT: 'memory',
        CATCHD_BROWSER: 'none',
      },
      env,
    )
  }

  /** Process id of the daemon started last. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** `null` while it runs, or when a signal ended it. */
  get exitCode(): number | null {
    return this.#child?.exitCode ?? null
  }

  /** All it printed since the first start, both streams. */
  get output(): string {
    return this.#output
  }

  /** The redirect URI of a profile that names none. */
  redirectUri(profile: string): string {
    return `http://127.0.0.1:${this.redirectPort}/callback/${profile}`
  }

  async writeConfig(config: object | string): Promise<void> {
    await mkdir(this.home, { recursive: true, mode: 0o700 })
    const text = typeof config === 'string' ? config : JSON.stringify(config, null, 2)
    await writeFile(this.configPath, text, { mode: 0o600 })
  }

  async start(): Promise<void> {
    const command = [process.execPath, PROGRAM, 'daemon', 'run']
    const limited =
      this.#openFiles === undefined
        ? command
        : ['sh', '-c', `ulimit -n ${this.#openFiles}; exec "$@"`, 'sh', ...command]
    const [file = '', ...args] = limited
    const child = spawn(file, args, {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString('utf8')
      })
    }
    const giveUpAtMs = Date.now() + STARTS_WITHIN_MS
    while (Date.now() < giveUpAtMs && child.exitCode === null && child.signalCode === null) {
      const answer = await this.api('GET', '/v1/status', { timeoutMs: 10_000 }).catch(() => undefined)
      if (answer?.status === 200 && answer.json['pid'] === child.pid) return
      await delay(20)
    }
    throw new Error(`The daemon does not serve (exit code ${child.exitCode}):\n${this.#output}`)
  }

  /** Nobody reads what it prints any more. */
  closeOutput(): void {
    this.#child?.stdout?.destroy()
    this.#child?.stderr?.destroy()
  }

  async api(method: string, path: string, call: ApiCall = {}): Promise<ApiAnswer> {
    const overTcp = call.via === 'tcp'
    const key = call.key === undefined ? (overTcp ? await this.adminKey() : null) : call.key
    const options: ExchangeOptions = {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
      ...(overTcp ? {} : { socketPath: this.socketPath }),
    }
    const origin = overTcp ? `http://127.0.0.1:${this.apiPort}` : 'http://localhost'
    const { status, headers, body } = await exchange(origin + path, options)
    return { status, headers, text: body, json: parseObject(body) }
  }

  async adminKey(): Promise<string> {
    return (await readFile(join(this.home, 'state', 'admin.key'), 'utf8')).trim()
  }

  /** Runs a command in this daemon's home. */
  cli(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return runProgram(args, { ...options, env: { ...this.#env, ...options.env } })
  }

  /** {@link navigate} */
  follow(url: string, options: ExchangeOptions = {}): Promise<Exchanged> {
    return navigate(url, options)
  }

  /** Brings an authorization response to the redirect URI as the browser would. */
  deliver(response: string | FormPost): Promise<Exchanged> {
    if (typeof response === 'string') return this.follow(response)
    const { action, fields } = response.formPost
    return this.follow(action, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'null' },
      body: new URLSearchParams(fields).toString(),
    })
  }

  /** A whole login of a profile, whatever comes of it. */
  async login(profile: string, approve: Approve): Promise<LoginWalk> {
    const begun = await this.api('POST', '/v1/logins', { body: { profile, open: false } })
    if (begun.status !== 201) throw new Error(`The login does not begin: ${begun.status} ${begun.text}`)
    const authorizationUrl = String(begun.json['authorization_url'])
    const response = await this.deliver(await approve(authorizationUrl))
    const pageUrl = redirectTarget(response, this.redirectUri(profile))
    const page = pageUrl === undefined ? undefined : await this.follow(pageUrl)
    const { json: login } = await this.api('GET', `/v1/logins/${String(begun.json['login_id'])}?wait=10`)
    return { authorizationUrl, response, pageUrl, page, login }
  }

  /** Ends the process and waits for its end; home and ports stay for {@link restart}. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS)
    await ended
    clearTimeout(timer)
  }

  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal)
    await this.start()
  }

  /** Ends the daemon, and one that a command started in this home, and removes the home it made. */
  async stop(): Promise<void> {
    await this.kill('SIGTERM')
    await this.#endSuccessor()
    if (this.#ownsHome) await rm(this.home, { recursive: true, force: true })
  }

  async #endSuccessor(): Promise<void> {
    const answer = await this.api('GET', '/v1/status', { timeoutMs: 1000 }).catch(() => undefined)
    const pid = answer?.json['pid']
    if (typeof pid !== 'number') return
    const giveUpAtMs = Date.now() + STOPS_WITHIN_MS
    process.kill(pid, 'SIGTERM')
    while (isAlive(pid) && Date.now() < giveUpAtMs) await delay(20)
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  }
}

/** Goes to a URL as a browser does when it navigates; redirects are not followed. */
export function navigate(url: string, options: ExchangeOptions = {}): Promise<Exchanged> {
  return exchange(url, { ...options, headers: { ...NAVIGATION, ...options.headers } })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
