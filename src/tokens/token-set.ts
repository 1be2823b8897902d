/**
 * The token set: the tokens of one token response, with the time they expire (RFC 6749 §5.1).
 *
 * Pure. Defines the record in the vault and calculates expiry. Unknown values are `null`: without `expires_in` the
 * lifetime is unknown, not "forever" and not "an hour" (SECURITY.md#nothing-guessed).
 */
import * as z from 'zod'
import type { TokenResponse, TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { type RecordOf, readRecord, SecretMember, writeRecord } from '../vault/record.js'
import { IdTokenStay } from './id-token.js'

const TokenSetRecord = z.object({
  version: z.literal(1),
  authorization_server: z.string(),
  client_id: z.string(),
  access_token: SecretMember,
  token_type: z.string(),
  obtained_at_ms: z.number(),
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
       * `refused` by the authorization server; `answer_invalid`: the answer had an id_token that is not valid;
       * `interrupted`: it was being sent when the daemon was killed.
       */
      reason: z.enum(['refused', 'answer_invalid', 'interrupted']),
      /** The server's `error` and `error_description` (RFC 6749 §5.2). */
      error: z.string().nullable(),
      error_description: z.string().nullable(),
    })
    .nullable()
    .default(null),
  scope: z.string().nullable(),
  id_token: SecretMember.nullable(),
  /** Why the id_token is older than the last answer; `null` when it is not. */
  id_token_stays: IdTokenStay.nullable().default(null),
  /** `iss` and `sub` of the validated id_token. */
  issuer: z.string().nullable(),
  subject: z.string().nullable(),
  /** Members beyond the standard's, as received. */
  parameters: z.record(z.string(), z.unknown()),
})

export type TokenSet = RecordOf<typeof TokenSetRecord>
export type RefusedRefreshToken = NonNullable<TokenSet['refusedRefreshToken']>

/**
 * @param requestedScope - The set's scope if the response names none (RFC 6749 §5.1).
 * @param extra - Parameters of the authorization response beyond the standard's (`realmId`, `session_state`), kept with the set.
 */
export function tokenSetFrom(
  response: TokenResponse,
  { authorizationServer, clientId }: TokenSetOrigin,
  requestedScope: string | null,
  nowMs: number,
  extra: Readonly<Record<string, unknown>> = {},
): TokenSet {
  const { expiresInSeconds, isIdTokenUncheckable: _, parameters, ...tokens } = response
  return {
    ...tokens,
    authorizationServer,
    clientId,
    obtainedAtMs: nowMs,
    expiresAtMs: expiresInSeconds === null ? null : nowMs + expiresInSeconds * 1000,
    refreshTokenExpiresAtMs: refreshTokenExpiry(response, nowMs),
    refreshTokenStays: false,
    refusedRefreshToken: null,
    scope: response.scope ?? requestedScope,
    idTokenStays: null,
    parameters: { ...extra, ...parameters },
  }
}

/**
 * The set after a refresh: members that the answer leaves out stay as they were (RFC 6749 §6: the refresh token may stay
 * the same; OpenID Connect Core §12.2: there need not be a new id_token).
 */
export function rotated(previous: TokenSet, response: TokenResponse, nowMs: number): TokenSet {
  const refreshToken = response.refreshToken ?? previous.refreshToken
  const stays = refreshToken?.reveal() === previous.refreshToken?.reveal()
  return {
    ...tokenSetFrom(response, previous, previous.scope, nowMs, previous.parameters),
    refreshToken,
    refreshTokenStays: refreshToken !== null && stays,
    // The same refresh token keeps its end, unless the server says that it was prolonged.
    refreshTokenExpiresAtMs:
      refreshTokenExpiry(response, nowMs) ?? (stays ? previous.refreshTokenExpiresAtMs : null),
    idToken: response.idToken ?? previous.idToken,
    idTokenStays: idTokenStay(previous, response),
    issuer: response.issuer ?? previous.issuer,
    subject: response.subject ?? previous.subject,
  }
}

function idTokenStay(previous: TokenSet, response: TokenResponse): IdTokenStay | null {
  if (response.isIdTokenUncheckable) return 'not_checkable'
  const [before, now] = [previous.idToken?.reveal(), response.idToken?.reveal()]
  return before !== undefined && (now ?? before) === before ? 'not_given' : null
}

/** The lifetime of a refresh token in seconds, as servers name it: Keycloak and webMethods, Google and GitHub, Intuit. */
const REFRESH_LIFETIMES = ['refresh_expires_in', 'refresh_token_expires_in', 'x_refresh_token_expires_in']

/** Servers that send 0 mean that it does not end. */
function refreshTokenExpiry({ parameters }: TokenResponse, nowMs: number): number | null {
  for (const name of REFRESH_LIFETIMES) {
    const seconds = Number(parameters[name])
    if (Number.isFinite(seconds) && seconds > 0) return nowMs + seconds * 1000
  }
  return null
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

/** @throws CatchdError `vault_unavailable` when the item is not such a record; never quotes it. */
export function parseTokenSet(item: Secret): TokenSet {
  const set = readRecord(TokenSetRecord, item)
  if (set?.accessToken.reveal()) return set
  throw new CatchdError('vault_unavailable', 'A stored token set does not have the format of this version.')
}
