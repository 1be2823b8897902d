/**
 * `catchd daemon run` as service managers and `catchd daemon start` write it: the daemon's file alone, without the
 * command-line parser, and with what was compiled of it before. Any other wording goes the long way (cli/daemon.ts), which
 * ends at the same program.
 */
import { join } from 'node:path'
import { runCompiled } from './compiled-program.js'

const PLAIN = ['--json', '--detached']

/** Which build this is, written in by scripts/build.mjs; as a source there is no file to run. */
const BUILD = process.env['CATCHD_BUILD_ID']

/** What cli/daemon-program.ts exports. */
interface DaemonProgram {
  runDaemonProgram(options: { readonly json: boolean; readonly detached: boolean }): Promise<void>
}

/** By then what a start needs is compiled, and the start is not made longer by keeping it. */
const COMPILED_AFTER_MS = 3_000

/**
 * @param words - After `daemon`.
 * @returns Whether it was run here, and has ended.
 */
export async function runDaemonQuickly([run, ...options]: readonly string[]): Promise<boolean> {
  if (run !== 'run' || BUILD === undefined || !options.every((option) => PLAIN.includes(option))) return false
  const { exports, isNew, keep } = runCompiled<DaemonProgram>(join(__dirname, 'daemon.cjs'), BUILD)
  if (isNew) setTimeout(keep, COMPILED_AFTER_MS).unref()
  await exports.runDaemonProgram({
    json: options.includes('--json'),
    detached: options.includes('--detached'),
  })
  keep()
  return true
}
