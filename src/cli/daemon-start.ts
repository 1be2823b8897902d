/**
 * Starting the daemon in the background, from `catchd daemon start` and from every command that needs it.
 *
 * Two commands may start it at once: the second daemon ends with `already_running`, and its command uses the
 * first. What a daemon that cannot start has to say becomes the command's own failure.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CatchdClient } from '../client/client.js'
import { NothingListens, problemToError } from '../client/daemon-error.js'
import { CatchdError } from '../failures.js'
import type { Context } from './context.js'

const STARTS_WITHIN_MS = 10_000
const POLL_MS = 15
/** For the daemon that was first, when ours ended as the second. */
const OTHER_SERVES_WITHIN_MS = 2_000

/**
 * Resolves when the API answers.
 *
 * @throws CatchdError what the daemon ended with (`config_invalid`, `already_running`, …); `daemon_unreachable`
 *   when it does not answer within 10 s
 */
export async function startDaemon(context: Context): Promise<void> {
  const client = context.localClient()
  const complaints = await openComplaints()
  try {
    const child = spawnDaemon(context.mainFile, complaints.fd)
    await untilServing(client, child, complaints, context.folders.socketPath)
    child.unref()
  } finally {
    await complaints.close()
    client.close()
  }
}

/**
 * Where the daemon's stderr goes: a file rather than a pipe, so that a daemon that outlives this command can
 * still write. It has no name any more once the daemon holds it.
 */
async function openComplaints(): Promise<FileHandle> {
  const path = join(tmpdir(), `catchd-start-${randomBytes(9).toString('base64url')}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}

function spawnDaemon(mainFile: string, stderr: number): ChildProcess {
  // A started daemon logs to its file; with this variable it would take stderr for a service's journal.
  const { JOURNAL_STREAM: _journal, ...env } = process.env
  const words = [...process.execArgv, mainFile, 'daemon', 'run', '--json', '--detached']
  return spawn(process.execPath, words, { detached: true, stdio: ['ignore', 'ignore', stderr], env })
}

async function untilServing(
  client: CatchdClient,
  child: ChildProcess,
  complaints: FileHandle,
  socketPath: string,
): Promise<void> {
  let endedAtMs: number | undefined
  child.once('exit', () => {
    endedAtMs = Date.now()
  })
  child.once('error', () => {
    endedAtMs = 0
  })
  const giveUpAtMs = Date.now() + STARTS_WITHIN_MS
  while (Date.now() < giveUpAtMs) {
    // Read before asking: a daemon that ended meanwhile is noticed in the next round.
    const ended = endedAtMs
    if (await isServing(client)) return
    if (ended !== undefined) {
      const failure = await causeOfEnd(complaints)
      const mayBeSecond = failure.code === 'already_running' && isSocket(socketPath)
      if (!mayBeSecond || Date.now() > ended + OTHER_SERVES_WITHIN_MS) throw failure
    }
    await delay(POLL_MS)
  }
  throw new CatchdError(
    'daemon_unreachable',
    `The daemon was started and does not answer within ${STARTS_WITHIN_MS / 1000} s.`,
  )
}

async function isServing(client: CatchdClient): Promise<boolean> {
  try {
    await client.status()
    return true
  } catch (error) {
    if (error instanceof NothingListens) return false
    if (error instanceof CatchdError && error.code === 'daemon_unreachable') return false
    throw error
  }
}

/** Something else at the socket's path stays there; waiting would not help. */
function isSocket(path: string): boolean {
  return process.platform === 'win32' || lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true
}

/** The daemon prints its failure as problem details, on the last line. */
async function causeOfEnd(complaints: FileHandle): Promise<CatchdError> {
  const { buffer, bytesRead } = await complaints.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0)
  const lines = buffer.toString('utf8', 0, bytesRead).trim().split('\n')
  for (const line of lines.reverse()) {
    const failure = problemToError(parseJson(line))
    if (failure !== undefined) return failure
  }
  return new CatchdError('daemon_unreachable', 'The daemon ended while it was starting.')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
