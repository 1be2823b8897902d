/**
 * The typed client of the API: what the command line and programs in JavaScript use.
 *
 * Each method is one call. A failure is a {@link CatchdError} with the code, the detail and the next command, and a
 * {@link DaemonError} where the daemon answered with it.
 */
import { NOT_REVOKED_HEADER, REVOKED_HEADER } from '../logout-headers.js'
import type {
  ClientAnswer,
  ClientWithKey,
  DaemonStatus,
  DashboardLink,
  IdTokenAnswer,
  InspectionAnswer,
  LoginAnswer,
  PendingCatch,
  PendingDeviceLogin,
  PendingLogin,
  ProfileAnswer,
  ProfileEntry,
  ProofAnswer,
  StartedLoginAnswer,
  TokenAnswer,
  VaultMigration,
} from './api-types.js'
import { connectionFor, DaemonConnection } from './daemon-connection.js'
import type { DaemonEvent } from './event-stream.js'
import {
  type AdoptionRequest,
  type CallOptions,
  type CatchdClientOptions,
  type CatchRequest,
  type DiscoveryRequest,
  type LoginRequest,
  type NewClientRequest,
  type ProofRequest,
  type TokenOptions,
  type WaitOptions,
  wireNames,
} from './options.js'
import type { Method } from './transport.js'

/** What a logout did at the authorization server; the tokens are forgotten here either way. */
export interface LogoutAnswer {
  /** false where there was nothing to revoke, too. */
  readonly revoked: boolean
  /** Why the server still knows the tokens. */
  readonly not_revoked: string | null
}

export class CatchdClient {
  readonly #connection: DaemonConnection

  /**
   * Connects nothing yet. Without options it talks to this user's daemon over its unix socket, and with `CATCHD_URL` and
   * `CATCHD_API_KEY` set, over TCP.
   */
  constructor(options?: CatchdClientOptions)
  /** @internal */
  constructor(connection: DaemonConnection)
  constructor(given: CatchdClientOptions | DaemonConnection = {}) {
    this.#connection = given instanceof DaemonConnection ? given : connectionFor(given)
  }

  /** A token with at least `minTtlSeconds` left. @throws CatchdError `login_required`, … */
  token(profile: string, options: TokenOptions = {}): Promise<TokenAnswer> {
    return this.#get(['tokens', profile], options)
  }

  /**
   * The id_token, refreshed first when it has less than `minTtlSeconds` left and the server gives one on a refresh.
   *
   * @throws CatchdError `profile_invalid` where logins bring none (`openid` in `scope`), `login_required`, …
   */
  idToken(profile: string, options: TokenOptions = {}): Promise<IdTokenAnswer> {
    return this.#get(['tokens', profile, 'id_token'], options)
  }

  /**
   * `fetch` with the profile's token, and a proof where the token is bound to a key (DPoP, RFC 9449). A request that is
   * answered with 401 is sent once more with a new token, unless its body is a stream.
   *
   * @throws CatchdError `login_required`, …; what `fetch` throws
   */
  async fetch(profile: string, input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const { fetchWithToken } = await import('./token-fetch.js')
    return fetchWithToken(this, profile, input, init)
  }

  /** Forces a refresh. @throws CatchdError `login_required`, `provider_refused`, … */
  refresh(profile: string, options: CallOptions = {}): Promise<TokenAnswer> {
    return this.#send('POST', ['tokens', profile, 'refresh'], undefined, options)
  }

  /**
   * For profiles with `dpop`: the token, and a proof that is good for one request with it (RFC 9449).
   *
   * @throws CatchdError `request_invalid` for other profiles, `login_required`, …
   */
  proof(profile: string, request: ProofRequest, options: CallOptions = {}): Promise<ProofAnswer> {
    return this.#send('POST', ['tokens', profile, 'proof'], request, options)
  }

  /** What is known about the tokens, here and at the server, without the tokens. @throws CatchdError `login_required`, … */
  inspect(profile: string, options: CallOptions = {}): Promise<InspectionAnswer> {
    return this.#get(['tokens', profile, 'inspection'], options)
  }

  /** Revokes at the server where it can be, and forgets. What the server could not be told is no failure. */
  async logout(profile: string, options: CallOptions = {}): Promise<LogoutAnswer> {
    const headers = await this.#done('DELETE', ['tokens', profile], options)
    const notRevoked = headers[NOT_REVOKED_HEADER]
    return {
      revoked: headers[REVOKED_HEADER] === 'true',
      not_revoked: typeof notRevoked === 'string' ? notRevoked : null,
    }
  }

  /**
   * Begins a login of a profile, takes over one that the caller built the authorization request of, or only catches a
   * response. {@link login} says how it ends.
   *
   * @throws CatchdError `redirect_port_in_use`, `too_many_logins`, `profile_unknown`, …
   */
  beginLogin(request: AdoptionRequest, options?: CallOptions): Promise<PendingLogin>
  beginLogin(request: LoginRequest, options?: CallOptions): Promise<PendingLogin | PendingDeviceLogin>
  beginLogin(request: CatchRequest, options?: CallOptions): Promise<PendingCatch>
  beginLogin(
    request: LoginRequest | AdoptionRequest | CatchRequest,
    options: CallOptions = {},
  ): Promise<StartedLoginAnswer> {
    return this.#send('POST', ['logins'], wireNames(request), options)
  }

