/**
 * The journal of claimed logins: which ones had their code sent, so that after a crash no code is redeemed
 * a second time. A line is on the disk before the token request leaves; it holds ids, never a secret.
 */
import {
  closeSync,
  fdatasync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { CatchdError } from '../failures.js'

/** A login that was claimed and had not been settled when the daemon ended. */
export interface InterruptedLogin {
  readonly id: string
  readonly profile: string
  readonly redirectUri: string
}

type Line =
  | {
      readonly event: 'claimed'
      readonly id: string
      readonly profile: string
      readonly redirect_uri: string
    }
  | { readonly event: 'settled'; readonly id: string }

const sync = promisify(fdatasync)

export class LoginJournal {
  readonly #file: string
  #descriptor: number | undefined
  #interrupted: ReadonlyMap<string, InterruptedLogin> = new Map()

  constructor(file: string) {
    this.#file = file
  }

  /** Reads what the last run left behind and begins anew with only that. Once, by the one daemon of a home. */
  open(): void {
    this.#interrupted = readInterrupted(this.#file)
    const lines = [...this.#interrupted.values()].map((login) => line(claimedLine(login)))
    // Replaced as a whole: a crash in between leaves the old journal or the new one.
    writeFileSync(`${this.#file}.new`, lines.join(''), { mode: 0o600, flush: true })
    renameSync(`${this.#file}.new`, this.#file)
    syncFolder(dirname(this.#file))
    this.#descriptor = openSync(this.#file, 'a', 0o600)
  }

  /** Logins that the last run claimed and did not settle. */
  interrupted(): Iterable<InterruptedLogin> {
    return this.#interrupted.values()
  }

  wasClaimed(id: string): boolean {
    return this.#interrupted.has(id)
  }

  /** Resolves when the claim is on the disk. */
  async claimed(login: InterruptedLogin): Promise<void> {
    this.#append(claimedLine(login))
    await sync(this.#opened())
  }

  /** Written after the login's own record is gone from the vault; a lost line costs nothing. */
  settled(id: string): void {
    this.#append({ event: 'settled', id })
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #append(entry: Line): void {
    writeSync(this.#opened(), line(entry))
  }

  #opened(): number {
    if (this.#descriptor === undefined) throw new CatchdError('internal', 'The login journal is not open.')
    return this.#descriptor
  }
}

/** Without it a power cut may bring the old file back under the new one's name, and later claims would be gone. */
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function claimedLine(login: InterruptedLogin): Line {
  return { event: 'claimed', id: login.id, profile: login.profile, redirect_uri: login.redirectUri }
}

function line(entry: Line): string {
  return `${JSON.stringify(entry)}\n`
}

function readInterrupted(file: string): Map<string, InterruptedLogin> {
  const interrupted = new Map<string, InterruptedLogin>()
  for (const text of readLines(file)) {
    const entry = parseLine(text)
    if (entry?.event === 'claimed') {
      const { id, profile, redirect_uri: redirectUri } = entry
      interrupted.set(id, { id, profile, redirectUri })
    }
    if (entry?.event === 'settled') interrupted.delete(entry.id)
  }
  return interrupted
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** The last line may be torn by a crash; it then was not synced, and its token request was never sent. */
function parseLine(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined
  }
}
