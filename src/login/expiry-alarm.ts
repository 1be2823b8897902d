/** Ends what nobody answered in time, by the wall clock: a timer that slept too long finds everything that is over. */
import type { Clock } from '../clock.js'

/** A laptop that slept looks at the clock again after this time at the latest. */
const LONGEST_NAP_MS = 60_000

export class ExpiryAlarm {
  readonly #clock: Clock
  readonly #nextExpiryMs: () => number | undefined
  readonly #expire: () => void
  #cancel: () => void = () => {}

  /** @param nextExpiryMs - The earliest expiry there is, in milliseconds since the epoch. */
  constructor(clock: Clock, nextExpiryMs: () => number | undefined, expire: () => void) {
    this.#clock = clock
    this.#nextExpiryMs = nextExpiryMs
    this.#expire = expire
  }

  /** Looks again when the next one is due; called whenever there is one more. */
  set(): void {
    this.cancel()
    const next = this.#nextExpiryMs()
    if (next === undefined) return
    this.#cancel = this.#clock.after(Math.min(next - this.#clock.now(), LONGEST_NAP_MS), () => {
      this.#expire()
      this.set()
    })
  }

  cancel(): void {
    this.#cancel()
  }
}
