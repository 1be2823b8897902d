/**
 * The plan of notices for a profile: when its next login is needed, and which notices were already sent.
 *
 * Pure. There are at most two notices for a token set: one before the login is needed and one when it is needed. If a
 * refresh brings a refresh token with the same end, the plan continues. If the new end is later, the plan starts again.
 */
import type { NextLogin } from '../tokens/next-login.js'
import type { TokenSet } from '../tokens/token-set.js'

export interface NoticePlan {
  /** The `obtainedAtMs` of the token set that the plan is for. */
  readonly obtainedAtMs: number
  readonly neededAtMs: number
  /** Since when `neededAtMs` is known. There is no notice in advance for tokens with a short lifetime. */
  readonly knownSinceMs: number
  readonly toldBefore: boolean
  readonly toldWhen: boolean
  /** When the profile was last used, exact to a day. */
  readonly usedAtMs: number
}

/** Servers send lifetimes in whole seconds from receipt, so the same end differs a little each time. */
const SAME_END_MS = 15_000

/** The precision of the last use. */
const USE_STEP_MS = 24 * 60 * 60 * 1_000

/** Long enough for a job that runs once a month. There are no notices for a profile that is unused for longer. */
const IN_USE_MS = 32 * USE_STEP_MS

/**
 * @param set - The token set that `nextLogin` was computed from.
 * @param isUse - Whether the profile is being used now.
 * @returns `null` if there is no login to announce: its time is unknown, no login is needed, or the profile was logged
 *   out.
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
    // For an invalid refresh token, the login is needed "now" at every check. The time of the first check counts.
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

/** The notice that is due at that instant. */
export function dueNotice(plan: NoticePlan, beforeSeconds: number, nowMs: number): 'before' | 'when' | null {
  if (!isInUse(plan, nowMs)) return null
  if (nowMs >= plan.neededAtMs) return plan.toldWhen ? null : 'when'
  const beforeMs = announcedAtMs(plan, beforeSeconds)
  return beforeMs !== null && nowMs >= beforeMs ? 'before' : null
}

/** When the next notice is due if nothing changes; `null`: none. */
export function nextNoticeAtMs(plan: NoticePlan, beforeSeconds: number, nowMs: number): number | null {
  if (!isInUse(plan, nowMs) || plan.toldWhen) return null
  return announcedAtMs(plan, beforeSeconds) ?? plan.neededAtMs
}

export function told(plan: NoticePlan, what: 'before' | 'when'): NoticePlan {
  return what === 'before' ? { ...plan, toldBefore: true } : { ...plan, toldWhen: true }
}

/** For tokens that are valid for an hour, a notice a day in advance would come right after the login, so there is none. */
function announcedAtMs(
  { neededAtMs, knownSinceMs, toldBefore }: NoticePlan,
  beforeSeconds: number,
): number | null {
  const atMs = neededAtMs - beforeSeconds * 1000
  return toldBefore || beforeSeconds === 0 || atMs <= knownSinceMs ? null : atMs
}

/** A clock that was set back does not make a profile count as unused. */
function isInUse({ usedAtMs }: NoticePlan, nowMs: number): boolean {
  return nowMs - usedAtMs <= IN_USE_MS
}
