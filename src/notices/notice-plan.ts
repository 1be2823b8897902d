/**
 * The plan of a profile: when a person will be needed, and what was told of it already.
 *
 * Pure. One token set is told of at most twice, once before and once when it happens. A refresh that brings a
 * refresh token with the same end goes on with what was told; one that prolongs it begins anew.
 */
import type { NextLogin } from '../tokens/next-login.js'
import type { TokenSet } from '../tokens/token-set.js'

export interface NoticePlan {
  /** Which token set it is about: its `obtainedAtMs`. */
  readonly obtainedAtMs: number
  readonly neededAtMs: number
  /** Since when that instant is known; short-lived tokens are not announced. */
  readonly knownSinceMs: number
  readonly toldBefore: boolean
  readonly toldWhen: boolean
  /** When somebody last used the profile, to the day. */
  readonly usedAtMs: number
}

/** Lifetimes are told in whole seconds from receipt, so the same end comes out a little different each time. */
const SAME_END_MS = 15_000

/** How exactly the last use is remembered. */
const USE_STEP_MS = 24 * 60 * 60 * 1_000

/** A job that runs once a month still wants its tokens; what nobody used for longer interrupts nobody. */
const IN_USE_MS = 32 * USE_STEP_MS

/**
 * @param set - What the nextLogin was made from.
 * @param isUse - Somebody used the profile just now.
 * @returns `null` when there is nothing to wait for: the end is unknown, never comes, or the profile was logged out.
 */
export function nextNoticePlan(
  previous: NoticePlan | null,
  set: TokenSet | null,
  nextLogin: NextLogin,
  nowMs: number,
  isUse: boolean,
): NoticePlan | null {
  if (set === null || nextLogin.atMs === null) return null
  const usedAtMs = lastUse(previous, nowMs, isUse)
  const { obtainedAtMs } = set
  const isNow = nextLogin.certainty === 'now'
  const fresh = { obtainedAtMs, knownSinceMs: obtainedAtMs, toldBefore: false, toldWhen: false, usedAtMs }
  if (previous === null) return { ...fresh, neededAtMs: nextLogin.atMs }
  if (previous.obtainedAtMs === obtainedAtMs) {
    // A dead refresh token is needed "now" at every look; the first one counts.
    const neededAtMs = isNow ? Math.min(previous.neededAtMs, nextLogin.atMs) : nextLogin.atMs
    return { ...previous, neededAtMs, usedAtMs }
  }
  const isSameEnd = Math.abs(previous.neededAtMs - nextLogin.atMs) <= SAME_END_MS
  const isOverAgain = previous.toldWhen && !isNow
  if (!isSameEnd || isOverAgain) return { ...fresh, neededAtMs: nextLogin.atMs }
  return { ...previous, obtainedAtMs, neededAtMs: nextLogin.atMs, usedAtMs }
}

function lastUse(previous: NoticePlan | null, nowMs: number, isUse: boolean): number {
  if (previous === null) return nowMs
  return isUse && Math.abs(nowMs - previous.usedAtMs) >= USE_STEP_MS ? nowMs : previous.usedAtMs
}

/** What is to be told at that instant. */
export function dueNotice(plan: NoticePlan, beforeSeconds: number, nowMs: number): 'before' | 'when' | null {
  if (!isInUse(plan, nowMs)) return null
  if (nowMs >= plan.neededAtMs) return plan.toldWhen ? null : 'when'
  const beforeMs = announcedAtMs(plan, beforeSeconds)
  return beforeMs !== null && nowMs >= beforeMs ? 'before' : null
}

/** When something will be to be told, if nothing changes; `null`: not at all. */
export function nextNoticeAtMs(plan: NoticePlan, beforeSeconds: number, nowMs: number): number | null {
  if (!isInUse(plan, nowMs) || plan.toldWhen) return null
  return announcedAtMs(plan, beforeSeconds) ?? plan.neededAtMs
}

export function told(plan: NoticePlan, what: 'before' | 'when'): NoticePlan {
  return what === 'before' ? { ...plan, toldBefore: true } : { ...plan, toldWhen: true }
}

/** Whoever logs in for an hour does not want to hear at once that it ends within a day. */
function announcedAtMs(
  { neededAtMs, knownSinceMs, toldBefore }: NoticePlan,
  beforeSeconds: number,
): number | null {
  const atMs = neededAtMs - beforeSeconds * 1000
  return toldBefore || beforeSeconds === 0 || atMs <= knownSinceMs ? null : atMs
}

/** A clock that was set back does not make a profile unused. */
function isInUse({ usedAtMs }: NoticePlan, nowMs: number): boolean {
  return nowMs - usedAtMs <= IN_USE_MS
}
