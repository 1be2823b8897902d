/**
 * Running the built program once: a command line in, exit code and output out.
 *
 * The environment is built up from little, so that a proxy, a CA or a `CATCHD_*` of whoever runs the tests
 * stays outside.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export const PROGRAM = fileURLToPath(new URL('../../dist/catchd.cjs', import.meta.url))

/** Variables by name; `undefined` removes one. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface RunOptions {
  readonly env?: Environment
  /** Default: empty and closed. */
  readonly stdin?: string
  readonly cwd?: string
  /** Default 120,000; then it is killed and the run rejects. */
  readonly timeoutMs?: number
  /** Called with all of stderr whenever there is more of it. */
  readonly onStderr?: (text: string) => void
}

export interface Finished {
  /** `null` when a signal ended it. */
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What the program gets to see of the environment: where to find commands, and the given variables. */
export function environment(...layers: Environment[]): Record<string, string> {
  const merged = Object.assign({ PATH: process.env['PATH'], LANG: 'C.UTF-8' }, ...layers) as Environment
  return Object.fromEntries(
    Object.entries(merged).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

export async function runProgram(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { timeoutMs = 120_000 } = options
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: environment(options.env ?? {}),
    stdio: 'pipe',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString('utf8')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString('utf8')
    options.onStderr?.(output.stderr)
  })
  child.stdin.on('error', () => {}) // it may end without reading
  child.stdin.end(options.stdin ?? '')
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeoutMs)
  const [exitCode] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  if (late) throw new Error(`catchd ${args.join(' ')} ran over ${timeoutMs} ms:\n${output.stderr}`)
  return { exitCode, ...output }
}
