/**
 * A file that always contains a fresh token, for tools that read one from a file. It has mode 0600 and is replaced as a
 * whole. At the end it is removed, because nobody would refresh the token in it.
 *
 * A link in its place is replaced too: it could lead the token to a file that others read, or overwrite another file. For
 * the same reason, other users must not be able to rename anything in the folder (SECURITY.md#nobody-else-gets-in).
 */
import { lstat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asCatchdError, CatchdError } from '../failures.js'
import type { AnyTokenAnswer } from '../fast-path/token-format.js'
import { folderTrouble } from '../files/named-file.js'
import { NO_FOLLOW, readChecked, replaceFile, systemCode } from '../files/whole-files.js'

/** After this time at most, it notices that the file was removed, or that another program refreshed the token. */
const LONGEST_PAUSE_MS = 30_000
/** After a failure, which can end automatically or by a login. */
const PAUSE_AFTER_FAILURE_MS = 5_000

/** The token, and what to do about failures. */
export interface TokenFileWork {
  readonly token: () => Promise<AnyTokenAnswer>
  readonly minTtlSeconds: number
  /** Called for the first of several equal failures. */
  readonly onFailure: (failure: CatchdError) => void
  readonly signal: AbortSignal
}

export class TokenFile {
  readonly path: string
  readonly #textOf: (token: AnyTokenAnswer) => string
  #written: string | undefined

  constructor(path: string, textOf: (token: AnyTokenAnswer) => string) {
    this.path = path
    this.#textOf = textOf
  }

  /** @throws CatchdError `config_invalid` if it cannot be written, or not safely */
  async write(token: AnyTokenAnswer): Promise<void> {
    const text = this.#textOf(token)
    if (text === this.#written && (await this.#content()) === text) return
    try {
      await this.#requireSafePlace()
      await replaceFile(this.path, text)
    } catch (error) {
      throw error instanceof CatchdError
        ? error
        : unusable(`${this.path} cannot be written (${systemCode(error)}).`)
    }
    this.#written = text
  }

  /**
   * Gets the token again before it expires, and every 30 seconds. A failure does not change the file, because its token
   * may still be valid.
   *
   * @param first - The token that is already in the file.
   */
  async keepFresh(first: AnyTokenAnswer, work: TokenFileWork): Promise<void> {
    let pauseMs = pauseUntilNext(first, work.minTtlSeconds)
    let reported: string | undefined
    while (await paused(pauseMs, work.signal)) {
      try {
        const token = await work.token()
        await this.write(token)
        pauseMs = pauseUntilNext(token, work.minTtlSeconds)
        reported = undefined
      } catch (error) {
        if (work.signal.aborted) return
        const failure = asCatchdError(error)
        if (failure.code !== reported) work.onFailure(failure)
        reported = failure.code
        pauseMs = PAUSE_AFTER_FAILURE_MS
      }
    }
  }

  /** Only if its content is still ours. */
  async remove(): Promise<void> {
    if (this.#written !== undefined && (await this.#content()) === this.#written) await unlink(this.path)
  }

  async #requireSafePlace(): Promise<void> {
    const trouble = await folderTrouble(dirname(this.path))
    if (trouble !== undefined) throw unusable(`${this.path} ${trouble.cause}`, trouble.fix)
    const there = await lstat(this.path).catch(() => undefined)
    if (there === undefined || there.isSymbolicLink()) return
    if (!there.isFile()) throw unusable(`${this.path} is not a file.`)
    if (there.uid !== (process.getuid?.() ?? there.uid))
      throw unusable(`${this.path} belongs to another user.`)
  }

  /** `undefined` if there is no such file, or not one that this program wrote. */
  async #content(): Promise<string | undefined> {
    const written = this.#written
    if (written === undefined) return undefined
    const refuseOther = ({ size }: { readonly size: number }) => {
      if (size !== Buffer.byteLength(written)) throw new Error('another file')
    }
    const found = await readChecked(this.path, refuseOther, { flags: NO_FOLLOW }).catch(() => undefined)
    return found?.toString('utf8')
  }
}

function unusable(detail: string, next = 'catchd help keep'): CatchdError {
  return new CatchdError('config_invalid', { detail, next })
}

/**
 * A token with a lifetime shorter than the required time is requested again after half of it, not without a pause. Short
 * pauses, not one timer until the expiry, so that it also works after the machine was suspended.
 */
export function pauseUntilNext({ expires_in: left }: AnyTokenAnswer, minTtlSeconds: number): number {
  if (left === null) return LONGEST_PAUSE_MS
  const seconds = Math.max(left - minTtlSeconds, left / 2, 1)
  return Math.min(seconds * 1000, LONGEST_PAUSE_MS)
}

/** @returns `false` if the signal ended it. The global timer, because tests move the clock. */
function paused(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve(!signal.aborted)
    }
    const timer = setTimeout(end, milliseconds)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end)
  })
}
