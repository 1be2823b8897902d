/**
 * The life of a profile's tokens as a state machine: what is known, how an event changes that, and what to do for a
 * caller at a given time. Pure: time and events are arguments, decisions are results; token-keeper.ts acts on them.
 *
 * The wall clock decides. If it was set back to before the token set was obtained, the remaining lifetime is unknown,
 * so the token set is due.
 */
import { needsNoPerson } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { idTokenOf, whyIdTokenNeedsLogin } from './id-token.js'
import { type BackOff, mustWait } from './refresh-back-off.js'
import type { RefusedRefreshToken, TokenSet } from './token-set.js'

/** What is known about one profile's tokens. */
export interface TokenState {
  /** `undefined`: not read from the vault yet; `null`: there is none. */
  readonly set: TokenSet | null | undefined
  readonly isRefreshing: boolean
  /** When a refresh last succeeded in this run. */
  readonly refreshedAtMs: number | null
  /** How many of the last refreshes were made because a server had refused the token before, one soon after the other. */
  readonly replacements: number
  readonly backOff: BackOff | null
  /** Why the last refresh failed; cleared when one succeeds. */
  readonly lastFailure: CatchdError | null
  /** Since when every refresh has failed in this run. */
  readonly failingSinceMs: number | null
  /** Why a stored set is not used: it came from another server or client. `set` is `null` then. */
  readonly foreign: CatchdError | null
}

export type TokenPhase =
  /** Nothing is stored. */
  | 'none'
  /** Valid for at least the requested time. */
  | 'fresh'
  /** The server did not say how long it is valid: served until a caller forces a refresh. */
  | 'unknown_lifetime'
  /** A request for new tokens is under way. */
  | 'refreshing'
  /** Less than the requested time is left: new tokens are needed. */
  | 'due'
  /** It has expired, and only a login gets new tokens. */
  | 'login_required'

export type TokenStep =
  /** Read from the vault; `undefined`: the next request reads it again. */
  | {
      readonly step: 'read'
      readonly set: TokenSet | null | undefined
      readonly foreign?: CatchdError | null
    }
  /** A login brought it. */
  | { readonly step: 'kept'; readonly set: TokenSet }
  | { readonly step: 'refresh_begun' }
  | { readonly step: 'refreshed'; readonly set: TokenSet; readonly atMs: number }
  /** The refresh that brought this set was made because a server had refused the token before. */
  | { readonly step: 'replaced'; readonly set: TokenSet; readonly replacements: number }
  /** The refresh token must not be sent again; the record stays, marked. */
  | { readonly step: 'refresh_refused'; readonly set: TokenSet; readonly failure: CatchdError }
  | {
      readonly step: 'refresh_failed'
      readonly set: TokenSet | null
      readonly backOff: BackOff | null
      readonly failure: CatchdError
      readonly atMs: number
    }
  /** The answer brought a new refresh token. The rest of it is not judged yet. */
  | { readonly step: 'rotated'; readonly set: TokenSet }
  /** A login or a logout happened during the request; its result counts. */
  | { readonly step: 'overtaken' }
  | { readonly step: 'forgotten' }

export const UNREAD: TokenState = {
  set: undefined,
  isRefreshing: false,
  refreshedAtMs: null,
  replacements: 0,
  backOff: null,
  lastFailure: null,
  failingSinceMs: null,
  foreign: null,
}

