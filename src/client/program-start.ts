/** Starts this user's daemon from a program that uses the library, with the program of the same package. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { CatchdError } from '../failures.js'
import { withoutLoaders } from '../process/own-processes.js'
import { lastProblem } from './daemon-error.js'

/** In the package, this file is one folder below the program. */
const PROGRAM = new URL('../catchd.cjs', import.meta.url)
/** The program waits 10 s for the daemon's answer. */
const LONGEST_MS = 20_000

/**
 * Resolves when the daemon answers.
 *
 * @throws CatchdError the failure of the program: `config_invalid`, `already_running`, …
 */
export async function startDaemon(program: string = fileURLToPath(PROGRAM)): Promise<void> {
  const words = [program, 'daemon', 'start', '--json']
  const stderr = await new Promise<string | undefined>((resolve) => {
    const options = { env: withoutLoaders(process.env), timeout: LONGEST_MS, windowsHide: true }
    execFile(process.execPath, words, options, (error, _stdout, stderr) =>
      resolve(error === null ? undefined : stderr),
    )
  })
  if (stderr === undefined) return
  throw lastProblem(stderr) ?? new CatchdError('daemon_unreachable', `${program} could not start the daemon.`)
}
