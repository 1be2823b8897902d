/**
 * Mistakes that people make at the command line, and what gets them out: a table of rows is run in one home with one
 * daemon, a gateway and a person at a browser. The command that catchd prints after `→` is run as it is printed, in a
 * shell like the user's.
 *
 * A new row needs no new code: it says the line, the exit code, a part of the message, the printed command, and what that
 * command leads to.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { approve } from '../../src/demo/approval.js'
import { type Gateway, startGateway } from '../../src/demo/gateway.js'
import { makeCertificates } from './certificates.js'
import { type Daemon, startDaemon } from './daemon.js'
import { freePort } from './free-port.js'
import { exchange } from './http-client.js'
import { type Environment, environment, PROGRAM } from './program.js'
import { script } from './tool-system.js'

export interface Mistake {
  /** As it is typed. `{base}`, `{home}`, `{folder}`, `{api}`, `{taken}`, `{dead}` and `{key}` stand for those of this run. */
  readonly line: string
  readonly env?: Environment
  readonly stdin?: string
  readonly exit: number
  /** A part of stderr. */
  readonly says: string | RegExp
  /** The printed command, after the same replacements. */
  readonly next: string
  /** What the command leads to: its exit code, 0 by default, and a part of its output, both streams. */
  readonly leads?: Outcome
}

export interface Outcome {
  readonly exit?: number
  readonly says?: string | RegExp
  /** Typed at the terminal that the command gets. Without it there is no terminal. */
  readonly typed?: string
  /** Commands that the user runs afterwards, each with exit code 0. */
  readonly after?: readonly string[]
}

interface ShellRun {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Only what hangs runs into this. */
const ENDS_WITHIN_MS = 120_000

/** A profile at the gateway, which has a client with a secret. */
type Entry = Readonly<Record<string, unknown>>

export class MistakesWorld {
  readonly gateway: Gateway
  readonly daemon: Daemon
  readonly #parts: Parts

  private constructor(parts: Parts, daemon: Daemon) {
    this.#parts = parts
    this.gateway = parts.gateway
    this.daemon = daemon
  }

