/**
 * The demo's environment: a temporary home folder with ports of its own in its configuration file, so that every command
 * with this home uses them, and a daemon of the user never collides with them. Runs catchd commands in it and removes it at the end.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
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
  /** The last command, which may still run when the user interrupts the demo. */
  #ran: Promise<unknown> = Promise.resolve()
  #isLeft = false

  private constructor(folder: string, apiPort: number, redirectPort: number) {
    this.folder = folder
    this.apiPort = apiPort
    this.redirectPort = redirectPort
    const others = Object.entries(withoutLoaders(process.env)).filter(([name]) => !name.startsWith('CATCHD_'))
    this.#env = {
      ...Object.fromEntries(others),
      CATCHD_HOME: folder,
    }
  }

  /** @param browser - Whether the daemon may open a browser. */
  static async make(browser: boolean): Promise<DemoHome> {
    const folder = await mkdtemp(join(tmpdir(), 'catchd-demo-'))
    const [apiPort, redirectPort] = await freePorts()
    const daemon = {
      api_port: apiPort,
      redirect_port: redirectPort,
      ...(browser ? {} : { browser: 'none' }),
    }
    const text = `${JSON.stringify({ daemon, profiles: {} }, null, 2)}\n`
    await writeFile(join(folder, 'config.jsonc'), text, { mode: 0o600 })
    return new DemoHome(folder, apiPort, redirectPort)
  }

  get socketPath(): string {
    return join(this.folder, 'run', 'catchd.sock')
  }

  /**
   * Runs one catchd command.
   *
   * @throws CatchdError `internal` with the command's output if its exit code is not 0
   */
  async catchd(args: readonly string[], stdin = ''): Promise<Ran> {
    // After an interruption, another command would start the daemon again.
    if (this.#isLeft) throw new CatchdError('internal', 'The demo has ended.')
    const ran = await this.#command(args, stdin)
    if (ran.exitCode === 0) return ran
    const cause = ran.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('  → '))
    throw new CatchdError('internal', {
      detail: `catchd ${args.join(' ')}: ${cause.join(' ').replace(/^catchd: /, '')}`,
      next: 'catchd doctor',
    })
  }

  #command(args: readonly string[], stdin = ''): Promise<Ran> {
    const program = process.argv[1] ?? ''
    const running = this.run(process.execPath, [...nodeOptions(program), program, ...args], stdin)
    this.#ran = running
    return running
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
    this.#isLeft = true
    await this.#ran.catch(() => {})
    for (const args of [
      ['logout', 'gw'],
      ['profile', 'remove', 'gw'],
      ['daemon', 'stop'],
    ]) {
      await this.#command(args) // its failure says nothing: the demo may have ended before it created this
    }
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Two ports that the system gives out now. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const
  try {
    for (const server of servers) {
      server.listen({ host: '127.0.0.1', port: 0, exclusive: true })
      await once(server, 'listening')
    }
    const [first, second] = servers
    return [portOf(first), portOf(second)]
  } catch (error) {
    throw new CatchdError('internal', { detail: 'No free port on 127.0.0.1.', cause: error })
  } finally {
    for (const server of servers) server.close()
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
