/**
 * `catchd daemon run|start|stop|restart|logs`: the daemon of this home, always over its socket. Every command that
 * needs the daemon starts it with {@link startDaemon}.
 *
 * Two commands may start it at the same time. The second daemon then ends with `already_running`, and its command uses
 * the first one. If the daemon cannot start, its failure becomes the failure of the command.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from '@commander-js/extra-typings'
import type { CatchdClient } from '../client/client.js'
import { lastProblem, NothingListens } from '../client/daemon-error.js'
import { CatchdError } from '../failures.js'
import { withoutCoreDumps } from '../process/core-dumps.js'
import { nodeOptions, withoutLoaders } from '../process/own-processes.js'
import type { Context } from './context.js'
import { printJson, printNote, printResult } from './output.js'
import { settingsNote } from './settings-note.js'

const STARTS_WITHIN_MS = 10_000
const START_POLL_MS = 15
/** For the answer of the first daemon, after ours ended as the second. */
const OTHER_SERVES_WITHIN_MS = 2_000
/** The daemon finishes its requests for 5 s at most. */
const STOPS_WITHIN_MS = 10_000
const STOP_POLL_MS = 25

export function define(command: Command, context: Context): void {
  command
    .command('run')
    .summary('run the daemon in this terminal until it is stopped')
    .option('--json', 'print a failure as JSON')
    .addOption(new Option('--detached').hideHelp())
    .action(async (options) => {
      const { runDaemonProgram } = await import('./daemon-program.js')
      await runDaemonProgram(options)
    })
  command
    .command('start')
    .summary('run the daemon in the background')
    .option('--json', 'print the result as JSON')
    .action(({ json }) => start(context, json))
  command
    .command('stop')
    .summary('stop the daemon, after it has finished its current requests')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }) => {
      const wasRunning = await stopIfRunning(context)
      if (json) return printJson({ running: false, stopped: wasRunning })
      printResult(wasRunning ? 'The daemon has stopped.' : 'The daemon is not running.')
    })
  command
    .command('restart')
    .summary('stop the daemon and start it again')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }) => {
      await stopIfRunning(context)
      await start(context, json)
    })
  command
    .command('logs')
    .summary("print the daemon's log")
    .option('-f, --follow', 'also print new lines, until Ctrl-C')
    .option('--json', 'print the lines as they are in the file')
    .action(async (options) => {
      const { printLog } = await import('./daemon-logs.js')
      await printLog(context, options)
    })
}

async function start(context: Context, json: true | undefined): Promise<void> {
  const client = context.localClient()
  const wasRunning = await isServing(client, (error) => error instanceof NothingListens)
  if (!wasRunning) await startDaemon(context)
  const status = await client.status()
  const { pid } = status
  if (json) printJson({ running: true, started: !wasRunning, pid })
  else {
    printResult(
      wasRunning
        ? `The daemon is already running (process ${pid}).`
        : `The daemon is running (process ${pid}).`,
    )
  }
  const note = await settingsNote(context, { status })
  if (note !== undefined) printNote(note)
  if (status.listeners.tcp_error !== null) printNote(status.listeners.tcp_error)
}

/**
 * Resolves when the API answers.
 *
 * @throws CatchdError the failure of the daemon (`config_invalid`, `already_running`, …); `daemon_unreachable` if it does
 *   not answer within 10 s
 */
export async function startDaemon(context: Context): Promise<void> {
  const client = context.localClient()
  const stderr = await openStderrFile()
  try {
    const child = spawnDaemon(context.mainFile, stderr.fd)
    await untilServing(client, child, stderr, context.folders.socketPath)
    child.unref()
  } finally {
    await stderr.close()
    client.close()
  }
}

/**
 * The file for the daemon's stderr. It is not a pipe, because the daemon runs longer than this command and must still be
 * able to write. The file has no name: it exists as long as the daemon has it open.
 */
async function openStderrFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `catchd-start-${randomBytes(9).toString('base64url')}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}

function spawnDaemon(mainFile: string, stderr: number): ChildProcess {
  // With this variable, the daemon would write its log to stderr for the journal of a service.
  const { JOURNAL_STREAM: _journal, ...env } = withoutLoaders(process.env)
  const words = [...nodeOptions(mainFile), mainFile, 'daemon', 'run', '--json', '--detached']
  const [program, ...args] = withoutCoreDumps([process.execPath, ...words])
  return spawn(program, args, { detached: true, stdio: ['ignore', 'ignore', stderr], env })
}

async function untilServing(
  client: CatchdClient,
  child: ChildProcess,
  stderr: FileHandle,
  socketPath: string,
): Promise<void> {
  let endedAtMs: number | undefined
  child.once('exit', () => {
    endedAtMs = Date.now()
  })
  child.once('error', () => {
    endedAtMs = 0
  })
  const isUnreachable = (error: unknown) =>
    error instanceof CatchdError && error.code === 'daemon_unreachable'
  const giveUpAtMs = Date.now() + STARTS_WITHIN_MS
  while (Date.now() < giveUpAtMs) {
    // Read before the question. If the daemon ends during the question, the next round sees it.
    const ended = endedAtMs
    if (await isServing(client, isUnreachable)) return
    if (ended !== undefined) {
      const failure = await causeOfEnd(stderr)
      const mayBeSecond = failure.code === 'already_running' && isSocket(socketPath)
      if (!mayBeSecond || Date.now() > ended + OTHER_SERVES_WITHIN_MS) throw failure
    }
    await delay(START_POLL_MS)
  }
  throw new CatchdError(
    'daemon_unreachable',
    `The daemon was started, but did not answer within ${STARTS_WITHIN_MS / 1000} s.`,
  )
}

/** @param isAbsence - Whether an error means that no daemon serves. Other errors are thrown. */
async function isServing(client: CatchdClient, isAbsence: (error: unknown) => boolean): Promise<boolean> {
  try {
    await client.status()
    return true
  } catch (error) {
    if (isAbsence(error)) return false
    throw error
  }
}

/** If it is not a socket, the file at this path stays, so waiting does not help. */
function isSocket(path: string): boolean {
  return process.platform === 'win32' || lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true
}

async function causeOfEnd(stderr: FileHandle): Promise<CatchdError> {
  const { buffer, bytesRead } = await stderr.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0)
  const problem = lastProblem(buffer.toString('utf8', 0, bytesRead))
  return problem ?? new CatchdError('daemon_unreachable', 'The daemon ended during its start.')
}

/** @returns Whether it was running. @throws CatchdError `daemon_unreachable` if it does not end within 10 s */
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
  client.close() // the daemon waits for open connections
  const giveUpAtMs = Date.now() + STOPS_WITHIN_MS
  while (isAlive(pid)) {
    if (Date.now() > giveUpAtMs) {
      throw new CatchdError('daemon_unreachable', {
        detail: `Process ${pid} was asked to stop, but is still running after ${STOPS_WITHIN_MS / 1000} s.`,
        next: `kill ${pid}`,
      })
    }
    await delay(STOP_POLL_MS, undefined, { signal: context.signal }).catch(() =>
      context.signal.throwIfAborted(),
    )
  }
  return true
}

/** The daemon closes the socket first and may still store something afterwards, so the process itself is checked. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !hasEnded(pid)
}

/** In a container without an init, an ended process stays in the table and still gets signals (proc_pid_stat(5)). */
function hasEnded(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, ''))
  } catch {
    return false
  }
}
