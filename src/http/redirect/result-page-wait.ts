/**
 * Holds the addresses of an answered login until the browser has its result page. The browser fetches that page after the
 * login has ended, so the addresses stay bound for at most ten seconds, and only for a few seconds after the page was
 * fetched. All addresses of a redirect URI are released together.
 */
import type { Clock } from '../../clock.js'
import type { BoundAddress } from './bound-address.js'

/** A fast browser fetches the result page at once. This is for a slow one. */
const LONGEST_MS = 10_000
/** The user may reload the result page. */
const AFTER_PAGE_MS = 3_000

export class ResultPageWait {
  readonly #clock: Clock
  readonly #addresses: readonly BoundAddress[]
  readonly #untilMs: number
  #cancelTimer: () => void = () => {}

  constructor(clock: Clock, addresses: readonly BoundAddress[]) {
    this.#clock = clock
    this.#addresses = addresses
    this.#untilMs = clock.now() + LONGEST_MS
    for (const address of addresses) address.beginPageWait(this)
    this.#endAfter(LONGEST_MS)
  }

  pageSent(): void {
    this.#endAfter(Math.min(AFTER_PAGE_MS, Math.max(this.#untilMs - this.#clock.now(), 0)))
  }

  #endAfter(delayMs: number): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      for (const address of this.#addresses) address.endPageWait(this)
    })
  }
}
