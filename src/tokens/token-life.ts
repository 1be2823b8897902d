/**
 * What may be done with a profile's token set at an instant: serve it, refresh it, or send for a person. Pure.
 */
import { secondsLeft, type TokenSet } from './token-set.js'

export type TokenLife =
  /** Good for at least the asked time, or of unknown lifetime: serve it. */
  | 'fresh'
  /** Less than the asked time is left, but some: refresh, and serve it where that fails. */
  | 'due'
  /** Nothing is left: refresh or fail. */
  | 'expired'

/** @param minTtlSeconds - Seconds that the caller wants the token to be good for. */
export function tokenLife(set: TokenSet, minTtlSeconds: number, nowMs: number): TokenLife {
  const left = secondsLeft(set, nowMs)
  if (left === null) return 'fresh'
  if (left <= 0) return 'expired'
  return left >= minTtlSeconds ? 'fresh' : 'due'
}
