/**
 * A logged-in profile `gw`, and `catchd` on the PATH of the tools that are to use it: what each test of a real program
 * begins with. Everything it started ends after the test.
 */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach } from 'vitest'
import { type Daemon, startDaemon } from './daemon.js'
import { freePort } from './free-port.js'
import { environment, type Finished, PROGRAM } from './program.js'
import { type SeedSystem, type SeedSystemOptions, startSeedSystem } from './seed-system.js'

/** Put there by scripts/setup.mjs, outside the lock file. */
export const HTTPYAC = join(import.meta.dirname, '../../node_modules/.tools/node_modules/.bin/httpyac')

/** No tool needs longer, and a hanging one must not hold the run. */
const TOOL_ENDS_WITHIN_MS = 120_000

export interface Tools {
  readonly daemon: Daemon
  /** On the PATH, with `catchd` in it. */
  readonly bin: string
  /** For tools: PATH, a HOME of their own, and this daemon's home. */
  readonly env: Record<string, string>
  /** The access token as the daemon has it now. */
  token(): Promise<string>
  /** A key of the API that may use the profile. */
  key(actions?: readonly string[]): Promise<string>
}

export interface ToolSystem extends SeedSystem, Tools {}

export class ToolBench {
  #folder = ''
  readonly #cleanUps: (() => Promise<unknown> | unknown)[] = []

  /** To be made at the top of a test file. */
  constructor() {
    beforeEach(async () => {
      this.#folder = await mkdtemp(join(tmpdir(), 'catchd-tools-'))
    })
    afterEach(async () => {
      for (const cleanUp of this.#cleanUps.splice(0).reverse()) await cleanUp()
      await rm(this.#folder, { recursive: true })
    })
  }

  /** Of this test. */
  get folder(): string {
    return this.#folder
  }

  /** Called after the test, the latest first. */
  after(cleanUp: () => Promise<unknown> | unknown): void {
    this.#cleanUps.push(cleanUp)
  }

  async listen(server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return (server.address() as AddressInfo).port
  }

  /** An API that wants a token; `seen` holds the Authorization headers. */
  async api(answer: RequestListener = (_request, response) => void response.end('ok')) {
    const seen: (string | undefined)[] = []
    const port = await this.listen(
      createServer((request, response) => {
        seen.push(request.headers.authorization)
        answer(request, response)
      }),
    )
    return { url: `http://127.0.0.1:${port}/`, host: `127.0.0.1:${port}`, seen }
  }

  async system(options: SeedSystemOptions = {}): Promise<ToolSystem> {
    const started = await startSeedSystem({ refreshTokens: true, ...options })
    this.after(() => started.stop())
    await started.login()
    return { ...started, ...(await this.#equip(started.daemon)) }
  }

  /** The same with a profile `gw` whose tokens are bound to a key (DPoP), at oidc-provider. */
  async boundSystem(profile: object = {}): Promise<Tools> {
    const { startOidcProvider } = await import('./oidc-provider.js') // which takes its time to load
    const redirectPort = await freePort()
    const server = await startOidcProvider({
      redirectUris: [`http://127.0.0.1:${redirectPort}/callback/gw`],
      registration: { dpop_bound_access_tokens: true },
    })
    this.after(() => server.close())
    const { issuer, clientId } = server
    const gw = { issuer, client_id: clientId, scope: 'openid email', dpop: true, ...profile }
    const daemon = await startDaemon({ redirectPort, config: { profiles: { gw } } })
    this.after(() => daemon.stop())
    await daemon.login('gw', server.approve)
    return this.#equip(daemon)
  }

  async #equip(daemon: Daemon): Promise<Tools> {
    const bin = join(this.folder, 'bin')
    await mkdir(bin)
    await script(join(bin, 'catchd'), `exec "${process.execPath}" "${PROGRAM}" "$@"`)
    const env = environment({
      PATH: `${bin}:${process.env['PATH']}`,
      HOME: this.folder,
      CATCHD_HOME: daemon.home,
      CATCHD_API_PORT: String(daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
    })
    return {
      daemon,
      bin,
      env,
      token: async () => String((await daemon.api('GET', '/v1/tokens/gw')).json['access_token']),
      key: async (actions = ['token']) => {
        const body = { client: 'tool', profiles: ['gw'], actions }
        return String((await daemon.api('POST', '/v1/clients', { body })).json['key'])
      },
    }
  }

  /** Rejects when it fails. */
  run(command: string, args: readonly string[], env: Record<string, string>) {
    return promisify(execFile)(command, args, { env, cwd: this.folder, timeout: TOOL_ENDS_WITHIN_MS })
  }

  /** Lines for bash, however they end. */
  async shell(lines: string, env: Record<string, string>): Promise<Finished> {
    return new Promise((resolve) => {
      const options = { env, cwd: this.folder, timeout: TOOL_ENDS_WITHIN_MS }
      const child = execFile('bash', ['-c', lines], options, (_error, stdout, stderr) =>
        resolve({ exitCode: child.exitCode, stdout, stderr }),
      )
      child.stdin?.end()
    })
  }
}

export async function script(path: string, text: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
}

/** The token of a request: as the password of Basic, or of Bearer itself. */
export function tokenSent(
  request: Pick<IncomingMessage, 'headers'>,
): { scheme: 'Basic' | 'Bearer'; token: string } | undefined {
  const bearer = /^bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const token = bearer ?? basicPassword(request)
  return token === undefined ? undefined : { scheme: bearer === undefined ? 'Basic' : 'Bearer', token }
}

export function basicPassword(request: Pick<IncomingMessage, 'headers'>): string | undefined {
  const [scheme, encoded = ''] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'basic') return undefined
  return Buffer.from(encoded, 'base64').toString().split(':')[1]
}
