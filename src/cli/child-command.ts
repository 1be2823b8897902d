/** Running a command of the person's own, as `exec` and `keep` do: signals are passed on, and so is its exit code. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { printNote } from './output.js'
import { printable } from './printable.js'

/** As shells have it. */
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/** The terminal sends these to the command as well as to us. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
const FORWARDED: readonly NodeJS.Signals[] = [...FROM_TERMINAL, 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']

/** @returns The exit code to end with. */
export async function runCommand(
  [program = '', ...words]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(program, words, { stdio: 'inherit', env })
  const forward = (signal: NodeJS.Signals) => {
    if (!process.stdin.isTTY || !FROM_TERMINAL.includes(signal)) child.kill(signal)
  }
  for (const signal of FORWARDED) process.on(signal, forward)
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return signal === null ? (code ?? 0) : 128 + constants.signals[signal]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    printNote(`catchd: ${printable(program)} cannot be run (${code ?? 'unknown'}).`)
    return code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward)
  }
}
