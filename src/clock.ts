/**
 * The wall clock and its timers, as a value that tests replace.
 *
 * Times are milliseconds since the Unix epoch. The wall clock decides what has expired, not a timer: timers stop while a
 * laptop sleeps, so code that a timer wakes calls `now()` again.
 */

export interface Clock {
  now(): number
  /** Calls back once after about `delayMs`; the returned function cancels. Never keeps the process alive. */
  after(delayMs: number, callback: () => void): () => void
}

/** Node's longest timer; a longer delay would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/**
 * Wakes at a time of the wall clock. It sleeps for a limited time only and then looks at the clock, so a laptop that slept
 * or a clock that was changed makes it late by at most this time. It has no timer while there is nothing to wait for.
 */
export class Alarm {
  readonly #clock: Clock
  readonly #longestSleepMs: number
  readonly #onWake: (nowMs: number) => number | null
  #sleep: { readonly untilMs: number; readonly cancel: () => void } | null = null
  #isClosed = false

  /** @param onWake - Does what is due and returns when to wake next; `null`: not at all. */
  constructor(clock: Clock, longestSleepMs: number, onWake: (nowMs: number) => number | null) {
    this.#clock = clock
    this.#longestSleepMs = longestSleepMs
    this.#onWake = onWake
  }

  /** Wakes at this time, or earlier if it was to wake earlier already. `null` changes nothing. */
  wakeBy(atMs: number | null): void {
    if (atMs === null || this.#isClosed) return
    const nowMs = this.#clock.now()
    const untilMs = Math.min(Math.max(atMs, nowMs), nowMs + this.#longestSleepMs)
    if (this.#sleep !== null && this.#sleep.untilMs <= untilMs) return
    this.#sleep?.cancel()
    this.#sleep = { untilMs, cancel: this.#clock.after(untilMs - nowMs, () => this.#wake()) }
  }

  /** It does not wake again. */
  close(): void {
    this.#isClosed = true
    this.#sleep?.cancel()
  }

  #wake(): void {
    this.#sleep = null
    this.wakeBy(this.#onWake(this.#clock.now()))
  }
}

/** RFC 3339 has years of four digits. */
const LAST_INSTANT_MS = Date.parse('9999-12-31T23:59:59Z')

/** Whether RFC 3339 can express the time. */
export function isInstant(ms: number): boolean {
  return ms >= 0 && ms <= LAST_INSTANT_MS
}

/** `null` for what is unknown, and for what no Date can represent. */
export function instantOrNull(ms: number | null): string | null {
  return ms === null || !isInstant(ms) ? null : toInstant(ms)
}

/** RFC 3339 UTC with whole seconds, as the API prints instants. Never throws: it takes the nearest instant. */
export function toInstant(ms: number): string {
  const instantMs = Math.min(Math.max(ms, 0), LAST_INSTANT_MS)
  return new Date(instantMs).toISOString().replace(/\.\d{3}Z$/, 'Z')
}
