/**
 * One daemon per home: only one can bind the API socket. The socket of a running daemon is left alone, a stale one (after a
 * kill) is replaced, and any other file at the path is left alone.
 */
import { lstatSync, mkdirSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { CatchdError } from '../failures.js'
import type { OpenAddress } from '../http/http-listener.js'
import { shellWord } from '../text/shell-word.js'

/** Replacing a socket takes milliseconds; a takeover this old was left behind by a crash. */
const TAKEOVER_MS = 10_000

/** @throws CatchdError `already_running` when a running daemon, or a file that is not a socket, is at the path */
export async function bindApiSocket(path: string, bind: () => Promise<OpenAddress>): Promise<OpenAddress> {
  try {
    return await bind()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
  }
  refuseForeignFile(path)
  if (await isAnswered(path)) {
    throw new CatchdError('already_running', `Another catchd serves ${path}.`)
  }
  return takeOver(path, bind)
}

function refuseForeignFile(path: string): void {
  if (process.platform === 'win32') return
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found !== undefined && !found.isSocket()) {
    throw new CatchdError('already_running', {
      detail: `${path} is not a socket. catchd does not replace it, so it cannot listen there.`,
      next: `ls -l ${shellWord(path)}`,
    })
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'))
  })
}

/** Two daemons that find the same stale socket must not remove each other's new one. */
async function takeOver(path: string, bind: () => Promise<OpenAddress>): Promise<OpenAddress> {
  const takeover = `${path}.takeover`
  if (!acquire(takeover)) throw new CatchdError('already_running', `Another catchd is starting on ${path}.`)
  try {
    if (await isAnswered(path)) throw new CatchdError('already_running', `Another catchd serves ${path}.`)
    unlinkSync(path)
    return await bind()
  } finally {
    rmdirSync(takeover)
  }
}

function acquire(takeover: string): boolean {
  try {
    mkdirSync(takeover)
    return true
  } catch {
    const age = Date.now() - (statSync(takeover, { throwIfNoEntry: false })?.mtimeMs ?? 0)
    if (age < TAKEOVER_MS) return false
    rmdirSync(takeover)
    return acquire(takeover)
  }
}
