/**
 * The demo's environment: a temporary home folder and free ports. Runs catchd commands in it and removes it at the end.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { CatchdError } from '../failures.js'
import { nodeOptions, withoutLoaders } from '../process/own-processes.js'
import { fetchOnce, type WebAnswer } from './web-request.js'

interface Ran {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export class DemoHome {
  readonly folder: string
  readonly apiPort: number
  readonly redirectPort: number
  readonly #env: NodeJS.ProcessEnv

  private constructor(folder: string, apiPort: number, redirectPort: number, browser: boolean) {
    this.folder = folder
    this.apiPort = apiPort
    this.redirectPort = redirectPort
    const others = Object.entries(withoutLoaders(process.env)).filter(([name]) => !name.startsWith('CATCHD_'))
    this.#env = {
      ...Object.fromEntries(others),
      CATCHD_HOME: folder,
      CATCHD_API_PORT: String(apiPort),
      CATCHD_REDIRECT_PORT: String(redirectPort),
      CATCHD_VAULT: 'auto',
      ...(browser ? {} : { CATCHD_BROWSER: 'none' }),
    }
  }

  /** Uses the default ports if they are free, and other ports if the user's own daemon has them. */
  static async make(browser: boolean): Promise<DemoHome> {
    const folder = await mkdtemp(join(tmpdir(), 'catchd-demo-'))
    return new DemoHome(folder, await freePort(7636), await freePort(8252), browser)
  }

  get socketPath(): string {
    return join(this.folder, 'run', 'catchd.sock')
  }

  /** The variables that make a command use this home. */
  get environmentForShell(): string {
    return `CATCHD_HOME=${this.folder} CATCHD_API_PORT=${this.apiPort} CATCHD_REDIRECT_PORT=${this.redirectPort}`
  }

  /**
   * Runs one catchd command.
   *
   * @throws CatchdError `internal` with the command's output if its exit code is not 0
   */
  async catchd(args: readonly string[], stdin = ''): Promise<Ran> {
    const program = process.argv[1] ?? ''
    const ran = await this.run(process.execPath, [...nodeOptions(program), program, ...args], stdin)
    if (ran.exitCode === 0) return ran
    const cause = ran.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('  → '))
    throw new CatchdError('internal', {
      detail: `catchd ${args.join(' ')}: ${cause.join(' ').replace(/^catchd: /, '')}`,
      next: 'catchd doctor',
    })
  }

  async run(command: string, args: readonly string[], stdin = ''): Promise<Ran> {
    const child = spawn(command, args, { env: this.#env, stdio: 'pipe' })
    child.stdin.on('error', () => {}) // the command need not read its input
    child.stdin.end(stdin)
    const [[exitCode], stdout, stderr] = await Promise.all([
      once(child, 'close') as Promise<[number | null]>,
      text(child.stdout),
      text(child.stderr),
    ])
    return { exitCode, stdout, stderr }
  }

  /** Asks the API over the socket. */
  async api(path: string): Promise<WebAnswer> {
    return fetchOnce(`http://localhost${path}`, { socketPath: this.socketPath })
  }

  /** Removes tokens and secrets from the vault, stops the daemon and removes the folder. */
  async remove(): Promise<void> {
    for (const args of [
      ['logout', 'gw'],
      ['profile', 'remove', 'gw'],
      ['daemon', 'stop'],
    ]) {
      await this.catchd(args).catch(() => {}) // the demo may have failed before it created this
    }
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** @returns The preferred port if it is free, otherwise another one. */
async function freePort(preferred: number): Promise<number> {
  const server = createServer().listen({ host: '127.0.0.1', port: preferred, exclusive: true })
  try {
    await once(server, 'listening')
  } catch (error) {
    if (preferred !== 0) return freePort(0)
    throw new CatchdError('internal', { detail: 'No free port on 127.0.0.1.', cause: error })
  }
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
