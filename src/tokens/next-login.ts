/**
 * When a person will be needed next for a profile, as its token set tells.
 *
 * Pure. A refresh token whose end the server does not tell (RFC 6749 §5.1 knows no such member) makes the instant
 * unknown, and it is said so, not guessed. Telling the person is src/notices.
 */
import { needsNoPerson } from '../config/grants.js'
import type { LifePolicy } from './token-life.js'
import type { RefusedRefreshToken, TokenSet } from './token-set.js'

export type NextLogin =
  /** Tokens come without a person, always: client credentials (RFC 6749 §4.4). */
  | { readonly certainty: 'never'; readonly atMs: null }
  /** The server did not say how long its tokens live. */
  | { readonly certainty: 'unknown'; readonly atMs: null }
  /** As things stand: a refresh may bring a refresh token that lives longer. */
  | { readonly certainty: 'known'; readonly atMs: number }
  /** Since `atMs`, which is not after now. */
  | { readonly certainty: 'now'; readonly atMs: number; readonly reason: LoginReason }

/** Why a person is needed. */
export type LoginReason = 'none_stored' | 'expired' | RefusedRefreshToken['reason']

const NEVER: NextLogin = { certainty: 'never', atMs: null }
const UNKNOWN: NextLogin = { certainty: 'unknown', atMs: null }

/**
 * A dead refresh token counts from now on, although its last access token may be served a little longer: nothing
 * but a login gets the next one.
 *
 * @param set - `null`: none is stored.
 */
export function nextLogin(policy: LifePolicy, set: TokenSet | null, nowMs: number): NextLogin {
  if (needsNoPerson(policy.grant)) return NEVER
  if (set === null) return { certainty: 'now', atMs: nowMs, reason: 'none_stored' }
  if (set.refusedRefreshToken !== null) {
    return { certainty: 'now', atMs: nowMs, reason: set.refusedRefreshToken.reason }
  }
  const atMs = set.refreshToken === null ? set.expiresAtMs : refreshEndMs(set)
  if (atMs === null) return UNKNOWN
  if (atMs > nowMs) return { certainty: 'known', atMs }
  return { certainty: 'now', atMs, reason: 'expired' }
}

/** An access token that outlives its refresh token is served to its own end. */
function refreshEndMs({ refreshTokenExpiresAtMs, expiresAtMs }: TokenSet): number | null {
  if (refreshTokenExpiresAtMs === null) return null
  return Math.max(refreshTokenExpiresAtMs, expiresAtMs ?? refreshTokenExpiresAtMs)
}
