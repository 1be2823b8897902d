/**
 * The life of a profile's tokens as a state machine: what is known, what an event makes of it, and what is to be
 * done for a caller at an instant. Pure: time and events come in, decisions go out; token-keeper.ts acts on them.
 *
 * The wall clock decides. A clock that was set back behind the moment a token set was obtained cannot tell how
 * long it is good for, so such a set is due.
 */
import { type Grant, needsNoPerson } from '../config/grants.js'
import { CatchdError } from '../failures.js'
import { idTokenOf, whyIdTokenNeedsLogin } from './id-token.js'
import { type BackOff, mustWait } from './refresh-back-off.js'
import type { RefusedRefreshToken, TokenSet } from './token-set.js'

/** What is known of one profile's tokens. */
export interface TokenState {
  /** `undefined`: not read from the vault yet; `null`: there is none. */
  readonly set: TokenSet | null | undefined
  readonly isRefreshing: boolean
  /** When a refresh last succeeded in this run. */
  readonly refreshedAtMs: number | null
  readonly backOff: BackOff | null
  /** Why the last refresh failed; cleared by the next one that does not. */
  readonly lastFailure: CatchdError | null
}

export type TokenPhase =
  /** Nothing is stored. */
  | 'none'
  /** Good for at least the asked time. */
  | 'fresh'
  /** The server did not say how long it is good for: served until the server refuses it. */
  | 'unknown_lifetime'
  /** A request for new tokens is on its way. */
  | 'refreshing'
  /** Less than the asked time is left: new tokens are wanted. */
  | 'due'
  /** Nothing is left, and only a person can get more. */
  | 'login_required'

export type TokenStep =
  /** Read from the vault, or left unread for the next question. */
  | { readonly step: 'read'; readonly set: TokenSet | null | undefined }
  /** A login brought it. */
  | { readonly step: 'kept'; readonly set: TokenSet }
  | { readonly step: 'refresh_begun' }
  | { readonly step: 'refreshed'; readonly set: TokenSet; readonly atMs: number }
  /** The refresh token is dead; the record stays, marked. */
  | { readonly step: 'refresh_refused'; readonly set: TokenSet; readonly failure: CatchdError }
  | { readonly step: 'refresh_failed'; readonly backOff: BackOff | null; readonly failure: CatchdError }
  /** The request ended after a login or a logout that counts more. */
  | { readonly step: 'overtaken' }
  | { readonly step: 'forgotten' }

export const UNREAD: TokenState = {
  set: undefined,
  isRefreshing: false,
  refreshedAtMs: null,
  backOff: null,
  lastFailure: null,
}

export function nextState(state: TokenState, event: TokenStep): TokenState {
  switch (event.step) {
    case 'read':
      return { ...state, set: event.set }
    case 'kept':
      return { ...state, set: event.set, refreshedAtMs: null, backOff: null, lastFailure: null }
    case 'refresh_begun':
      return { ...state, isRefreshing: true }
    case 'refreshed':
      return { ...UNREAD, set: event.set, refreshedAtMs: event.atMs }
    case 'refresh_refused':
      return { ...UNREAD, set: event.set, lastFailure: event.failure }
    case 'refresh_failed':
      return { ...state, isRefreshing: false, backOff: event.backOff, lastFailure: event.failure }
    case 'overtaken':
      return { ...state, isRefreshing: false }
    case 'forgotten':
      return { ...UNREAD, set: null, isRefreshing: state.isRefreshing }
  }
}

/** Which token of the set a caller asks for: each has an end of its own. */
export type WantedToken = 'access_token' | 'id_token'

/** What the profile says about its tokens' life. */
export interface LifePolicy {
  readonly name: string
  readonly grant: Grant
}

/**
 * @param minTtlSeconds - Seconds that a caller wants the token to be good for.
 */
export function phaseOf(
  state: TokenState,
  policy: LifePolicy,
  minTtlSeconds: number,
  nowMs: number,
): TokenPhase {
  const { set } = state
  if (state.isRefreshing) return 'refreshing'
  if (set == null) return needsNoPerson(policy.grant) ? 'due' : 'none'
  if (isFreshFor(set, minTtlSeconds, nowMs)) return set.expiresAtMs === null ? 'unknown_lifetime' : 'fresh'
  return isOver(set, nowMs) && !canRenew(policy, set) ? 'login_required' : 'due'
}

/** The question of the fast path: nothing to be done, serve it. */
export function isFreshFor(
  set: TokenSet,
  minTtlSeconds: number,
  nowMs: number,
  wanted: WantedToken = 'access_token',
): boolean {
  const endMs = endOf(set, wanted)
  if (endMs === null) return true
  return endMs - nowMs >= minTtlSeconds * 1000 && nowMs < endMs && !isFromTheFuture(set, nowMs)
}

/** `null`: nobody knows. An id_token that is not there was over from the beginning. */
function endOf(set: TokenSet, wanted: WantedToken): number | null {
  if (wanted === 'access_token') return set.expiresAtMs
  return idTokenOf(set)?.expiresAtMs ?? Number.NEGATIVE_INFINITY
}

export type Decision =
  | { readonly act: 'serve'; readonly set: TokenSet }
  /** Ask the server; where that fails, `fallback` is still good. */
  | { readonly act: 'renew'; readonly fallback: TokenSet | null }
  | { readonly act: 'refuse'; readonly failure: CatchdError }

