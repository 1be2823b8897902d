/**
 * What login and tokens can ask of authorization servers. Only this module builds requests to them and reads their
 * answers.
 *
 * Each exchange has a time limit of 10 s. All methods throw {@link CatchdError} with `provider_unreachable`,
 * `provider_refused`, `provider_answer_invalid`, `profile_invalid` (a setting is missing), `config_invalid` or a vault
 * code (the client secret cannot be read).
 */
import type { Profile } from '../config/profile.js'
import type { BoundServer } from '../config/server-binding.js'
import type { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { IssuedTokens, TokenResponse, TokenSetOrigin } from './issued-tokens.js'
import type { Members } from './json-object.js'
import type { ServerMetadata } from './metadata-document.js'
import type { Transcript } from './transcript.js'

/** The values that bind a response to its authorization request. */
export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly state: Secret
  /** `null` if the profile has `code_challenge_method: none`. */
  readonly codeVerifier: Secret | null
  /** Sent if `openid` is among the scopes. The id_token must contain it. */
  readonly nonce: Secret | null
}

/** The issuer that an authorization response must come from. */
export interface ExpectedIssuer {
  /** The issuer that `iss` must be equal to (RFC 9207); `null` if the profile has none. */
  readonly expectedIssuer: string | null
  /** Whether the server announces `authorization_response_iss_parameter_supported`. A response without `iss` is then refused. */
  readonly issRequired: boolean
  /** The server of the login. The code goes to no other. */
  readonly server?: BoundServer | null
}

/** An authorization request for the browser (RFC 6749 §4.1.1). */
export interface PreparedAuthorization extends ExpectedIssuer {
  readonly authorizationUrl: string
}

/** The code and the values of its request (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface CodeGrant {
  readonly code: Secret
  /** The signed response that contained the code (JARM), not verified yet. */
  readonly signedResponse?: Secret | null
  readonly redirectUri: string
  readonly codeVerifier: Secret | null
  /** `null` if none was sent, or if another tool built the request and only that tool knows it. */
  readonly nonce: Secret | null
  /** From {@link ExpectedIssuer}: the server that the login began with. */
  readonly server?: BoundServer | null
  /** Records the request and the answer. */
  readonly transcript?: Transcript | undefined
}

/** The values that a device login shows and polls with (RFC 8628 §3.2). */
export interface DeviceAuthorization {
  readonly deviceCode: Secret
  /** `null` or absent: the device authorization request had no challenge. */
  readonly codeVerifier?: Secret | null
  readonly userCode: string
  /** http or https. */
  readonly verificationUri: string
  readonly verificationUriComplete: string | null
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
  /** The device code goes to no other server. */
  readonly server?: BoundServer | null
}

/** What a poll sends, and where to. */
export type DeviceSecrets = Pick<DeviceAuthorization, 'deviceCode' | 'codeVerifier' | 'server'>

/** The answer to one poll (RFC 8628 §3.5). */
export type DevicePoll =
  | { readonly outcome: 'issued'; readonly response: TokenResponse }
  /** The user has not decided yet. With `slow_down` the interval becomes 5 s longer. */
  | { readonly outcome: 'pending' | 'slow_down' }
  /** Denied, expired or refused. */
  | { readonly outcome: 'ended'; readonly error: CatchdError }
  /** A network error, a 5xx or a 429. */
  | { readonly outcome: 'retry_later'; readonly error: CatchdError }

/** The outcome of a refresh. A failed refresh is an expected outcome and throws nothing. */
export type RefreshOutcome =
  | { readonly outcome: 'refreshed'; readonly response: TokenResponse }
  /**
   * The user has to log in: the server says that the refresh token is no longer valid, or the new tokens belong to somebody
   * else (`provider_answer_invalid`).
   */
  | { readonly outcome: 'reauthorize'; readonly error: CatchdError }
  /** Anything else. The token set stays valid. */
  | {
      readonly outcome: 'retry_later'
      readonly error: CatchdError
      readonly retryAfterSeconds: number | null
      /** A digest of the answer, if it is a refusal that could mean a dead refresh token when it comes again and again. */
      readonly refusal?: string
      /** The refusal has no word at all. */
      readonly isSilent?: true
    }

export type RevocationOutcome =
  | { readonly outcome: 'revoked' }
  /** No revocation endpoint is known. */
  | { readonly outcome: 'unsupported' }
  | { readonly outcome: 'failed'; readonly error: CatchdError }

