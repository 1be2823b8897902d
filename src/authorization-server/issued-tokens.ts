/**
 * What an authorization server issues: a token response in the one shape that the rest of the program knows, who issued
 * it, and the tokens of it that later requests to the same server are about. Pure types.
 */
import type { Secret } from '../secret.js'

/** A token response (RFC 6749 §5.1), in one shape, whatever shape the answer had. */
export interface TokenResponse {
  readonly accessToken: Secret
  /** As to be shown: `Bearer`, `DPoP`. */
  readonly tokenType: string
  /** Seconds from receipt; `null` when the server did not say. */
  readonly expiresInSeconds: number | null
  readonly refreshToken: Secret | null
  /** Granted scope, space-separated; `null` when the server did not say (RFC 6749 §5.1: as requested). */
  readonly scope: string | null
  readonly idToken: Secret | null
  /** A refresh brought an id_token that could not be checked just then, so that it was dropped. */
  readonly isIdTokenUncheckable?: true
  /** `iss` and `sub` of the validated id_token. */
  readonly issuer: string | null
  readonly subject: string | null
  /** Members beyond the standard's, as received; kept in the vault, never printed. */
  readonly parameters: Readonly<Record<string, unknown>>
}

/** Who issued a token set and to whom: a token set is never used for another pair. */
export interface TokenSetOrigin {
  /** The issuer, or the token endpoint where no issuer is configured. */
  readonly authorizationServer: string
  readonly clientId: string
}

/** Tokens that a refresh, a revocation or an inspection is about. */
export interface IssuedTokens {
  readonly accessToken: Secret
  readonly tokenType: string
  readonly refreshToken: Secret | null
  readonly scope: string | null
  readonly idToken: Secret | null
  /** `iss` and `sub` of the validated id_token. */
  readonly issuer: string | null
  readonly subject: string | null
}
