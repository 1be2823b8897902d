/**
 * `catchd daemon run` itself. Both ways lead here: fast-path/quick-daemon.ts and the command-line parser. Built as
 * one file with all that the daemon is.
 */
import '../plain-schemas.js'
import { homedir } from 'node:os'
import { runDaemon } from '../daemon/run.js'
import { surviveClosedOutput } from '../fast-path/closed-output.js'
import { printFailure } from './failure-output.js'

export interface DaemonOptions {
  /** Failures as problem details. */
  readonly json?: boolean
  readonly detached?: boolean
}

/** Resolves when it has ended, with `process.exitCode` set where it failed; never throws. */
export async function runDaemonProgram({ json = false, detached = false }: DaemonOptions): Promise<void> {
  surviveClosedOutput()
  // In the background it must not hold the folder that somebody happened to stand in.
  if (detached) process.chdir(homedir())
  try {
    await runDaemon()
  } catch (error) {
    process.exitCode = printFailure(error, json)
  }
}
