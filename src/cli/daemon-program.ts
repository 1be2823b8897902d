/**
 * `catchd daemon run`, called by fast-path/quick-daemon.ts and by the full command line. The build makes one file of this
 * and the whole daemon.
 */
import '../plain-schemas.js'
import { homedir } from 'node:os'
import { runDaemon } from '../daemon/run.js'
import { surviveClosedOutput } from '../fast-path/closed-output.js'
import { printFailure } from './failure-output.js'

/**
 * Resolves when the daemon has ended. Sets `process.exitCode` after a failure; never throws.
 *
 * @param options - `json`: print a failure as problem details.
 */
export async function runDaemonProgram({
  json = false,
  detached = false,
}: {
  readonly json?: boolean
  readonly detached?: boolean
}): Promise<void> {
  surviveClosedOutput()
  // A daemon in the background must not keep the current folder in use.
  if (detached) process.chdir(homedir())
  try {
    await runDaemon()
  } catch (error) {
    process.exitCode = printFailure(error, json)
  }
}
