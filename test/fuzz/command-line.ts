/** Commands in this process, with what they would have on stdin and in the environment; and all that they print. */
import { Readable } from 'node:stream'
import { runCommandLine } from '../../src/cli/command-line.js'

export interface RanCommand {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export async function runHere(
  argv: readonly string[],
  { stdin = '', env = {} }: { readonly stdin?: string | Buffer; readonly env?: NodeJS.ProcessEnv },
): Promise<RanCommand> {
  const before = {
    env: process.env,
    stdin: Object.getOwnPropertyDescriptor(process, 'stdin'),
    exitCode: process.exitCode,
  }
  const printed = { stdout: '', stderr: '' }
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const write = process[name].write
    process[name].write = ((chunk: string | Uint8Array) => {
      printed[name] += Buffer.from(chunk as string).toString()
      return true
    }) as typeof write
    return () => {
      process[name].write = write
    }
  })
  const listeners = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const)
  process.env = { ...process.env, ...env }
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(stdin)]), configurable: true })
  process.exitCode = 0
  try {
    // As the system hands arguments over: valid Unicode, without NUL.
    const words = argv.map((word) => Buffer.from(word).toString().replaceAll('\0', ''))
    await runCommandLine(words, '/nonexistent/catchd.cjs')
    return { exitCode: Number(process.exitCode), ...printed }
  } finally {
    for (const put of restore) put()
    process.env = before.env
    process.exitCode = before.exitCode
    if (before.stdin !== undefined) Object.defineProperty(process, 'stdin', before.stdin)
    for (const [signal, kept] of listeners) {
      for (const listener of process.listeners(signal))
        if (!kept.includes(listener)) process.off(signal, listener)
    }
  }
}