export function nextState(state: TokenState, event: TokenStep): TokenState {
  switch (event.step) {
    case 'read':
      return { ...state, set: event.set, foreign: event.foreign ?? null }
    case 'kept':
      return { ...UNREAD, set: event.set, isRefreshing: state.isRefreshing }
    case 'refresh_begun':
      return { ...state, isRefreshing: true }
    case 'refreshed':
      return { ...UNREAD, set: event.set, refreshedAtMs: event.atMs }
    case 'replaced':
      return state.set === event.set ? { ...state, replacements: event.replacements } : state
    case 'refresh_refused':
      return { ...UNREAD, set: event.set, lastFailure: event.failure }
    case 'refresh_failed':
      return {
        ...state,
        set: event.set,
        isRefreshing: false,
        backOff: event.backOff,
        lastFailure: event.failure,
        failingSinceMs: state.failingSinceMs ?? event.atMs,
      }
    case 'rotated':
      return { ...state, set: event.set }
    case 'overtaken':
      return { ...state, isRefreshing: false }
    case 'forgotten':
      return { ...UNREAD, set: null, isRefreshing: state.isRefreshing }
  }
}

/** Which token of the set a caller asks for: each expires at its own time. */
export type WantedToken = 'access_token' | 'id_token'

/** What the profile says about its tokens' life. */
export type LifePolicy = Pick<Profile, 'name' | 'grant' | 'lifetime_seconds'>

/** When the profile's `lifetime_seconds` are over, counted from the login; `null`: never. */
export function lifetimeEndMs(
  { lifetime_seconds: seconds }: Pick<Profile, 'lifetime_seconds'>,
  { loggedInAtMs, obtainedAtMs }: TokenSet,
): number | null {
  return seconds === undefined ? null : (loggedInAtMs ?? obtainedAtMs) + seconds * 1000
}

/** A set whose lifetime is over counts as none, even if it could not be deleted yet. */
export function living(
  policy: Pick<Profile, 'lifetime_seconds'>,
  set: TokenSet | null,
  nowMs: number,
): TokenSet | null {
  const endMs = set === null ? null : lifetimeEndMs(policy, set)
  return endMs !== null && nowMs >= endMs ? null : set
}

/** @param minTtlSeconds - Seconds for which the caller needs the token. */
export function phaseOf(
  state: TokenState,
  policy: LifePolicy,
  minTtlSeconds: number,
  nowMs: number,
): TokenPhase {
  const set = living(policy, state.set ?? null, nowMs)
  if (state.isRefreshing) return 'refreshing'
  if (set == null) return needsNoPerson(policy.grant) ? 'due' : 'none'
  if (isFreshFor(set, minTtlSeconds, nowMs)) return set.expiresAtMs === null ? 'unknown_lifetime' : 'fresh'
  return isOver(set, nowMs) && !canRenew(policy, set) ? 'login_required' : 'due'
}

/** Whether the token can be served as it is. The fast path asks this. */
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

/** `null`: unknown. A missing id_token counts as expired. */
function endOf(set: TokenSet, wanted: WantedToken): number | null {
  if (wanted === 'access_token') return set.expiresAtMs
  return idTokenOf(set)?.expiresAtMs ?? Number.NEGATIVE_INFINITY
}

export type Decision =
  | { readonly act: 'serve'; readonly set: TokenSet }
  /** Ask the server; if that fails, `fallback` is still valid. */
  | { readonly act: 'renew'; readonly fallback: TokenSet | null }
  /** Decide again at this time, which is at most a second away. */
  | { readonly act: 'wait'; readonly untilMs: number }
  | { readonly act: 'refuse'; readonly failure: CatchdError }

/** How long a caller waits for the end of a back-off. The first pause is not longer (refresh-back-off.ts). */
const LONGEST_WAIT_MS = 1_000

