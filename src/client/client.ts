/**
 * The typed client of the API, for the command line and for programs in JavaScript.
 *
 * Each method is one call. A failure is a {@link CatchdError} with the code, the detail and the next command. It is a
 * {@link DaemonError} if the daemon answered with it.
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
import { connectionFor, DaemonConnection, type Method } from './daemon-connection.js'
import type { DaemonEvent } from './event-stream.js'
import {
  type AccessTokenOptions,
  type AdoptionRequest,
  type CallOptions,
  type CancelOptions,
  type CatchdClientOptions,
  type CatchRequest,
  type DiscoveryRequest,
  type FetchOptions,
  type LoginRequest,
  type NewClientRequest,
  type ProofRequest,
  type RefreshOptions,
  type TokenOptions,
  type WaitOptions,
  wireNames,
} from './options.js'

/** What a logout did at the authorization server. catchd deletes the tokens in any case. */
export interface LogoutAnswer {
  /** false also if there was nothing to revoke. */
  readonly revoked: boolean
  /** Why the server could not revoke the tokens. */
  readonly not_revoked: string | null
}

export class CatchdClient {
  readonly #connection: DaemonConnection

  /**
   * Does not connect yet. Without options, it uses the unix socket of this user's daemon, or TCP if `CATCHD_URL` and
   * `CATCHD_API_KEY` are set.
   */
  constructor(options?: CatchdClientOptions)
  /** @internal */
  constructor(connection: DaemonConnection)
  constructor(given: CatchdClientOptions | DaemonConnection = {}) {
    this.#connection = given instanceof DaemonConnection ? given : connectionFor(given)
  }

  /**
   * A token with at least `minTtlSeconds` left, which covers `scope`.
   *
   * @throws CatchdError `login_required`, `scope_insufficient`, …
   */
  token(profile: string, options: AccessTokenOptions = {}): Promise<TokenAnswer> {
    return this.#get(['tokens', profile], options)
  }

  /**
   * The id_token. It is refreshed first if it has less than `minTtlSeconds` left and the server gives one on a refresh.
   *
   * @throws CatchdError `profile_invalid` if logins give none (`openid` is missing in `scope`), `login_required`, …
   */
  idToken(profile: string, options: TokenOptions = {}): Promise<IdTokenAnswer> {
    return this.#get(['tokens', profile, 'id_token'], options)
  }

  /**
   * `fetch` with the profile's token, and with a proof if the token is bound to a key (DPoP, RFC 9449). After an answer
   * with 401, the request is sent once more with a new token, unless its body is a stream. After a 403 that names
   * missing scopes (`insufficient_scope`, RFC 6750 §3.1), it is sent once more with a token that covers them, if there is
   * one or a login (`login: 'auto'`) brings one.
   *
   * @throws CatchdError `login_required`, …; what `fetch` throws
   */
  async fetch(
    profile: string,
    input: string | URL | Request,
    init?: RequestInit,
    options?: FetchOptions,
  ): Promise<Response> {
    const { fetchWithToken } = await import('./token-fetch.js')
    return fetchWithToken(this, profile, input, init, options)
  }

  /**
   * Forces a refresh; with `refused`, only if that token is still the current one.
   *
   * @throws CatchdError `login_required`, `provider_refused`, …
   */
  refresh(profile: string, { refused, ...options }: RefreshOptions = {}): Promise<TokenAnswer> {
    const body = refused === undefined ? undefined : { refused }
    return this.#send('POST', ['tokens', profile, 'refresh'], body, options)
  }

  /**
   * For profiles with `dpop`: the token, and a proof for one request with it (RFC 9449).
   *
   * @throws CatchdError `request_invalid` for other profiles, `login_required`, …
   */
  proof(profile: string, request: ProofRequest, options: CallOptions = {}): Promise<ProofAnswer> {
    return this.#send('POST', ['tokens', profile, 'proof'], request, options)
  }

  /** What catchd and the server know about the tokens, without the tokens. @throws CatchdError `login_required`, … */
  inspect(profile: string, options: CallOptions = {}): Promise<InspectionAnswer> {
    return this.#get(['tokens', profile, 'inspection'], options)
  }

  /** Revokes the tokens at the server if possible, and deletes them. It is not a failure if they cannot be revoked. */
  async logout(profile: string, options: CallOptions = {}): Promise<LogoutAnswer> {
    const headers = await this.#done('DELETE', ['tokens', profile], options)
    const notRevoked = headers[NOT_REVOKED_HEADER]
    return {
      revoked: headers[REVOKED_HEADER] === 'true',
      not_revoked: typeof notRevoked === 'string' ? notRevoked : null,
    }
  }

  /**
   * Begins a login of a profile, adopts a login whose authorization request the caller made, or only catches a
   * response. {@link login} returns the result.
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

  /** The state of a login. Only the first answer after a response was caught contains that response. */
  login(id: string, options: WaitOptions = {}): Promise<LoginAnswer> {
    return this.#get(['logins', id], options)
  }

