/**
 * The plan of a profile: when its next login is needed, and which notices were sent.
 *
 * Pure. A token set gets at most two notices, one before and one when the login is needed. If a refresh
 * brings a refresh token that expires at the same time, the plan stays. If it expires later, a new plan starts.
 */
import type { NextLogin } from '../tokens/next-login.js'
import type { TokenSet } from '../tokens/token-set.js'

export interface NoticePlan {
  /** `obtainedAtMs` of the token set that the plan is for. */
  readonly obtainedAtMs: number
  readonly neededAtMs: number
  /** Since when `neededAtMs` is known. Short-lived tokens get no notice before. */
  readonly knownSinceMs: number
  readonly toldBefore: boolean
  readonly toldWhen: boolean
  /** When a caller last used the profile, to the day. */
  readonly usedAtMs: number
}

/** Servers send lifetimes in whole seconds from receipt, so the same end differs a little each time. */
const SAME_END_MS = 15_000

/** How exactly the last use is remembered. */
const USE_STEP_MS = 24 * 60 * 60 * 1_000

/** A job that runs once a month still needs its tokens. A profile that was not used for longer gets no notice. */
const IN_USE_MS = 32 * USE_STEP_MS

/**
 * @param set - The token set that `nextLogin` is for.
 * @param isUse - A caller used the profile just now.
 * @returns `null` when the time of the next login is unknown, when none will be needed, or after a logout
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
    // A refused refresh token gives "now" every time; the first time counts.
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

/** The notice that is due. */
export function dueNotice(plan: NoticePlan, beforeSeconds: number, nowMs: number): 'before' | 'when' | null {
  if (!isInUse(plan, nowMs)) return null
  if (nowMs >= plan.neededAtMs) return plan.toldWhen ? null : 'when'
  const beforeMs = announcedAtMs(plan, beforeSeconds)
  return beforeMs !== null && nowMs >= beforeMs ? 'before' : null
}

/** When the next notice is due, if nothing changes; `null`: never. */
export function nextNoticeAtMs(plan: NoticePlan, beforeSeconds: number, nowMs: number): number | null {
  if (!isInUse(plan, nowMs) || plan.toldWhen) return null
  return announcedAtMs(plan, beforeSeconds) ?? plan.neededAtMs
}

export function told(plan: NoticePlan, what: 'before' | 'when'): NoticePlan {
  return what === 'before' ? { ...plan, toldBefore: true } : { ...plan, toldWhen: true }
}

/** No notice before, if the time was already closer than `beforeSeconds` when it became known: a login for an hour. */
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
