/**
 * A file that always holds a fresh token, for tools that read one and know nothing of catchd: replaced as a
 * whole, 0600, and removed when nobody keeps it fresh any more, since a token that is not refreshed is of no use.
 */
import { readFile, unlink } from 'node:fs/promises'
import { writeDurably } from '../config/write.js'
import { asCatchdError, type CatchdError } from '../failures.js'
import type { AnyTokenAnswer } from './token-format.js'

/** How long a token that was refreshed by somebody else, or a removed file, may go unnoticed. */
const LONGEST_PAUSE_MS = 30_000
/** Of a failure that ends by itself or by a login. */
const PAUSE_AFTER_FAILURE_MS = 5_000

/** What the keeping needs of the outside. */
export interface TokenFileWork {
  readonly token: () => Promise<AnyTokenAnswer>
  readonly minTtlSeconds: number
  /** Called when something fails, once until it works again. */
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

  /** @throws CatchdError `config_invalid` when it cannot be written */
  async write(token: AnyTokenAnswer): Promise<void> {
    const text = this.#textOf(token)
    if (text === this.#written && (await this.#content()) === text) return
    await writeDurably(this.path, text)
    this.#written = text
  }

  /**
   * Asks again ahead of expiry, and every half a minute. Failures leave the file as it is: its token may still be
   * good, and a login mends the rest.
   *
   * @param first - What was written already.
   */
  async keepFresh(first: AnyTokenAnswer, work: TokenFileWork): Promise<void> {
    let pauseMs = pauseUntilNext(first, work.minTtlSeconds)
    let told: string | undefined
    while (await paused(pauseMs, work.signal)) {
      try {
        const token = await work.token()
        await this.write(token)
        pauseMs = pauseUntilNext(token, work.minTtlSeconds)
        told = undefined
      } catch (error) {
        if (work.signal.aborted) return
        const failure = asCatchdError(error)
        if (failure.code !== told) work.onFailure(failure)
        told = failure.code
        pauseMs = PAUSE_AFTER_FAILURE_MS
      }
    }
  }

  /** Only while it holds what we wrote: it may have become somebody else's. */
  async remove(): Promise<void> {
    if (this.#written !== undefined && (await this.#content()) === this.#written) await unlink(this.path)
  }

  #content(): Promise<string | undefined> {
    return readFile(this.path, 'utf8').catch(() => undefined)
  }
}

/**
 * A token that lives shorter than the time that should be left is asked for again at half its life, not without
 * a pause. Short pauses, rather than one timer up to the expiry, survive a suspended machine.
 */
export function pauseUntilNext({ expires_in: left }: AnyTokenAnswer, minTtlSeconds: number): number {
  if (left === null) return LONGEST_PAUSE_MS
  const seconds = Math.max(left - minTtlSeconds, left / 2, 1)
  return Math.min(seconds * 1000, LONGEST_PAUSE_MS)
}

/** @returns `false` when it was ended by the signal. */
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
