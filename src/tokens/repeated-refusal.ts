/**
 * A refusal that does not say what it means, and that comes again unchanged. One bad minute must not end a session: a
 * firewall or a captive portal refuses too. But some servers never say that a refresh token is dead, so after the same
 * answer for hours the user is asked. The count is stored with the token set, so that it outlives a restart. Pure.
 */
import type { TokenSet } from './token-set.js'

type RepeatedRefusal = NonNullable<TokenSet['repeatedRefusal']>

/** So many times the same refusal, */
const ENOUGH_REFUSALS = 5
/** at least so long after the one before (what comes in between is not counted: one bad minute brings many of them), */
const APART_MS = 60 * 60 * 1_000
/**
 * and at least so long between the first and the last. A block of a few hours costs no login, nor do two of them with a
 * night in between, during which the machine slept.
 */
const LONG_ENOUGH_MS = 6 * 60 * 60 * 1_000

/** @param answer - The digest of the refusal. Another one begins a new count. */
export function withRefusal(set: TokenSet, answer: string, nowMs: number): TokenSet {
  const { repeatedRefusal: last } = set
  if (last?.answer !== answer || nowMs < last.lastMs) {
    return { ...set, repeatedRefusal: { answer, sinceMs: nowMs, lastMs: nowMs, count: 1 } }
  }
  // It is not counted further, so that a refusal every few minutes is not a write to the vault every few minutes.
  if (last.count >= ENOUGH_REFUSALS || nowMs - last.lastMs < APART_MS) return set
  return { ...set, repeatedRefusal: { ...last, lastMs: nowMs, count: last.count + 1 } }
}

/** Whether the user has to be asked. */
export function isRepeatedForHours({ count, sinceMs }: RepeatedRefusal, nowMs: number): boolean {
  return count >= ENOUGH_REFUSALS && nowMs - sinceMs >= LONG_ENOUGH_MS
}
