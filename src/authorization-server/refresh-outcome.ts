/**
 * Decides what a failed refresh means (RFC 6749 §5.2): either the refresh token is no longer valid and the user has to log
 * in, or the token set is still valid and the request can be repeated later.
 *
 * Pure. In doubt the request is repeated, because otherwise the user might have to log in without need.
 */
import type { CatchdError } from '../failures.js'
import type { RefreshOutcome } from './port.js'
import { codeOfRefusal } from './token-refusal.js'
import type { TokenAnswer } from './token-response.js'

/** The error codes for a refresh token that will never work again. The standard's code is first. */
const DEAD = new Set([
  'invalid_grant',
  'bad_refresh_token', // GitHub
  'invalid_refresh_token', // Slack, Strava
  'token_expired', // Slack
  'token_revoked', // Slack
  'invalid_code', // Zoho
  'interaction_required', // Entra; OpenID Connect Core §3.1.2.6
  'login_required',
  'consent_required',
])

const REFUSALS = new Set([400, 401, 403])

/**
 * @param error - The error from reading the answer.
 * @param nowMs - For a Retry-After that is a date.
 * @param dead - Additional error codes of this server for an invalid refresh token.
 */
export function refusedRefresh(
  error: CatchdError,
  answer: Pick<TokenAnswer, 'status' | 'retryAfter'>,
  nowMs: number,
  dead: readonly string[] = [],
): Exclude<RefreshOutcome, { outcome: 'refreshed' }> {
  const isRefusal = error.code === 'provider_refused'
  // Some servers refuse without an error code (glewlwyd: no JSON; Twitch: a message).
  const word = codeOfRefusal(error)
  const isUnexplained = isRefusal && word === undefined && REFUSALS.has(answer.status)
  const isDead = word !== undefined && (DEAD.has(word) || dead.includes(word))
  if (isUnexplained || (isRefusal && isDead)) {
    return { outcome: 'reauthorize', error }
  }
  return { outcome: 'retry_later', error, retryAfterSeconds: secondsOf(answer.retryAfter, nowMs) }
}

const LONGEST_RETRY_AFTER_SECONDS = 300

/** RFC 9110 §10.2.3, limited to 1 s … 5 min; `null` if there is no valid value. */
function secondsOf(retryAfter: string | null, nowMs: number): number | null {
  const text = retryAfter?.trim() ?? ''
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((dateOf(text) - nowMs) / 1000)
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 1), LONGEST_RETRY_AFTER_SECONDS)
}

/** The text must begin like an HTTP date, because Date.parse reads "-5" as a year. */
function dateOf(text: string): number {
  return /^[A-Z][a-z]{2,8}, /.test(text) ? Date.parse(text) : Number.NaN
}
