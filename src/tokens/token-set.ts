/**
 * The token set: what one token response gave, with the instant it expires (RFC 6749 §5.1).
 *
 * Pure. Owns the versioned record kept in the vault and the arithmetic of expiry. What is unknown is `null`:
 * no `expires_in` means an unknown lifetime, not "forever" and not "an hour".
 */
import * as z from 'zod'
import type { IssuedTokens, TokenResponse, TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { IdTokenStay } from './id-token.js'

/** A refresh token that must not be sent any more. */
export interface RefusedRefreshToken {
  /**
   * `refused` by the authorization server; `answer_invalid`: answered with an id_token that does not hold;
   * `interrupted`: on its way when the daemon was killed.
   */
  readonly reason: 'refused' | 'answer_invalid' | 'interrupted'
  /** The server's `error` and `error_description` (RFC 6749 §5.2). */
  readonly error: string | null
  readonly errorDescription: string | null
}

export interface TokenSet extends TokenSetOrigin, IssuedTokens {
  readonly obtainedAtMs: number
  readonly expiresAtMs: number | null
  /** When the refresh token ends, where the server said so (`refresh_expires_in` and its like). */
  readonly refreshTokenExpiresAtMs: number | null
  /** The server took this refresh token before and let it go on: it does not rotate them. */
  readonly refreshTokenStays: boolean
  /** Why the refresh token is dead; it stays in the record, so that nobody has to guess what happened. */
  readonly refusedRefreshToken: RefusedRefreshToken | null
  /** Why the id_token is not of the last answer; `null` when it is. */
  readonly idTokenStays: IdTokenStay | null
  readonly parameters: Readonly<Record<string, unknown>>
}

const TokenSetRecord = z.object({
  version: z.literal(1),
  authorization_server: z.string(),
  client_id: z.string(),
  access_token: z.string().min(1),
  token_type: z.string(),
  obtained_at_ms: z.number(),
  expires_at_ms: z.number().nullable(),
  refresh_token: z.string().nullable(),
  refresh_token_expires_at_ms: z.number().nullable().default(null),
  refresh_token_stays: z.boolean().default(false),
  refused_refresh_token: z
    .object({
      reason: z.enum(['refused', 'answer_invalid', 'interrupted']),
      error: z.string().nullable(),
      error_description: z.string().nullable(),
    })
    .nullable()
    .default(null),
  scope: z.string().nullable(),
  id_token: z.string().nullable(),
  id_token_stays: IdTokenStay.nullable().default(null),
  issuer: z.string().nullable(),
  subject: z.string().nullable(),
  parameters: z.record(z.string(), z.unknown()),
})

/**
 * @param requestedScope - What was asked for; stands where the response names no scope (RFC 6749 §5.1).
 * @param extra - Callback parameters beyond the standard's (`realmId`, `session_state`), kept with the set.
 */
export function tokenSetFrom(
  response: TokenResponse,
  origin: TokenSetOrigin,
  requestedScope: string | null,
  nowMs: number,
  extra: Readonly<Record<string, unknown>> = {},
): TokenSet {
  return {
    ...origin,
    accessToken: response.accessToken,
    tokenType: response.tokenType,
    obtainedAtMs: nowMs,
    expiresAtMs: response.expiresInSeconds === null ? null : nowMs + response.expiresInSeconds * 1000,
    refreshToken: response.refreshToken,
    refreshTokenExpiresAtMs: refreshTokenExpiry(response, nowMs),
    refreshTokenStays: false,
    refusedRefreshToken: null,
    scope: response.scope ?? requestedScope,
    idToken: response.idToken,
    idTokenStays: null,
    issuer: response.issuer,
    subject: response.subject,
    parameters: { ...extra, ...response.parameters },
  }
}

/**
 * The set after a refresh: what the answer leaves out stays as it was (RFC 6749 §6: the same refresh token
 * may go on; OpenID Connect Core §12.2: no new id_token needed).
 */
export function rotated(previous: TokenSet, response: TokenResponse, nowMs: number): TokenSet {
  const refreshToken = response.refreshToken ?? previous.refreshToken
  const stays = refreshToken?.reveal() === previous.refreshToken?.reveal()
  return {
    ...tokenSetFrom(response, previous, previous.scope, nowMs, previous.parameters),
    refreshToken,
    refreshTokenStays: refreshToken !== null && stays,
    // A refresh token that goes on keeps its end, unless the server says it was prolonged.
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

/** What servers call the lifetime of a refresh token, in seconds: Keycloak and webMethods, Google and GitHub, Intuit. */
const REFRESH_LIFETIMES = ['refresh_expires_in', 'refresh_token_expires_in', 'x_refresh_token_expires_in']

/** 0 is "does not end" to the servers that send it. */
function refreshTokenExpiry({ parameters }: TokenResponse, nowMs: number): number | null {
  for (const name of REFRESH_LIFETIMES) {
    const seconds = Number(parameters[name])
    if (Number.isFinite(seconds) && seconds > 0) return nowMs + seconds * 1000
  }
  return null
}

/** Whole seconds left, never negative, never more than there were; `null` when the lifetime is unknown. */
export function secondsLeft(set: TokenSet, nowMs: number): number | null {
  if (set.expiresAtMs === null) return null
  const leftMs = Math.min(set.expiresAtMs - nowMs, set.expiresAtMs - set.obtainedAtMs)
  return Math.max(0, Math.floor(leftMs / 1000))
}

/** The JSON kept in the vault. */
export function serialiseTokenSet(set: TokenSet): Secret {
  const record: z.infer<typeof TokenSetRecord> = {
    version: 1,
    authorization_server: set.authorizationServer,
    client_id: set.clientId,
    access_token: set.accessToken.reveal(),
    token_type: set.tokenType,
    obtained_at_ms: set.obtainedAtMs,
    expires_at_ms: set.expiresAtMs,
    refresh_token: set.refreshToken?.reveal() ?? null,
    refresh_token_expires_at_ms: set.refreshTokenExpiresAtMs,
    refresh_token_stays: set.refreshTokenStays,
    refused_refresh_token: serialiseRefusal(set.refusedRefreshToken),
    scope: set.scope,
    id_token: set.idToken?.reveal() ?? null,
    id_token_stays: set.idTokenStays,
    issuer: set.issuer,
    subject: set.subject,
    parameters: set.parameters,
  }
  return new Secret(JSON.stringify(record))
}

type RefusalRecord = z.infer<typeof TokenSetRecord>['refused_refresh_token']

function serialiseRefusal(refused: RefusedRefreshToken | null): RefusalRecord {
  if (refused === null) return null
  return { reason: refused.reason, error: refused.error, error_description: refused.errorDescription }
}

function parseRefusal(record: RefusalRecord): RefusedRefreshToken | null {
  if (record === null) return null
  return { reason: record.reason, error: record.error, errorDescription: record.error_description }
}

/** @throws CatchdError `vault_unavailable` when the item is not a record of ours; never quotes it. */
export function parseTokenSet(item: Secret): TokenSet {
  const record = parseRecord(item)
  return {
    authorizationServer: record.authorization_server,
    clientId: record.client_id,
    accessToken: new Secret(record.access_token),
    tokenType: record.token_type,
    obtainedAtMs: record.obtained_at_ms,
    expiresAtMs: record.expires_at_ms,
    refreshToken: record.refresh_token === null ? null : new Secret(record.refresh_token),
    refreshTokenExpiresAtMs: record.refresh_token_expires_at_ms,
    refreshTokenStays: record.refresh_token_stays,
    refusedRefreshToken: parseRefusal(record.refused_refresh_token),
    scope: record.scope,
    idToken: record.id_token === null ? null : new Secret(record.id_token),
    idTokenStays: record.id_token_stays,
    issuer: record.issuer,
    subject: record.subject,
    parameters: record.parameters,
  }
}

function parseRecord(item: Secret): z.infer<typeof TokenSetRecord> {
  try {
    return TokenSetRecord.parse(JSON.parse(item.reveal()))
  } catch {
    throw new CatchdError('vault_unavailable', 'A stored token set is not a record of this version.')
  }
}
