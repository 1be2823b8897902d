/**
 * The answer to `GET /v1/tokens/{profile}`. Its JSON text is written once for each token set, because only `expires_in`
 * changes from one call to the next; the text is dropped with the token set.
 */
import * as z from 'zod'
import { Secret } from '../../secret.js'
import { secondsLeft, type TokenSet } from '../../tokens/token-set.js'
import { prefersPlainText } from './accepted-type.js'
import { Instant, instantOrNull } from './wire.js'

export const TokenContext = z
  .record(z.string(), z.unknown())
  .describe(
    'The other members of the token response and parameters of the authorization response, without secrets',
  )

export const TokenAnswer = z
  .object({
    access_token: z.string(),
    token_type: z.string(),
    expires_in: z.int().nullable().describe('Seconds left; null when the server did not say'),
    expires_at: Instant.nullable(),
    scope: z.string().nullable(),
    profile: z.string(),
    context: TokenContext,
  })
  .meta({ id: 'Token' })
export type TokenAnswer = z.infer<typeof TokenAnswer>

export function tokenAnswer(set: TokenSet, profile: string, nowMs: number): TokenAnswer {
  return {
    access_token: set.accessToken.reveal(),
    token_type: set.tokenType,
    expires_in: secondsLeft(set, nowMs),
    expires_at: instantOrNull(set.expiresAtMs),
    scope: set.scope,
    profile,
    context: set.parameters,
  }
}

interface PreparedToken {
  readonly profile: string
  /** Up to the value of `expires_in`; contains the access token. */
  readonly before: Secret
  readonly after: string
}

const prepared = new WeakMap<TokenSet, PreparedToken>()

/** Contains the access token. */
export interface TokenAnswerText {
  readonly contentType: string
  readonly text: string
}

/** @param accept - Value of the Accept header, which chooses between JSON and the bare token. */
export function tokenAnswerText(
  set: TokenSet,
  profile: string,
  accept: string | undefined,
  nowMs: number,
): TokenAnswerText {
  return prefersPlainText(accept)
    ? { contentType: 'text/plain; charset=utf-8', text: set.accessToken.reveal() }
    : { contentType: 'application/json; charset=utf-8', text: jsonOf(set, profile, nowMs) }
}

function jsonOf(set: TokenSet, profile: string, nowMs: number): string {
  let answer = prepared.get(set)
  if (answer?.profile !== profile) {
    answer = prepare(set, profile, nowMs)
    prepared.set(set, answer)
  }
  return `${answer.before.reveal()}${secondsLeft(set, nowMs)}${answer.after}`
}

function prepare(set: TokenSet, profile: string, nowMs: number): PreparedToken {
  const { access_token, token_type, expires_in: _changes, ...rest } = tokenAnswer(set, profile, nowMs)
  const before = JSON.stringify({ access_token, token_type }).slice(0, -1)
  const after = JSON.stringify(rest).slice(1)
  return { profile, before: new Secret(`${before},"expires_in":`), after: `,${after}` }
}
