/** Starting this user's daemon from a program that uses the library: by the program of the same package. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { CatchdError } from '../failures.js'
import { problemToError } from './daemon-error.js'

/** Everything that is published lies one folder below it. */
const PROGRAM = new URL('../catchd.cjs', import.meta.url)
/** It gives up on a daemon that does not answer after ten seconds. */
const LONGEST_MS = 20_000

/**
 * Resolves when the daemon answers.
 *
 * @throws CatchdError what it ended with: `config_invalid`, `already_running`, …
 */
export async function startDaemon(program: string = fileURLToPath(PROGRAM)): Promise<void> {
  const words = [program, 'daemon', 'start', '--json']
  const stderr = await new Promise<string | undefined>((resolve) => {
    execFile(process.execPath, words, { timeout: LONGEST_MS, windowsHide: true }, (error, _stdout, stderr) =>
      resolve(error === null ? undefined : stderr),
    )
  })
  if (stderr === undefined) return
  throw lastProblem(stderr) ?? new CatchdError('daemon_unreachable', `${program} could not start the daemon.`)
}

/** It prints its failure as problem details, on the last line. */
function lastProblem(stderr: string): CatchdError | undefined {
  try {
    return problemToError(JSON.parse(stderr.trim().split('\n').at(-1) ?? ''))
  } catch {
    return undefined
  }
}
