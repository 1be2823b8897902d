/** `catchd daemon run|start|stop|restart|logs`: the daemon of this home, always over its socket. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import type { CatchdClient } from '../client/client.js'
import { NothingListens } from '../client/daemon-error.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'
import { startDaemon } from './daemon-start.js'
import { printJson, printResult } from './output.js'

/** The daemon drains for 5 s at most. */
const STOPS_WITHIN_MS = 10_000
const POLL_MS = 25

interface JsonOption {
  readonly json?: true
}

export function defineDaemon(command: Command, context: Context): void {
  command
    .command('run')
    .summary('run it here, until it is stopped')
    .option('--json', 'print a failure as JSON')
    .addOption(new Option('--detached').hideHelp())
    .action(async (options: { json?: true; detached?: true }) => {
      const { runDaemonProgram } = await import('./daemon-program.js')
      await runDaemonProgram(options)
    })
  command
    .command('start')
    .summary('run it in the background')
    .option('--json', 'print the result as JSON')
    .action((options: JsonOption) => start(context, options))
  command
    .command('stop')
    .summary('stop it; requests in flight are finished')
    .option('--json', 'print the result as JSON')
    .action((options: JsonOption) => stop(context, options))
  command
    .command('restart')
    .summary('stop it and start it again')
    .option('--json', 'print the result as JSON')
    .action(async (options: JsonOption) => {
      await stopIfRunning(context)
      await start(context, options)
    })
  command
    .command('logs')
    .summary('print its log')
    .option('-f, --follow', 'go on with what comes')
    .option('--json', 'print the lines as they stand in the file')
    .action(async (options: { follow?: true; json?: true }) => {
      const { printLog } = await import('./daemon-logs.js')
      await printLog(context, options)
    })
}

async function start(context: Context, options: JsonOption): Promise<void> {
  const client = context.localClient()
  const wasRunning = await isRunning(client)
  if (!wasRunning) await startDaemon(context)
  const { pid } = await client.status()
  if (options.json) return printJson({ running: true, started: !wasRunning, pid })
  printResult(
    wasRunning ? `The daemon is running already (process ${pid}).` : `The daemon runs (process ${pid}).`,
  )
}

async function stop(context: Context, options: JsonOption): Promise<void> {
  const wasRunning = await stopIfRunning(context)
  if (options.json) return printJson({ running: false, stopped: wasRunning })
  printResult(wasRunning ? 'The daemon has stopped.' : 'The daemon is not running.')
}

/** @returns Whether there was one. @throws CatchdError `daemon_unreachable` when it does not end within 10 s */
async function stopIfRunning(context: Context): Promise<boolean> {
  const client = context.localClient()
  let pid: number
  try {
    pid = (await client.status()).pid
    await client.stop()
  } catch (error) {
    if (error instanceof NothingListens) return false
    throw error
  }
  client.close() // an open connection would be waited for
  const giveUpAtMs = Date.now() + STOPS_WITHIN_MS
  while (isAlive(pid)) {
    if (Date.now() > giveUpAtMs) {
      throw new CatchdError('daemon_unreachable', {
        detail: `Process ${pid} was asked to stop and still runs after ${STOPS_WITHIN_MS / 1000} s.`,
        next: `kill ${pid}`,
      })
    }
    await delay(POLL_MS, undefined, { signal: context.signal }).catch(() => context.signal.throwIfAborted())
  }
  return true
}

async function isRunning(client: CatchdClient): Promise<boolean> {
  try {
    await client.status()
    return true
  } catch (error) {
    if (error instanceof NothingListens) return false
    throw error
  }
}

/** The socket goes first; what the daemon still stores afterwards counts too, so the process is waited for. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !hasEnded(pid)
}

/** In a container without an init an ended process stays in the table, and signals still find it (proc_pid_stat(5)). */
function hasEnded(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, ''))
  } catch {
    return false
  }
}