/** What to do for a caller, given a state that was read from the vault. */
export function decide(
  state: TokenState,
  policy: LifePolicy,
  minTtlSeconds: number,
  nowMs: number,
  wanted: WantedToken = 'access_token',
): Decision {
  const set = living(policy, state.set ?? null, nowMs)
  if (set !== null && isFreshFor(set, minTtlSeconds, nowMs, wanted)) return { act: 'serve', set }
  const fallback = set !== null && !isOver(set, nowMs, wanted) ? set : null
  const serveOr = (failure: CatchdError): Decision =>
    fallback === null ? { act: 'refuse', failure } : { act: 'serve', set: fallback }
  if (fallback !== null && isJustRefreshed(state, nowMs)) return { act: 'serve', set: fallback }
  if (!canRenew(policy, set) || (wanted === 'id_token' && !mayBringIdToken(set, nowMs))) {
    return serveOr(
      state.foreign ??
        (wanted === 'id_token'
          ? noIdToken(policy, set)
          : loginRequired(policy, set?.refusedRefreshToken ?? null)),
    )
  }
  if (!state.isRefreshing && mustWait(state.backOff, nowMs)) {
    // A grant without a login that has no tokens yet: a short wait is better than the error of a moment ago.
    const untilMs = state.backOff?.notBeforeMs ?? nowMs
    if (set === null && untilMs - nowMs <= LONGEST_WAIT_MS) return { act: 'wait', untilMs }
    return serveOr(state.lastFailure ?? new CatchdError('provider_unreachable', { profile: policy.name }))
  }
  return { act: 'renew', fallback }
}

/** A server that refuses one new token after the other has another reason than the token. */
const MOST_REPLACEMENTS = 2
/** After this time, the token may really have been revoked. */
const REPLACED_PAUSE_MS = 300_000

/**
 * What to do after a server refused a token of the current set. Unlike a user's own refresh, this keeps to the back-off
 * and to a refusal of the refresh token, because tools report refusals as often as they get them.
 */
export function decideRefused(state: TokenState, policy: LifePolicy, nowMs: number): Decision {
  const set = living(policy, state.set ?? null, nowMs)
  const { backOff, lastFailure } = state
  if (set !== null && recentReplacements(state, nowMs) >= MOST_REPLACEMENTS) return { act: 'serve', set }
  if (!state.isRefreshing && mustWait(backOff, nowMs)) {
    const failure = lastFailure ?? new CatchdError('provider_unreachable', { profile: policy.name })
    return { act: 'refuse', failure }
  }
  if (set?.refusedRefreshToken != null) {
    return { act: 'refuse', failure: loginRequired(policy, set.refusedRefreshToken) }
  }
  return { act: 'renew', fallback: null }
}

export function recentReplacements({ replacements, refreshedAtMs }: TokenState, nowMs: number): number {
  const ageMs = nowMs - (refreshedAtMs ?? Number.NEGATIVE_INFINITY)
  return ageMs >= 0 && ageMs < REPLACED_PAUSE_MS ? replacements : 0
}

/** Whether it is the access token or the id_token of the set. */
export function hasToken({ accessToken, idToken }: TokenSet, token: string): boolean {
  return accessToken.reveal() === token || idToken?.reveal() === token
}

/** If a server's tokens live shorter than a caller wants, asking again at once brings no longer one. */
const SHORTEST_INTERVAL_MS = 1_000

function isJustRefreshed({ refreshedAtMs }: TokenState, nowMs: number): boolean {
  if (refreshedAtMs === null) return false
  return nowMs >= refreshedAtMs && nowMs - refreshedAtMs < SHORTEST_INTERVAL_MS
}

/** Whether catchd can get new tokens without a login. */
export function canRenew(policy: LifePolicy, set: TokenSet | null): boolean {
  if (needsNoPerson(policy.grant)) return true
  return set !== null && set.refreshToken !== null && set.refusedRefreshToken === null
}

/** After an id_token that could not be checked: keys that could not be loaded are not there a second later. */
const UNCHECKABLE_PAUSE_MS = 60_000

/** Whether a refresh may bring an id_token: a server that gave none the last time is not asked again and again. */
function mayBringIdToken(set: TokenSet | null, nowMs: number): boolean {
  if (set === null || set.idToken === null) return false
  if (set.idTokenStays !== 'not_checkable') return set.idTokenStays === null
  return isFromTheFuture(set, nowMs) || nowMs - set.obtainedAtMs >= UNCHECKABLE_PAUSE_MS
}