  /** How a login stands. A response that was caught is in the first answer after it came, and in no other. */
  login(id: string, options: WaitOptions = {}): Promise<LoginAnswer> {
    return this.#get(['logins', id], options)
  }

  /** The logins of a profile that the daemon remembers, the newest first. */
  async logins(profile: string, options: CallOptions = {}): Promise<readonly LoginAnswer[]> {
    const query = { profile, ...options }
    return (await this.#get<{ logins: LoginAnswer[] }>(['logins'], query)).logins
  }

  /** Hands in the URL that the browser ended on. @throws CatchdError `redirect_malformed`, `state_unknown`, … */
  paste(id: string, url: string, options: CallOptions = {}): Promise<LoginAnswer> {
    return this.#send('POST', ['logins', id, 'response'], { url }, options)
  }

  async cancelLogin(id: string, options: CallOptions = {}): Promise<void> {
    await this.#done('DELETE', ['logins', id], options)
  }

  async profiles(options: CallOptions = {}): Promise<readonly ProfileAnswer[]> {
    return (await this.#get<{ profiles: ProfileAnswer[] }>(['profiles'], options)).profiles
  }

  /** @throws CatchdError `profile_unknown` */
  profile(name: string, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#get(['profiles', name], options)
  }

  /**
   * The profile for the URL of a protected resource or an issuer; made by discovery and registration (RFC 9728,
   * RFC 8414, RFC 7591) where there is none.
   */
  discoverProfile(request: DiscoveryRequest, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#send('POST', ['profiles'], wireNames(request), options)
  }

  /**
   * @param entry - As in the configuration file, by its names. A `client_secret` given as a string is kept in the daemon's
   *   vault.
   */
  putProfile(name: string, entry: ProfileEntry, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#send('PUT', ['profiles', name], entry, options)
  }

  /** Logs out, too. */
  async removeProfile(name: string, options: CallOptions = {}): Promise<void> {
    await this.#done('DELETE', ['profiles', name], options)
  }

  async clients(options: CallOptions = {}): Promise<readonly ClientAnswer[]> {
    return (await this.#get<{ clients: ClientAnswer[] }>(['clients'], options)).clients
  }

  /** The answer holds the key, this once. */
  addClient(request: NewClientRequest, options: CallOptions = {}): Promise<ClientWithKey> {
    return this.#send('POST', ['clients'], wireNames(request), options)
  }

  async removeClient(name: string, options: CallOptions = {}): Promise<void> {
    await this.#done('DELETE', ['clients', name], options)
  }

  /** A one-time link to the dashboard, for a browser on this machine. @throws CatchdError `config_invalid` without a TCP API */
  dashboardLink(options: CallOptions = {}): Promise<DashboardLink> {
    return this.#send('POST', ['dashboard', 'links'], undefined, options)
  }

  status(options: CallOptions = {}): Promise<DaemonStatus> {
    return this.#get(['status'], options)
  }

  /** Carries every item over and uses the new vault from then on. */
  migrateVault(to: 'keychain' | 'file', options: CallOptions = {}): Promise<VaultMigration> {
    return this.#send('POST', ['vault', 'migrate'], { to }, options)
  }

  /** Begins an orderly stop; the answer comes before the end. */
  async stop(options: CallOptions = {}): Promise<void> {
    await this.#done('POST', ['daemon', 'stop'], options)
  }

  /**
   * What happens, as it happens, until `signal` is aborted; the connection is made again when it is lost. `connected` comes
   * first on each one: what happened before it was not seen. A key hears of its profiles alone.
   *
   * @throws CatchdError when the first connection cannot be made
   */
  async *events(options: CallOptions = {}): AsyncGenerator<DaemonEvent, void, undefined> {
    const { daemonEvents } = await import('./event-stream.js')
    const { signal = this.#connection.signal } = options
    // A daemon that ended while it was watched was stopped on purpose: only the first connection starts it.
    yield* daemonEvents((isFirst) => this.#connection.stream('/v1/events', signal, isFirst), signal)
  }

  /** Closes idle connections; they do not keep the process alive either way. */
  close(): void {
    this.#connection.close()
  }

  #get<Body>(segments: readonly string[], { signal, ...query }: WaitOptions): Promise<Body> {
    const path = `${pathOf(segments)}${queryOf(wireNames(query))}`
    return this.#connection.json({ method: 'GET', path, waitSeconds: query.waitSeconds, signal })
  }

  #send<Body>(
    method: Method,
    segments: readonly string[],
    body: unknown,
    { signal }: CallOptions,
  ): Promise<Body> {
    return this.#connection.json({ method, path: pathOf(segments), body, signal })
  }

  /** A call whose answer has no content. */
  async #done(method: Method, segments: readonly string[], { signal }: CallOptions) {
    return (await this.#connection.request({ method, path: pathOf(segments), signal })).headers
  }
}

/** A name that is no profile name stays one segment. */
function pathOf(segments: readonly string[]): string {
  return `/v1/${segments.map(encodeURIComponent).join('/')}`
}

function queryOf(parameters: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(parameters).map(
    ([name, value]) => `${name}=${encodeURIComponent(String(value))}`,
  )
  return given.length === 0 ? '' : `?${given.join('&')}`
}