export interface AuthorizationServers {
  /** The issuer and client of the profile's token sets. Sends no request. */
  origin(profile: Profile): TokenSetOrigin
  /** The last fetched metadata of the server. Sends no request. */
  published(profile: Profile): ServerMetadata | undefined
  /**
   * Fetches the metadata if necessary, and builds the authorization URL.
   *
   * @param issRequiredByConfiguration - Two servers share the redirect URI. A server that does not announce `iss` is then
   *   `profile_invalid`.
   */
  prepare(
    profile: Profile,
    request: AuthorizationRequest,
    issRequiredByConfiguration: boolean,
  ): Promise<PreparedAuthorization>
  /** Like {@link prepare}, for an authorization request that another tool built. Nothing is sent to its endpoint. */
  findExpectedIssuer(profile: Profile, issRequiredByConfiguration: boolean): Promise<ExpectedIssuer>
  /** Redeems a code. Sends exactly one token request. */
  redeem(profile: Profile, grant: CodeGrant): Promise<TokenResponse>
  /** Begins a device login. */
  authorizeDevice(profile: Profile): Promise<DeviceAuthorization>
  /** Asks whether the user has approved. Never throws. */
  pollDevice(profile: Profile, authorization: DeviceSecrets, transcript?: Transcript): Promise<DevicePoll>
  /**
   * @param keepRotated - Stores a new refresh token before the rest of its answer is judged, or if the rest cannot be used.
   *   A failure must not be thrown.
   */
  refresh(
    profile: Profile,
    current: IssuedTokens,
    keepRotated: (refreshToken: Secret) => Promise<void>,
  ): Promise<RefreshOutcome>
  /** Tokens of a grant without a login: client credentials (RFC 6749 §4.4) or token exchange (RFC 8693). */
  obtain(profile: Profile): Promise<TokenResponse>
  /** Revokes the refresh token and the access token (RFC 7009). Never throws. */
  revoke(profile: Profile, current: IssuedTokens): Promise<RevocationOutcome>
  /** Ends the running exchanges. */
  close(): void
}

/** The server that was found for a URL. */
export interface DiscoveredServer {
  /** The given URL. */
  readonly url: string
  /** Resource indicator (RFC 8707); `null` if the URL is the authorization server itself. */
  readonly resource: string | null
  readonly issuer: string
  /** All issuers that the resource names, of which `issuer` is the one to use. */
  readonly issuers: readonly string[]
  /** The scopes to request, separated by spaces; `null` if they are not known. */
  readonly scope: string | null
  /** Whether tokens must be bound to a key (RFC 9728 §2, `dpop_bound_access_tokens_required`). */
  readonly wantsDpop: boolean
  /** Whether it has a registration endpoint (RFC 7591). */
  readonly registersClients: boolean
  /** Whether a client_id can be the URL of a Client ID Metadata Document. */
  readonly takesClientMetadataDocuments: boolean
}

/** The client metadata to register (RFC 7591 §2). */
export interface ClientDescription {
  readonly clientName: string
  readonly redirectUri: string
  readonly scope: string | null
}

export interface RegisteredClient {
  readonly clientId: string
  readonly clientSecret: Secret | null
  readonly method: 'none' | 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt'
  /** The unchanged answer (RFC 7591 §3.2.1), with `registration_access_token`. */
  readonly record: Secret
}

/** Finds servers that no profile names yet, and registers clients there. */
export interface ServerDiscovery {
  /**
   * @param url - A protected resource or an issuer, http or https.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`, `profile_invalid`
   */
  discover(url: string, caFile?: string): Promise<DiscoveredServer>
  /** @throws CatchdError `provider_refused` with the server's `error`, `provider_unreachable`, `provider_answer_invalid` */
  register(issuer: string, description: ClientDescription, caFile?: string): Promise<RegisteredClient>
  /** Deletes a registered client at the server (RFC 7592) if the server supports it. Never throws. */
  unregister(issuer: string, record: Secret, caFile?: string): Promise<void>
}

/** Remembers which server the resource server of a profile named. */
export interface ResourceIssuerMemory {
  /** For a profile that was removed. @throws the vault's codes */
  forgetIssuer(profile: string): Promise<void>
}

/** One request to the server. Its failure is reported together with the answers to the others. */
export type Report =
  /** The members of the server's JSON object. Tokens are replaced by a marker. */
  | { readonly outcome: 'answered'; readonly members: Members }
  | { readonly outcome: 'failed'; readonly error: CatchdError }
  /** No endpoint for it is known. */
  | { readonly outcome: 'not_asked' }

/** The claims of the id_token, and the server's answers about the tokens (RFC 7662, OpenID Connect Core §5.3). */
export interface Inspection {
  /** Validated when it was received; `null` if there is none. */
  readonly idToken: { readonly header: Members; readonly claims: Members } | null
  readonly introspection: Report
  readonly userinfo: Report
}

/** Decodes tokens, and asks their server about them. */
export interface TokenInspector {
  /** Refreshes nothing. Never throws: failed requests are part of the result. */
  inspect(profile: Profile, set: IssuedTokens): Promise<Inspection>
}

/** Proofs that the caller has the key of the tokens of a `dpop` profile (RFC 9449). */
export interface DpopProofs {
  /**
   * A proof for one request that a tool sends with `accessToken`.
   *
   * @throws CatchdError the vault's codes
   */
  prove(profile: Profile, accessToken: Secret, request: ToolRequest): Promise<string>
  /** Deletes the key of a profile that was logged out or removed. @throws the vault's codes */
  forgetKey(profile: string): Promise<void>
  /** The keys in memory are read again from the vault when they are next needed. */
  dropKeys(): void
}

/** The request that a tool is about to send to a resource server. */
export interface ToolRequest {
  readonly method: string
  readonly url: string
  /** `DPoP-Nonce` of the resource server. */
  readonly nonce?: string | undefined
}