  /** The logins of a profile that the daemon still knows, the newest first. */
  async logins(profile: string, options: CallOptions = {}): Promise<readonly LoginAnswer[]> {
    const query = { profile, ...options }
    return (await this.#get<{ logins: LoginAnswer[] }>(['logins'], query)).logins
  }

  /** Sends the URL at which the browser ended. @throws CatchdError `redirect_malformed`, `state_unknown`, … */
  paste(id: string, url: string, options: CallOptions = {}): Promise<LoginAnswer> {
    return this.#send('POST', ['logins', id, 'response'], { url }, options)
  }

  async cancelLogin(id: string, { why, ...options }: CancelOptions = {}): Promise<void> {
    await this.#done('DELETE', ['logins', id], options, undefined, wireNames({ why }))
  }

  async profiles(options: CallOptions = {}): Promise<readonly ProfileAnswer[]> {
    return (await this.#get<{ profiles: ProfileAnswer[] }>(['profiles'], options)).profiles
  }

  /** @throws CatchdError `profile_unknown` */
  profile(name: string, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#get(['profiles', name], options)
  }

  /**
   * The profile for the URL of a protected resource or an issuer. If there is none, it is made by discovery and
   * registration (RFC 9728, RFC 8414, RFC 7591).
   */
  discoverProfile(request: DiscoveryRequest, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#send('POST', ['profiles'], wireNames(request), options)
  }

  /**
   * @param entry - With the names of the configuration file. A `client_secret` that is a string is stored in the
   *   daemon's vault.
   */
  putProfile(name: string, entry: ProfileEntry, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#send('PUT', ['profiles', name], entry, options)
  }

  /** Also logs out. */
  async removeProfile(name: string, options: CallOptions = {}): Promise<void> {
    await this.#done('DELETE', ['profiles', name], options)
  }

  async clients(options: CallOptions = {}): Promise<readonly ClientAnswer[]> {
    return (await this.#get<{ clients: ClientAnswer[] }>(['clients'], options)).clients
  }

  /** Only this answer contains the key. */
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

  /**
   * Locks catchd: it gives out and refreshes no token until it is unlocked.
   *
   * @param passphrase - Unlocks it again. Default: the one of the last lock, or else the keychain's own lock.
   * @throws CatchdError `request_invalid` if a passphrase is needed
   */
  async lock(passphrase?: string, options: CallOptions = {}): Promise<void> {
    await this.#done('POST', ['lock'], options, { passphrase })
  }

  /**
   * @param passphrase - Not needed if it was locked together with the keychain.
   * @throws CatchdError `locked` if the passphrase is wrong, `request_invalid` if it is missing, `vault_locked` while the
   *   keychain is locked
   */
  async unlock(passphrase?: string, options: CallOptions = {}): Promise<void> {
    await this.#done('POST', ['unlock'], options, { passphrase })
  }

  /** Moves every item to the new vault, and uses that vault from then on. */
  migrateVault(to: VaultMigration['to'], options: CallOptions = {}): Promise<VaultMigration> {
    return this.#send('POST', ['vault', 'migrate'], { to }, options)
  }

  /** Begins an orderly stop. The answer comes before the daemon ends. */
  async stop(options: CallOptions = {}): Promise<void> {
    await this.#done('POST', ['daemon', 'stop'], options)
  }

  /**
   * Events of the daemon, until `signal` is aborted. A lost connection is made again. The first event of each connection
   * is `connected`, because earlier events were missed. An API key gets only the events of its profiles.
   *
   * @throws CatchdError if the first connection fails
   */
  async *events(options: CallOptions = {}): AsyncGenerator<DaemonEvent, void, undefined> {
    const { daemonEvents } = await import('./event-stream.js')
    const { signal = this.#connection.signal } = options
    // Only the first connection starts the daemon. If it ends later, somebody stopped it.
    yield* daemonEvents((isFirst) => this.#connection.stream('/v1/events', signal, isFirst), signal)
  }

  /** Closes idle connections. They do not keep the process alive. */
  close(): void {
    this.#connection.close()
  }

  #get<Body>(
    segments: readonly string[],
    { signal, asker, ...query }: WaitOptions & TokenOptions,
  ): Promise<Body> {
    const path = `${pathOf(segments)}${queryOf(wireNames(query))}`
    return this.#connection.json({ method: 'GET', path, asker, waitSeconds: query.waitSeconds, signal })
  }

  #send<Body>(
    method: Method,
    segments: readonly string[],
    body: unknown,
    { signal }: CallOptions,
  ): Promise<Body> {
    return this.#connection.json({ method, path: pathOf(segments), body, signal })
  }

  /** A call that is answered without content. */
  async #done(
    method: Method,
    segments: readonly string[],
    { signal }: CallOptions,
    body?: object,
    query: Readonly<Record<string, unknown>> = {},
  ) {
    const path = `${pathOf(segments)}${queryOf(query)}`
    return (await this.#connection.request({ method, path, body, signal })).headers
  }
}

/** A name that is not a valid profile name also stays one segment. */
function pathOf(segments: readonly string[]): string {
  return `/v1/${segments.map(encoded).join('/')}`
}

function queryOf(parameters: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(parameters).map(([name, value]) => `${name}=${encoded(String(value))}`)
  return given.length === 0 ? '' : `?${given.join('&')}`
}

/** Half a surrogate pair, which has no UTF-8, becomes U+FFFD, as in everything else that Node.js writes. */
function encoded(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString())
}
