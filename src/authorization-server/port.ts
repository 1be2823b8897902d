/**
 * What login and tokens need of an authorization server, in domain words. Nothing outside this room builds
 * or reads a request to one. Every call is given up after 10 s and throws {@link CatchdError} with
 * `provider_unreachable`, `provider_refused`, `provider_answer_invalid`, `profile_invalid` (something the
 * profile lacks), `config_invalid` or a vault code (the client secret could not be read).
 */
import type { Profile } from '../config/profile.js'
import type { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { Inspection } from './inspection-report.js'
import type { IssuedTokens, TokenResponse, TokenSetOrigin } from './issued-tokens.js'
import type { ServerMetadata } from './metadata.js'
import type { Transcript } from './transcript.js'

/** The values one authorization request is bound to. */
export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly state: Secret
  /** `null` where the profile says `code_challenge_method: none`. */
  readonly codeVerifier: Secret | null
  /** Sent, and checked in the id_token, when `openid` is among the scopes. */
  readonly nonce: Secret | null
}

/** Whom an authorization response must come from. */
export interface ExpectedIssuer {
  /** Issuer that `iss` is compared with (RFC 9207); `null` when the profile has none. */
  readonly expectedIssuer: string | null
  /** Whether the server advertises `authorization_response_iss_parameter_supported`: a missing `iss` is then refused. */
  readonly issRequired: boolean
}

/** An authorization request ready for the browser (RFC 6749 §4.1.1). */
export interface PreparedAuthorization extends ExpectedIssuer {
  readonly authorizationUrl: string
}

/** The code and what it is bound to (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface CodeGrant {
  readonly code: Secret
  /** The signed token that the code came in (JARM), not yet verified. */
  readonly signedResponse?: Secret | null
  readonly redirectUri: string
  readonly codeVerifier: Secret | null
  /** `null` when none was sent, and when another tool built the request and only it knows. */
  readonly nonce: Secret | null
  /** Where what is sent and answered is written down. */
  readonly transcript?: Transcript | undefined
}

/** What a device login shows and polls with (RFC 8628 §3.2). */
export interface DeviceAuthorization {
  readonly deviceCode: Secret
  readonly userCode: string
  /** http or https. */
  readonly verificationUri: string
  readonly verificationUriComplete: string | null
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
}

/** One answer to a device access token request (RFC 8628 §3.5). */
export type DevicePoll =
  | { readonly outcome: 'issued'; readonly response: TokenResponse }
  /** Nobody has answered yet; with `slow_down` the interval grows by 5 s. */
  | { readonly outcome: 'pending' | 'slow_down' }
  /** Denied, expired or refused. */
  | { readonly outcome: 'ended'; readonly error: CatchdError }
  /** The network, a 5xx or a 429. */
  | { readonly outcome: 'retry_later'; readonly error: CatchdError }

/** A refresh that did not end in new tokens is an expected outcome, not an exception. */
export type RefreshOutcome =
  | { readonly outcome: 'refreshed'; readonly response: TokenResponse }
  /**
   * Only a person helps: the refresh token is dead (`invalid_grant`, or a refusal that is not JSON), or the answer's
   * id_token does not hold (`provider_answer_invalid`).
   */
  | { readonly outcome: 'reauthorize'; readonly error: CatchdError }
  /** The network, a 5xx or a 429; the token set stays good. */
  | {
      readonly outcome: 'retry_later'
      readonly error: CatchdError
      readonly retryAfterSeconds: number | null
    }

export type RevocationOutcome =
  | { readonly outcome: 'revoked' }
  /** No revocation endpoint is known. */
  | { readonly outcome: 'unsupported' }
  | { readonly outcome: 'failed'; readonly error: CatchdError }

