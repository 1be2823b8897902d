/**
 * The options of the client and of its calls.
 *
 * The names are those of the API, in camelCase, and with the unit of a time. {@link wireNames} translates them.
 */
import type { KeyAction } from './api-types.js'

export interface CatchdClientOptions {
  /** Default: the socket of this user's daemon, from `CATCHD_HOME` or the platform's folders. */
  readonly socketPath?: string | undefined
  /** `http://127.0.0.1:7636`: TCP instead of the socket. Default: `CATCHD_URL`, unless `socketPath` is given. */
  readonly url?: string | undefined
  /** Sent only over TCP. Default: `CATCHD_API_KEY`. */
  readonly apiKey?: string | undefined
  /** The time limit of a call, without the time that it asks the daemon to wait. Default 60,000. */
  readonly timeoutMs?: number | undefined
  /** Ends every call that has no signal of its own. */
  readonly signal?: AbortSignal | undefined
  /**
   * Start this user's daemon if it is not running. With a `socketPath` or a URL it is never started, because those can
   * belong to another home or machine.
   */
  readonly start?: boolean | undefined
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface TokenOptions extends CallOptions {
  /** A token with fewer seconds left is refreshed first. Default: the profile's `min_ttl_seconds`. */
  readonly minTtlSeconds?: number | undefined
  /** `auto`: if a login is needed, start one or join the pending login. */
  readonly login?: 'auto' | undefined
  /** How long to wait for that login. */
  readonly waitSeconds?: number | undefined
  /**
   * Names a program that asks again only after a server refused its token (64 hexadecimal digits). If it was given the same
   * token in the last 5 minutes, the token counts as refused, as {@link RefreshOptions.refused} does.
   */
  readonly asker?: string | undefined
}

export interface RefreshOptions extends CallOptions {
  /**
   * The access token or id_token that a server refused. Only if it is still the current one, the daemon refreshes it, once
   * for all who report it. If servers refuse two new tokens one after the other, the answer is that same token for a while.
   */
  readonly refused?: string | undefined
}

export interface AccessTokenOptions extends TokenOptions {
  /**
   * The scopes that the token must cover, separated by spaces. With `login: 'auto'`, a login asks for what is missing in
   * addition to what the token has.
   */
  readonly scope?: string | undefined
}

/** The login that `fetch` may need, before it or for more scopes. */
export type FetchOptions = Pick<TokenOptions, 'login' | 'waitSeconds'>

export interface WaitOptions extends CallOptions {
  /** How long to wait for the end of the login. The answer is its state after that time. */
  readonly waitSeconds?: number | undefined
}

export interface CancelOptions extends CallOptions {
  /** `timeout`: the login ends as expired instead of cancelled. */
  readonly why?: 'timeout' | undefined
}

/** A login of a profile. */
export interface LoginRequest {
  readonly profile: string
  /** Whether the daemon opens the browser. Default false. */
  readonly open?: boolean | undefined
  /** When the login expires. */
  readonly timeoutSeconds?: number | undefined
}

/** An authorization request that the caller made. The daemon catches its response and redeems the code. */
export interface AdoptionRequest {
  readonly profile: string
  readonly state: string
  /** RFC 7636 §4.1 */
  readonly codeVerifier: string
  readonly timeoutSeconds?: number | undefined
}

/** An authorization response that is only caught. The caller redeems the code. */
export interface CatchRequest {
  readonly redirectUri: string
  /** The `state` that it must have. Default: any. */
  readonly state?: string | undefined
  readonly timeoutSeconds?: number | undefined
}

/** The request that will be sent to a resource server. */
export interface ProofRequest {
  /** In capitals. */
  readonly method: string
  readonly url: string
  /** `DPoP-Nonce` of the resource server, if it sent one. */
  readonly nonce?: string | undefined
}

export interface DiscoveryRequest {
  /** A protected resource (an MCP server, an API) or an issuer. */
  readonly url: string
  /** Name of the profile. Default: made from the host. */
  readonly profile?: string | undefined
  /** A client that the user registered. Default: catchd registers one. */
  readonly clientId?: string | undefined
  /** Scopes to request instead of those of the resource. */
  readonly scope?: string | undefined
  readonly caFile?: string | undefined
  /** A loopback URL instead of the default redirect URI, for example one on `localhost`. */
  readonly redirectUri?: string | undefined
  /** The authorization server that you agree to, if the resource names another one than the profile uses. */
  readonly issuer?: string | undefined
  /** Register another client for the profile, because the server no longer knows the current one. */
  readonly registerAgain?: boolean | undefined
}

export interface NewClientRequest {
  readonly client: string
  readonly profiles: readonly string[]
  readonly actions: readonly KeyAction[]
  /** Default: it does not expire. */
  readonly expiresInSeconds?: number | undefined
}

/** @returns The options with the names of the API: `expiresInSeconds` is `expires_in`. `undefined` ones are removed. */
export function wireNames(options: object): Record<string, unknown> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [wireName(name), value]))
}

function wireName(name: string): string {
  return name.replace(/Seconds$/, '').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
