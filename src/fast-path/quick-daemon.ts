/**
 * `catchd daemon run` as service managers and `catchd daemon start` call it: only the daemon's file, without the
 * command-line parser, with compiled code that was stored before. Other forms of the command go to cli/daemon.ts, which
 * runs the same program.
 */
import { join } from 'node:path'
import { runCompiled } from './compiled-program.js'

const PLAIN = ['--json', '--detached']

/** Inserted by scripts/build.mjs. In the sources there is no file to run. */
const IS_BUILT = process.env['CATCHD_BUILD_VERSION'] !== undefined

/** The exports of cli/daemon-program.ts. */
interface DaemonProgram {
  runDaemonProgram(options: { readonly json: boolean; readonly detached: boolean }): Promise<void>
}

/** By then all code for a start is compiled, and storing it does not delay the start. */
const COMPILED_AFTER_MS = 3_000

/**
 * @param words - The arguments after `daemon`.
 * @returns Whether it ran here, and has ended.
 */
export async function runDaemonQuickly([run, ...options]: readonly string[]): Promise<boolean> {
  if (run !== 'run' || !IS_BUILT || !options.every((option) => PLAIN.includes(option))) return false
  const { exports, isNew, keep } = runCompiled<DaemonProgram>(join(__dirname, 'daemon.cjs'))
  if (isNew) setTimeout(keep, COMPILED_AFTER_MS).unref()
  await exports.runDaemonProgram({
    json: options.includes('--json'),
    detached: options.includes('--detached'),
  })
  keep()
  return true
}