export interface AuthorizationServers {
  /** Whom token sets of this profile belong to; no I/O. */
  origin(profile: Profile): TokenSetOrigin
  /** What the server publishes, as far as it was asked lately; no I/O. */
  published(profile: Profile): ServerMetadata | undefined
  /**
   * Discovers metadata where needed and builds the authorization URL. With `issRequiredByConfiguration` (two
   * servers share the redirect URI) a server that does not advertise `iss` is `profile_invalid`.
   */
  prepare(
    profile: Profile,
    request: AuthorizationRequest,
    issRequiredByConfiguration: boolean,
  ): Promise<PreparedAuthorization>
  /** The same for an authorization request that another tool built: nothing is sent to its authorization endpoint. */
  findExpectedIssuer(profile: Profile, issRequiredByConfiguration: boolean): Promise<ExpectedIssuer>
  /** Redeems a code; sends exactly one token request, never again for the same code. */
  redeem(profile: Profile, grant: CodeGrant): Promise<TokenResponse>
  /** Begins a device login. */
  authorizeDevice(profile: Profile): Promise<DeviceAuthorization>
  /** Asks whether somebody has approved it. Never throws. */
  pollDevice(profile: Profile, deviceCode: Secret, transcript?: Transcript): Promise<DevicePoll>
  refresh(profile: Profile, current: IssuedTokens): Promise<RefreshOutcome>
  /** Tokens without a person: client credentials (RFC 6749 §4.4) or a token exchange (RFC 8693). */
  obtain(profile: Profile): Promise<TokenResponse>
  /** Revokes the refresh token, else the access token (RFC 7009). Never throws. */
  revoke(profile: Profile, current: IssuedTokens): Promise<RevocationOutcome>
  /** Closes idle connections. */
  close(): void
}

/** What a URL led to. */
export interface DiscoveredServer {
  /** What was asked. */
  readonly url: string
  /** Resource indicator (RFC 8707); `null` when the URL is the authorization server itself. */
  readonly resource: string | null
  readonly issuer: string
  /** What to ask for, separated by spaces; `null` when nobody says. */
  readonly scope: string | null
  /** Tokens have to be bound to a key (RFC 9728 §2, `dpop_bound_access_tokens_required`). */
  readonly wantsDpop: boolean
  /** Whether it has a registration endpoint (RFC 7591). */
  readonly registersClients: boolean
  /** Whether a client_id may be the URL of a Client ID Metadata Document. */
  readonly takesClientMetadataDocuments: boolean
}

/** How a client introduces itself (RFC 7591 §2). */
export interface ClientDescription {
  readonly clientName: string
  readonly redirectUri: string
  readonly scope: string | null
}

export interface RegisteredClient {
  readonly clientId: string
  readonly clientSecret: Secret | null
  readonly method: 'none' | 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt'
  /** The answer as it came (RFC 7591 §3.2.1), `registration_access_token` included. */
  readonly record: Secret
}

/** Finds servers that no profile names yet, and becomes a client of theirs. */
export interface ServerDiscovery {
  /**
   * @param url - A protected resource or an issuer, http or https.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`, `profile_invalid`
   */
  discover(url: string, caFile?: string): Promise<DiscoveredServer>
  /** @throws CatchdError `provider_refused` with the server's `error`, `provider_unreachable`, `provider_answer_invalid` */
  register(issuer: string, description: ClientDescription, caFile?: string): Promise<RegisteredClient>
  /** Takes a registered client off the server's list again (RFC 7592), where it can be. Never throws. */
  unregister(issuer: string, record: Secret, caFile?: string): Promise<void>
}

/** Looks into tokens, and asks their server about them. */
export interface TokenInspector {
  /** Nothing is refreshed for it. Never throws: what could not be asked is part of the answer. */
  inspect(profile: Profile, set: IssuedTokens): Promise<Inspection>
}

/** Proofs that tokens of `dpop` profiles are held by whom they were issued to (RFC 9449). */
export interface DpopProofs {
  /**
   * A proof for one request of a tool that presents `accessToken`.
   *
   * @throws CatchdError the vault's codes
   */
  prove(profile: Profile, accessToken: Secret, request: ToolRequest): Promise<string>
  /** Deletes the key of a profile that was logged out or removed. @throws the vault's codes */
  forgetKey(profile: string): Promise<void>
}

/** The request that a tool is about to send to a resource server. */
export interface ToolRequest {
  readonly method: string
  readonly url: string
  /** `DPoP-Nonce` of the resource server. */
  readonly nonce?: string | undefined
}