export function isOver(set: TokenSet, nowMs: number, wanted: WantedToken = 'access_token'): boolean {
  const endMs = endOf(set, wanted)
  return endMs !== null && nowMs >= endMs
}

/** Systems correct their clocks by seconds all the time; that is no reason for a refresh. */
const CLOCK_SLACK_MS = 60_000

function isFromTheFuture(set: TokenSet, nowMs: number): boolean {
  return nowMs < set.obtainedAtMs - CLOCK_SLACK_MS
}

/** The jitter is at most this share of the lifetime, and at most this long. */
const JITTER_SHARE = 0.1
const LONGEST_JITTER_MS = 60_000

/**
 * When to refresh ahead of expiry: `min_ttl` before it, earlier by a jitter so that the profiles of one server do not all
 * ask at once, and never before half of the lifetime; later during a back-off. `null`: not at all, for now.
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
  const { set, backOff, lastFailure } = state
  // The next caller asks again, because a login may have happened since.
  if (lastFailure?.code === 'login_required') return null
  if (set == null || set.expiresAtMs === null || state.isRefreshing || !canRenew(policy, set)) return null
  const lifetimeMs = set.expiresAtMs - set.obtainedAtMs
  const jitterMs = jitter * Math.min(lifetimeMs * JITTER_SHARE, LONGEST_JITTER_MS)
  const dueMs = isFromTheFuture(set, nowMs)
    ? nowMs
    : set.expiresAtMs - Math.min(minTtlSeconds * 1000 + jitterMs, lifetimeMs / 2)
  const atMs = mustWait(backOff, nowMs) ? Math.max(dueMs, backOff?.notBeforeMs ?? 0) : dueMs
  return atMs >= (lifetimeEndMs(policy, set) ?? Number.POSITIVE_INFINITY) ? null : atMs
}

const WHY_REFUSED = {
  refused: 'The authorization server no longer accepts the refresh token.',
  repeated: 'The authorization server has refused the refresh token for hours, always with the same answer.',
  answer_invalid:
    'The authorization server answered a refresh with an id_token that is not valid. catchd did not use its tokens.',
  interrupted:
    'The daemon was killed during a refresh, and the one try with the same refresh token after that brought no tokens. The server could treat the refresh token as stolen if catchd sent it again.',
} satisfies Record<RefusedRefreshToken['reason'], string>

/** Why a set has no id_token to serve, and why catchd cannot get one now. */
export function noIdToken(
  policy: Pick<LifePolicy, 'name' | 'lifetime_seconds'>,
  set: TokenSet | null,
): CatchdError {
  const { name: profile } = policy
  if (set === null || set.refusedRefreshToken !== null) {
    return loginRequired(policy, set?.refusedRefreshToken ?? null)
  }
  if (set.idToken !== null && set.idTokenStays === 'not_checkable') {
    return new CatchdError('provider_answer_invalid', {
      profile,
      detail:
        "The id_token of the last refresh could not be checked: the server's keys could not be loaded, or the clock of this machine is wrong.",
    })
  }
  return new CatchdError('login_required', { profile, detail: whyIdTokenNeedsLogin(set) })
}

/** @param refused - Why the refresh token of the stored set must not be sent; `null` when there is no usable set at all. */
export function loginRequired(
  { name: profile, lifetime_seconds: seconds }: Pick<LifePolicy, 'name' | 'lifetime_seconds'>,
  refused: RefusedRefreshToken | null,
): CatchdError {
  const lifetime =
    seconds === undefined
      ? ''
      : ` catchd forgets its tokens ${seconds} s after each login (lifetime_seconds).`
  return new CatchdError('login_required', {
    profile,
    detail: refused === null ? `No valid token for '${profile}'.${lifetime}` : WHY_REFUSED[refused.reason],
    error: refused?.error ?? undefined,
    errorDescription: refused?.errorDescription ?? undefined,
  })
}
