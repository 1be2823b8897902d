/** The built program, as a child process in a home of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { FakeDaemon, type Routes } from '../client/fake-daemon.js'
import { PROGRAM } from '../support/program.js'

export interface Finished {
  /** `null` when a signal ended it. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Default: empty and closed. */
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
}

export class Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly #output = { stdout: '', stderr: '' }
  readonly #ended: Promise<[number | null]>

  constructor(args: readonly string[], home: string, env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env['PATH'], HOME: home, CATCHD_HOME: home, ...env },
    })
    this.child.stdout.on('data', (chunk: Buffer) => {
      this.#output.stdout += chunk.toString('utf8')
    })
    this.child.stderr.on('data', (chunk: Buffer) => {
      this.#output.stderr += chunk.toString('utf8')
    })
    this.child.stdin.on('error', () => {}) // it may end without reading
    this.#ended = once(this.child, 'close') as Promise<[number | null]>
  }

  /** Resolves when stderr holds the text. */
  async said(text: string): Promise<void> {
    while (!this.#output.stderr.includes(text)) {
      if (this.child.exitCode !== null) throw new Error(`ended without saying it: ${this.#output.stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async finished(): Promise<Finished> {
    const [exitCode] = await this.#ended
    return { exitCode, ...this.#output }
  }
}

/** A fake API on the socket of a fresh home; closed after the test. */
export async function fakeDaemon(routes: Routes = {}): Promise<FakeDaemon> {
  const daemon = new FakeDaemon(routes)
  onTestFinished(() => daemon.close())
  await daemon.listenOnSocket()
  return daemon
}

export function start(daemon: FakeDaemon, args: readonly string[], options: RunOptions = {}): Running {
  const running = new Running(args, daemon.home, options.env)
  if (options.stdin !== undefined) running.child.stdin.end(options.stdin)
  return running
}

export function run(
  daemon: FakeDaemon,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return start(daemon, args, { stdin: '', ...options }).finished()
}
