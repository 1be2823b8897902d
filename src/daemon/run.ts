/**
 * The daemon as a process: environment in, signals, exit. Everything else is composed in compose.ts.
 */
import { parseEnvironment } from '../config/environment.js'
import { ensureFolder, requireWritable, resolveFolders } from '../config/folders.js'
import { daemonSettings, readSettings } from '../config/settings.js'
import { EXIT, placeOf } from '../failures.js'
import { forbidCoreDumps } from '../process/core-dumps.js'
import { LOADER_VARIABLES } from '../process/own-processes.js'
import { VERSION } from '../version.js'
import { takeActivatedSockets } from './activation.js'
import { compose } from './compose.js'
import { openLog } from './log.js'

/**
 * Serves until SIGTERM, SIGINT or a call of the API; resolves when it has stopped.
 *
 * @throws CatchdError `config_invalid` (a bad `CATCHD_*`, an unsafe folder), `already_running`
 */
export async function runDaemon(): Promise<void> {
  process.umask(0o077)
  const limited = forbidCoreDumps()
  for (const name of LOADER_VARIABLES) delete process.env[name] // for every process that the daemon starts
  const activated = takeActivatedSockets(process.env, process.pid)
  const environment = parseEnvironment(process.env)
  const folders = resolveFolders(environment)
  for (const folder of new Set([folders.configFolder, folders.stateFolder, folders.runtimeFolder])) {
    await ensureFolder(folder)
  }
  for (const folder of [folders.stateFolder, folders.runtimeFolder]) await requireWritable(folder)

  const { section } = await readSettings(folders.configFile)
  const log = await openLog({
    folder: folders.stateFolder,
    level: daemonSettings(environment, section).logLevel,
    foreground: foreground(),
  })
  let end: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  await limited // before there is a secret in memory
  const daemon = await compose({
    environment,
    section,
    folders,
    log,
    version: VERSION,
    activated,
    onStop: end,
  })
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  process.on('SIGHUP', () => {}) // the terminal that started it was closed
  const logFault = (error: unknown) =>
    log.error({
      event: 'daemon.fault',
      name: error instanceof Error ? error.name : 'unknown',
      at: placeOf(error),
    })
  process.on('unhandledRejection', logFault)
  process.on('uncaughtException', (error) => {
    // The process cannot be trusted any more, and everything important is stored: stop, and be started again.
    logFault(error)
    process.exitCode = EXIT.unexpected
    end()
  })
  await daemon.start()
  await ended
  await daemon.stop()
}

/** A terminal and a service manager's journal get the log on stderr. A detached daemon has its log file only. */
function foreground(): NodeJS.WriteStream | null {
  return process.stderr.isTTY || process.env['JOURNAL_STREAM'] !== undefined ? process.stderr : null
}
