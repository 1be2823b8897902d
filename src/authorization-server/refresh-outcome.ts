/**
 * Decides what a failed refresh means (RFC 6749 §5.2): either the refresh token is no longer valid and the user has to log
 * in, or the token set is still valid and the request can be repeated later.
 *
 * Pure. In doubt the request is repeated: a firewall, a captive portal or a rate limiter answers with the same statuses as
 * a server, and must not end a session. Only an answer that says so means that the refresh token is dead
 * (dead-refresh-token.ts). Some servers never say it (glewlwyd refuses without a word), so each other refusal gets a
 * digest, and src/tokens counts how often it comes unchanged.
 */
import { createHash } from 'node:crypto'
import type { CatchdError } from '../failures.js'
import { parseMembers } from './answer-members.js'
import { mayBeDead, type RefusalWords, saysDead, valuesOf } from './dead-refresh-token.js'
import type { Members } from './json-object.js'
import type { RefreshOutcome } from './port.js'
import { codeOfRefusal } from './token-refusal.js'
import type { TokenAnswer } from './token-response.js'

/**
 * @param error - The error from reading the answer.
 * @param nowMs - For a Retry-After that is a date.
 * @param dead - What this server says about an invalid refresh token: error codes, numbers, sentences.
 */
export function refusedRefresh(
  error: CatchdError,
  answer: TokenAnswer,
  nowMs: number,
  dead: readonly (string | number)[] = [],
): Exclude<RefreshOutcome, { outcome: 'refreshed' }> {
  const said = wordsOf(error, answer)
  if (said !== undefined && saysDead(said, dead)) return { outcome: 'reauthorize', error }
  return {
    outcome: 'retry_later',
    error,
    retryAfterSeconds: secondsOf(answer.retryAfter, nowMs),
    ...(isLasting(answer, said) ? { refusal: digestOf(answer, said) } : {}),
    ...(said !== undefined && answer.body.trim() === '' ? { isSilent: true } : {}),
  }
}

/** Gateways that are overloaded say what they like. */
const GATEWAY_STATUSES = new Set([407, 408, 421, 425, 429, 451, 502, 503, 504, 511])

/** What the server says; `undefined` for an answer with tokens, a page, and a status that comes from in between. */
function wordsOf(error: CatchdError, answer: TokenAnswer): RefusalWords | undefined {
  const members = membersOf(answer)
  const isRefusal = error.code === 'provider_refused' || (members !== undefined && !hasTokens(members))
  if (!isRefusal) return undefined
  const code = codeOfRefusal(error)
  if (GATEWAY_STATUSES.has(answer.status)) return code === 'invalid_grant' ? { code, values: [] } : undefined
  if (members !== undefined) return { code, values: valuesOf(members) }
  return { code, values: isPlainText(answer) ? [answer.body] : [] }
}

function membersOf(answer: TokenAnswer): Members | undefined {
  try {
    return parseMembers(answer)
  } catch {
    return undefined
  }
}

function hasTokens({ access_token: accessToken, refresh_token: refreshToken }: Members): boolean {
  return accessToken !== undefined || refreshToken !== undefined
}

function isPlainText({ contentType, body }: TokenAnswer): boolean {
  return /^text\/plain\b/i.test(contentType) && !body.trimStart().startsWith('<')
}

/** The statuses with which servers refuse without a word. */
const SILENT_REFUSALS = new Set([400, 401, 403])

/** Whether the same answer at every refresh would mean that only a login helps. */
function isLasting(
  { status, retryAfter }: TokenAnswer,
  said: RefusalWords | undefined,
): said is RefusalWords {
  if (said === undefined || status >= 500 || retryAfter !== null) return false
  return said.values.length > 0 ? mayBeDead(said) : SILENT_REFUSALS.has(status)
}

/** Request ids and times, which differ from answer to answer. */
const CHANGING = /\S*\d\S*/g
const LONGEST_NUMBER = 7

function digestOf({ status, body }: TokenAnswer, { code, values }: RefusalWords): string {
  const words = values.map((value) =>
    value.replaceAll(CHANGING, (word) => (word.length > LONGEST_NUMBER ? '' : word)),
  )
  const text = words.length === 0 ? body.trim() : JSON.stringify([code, words])
  return createHash('sha256').update(`${status} ${text}`).digest('base64url')
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