  /** @param profiles - The profiles of the home, whose texts may contain replacements. */
  static async start(profiles: Readonly<Record<string, Entry>>): Promise<MistakesWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'catchd-mistakes-'))
    const certificates = makeCertificates(folder)
    const [gateway, tls] = [
      await startGateway({ refreshTokens: true }),
      await startGateway({ tls: { key: certificates.key, cert: certificates.cert } }),
    ]
    const [person, holder] = [personAtABrowser(gateway), createServer().listen(0, '127.0.0.1')]
    await Promise.all([person, holder].map((server) => once(server, 'listening')))
    const bin = join(folder, 'bin')
    await mkdir(bin)
    await script(join(bin, 'catchd'), `exec "${process.execPath}" "${PROGRAM}" "$@"`)
    await script(
      join(bin, 'a-browser'),
      `exec curl -s --data-binary "$1" http://127.0.0.1:${portOf(person)}/`,
    )
    const names = new Map([
      ['base', gateway.baseUrl],
      ['tls', tls.baseUrl],
      ['client', gateway.clientId],
      ['folder', folder],
      ['taken', String(portOf(holder))],
      ['dead', String(await freePort())],
    ])
    await writeFile(join(folder, 'secret.txt'), `${gateway.clientSecret}\n`, { mode: 0o600 })
    const parts = { folder, bin, gateway, servers: [person, holder], tls, names }
    const daemon = await startDaemon({
      env: { ...homeless(parts), CATCHD_LOGIN_TIMEOUT_SECONDS: '20', CATCHD_BROWSER: join(bin, 'a-browser') },
      config: put(JSON.stringify({ profiles }), names),
    })
    for (const name of Object.keys(profiles).filter((name) => name !== 'elsewhere')) {
      gateway.allowRedirectUri(daemon.redirectUri(name))
    }
    names.set('home', daemon.home)
    names.set('api', `http://127.0.0.1:${daemon.apiPort}`)
    return new MistakesWorld(parts, daemon)
  }

  /** A word that rows can use. */
  name(word: string, here: string): void {
    this.#parts.names.set(word, here)
  }

  put(text: string): string {
    return put(text, this.#parts.names)
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(join(this.#parts.folder, name), this.put(text), { mode: 0o600 })
  }

  config(): Promise<string> {
    return readFile(this.daemon.configPath, 'utf8')
  }

  /** In a shell of this home. With `typed`, at a terminal. */
  async shell(line: string, { env, stdin = '', typed }: ShellOptions = {}): Promise<ShellRun> {
    const { daemon } = this
    const words =
      typed === undefined
        ? ['bash', '-c', line]
        : ['script', '-qefc', line, join(this.#parts.folder, 'typescript')]
    const [file = '', ...args] = words
    const child = spawn(file, args, {
      env: environment(
        homeless(this.#parts),
        {
          HOME: daemon.home,
          SHELL: '/bin/bash',
          CATCHD_HOME: daemon.home,
          CATCHD_API_PORT: String(daemon.apiPort),
          CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
          CATCHD_VAULT: 'memory',
          CATCHD_BROWSER: join(this.#parts.bin, 'a-browser'),
          EDITOR: 'true',
        },
        Object.fromEntries(Object.entries(env ?? {}).map(([name, text]) => [name, text && this.put(text)])),
      ),
      cwd: this.#parts.folder,
      stdio: 'pipe',
      detached: true,
    })
    // What it started holds its streams too.
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), ENDS_WITHIN_MS)
    const output = { stdout: '', stderr: '' }
    let isTyped = false
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].on('data', (chunk: Buffer) => {
        output[stream] += chunk.toString('utf8')
        // The question is there, so the terminal no longer echoes.
        if (typed === undefined || isTyped || !/: $/.test(output.stdout)) return
        isTyped = true
        child.stdin.write(`${this.put(typed)}\r`)
      })
    }
    child.stdin.on('error', () => {}) // it may end without reading
    if (typed === undefined) child.stdin.end(stdin)
    const [exitCode] = (await once(child, 'close')) as [number | null]
    clearTimeout(timer)
    return { exitCode, ...output }
  }

  async stop(): Promise<void> {
    const { folder, gateway, servers, tls } = this.#parts
    await this.daemon.stop()
    for (const server of servers) server.close()
    await Promise.all([gateway.close(), tls.close()])
    await rm(folder, { recursive: true, force: true })
  }
}

interface ShellOptions {
  readonly env?: Environment | undefined
  readonly stdin?: string | undefined
  readonly typed?: string | undefined
}

interface Parts {
  readonly folder: string
  readonly bin: string
  readonly gateway: Gateway
  readonly tls: Gateway
  readonly servers: readonly Server[]
  readonly names: Map<string, string>
}

function homeless({ bin }: Pick<Parts, 'bin'>): Environment {
  // A display: without one, each login would also print how to log in without a browser.
  return { PATH: `${bin}:${process.env['PATH']}`, DISPLAY: ':99', NO_COLOR: '1' }
}

function put(text: string, names: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\{([a-z]+)\}/g, (all, name: string) => names.get(name) ?? all)
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** Each page that `catchd` opens is posted here. The person approves, but not everything. */
function personAtABrowser(gateway: Gateway): Server {
  const server = createServer(async (request, response) => {
    let url = ''
    for await (const chunk of request) url += String(chunk)
    response.end()
    const [{ name: user, password }] = gateway.users
    const redirectUri = new URL(url).searchParams.get('redirect_uri') ?? ''
    if (redirectUri.endsWith('/absent')) return
    // The gateway shows a page instead of a redirect if it does not know the redirect URI.
    const answer = await approve(url, { user, password, deny: redirectUri.endsWith('/denied') }).catch(
      () => undefined,
    )
    if (answer !== undefined) await exchange(answer).catch(() => undefined)
  })
  return server.listen(0, '127.0.0.1')
}

/** The command after `→`, which every failure ends with, or after `Run:`. */
export function nextCommand(stderr: string): string | undefined {
  return /(?:→|\bRun:) (.+)$/m.exec(stderr)?.[1]
}

/** Programs of every system that printed commands may use beside `catchd`. */
const OTHERS = /^(?:unset|ls|chmod|env -u \w+( -u \w+)* catchd|CATCHD_\w+=\S+ catchd|catchd)\b/

/** @returns Why the command cannot be run as it is printed; `undefined` if it can. */
export function unusable(command: string, documented: readonly string[]): string | undefined {
  if (!OTHERS.test(command)) return 'is neither catchd nor a usual program'
  if (/[<>…]|\.\.\./.test(command)) return 'has a placeholder'
  if (/(?:^|[\s=])(?!CATCHD_|VISUAL|EDITOR|XDG_)[A-Z][A-Z_]+(?=\s|$)/.test(command))
    return 'has a placeholder'
  const words = /\bcatchd (.*)$/.exec(command)?.[1]?.split(' ')
  if (words === undefined || words[0] === 'help' || words[0] === undefined) return undefined
  return documented.includes(words[0]) ? undefined : 'is not a documented command'
}
