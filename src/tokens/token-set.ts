/**
 * The token set: the tokens of one token response, with the time they expire (RFC 6749 §5.1).
 *
 * Pure. Defines the record in the vault and calculates expiry. Unknown values are `null`: without `expires_in` the
 * lifetime is unknown, not "forever" and not "an hour" (SECURITY.md#nothing-guessed).
 */
import * as z from 'zod'
import type { TokenResponse, TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import type { Members } from '../authorization-server/json-object.js'
import { SentValues } from '../authorization-server/sent-values.js'
import { contextOf } from '../authorization-server/token-context.js'
import { isInstant } from '../clock.js'
import { BoundServer } from '../config/server-binding.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { type RecordOf, readRecord, SecretMember, writeRecord } from '../vault/record.js'
import { IdTokenStay } from './id-token.js'

const TokenSetRecord = z.object({
  version: z.literal(1),
  authorization_server: z.string(),
  client_id: z.string(),
  /** The server that issued the tokens; `null` in records of earlier versions, until it is known. */
  server: BoundServer.nullable().default(null),
  access_token: SecretMember,
  token_type: z.string(),
  obtained_at_ms: z.number(),
  /** When the login was that brought the first tokens. Records of earlier versions have none. */
  logged_in_at_ms: z.number().nullable().default(null),
  expires_at_ms: z.number().nullable(),
  refresh_token: SecretMember.nullable(),
  /** When the refresh token ends, if the server said so (`refresh_expires_in` and similar members). */
  refresh_token_expires_at_ms: z.number().nullable().default(null),
  /** The server accepted this refresh token before and kept it valid: it does not rotate refresh tokens. */
  refresh_token_stays: z.boolean().default(false),
  /** Why the refresh token must not be sent any more. It stays in the record, so that the reason can be found. */
  refused_refresh_token: z
    .object({
      /**
       * `refused` by the authorization server; `repeated`: refused for hours, without saying why (repeated-refusal.ts);
       * `answer_invalid`: the answer had an id_token that is not valid; `interrupted`: the daemon was killed while it sent
       * the refresh token, and its one try after that was refused or cut off too.
       */
      reason: z.enum(['refused', 'repeated', 'answer_invalid', 'interrupted']),
      /** The server's `error` and `error_description` (RFC 6749 §5.2). */
      error: z.string().nullable(),
      error_description: z.string().nullable(),
    })
    .nullable()
    .default(null),
  /** The refusal that came last, if it did not say what it means, how often it came, and since when. */
  repeated_refusal: z
    .object({ answer: z.string(), since_ms: z.number(), count: z.number() })
    .nullable()
    .default(null),
  scope: z.string().nullable(),
  id_token: SecretMember.nullable(),
  /** Why the id_token is older than the last answer; `null` when it is not. */
  id_token_stays: IdTokenStay.nullable().default(null),
  /** `iss` and `sub` of the validated id_token. */
  issuer: z.string().nullable(),
  subject: z.string().nullable(),
  /** The context of the tokens (token-context.ts). In records of earlier versions: all other members, as received. */
  parameters: z.record(z.string(), z.unknown()),
  /** Names of other members that are too large to be kept. */
  left_out: z.array(z.string()).optional(),
})

export type TokenSet = RecordOf<typeof TokenSetRecord>
export type RefusedRefreshToken = NonNullable<TokenSet['refusedRefreshToken']>

/** What belongs into the context of the tokens, besides the members of their response. */
interface Beside {
  /** Other parameters of the authorization response (`realmId`), or the context before a refresh. */
  readonly members: Members
  /** What must not be in the context. The tokens of the response are known. */
  readonly secrets: readonly (Secret | null)[]
}

/** @param requestedScope - The set's scope if the response names none (RFC 6749 §5.1). */
export function tokenSetFrom(
  response: TokenResponse,
  { authorizationServer, clientId, server = null }: TokenSetOrigin,
  requestedScope: string | null,
  nowMs: number,
  beside: Beside = { members: {}, secrets: [] },
): TokenSet {
  const {
    expiresInSeconds,
    refreshTokenExpiresInSeconds,
    isIdTokenUncheckable: _uncheckable,
    issuedTokenType: _issuedType,
    parameters,
    leftOut,
    ...tokens
  } = response
  const secrets = tokensOf(tokens).add(...beside.secrets)
  // What comes anew is the first that has room.
  const context = contextOf({ ...parameters, ...beside.members, ...parameters }, secrets)
  return {
    ...tokens,
    authorizationServer,
    clientId,
    // What a profile names since the login must not become the server of its tokens by a refresh.
    server: server ?? response.server ?? null,
    obtainedAtMs: nowMs,
    loggedInAtMs: nowMs,
    expiresAtMs: endOf(expiresInSeconds, nowMs),
    refreshTokenExpiresAtMs: endOf(refreshTokenExpiresInSeconds, nowMs),
    refreshTokenStays: false,
    refusedRefreshToken: null,
    repeatedRefusal: null,
    scope: response.scope ?? requestedScope,
    idTokenStays: null,
    parameters: context.parameters,
    leftOut: [...new Set([...leftOut, ...context.leftOut])],
  }
}

function endOf(seconds: number | null, nowMs: number): number | null {
  return seconds === null ? null : nowMs + seconds * 1000
}

/**
 * The set after a refresh: members that the answer leaves out stay as they were (RFC 6749 §6: the refresh token may stay
 * the same; OpenID Connect Core §12.2: there need not be a new id_token).
 */
export function rotated(previous: TokenSet, response: TokenResponse, nowMs: number): TokenSet {
  const refreshToken = response.refreshToken ?? previous.refreshToken
  const stays = refreshToken?.reveal() === previous.refreshToken?.reveal()
  const beside = { members: previous.parameters, secrets: [previous.accessToken, previous.refreshToken] }
  // A token that has ended when it is issued, again and again: the server does not say when it ends.
  const expiresInSeconds = response.expiresInSeconds === 0 ? null : response.expiresInSeconds
  const set = tokenSetFrom({ ...response, expiresInSeconds }, previous, previous.scope, nowMs, beside)
  const leftOut = new Set([...(set.leftOut ?? []), ...(previous.leftOut ?? [])])
  return {
    ...set,
    leftOut: [...leftOut].filter((name) => !Object.hasOwn(set.parameters, name)),
    loggedInAtMs: previous.loggedInAtMs ?? previous.obtainedAtMs,
    refreshToken,
    refreshTokenStays: refreshToken !== null && stays,
    // The same refresh token keeps its end, unless the server says that it was prolonged.
    refreshTokenExpiresAtMs:
      endOf(response.refreshTokenExpiresInSeconds, nowMs) ??
      (stays ? previous.refreshTokenExpiresAtMs : null),
    idToken: response.idToken ?? previous.idToken,
    idTokenStays: idTokenStay(previous, response),
    issuer: response.issuer ?? previous.issuer,
    subject: response.subject ?? previous.subject,
  }
}

/**
 * The set with the refresh token of an answer whose other members are not judged yet, or cannot be used. A server that
 * rotates refresh tokens no longer accepts the one before.
 */
export function withRotated(previous: TokenSet, refreshToken: Secret): TokenSet {
  return { ...previous, refreshToken, refreshTokenStays: false, refreshTokenExpiresAtMs: null }
}

function idTokenStay(previous: TokenSet, response: TokenResponse): IdTokenStay | null {
  if (response.isIdTokenUncheckable) return 'not_checkable'
  const [before, now] = [previous.idToken?.reveal(), response.idToken?.reveal()]
  return before !== undefined && (now ?? before) === before ? 'not_given' : null
}

/** Whole seconds left, never negative, never more than the lifetime; `null` when the lifetime is unknown. */
export function secondsLeft(set: TokenSet, nowMs: number): number | null {
  if (set.expiresAtMs === null) return null
  const leftMs = Math.min(set.expiresAtMs - nowMs, set.expiresAtMs - set.obtainedAtMs)
  return Math.max(0, Math.floor(leftMs / 1000))
}

/** The JSON kept in the vault. */
export function serialiseTokenSet(set: TokenSet): Secret {
  return writeRecord(TokenSetRecord, set)
}

/** The evidence of a failure that concerns this one record, not the vault. */
const UNREADABLE = 'unreadable_record'

/**
 * An end that no date can express, which earlier versions stored, is unknown.
 *
 * @throws CatchdError `vault_unavailable` when the item is not such a record ({@link isUnreadable}); never quotes it.
 */
export function parseTokenSet(item: Secret): TokenSet {
  const set = readRecord(TokenSetRecord, item)
  if (set?.accessToken.reveal() && isInstant(set.obtainedAtMs)) {
    return {
      ...set,
      expiresAtMs: instantOrUnknown(set.expiresAtMs),
      refreshTokenExpiresAtMs: instantOrUnknown(set.refreshTokenExpiresAtMs),
      parameters: contextOf(set.parameters, tokensOf(set)).parameters,
    }
  }
  throw new CatchdError('vault_unavailable', {
    detail: 'The stored token set does not have the format of this version. A new login replaces it.',
    next: 'catchd login {profile}',
    evidence: { reason: UNREADABLE },
  })
}

/** Whether only one stored token set cannot be read, so that the others can. */
export function isUnreadable(thrown: unknown): thrown is CatchdError {
  return thrown instanceof CatchdError && thrown.evidence?.reason === UNREADABLE
}

function tokensOf({
  accessToken,
  refreshToken,
  idToken,
}: Pick<TokenSet, 'accessToken' | 'refreshToken' | 'idToken'>): SentValues {
  return new SentValues().add(accessToken, refreshToken, idToken)
}

function instantOrUnknown(ms: number | null): number | null {
  return ms !== null && isInstant(ms) ? ms : null
}
