/**
 * The tokens that an authorization server issues: a token response in one format for the whole program, its issuer, and
 * the tokens that later requests to the same server need. Only types.
 */
import type { BoundServer } from '../config/server-binding.js'
import type { Secret } from '../secret.js'

/** A token response (RFC 6749 §5.1) in one format, whatever format the answer had. */
export interface TokenResponse {
  readonly accessToken: Secret
  /** In the usual spelling: `Bearer`, `DPoP`. */
  readonly tokenType: string
  /** Seconds from receipt; `null` if the server did not say; 0 only beside a refresh token. */
  readonly expiresInSeconds: number | null
  readonly refreshToken: Secret | null
  /** `null` if the server did not say, or if the refresh token does not end. */
  readonly refreshTokenExpiresInSeconds: number | null
  /** Granted scope, space-separated; `null` if the server did not say (RFC 6749 §5.1: as requested). */
  readonly scope: string | null
  readonly idToken: Secret | null
  /** A refresh brought an id_token that could not be validated at that time, so it was dropped. */
  readonly isIdTokenUncheckable?: true
  /** Of a token exchange (RFC 8693 §2.2.1). */
  readonly issuedTokenType: string | null
  /** `iss` and `sub` of the validated id_token. */
  readonly issuer: string | null
  readonly subject: string | null
  /** The other members, without secrets (token-context.ts). */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Names of other members that are too large to be kept. */
  readonly leftOut: readonly string[]
  /** The server that issued them, with the URLs known at that time. Set when the response is accepted. */
  readonly server?: BoundServer | null
}

/** Where a token set or a pending login comes from. It is never used with another server or client. */
export interface TokenSetOrigin {
  /** The issuer as configured; without one, the token endpoint or the resource server. */
  readonly authorizationServer: string
  readonly clientId: string
  /** `null` in records of versions that did not store it. */
  readonly server?: BoundServer | null
}

/** The tokens for a refresh, a revocation or an inspection. */
export type IssuedTokens = Pick<
  TokenResponse,
  'accessToken' | 'tokenType' | 'refreshToken' | 'scope' | 'idToken' | 'issuer' | 'subject' | 'server'
> & {
  /** `answer_invalid`: the refresh token came with an id_token that is not valid, so the next one must prove whose it is. */
  readonly refusedRefreshToken?: { readonly reason: string } | null
}
