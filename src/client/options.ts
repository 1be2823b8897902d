/**
 * What callers of the library give: options of the client and of its calls.
 *
 * The names are the API's in camelCase, and a time says its unit. {@link wireNames} makes one from the other.
 */
import type { KeyAction } from './api-types.js'

export interface CatchdClientOptions {
  /** Default: the socket of this user's daemon, by `CATCHD_HOME` and the platform's folders. */
  readonly socketPath?: string | undefined
  /** `http://127.0.0.1:7636`: TCP instead of the socket. Default: `CATCHD_URL`, unless `socketPath` is given. */
  readonly url?: string | undefined
  /** Sent over TCP only. Default: `CATCHD_API_KEY`. */
  readonly apiKey?: string | undefined
  /** How long a call may take beside the waiting it asks for. Default 60,000. */
  readonly timeoutMs?: number | undefined
  /** Ends every call that names no signal of its own. */
  readonly signal?: AbortSignal | undefined
  /**
   * Start this user's daemon when it is not there. It is never started at a `socketPath` or a URL: those may be a daemon of
   * another home or machine.
   */
  readonly start?: boolean | undefined
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface TokenOptions extends CallOptions {
  /** A token with fewer seconds left is refreshed first. Default: the profile's `min_ttl_seconds`. */
  readonly minTtlSeconds?: number | undefined
  /** `auto` starts a login, or joins the one that pends, where a person has to log in. */
  readonly login?: 'auto' | undefined
  /** How long to wait for that login. */
  readonly waitSeconds?: number | undefined
}

export interface WaitOptions extends CallOptions {
  /** How long to wait for the login to be settled; it is answered as it stands then. */
  readonly waitSeconds?: number | undefined
}

/** A login of a profile. */
export interface LoginRequest {
  readonly profile: string
  /** Whether the daemon opens the browser. Default false. */
  readonly open?: boolean | undefined
  /** When the login expires. */
  readonly timeoutSeconds?: number | undefined
}

/** An authorization request that the caller built; the daemon catches its response and redeems the code. */
export interface AdoptionRequest {
  readonly profile: string
  readonly state: string
  /** RFC 7636 §4.1 */
  readonly codeVerifier: string
  readonly timeoutSeconds?: number | undefined
}

/** An authorization response that is only caught; the caller redeems the code. */
export interface CatchRequest {
  readonly redirectUri: string
  /** The `state` that it must have. Default: any. */
  readonly state?: string | undefined
  readonly timeoutSeconds?: number | undefined
}

/** The request that is about to be sent to a resource server. */
export interface ProofRequest {
  /** In capitals. */
  readonly method: string
  readonly url: string
  /** `DPoP-Nonce` of the resource server, where it gave one. */
  readonly nonce?: string | undefined
}

export interface DiscoveryRequest {
  /** A protected resource (an MCP server, an API) or an issuer. */
  readonly url: string
  /** Name of the profile; made from the host otherwise. */
  readonly profile?: string | undefined
  /** A client that was registered by hand. Default: one is registered. */
  readonly clientId?: string | undefined
  /** What to ask for instead of what the resource wants. */
  readonly scope?: string | undefined
  readonly caFile?: string | undefined
  /** The server no longer knows the client: another is registered for the profile. */
  readonly registerAgain?: boolean | undefined
}

export interface NewClientRequest {
  readonly client: string
  readonly profiles: readonly string[]
  readonly actions: readonly KeyAction[]
  /** Default: it does not expire. */
  readonly expiresInSeconds?: number | undefined
}

/** @returns The same by the names of the API: `expiresInSeconds` is `expires_in`. What is `undefined` is left out. */
export function wireNames(options: object): Record<string, unknown> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [wireName(name), value]))
}

function wireName(name: string): string {
  return name.replace(/Seconds$/, '').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
