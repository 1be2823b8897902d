/**
 * When a profile needs its next login, if its token set says so.
 *
 * Pure. Servers do not have to say when a refresh token expires (RFC 6749 §5.1 has no such member). The time is then
 * unknown, and catchd does not guess it (SECURITY.md#nothing-guessed). src/notices sends the notifications.
 */
import { needsNoPerson } from '../config/grants.js'
import { type LifePolicy, lifetimeEndMs } from './token-life.js'
import type { RefusedRefreshToken, TokenSet } from './token-set.js'

export type NextLogin =
  /** Tokens of this grant never need a login: client credentials (RFC 6749 §4.4). */
  | { readonly certainty: 'never'; readonly atMs: null }
  /** The server did not say how long its tokens live. */
  | { readonly certainty: 'unknown'; readonly atMs: null }
  /** For now: a refresh may bring a refresh token that lives longer. */
  | { readonly certainty: 'known'; readonly atMs: number }
  /** Since `atMs`, which is not after now. */
  | { readonly certainty: 'now'; readonly atMs: number; readonly reason: LoginReason }

/** Why a login is needed. */
export type LoginReason = 'none_stored' | 'expired' | RefusedRefreshToken['reason']

/**
 * A refused refresh token counts from now on, although its last access token may be served a little longer: only a login
 * gets the next one.
 *
 * @param set - `null`: none is stored.
 */
export function nextLogin(policy: LifePolicy, set: TokenSet | null, nowMs: number): NextLogin {
  if (needsNoPerson(policy.grant)) return { certainty: 'never', atMs: null }
  if (set === null) return { certainty: 'now', atMs: nowMs, reason: 'none_stored' }
  if (set.refusedRefreshToken !== null) {
    return { certainty: 'now', atMs: nowMs, reason: set.refusedRefreshToken.reason }
  }
  const serverEndMs = set.refreshToken === null ? set.expiresAtMs : refreshEndMs(set)
  const lifeEndMs = lifetimeEndMs(policy, set)
  const atMs = lifeEndMs === null ? serverEndMs : Math.min(serverEndMs ?? lifeEndMs, lifeEndMs)
  if (atMs === null) return { certainty: 'unknown', atMs: null }
  if (atMs > nowMs) return { certainty: 'known', atMs }
  return { certainty: 'now', atMs, reason: 'expired' }
}

/** An access token that outlives its refresh token is served until it expires. */
function refreshEndMs({ refreshTokenExpiresAtMs, expiresAtMs }: TokenSet): number | null {
  if (refreshTokenExpiresAtMs === null) return null
  return Math.max(refreshTokenExpiresAtMs, expiresAtMs ?? refreshTokenExpiresAtMs)
}