/** What to do for a caller, given a state that was read from the vault. */
export function decide(
  state: TokenState,
  policy: LifePolicy,
  minTtlSeconds: number,
  nowMs: number,
  wanted: WantedToken = 'access_token',
): Decision {
  const { set = null } = state
  if (set !== null && isFreshFor(set, minTtlSeconds, nowMs, wanted)) return { act: 'serve', set }
  const fallback = set !== null && !isOver(set, nowMs, wanted) ? set : null
  const serveOr = (failure: CatchdError): Decision =>
    fallback === null ? { act: 'refuse', failure } : { act: 'serve', set: fallback }
  if (fallback !== null && isJustRefreshed(state, nowMs)) return { act: 'serve', set: fallback }
  if (!canRenew(policy, set) || (wanted === 'id_token' && !mayBringIdToken(set, nowMs))) {
    return serveOr(wanted === 'id_token' ? noIdToken(policy.name, set) : noAccessToken(policy.name, set))
  }
  if (!state.isRefreshing && mustWait(state.backOff, nowMs)) {
    return serveOr(state.lastFailure ?? new CatchdError('provider_unreachable', { profile: policy.name }))
  }
  return { act: 'renew', fallback }
}

/** A server whose tokens live shorter than a caller wants gives no longer one for being asked again at once. */
const SHORTEST_INTERVAL_MS = 1_000

function isJustRefreshed({ refreshedAtMs }: TokenState, nowMs: number): boolean {
  if (refreshedAtMs === null) return false
  return nowMs >= refreshedAtMs && nowMs - refreshedAtMs < SHORTEST_INTERVAL_MS
}

/** Whether new tokens can be had without a person. */
export function canRenew(policy: LifePolicy, set: TokenSet | null): boolean {
  if (needsNoPerson(policy.grant)) return true
  return set !== null && set.refreshToken !== null && set.refusedRefreshToken === null
}

/** After an id_token that could not be checked: keys that cannot be had are not there a second later. */
const UNCHECKABLE_PAUSE_MS = 60_000

/** Whether a refresh may end in an id_token: a server that gave none the last time is not asked over and over. */
function mayBringIdToken(set: TokenSet | null, nowMs: number): boolean {
  if (set === null || set.idToken === null) return false
  if (set.idTokenStays !== 'not_checkable') return set.idTokenStays === null
  return isFromTheFuture(set, nowMs) || nowMs - set.obtainedAtMs >= UNCHECKABLE_PAUSE_MS
}

/** Nothing is left of its lifetime. */
export function isOver(set: TokenSet, nowMs: number, wanted: WantedToken = 'access_token'): boolean {
  const endMs = endOf(set, wanted)
  return endMs !== null && nowMs >= endMs
}

/** Clocks are corrected by seconds all the time; that is no reason for a refresh. */
const CLOCK_SLACK_MS = 60_000

function isFromTheFuture(set: TokenSet, nowMs: number): boolean {
  return nowMs < set.obtainedAtMs - CLOCK_SLACK_MS
}

/** Part of the lifetime that jitter may take, and its longest. */
const JITTER_SHARE = 0.1
const LONGEST_JITTER_MS = 60_000

/**
 * When to refresh ahead of expiry: `min_ttl` before it, earlier by a jitter so that profiles of one server do not
 * all come at once, and never before half of the lifetime; later while the server is left alone. `null`: not at
 * all, as things stand.
 *
 * @param jitter - A random number in [0, 1), drawn once for each token set.
 */
export function refreshDueAtMs(
  state: TokenState,
  policy: LifePolicy,
  minTtlSeconds: number,
  jitter: number,
  nowMs: number,
): number | null {
  const { set, backOff } = state
  if (set == null || set.expiresAtMs === null || state.isRefreshing || !canRenew(policy, set)) return null
  const lifetimeMs = set.expiresAtMs - set.obtainedAtMs
  const jitterMs = jitter * Math.min(lifetimeMs * JITTER_SHARE, LONGEST_JITTER_MS)
  const dueMs = isFromTheFuture(set, nowMs)
    ? nowMs
    : set.expiresAtMs - Math.min(minTtlSeconds * 1000 + jitterMs, lifetimeMs / 2)
  return mustWait(backOff, nowMs) ? Math.max(dueMs, backOff?.notBeforeMs ?? 0) : dueMs
}

const WHY_DEAD = {
  refused: 'The authorization server does not accept the refresh token any more.',
  answer_invalid:
    'The authorization server answered a refresh with an id_token that does not hold; its tokens were not taken.',
  interrupted:
    'The daemon was stopped in the middle of a refresh; sending the refresh token again could look like theft.',
} satisfies Record<RefusedRefreshToken['reason'], string>

function noAccessToken(profile: string, set: TokenSet | null): CatchdError {
  return loginRequired(profile, set?.refusedRefreshToken ?? null)
}

/** Why a set gives no id_token, and nothing can be done about it just now. */
export function noIdToken(profile: string, set: TokenSet | null): CatchdError {
  if (set === null || set.refusedRefreshToken !== null) return noAccessToken(profile, set)
  if (set.idToken !== null && set.idTokenStays === 'not_checkable') {
    return new CatchdError('provider_answer_invalid', {
      profile,
      detail:
        "The id_token of the last refresh could not be checked: the server's keys could not be had, or this clock is wrong.",
    })
  }
  return new CatchdError('login_required', { profile, detail: whyIdTokenNeedsLogin(set) })
}

/** @param refused - Why the refresh token of the stored set is dead; `null` when there is no usable set at all. */
export function loginRequired(profile: string, refused: RefusedRefreshToken | null): CatchdError {
  if (refused === null) {
    return new CatchdError('login_required', {
      profile,
      detail: 'No usable token is stored for this profile.',
    })
  }
  return new CatchdError('login_required', {
    profile,
    detail: WHY_DEAD[refused.reason],
    ...(refused.error === null ? {} : { error: refused.error }),
    ...(refused.errorDescription === null ? {} : { errorDescription: refused.errorDescription }),
  })
}
