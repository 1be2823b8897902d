/**
 * What a refresh that gave no tokens means (RFC 6749 §5.2): the refresh token is dead and a person has to log in,
 * or the token set is as good as before and the request may be repeated later.
 *
 * Pure. In doubt it is "later": a wrong "dead" makes a person log in for nothing.
 */
import type { CatchdError } from '../failures.js'
import type { RefreshOutcome } from './port.js'
import type { TokenAnswer } from './token-request.js'

/** What servers call a refresh token that will never work again, the standard's word first. */
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
 * @param error - What reading the answer threw.
 * @param nowMs - For a Retry-After that is a date.
 * @param dead - What this server calls a dead refresh token, beside the words that all are understood by.
 */
export function refusedRefresh(
  error: CatchdError,
  answer: Pick<TokenAnswer, 'status' | 'retryAfter'>,
  nowMs: number,
  dead: readonly string[] = [],
): Exclude<RefreshOutcome, { outcome: 'refreshed' }> {
  const isRefusal = error.code === 'provider_refused'
  // Some servers refuse without a word, or with one that is no code (glewlwyd: no JSON; Twitch: a message).
  const isUnexplained = isRefusal && error.error === undefined && REFUSALS.has(answer.status)
  if (isUnexplained || (isRefusal && isDead(error.error ?? '', dead)))
    return { outcome: 'reauthorize', error }
  return { outcome: 'retry_later', error, retryAfterSeconds: secondsOf(answer.retryAfter, nowMs) }
}

function isDead(word: string, dead: readonly string[]): boolean {
  return DEAD.has(word) || dead.includes(word)
}

const LONGEST_RETRY_AFTER_SECONDS = 300

/** RFC 9110 §10.2.3, clamped to 1 s … 5 min; `null` when there is none that can be read. */
function secondsOf(retryAfter: string | null, nowMs: number): number | null {
  const text = retryAfter?.trim() ?? ''
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((dateOf(text) - nowMs) / 1000)
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 1), LONGEST_RETRY_AFTER_SECONDS)
}

/** Only what begins as an HTTP date does: Date.parse reads "-5" as a year. */
function dateOf(text: string): number {
  return /^[A-Z][a-z]{2,8}, /.test(text) ? Date.parse(text) : Number.NaN
}
