/**
 * The wall clock and the timers hung on it, as a value that tests replace.
 *
 * Instants are milliseconds since the Unix epoch. The wall clock, not a timer, decides expiry: a laptop
 * sleeps and timers stop with it, so whoever is woken asks `now()` again.
 */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
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

/** RFC 3339 UTC with whole seconds, as the API prints instants. */
export function toInstant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
}
