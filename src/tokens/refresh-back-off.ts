/**
 * How long to wait after failed refreshes: from 1 s, doubling to 5 min, with jitter; longer if the server's Retry-After
 * requires it. Pure.
 */

const FIRST_MS = 1_000
const LONGEST_MS = 300_000

export interface BackOff {
  readonly failures: number
  /** catchd starts no refresh of its own before this time. */
  readonly notBeforeMs: number
}

/** @param jitter - A random number in [0, 1): half of the pause is fixed, half of it random. */
export function backOffAfter(
  previous: BackOff | null,
  retryAfterSeconds: number | null,
  nowMs: number,
  jitter: number,
): BackOff {
  const failures = (previous?.failures ?? 0) + 1
  const fullMs = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 20), LONGEST_MS)
  const pauseMs = Math.max(
    fullMs / 2 + (fullMs / 2) * jitter,
    Math.min((retryAfterSeconds ?? 0) * 1000, LONGEST_MS),
  )
  return { failures, notBeforeMs: nowMs + pauseMs }
}

/** A clock that was set back must not prolong a pause beyond its longest. */
export function mustWait(backOff: BackOff | null, nowMs: number): boolean {
  return backOff !== null && nowMs < backOff.notBeforeMs && backOff.notBeforeMs - nowMs <= LONGEST_MS
}
