/**
 * The typed client of the API: what the command line and programs in JavaScript use.
 *
 * Each method is one call. A failure is a {@link CatchdError} with the daemon's code, detail and next command.
 * By default it talks to this user's daemon over its unix socket, and with `CATCHD_URL` and `CATCHD_API_KEY`
 * set, over TCP. It starts no daemon unless told to (`start`).
 */
import { NOT_REVOKED_HEADER, REVOKED_HEADER } from '../http/api/logout-headers.js'
import type { NewVault } from './api-types.js'
import type { DaemonEvent } from './event-stream.js'
import { findSocketPath } from './socket-path.js'
import { type Answer, type Exchange, NothingListens, Transport } from './transport.js'
import type {
  ClientAction,
  ClientAnswer,
  ClientWithKey,
  DaemonStatus,
  DashboardLink,
  IdTokenAnswer,
  InspectionAnswer,
  LoginAnswer,
  LogoutAnswer,
  ProfileAnswer,
  ProfileEntry,
  ProofAnswer,
  TokenAnswer,
  VaultMigration,
} from './wire.js'

export interface CatchdClientOptions {
  /** Default: the socket of this user's daemon, by `CATCHD_HOME` and the platform's folders. */
  readonly socketPath?: string
  /** `http://127.0.0.1:7636`: TCP instead of the socket. Default: `CATCHD_URL`, unless `socketPath` is given. */
  readonly url?: string
  /** Sent over TCP only. Default: `CATCHD_API_KEY`. */
  readonly apiKey?: string
  /** How long a call may take beside the waiting it asks for. Default 60,000. */
  readonly timeoutMs?: number
  /** Ends every call that names no signal of its own. */
  readonly signal?: AbortSignal
  /**
   * Start this user's daemon when it is not there. Only where it is looked for by default: what a `socketPath` or a URL
   * names is somebody else's to start.
   */
  readonly start?: boolean
  /** Called when nothing listens and nothing was sent; when it resolves, the call is made once more. */
  readonly onNothingListens?: () => Promise<void>
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface TokenOptions extends CallOptions {
  /** Seconds that must be left; the token is refreshed first otherwise. Default: the profile's. */
  readonly minTtl?: number | undefined
  /** `auto` starts a login, or joins the one that pends, where a person has to log in. */
  readonly login?: 'auto' | undefined
  /** Seconds to wait for that login. */
  readonly wait?: number | undefined
}

export interface WaitOptions extends CallOptions {
  /** Seconds to wait for the login to be settled; it is answered as it stands then. */
  readonly wait?: number | undefined
}

/** What a login is for: a profile, an authorization request of somebody else's, or only to catch a response. */
export type LoginRequest =
  | { readonly profile: string; readonly open?: boolean; readonly timeout?: number }
  | {
      readonly profile: string
      readonly state: string
      readonly code_verifier: string
      readonly timeout?: number
    }
  | { readonly redirect_uri: string; readonly state?: string; readonly timeout?: number }

/** The request that is about to be sent to a resource server. */
export interface ProofRequest {
  /** In capitals. */
  readonly method: string
  readonly url: string
  /** `DPoP-Nonce` of the resource server, where it gave one. */
  readonly nonce?: string | undefined
}

export interface DiscoveryRequest {
  readonly url: string
  /** Name of the profile; made from the host otherwise. */
  readonly profile?: string
  readonly client_id?: string
  readonly scope?: string
  readonly ca_file?: string
  readonly register_again?: boolean
}

export interface NewClientRequest {
  readonly client: string
  readonly profiles: readonly string[]
  readonly actions: readonly ClientAction[]
  /** Seconds. */
  readonly expires_in?: number
}

export class CatchdClient {
  readonly #transport: Transport
  readonly #signal: AbortSignal | undefined
  readonly #onNothingListens: (() => Promise<void>) | undefined

  constructor(options: CatchdClientOptions = {}) {
    const { CATCHD_URL, CATCHD_API_KEY } = process.env
    this.#transport = new Transport({
      socketPath: options.socketPath ?? findSocketPath(),
      url: options.url ?? (options.socketPath === undefined && CATCHD_URL ? CATCHD_URL : undefined),
      apiKey: options.apiKey ?? (CATCHD_API_KEY ? CATCHD_API_KEY : undefined),
      timeoutMs: options.timeoutMs,
    })
    this.#signal = options.signal
    const isOwn = options.socketPath === undefined && !(options.url ?? CATCHD_URL)
    this.#onNothingListens = options.onNothingListens ?? (options.start && isOwn ? startDaemon : undefined)
  }

  /** A token with at least `minTtl` seconds left. @throws CatchdError `login_required`, … */
  token(profile: string, options: TokenOptions = {}): Promise<TokenAnswer> {
    return this.#token(`/v1/tokens/${encodeURIComponent(profile)}`, options)
  }

  /**
   * The id_token, refreshed first when it has less than `minTtl` seconds left and the server gives one on a refresh.
   *
   * @throws CatchdError `profile_invalid` where logins bring none (`openid` in `scope`), `login_required`, …
   */
  idToken(profile: string, options: TokenOptions = {}): Promise<IdTokenAnswer> {
    return this.#token(`/v1/tokens/${encodeURIComponent(profile)}/id_token`, options)
  }

  /**
   * `fetch` with the profile's token, and a proof where that is bound to a key (DPoP); a request that is answered with 401 is sent once more with a new token, where
   * its body is no stream.
   *
   * @throws CatchdError `login_required`, …; what `fetch` throws
   */
  async fetch(profile: string, input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const { fetchWithToken } = await import('./token-fetch.js')
    return fetchWithToken(this, profile, input, init)
  }

  /** Forces a refresh. */
  refresh(profile: string, options: CallOptions = {}): Promise<TokenAnswer> {
    return this.#json({
      ...options,
      method: 'POST',
      path: `/v1/tokens/${encodeURIComponent(profile)}/refresh`,
    })
  }

  /**
   * For profiles with `dpop`: the token, and a proof that is good for one request with it (RFC 9449).
   *
   * @throws CatchdError `request_invalid` for other profiles, `login_required`, …
   */
  proof(profile: string, request: ProofRequest, options: CallOptions = {}): Promise<ProofAnswer> {
    const path = `/v1/tokens/${encodeURIComponent(profile)}/proof`
    return this.#json({ ...options, method: 'POST', path, body: request })
  }

  /** What is known about the tokens, here and at the server, without the tokens. @throws CatchdError `login_required`, … */
  inspect(profile: string, options: CallOptions = {}): Promise<InspectionAnswer> {
    const path = `/v1/tokens/${encodeURIComponent(profile)}/inspection`
    return this.#json({ ...options, method: 'GET', path })
  }

  /** Revokes at the server where it can be, and forgets. What the server could not be told is no failure. */
  async logout(profile: string, options: CallOptions = {}): Promise<LogoutAnswer> {
    const path = `/v1/tokens/${encodeURIComponent(profile)}`
    const { headers } = await this.request({ ...options, method: 'DELETE', path })
    const notRevoked = headers[NOT_REVOKED_HEADER]
    return {
      revoked: headers[REVOKED_HEADER] === 'true',
      not_revoked: typeof notRevoked === 'string' ? notRevoked : null,
    }
  }

  beginLogin(body: LoginRequest, options: CallOptions = {}): Promise<LoginAnswer> {
    return this.#json({ ...options, method: 'POST', path: '/v1/logins', body })
  }

  /** A response that was caught is in the first answer after it came, and in no other. */
  login(id: string, options: WaitOptions = {}): Promise<LoginAnswer> {
    const path = `/v1/logins/${encodeURIComponent(id)}${queryOf({ wait: options.wait })}`
    return this.#json({ method: 'GET', path, waitSeconds: options.wait, signal: options.signal })
  }

  /** The logins of a profile that the daemon remembers, the newest first. */
  async logins(profile: string, options: CallOptions = {}): Promise<readonly LoginAnswer[]> {
    const path = `/v1/logins${queryOf({ profile: encodeURIComponent(profile) })}`
    return (await this.#json<{ logins: LoginAnswer[] }>({ ...options, method: 'GET', path })).logins
  }

  /** Hands in the URL that the browser ended on. */
  paste(id: string, url: string, options: CallOptions = {}): Promise<LoginAnswer> {
    return this.#json({
      ...options,
      method: 'POST',
      path: `/v1/logins/${encodeURIComponent(id)}/response`,
      body: { url },
    })
  }

  async cancelLogin(id: string, options: CallOptions = {}): Promise<void> {
    await this.request({ ...options, method: 'DELETE', path: `/v1/logins/${encodeURIComponent(id)}` })
  }

  async profiles(options: CallOptions = {}): Promise<readonly ProfileAnswer[]> {
    const path = '/v1/profiles'
    return (await this.#json<{ profiles: ProfileAnswer[] }>({ ...options, method: 'GET', path })).profiles
  }

  profile(name: string, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#json({ ...options, method: 'GET', path: `/v1/profiles/${encodeURIComponent(name)}` })
  }

  /**
   * The profile for the URL of a protected resource or an issuer; made by discovery and registration (RFC 9728,
   * RFC 8414, RFC 7591) where there is none.
   */
  discoverProfile(body: DiscoveryRequest, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#json({ ...options, method: 'POST', path: '/v1/profiles', body })
  }

  /** A `client_secret` given as a string is kept in the daemon's vault. */
  putProfile(name: string, body: ProfileEntry, options: CallOptions = {}): Promise<ProfileAnswer> {
    return this.#json({ ...options, method: 'PUT', path: `/v1/profiles/${encodeURIComponent(name)}`, body })
  }

  /** Logs out, too. */
  async removeProfile(name: string, options: CallOptions = {}): Promise<void> {
    await this.request({ ...options, method: 'DELETE', path: `/v1/profiles/${encodeURIComponent(name)}` })
  }

  async clients(options: CallOptions = {}): Promise<readonly ClientAnswer[]> {
    const path = '/v1/clients'
    return (await this.#json<{ clients: ClientAnswer[] }>({ ...options, method: 'GET', path })).clients
  }

  /** The answer holds the key, this once. */
  addClient(body: NewClientRequest, options: CallOptions = {}): Promise<ClientWithKey> {
    return this.#json({ ...options, method: 'POST', path: '/v1/clients', body })
  }

  async removeClient(name: string, options: CallOptions = {}): Promise<void> {
    await this.request({ ...options, method: 'DELETE', path: `/v1/clients/${encodeURIComponent(name)}` })
  }

  /** A one-time link to the dashboard, for a browser on this machine. @throws CatchdError `config_invalid` without a TCP API */
  dashboardLink(options: CallOptions = {}): Promise<DashboardLink> {
    return this.#json({ ...options, method: 'POST', path: '/v1/dashboard/links' })
  }

  status(options: CallOptions = {}): Promise<DaemonStatus> {
    return this.#json({ ...options, method: 'GET', path: '/v1/status' })
  }

  /** Carries every item over and uses the new vault from then on. */
  migrateVault(to: NewVault['to'], options: CallOptions = {}): Promise<VaultMigration> {
    return this.#json({ ...options, method: 'POST', path: '/v1/vault/migrate', body: { to } })
  }

  /** Begins an orderly stop; the answer comes before the end. */
  async stop(options: CallOptions = {}): Promise<void> {
    await this.request({ ...options, method: 'POST', path: '/v1/daemon/stop' })
  }

  /**
   * What happens, as it happens, until `signal` is aborted; the connection is made again when it is lost. `connected` comes
   * first on each one: what happened before it was not seen. A key hears of its profiles alone.
   *
   * @throws CatchdError when the first connection cannot be made
   */
  async *events(options: CallOptions = {}): AsyncGenerator<DaemonEvent, void, undefined> {
    const { daemonEvents } = await import('./event-stream.js')
    const signal = options.signal ?? this.#signal
    const open = () => this.#transport.stream('/v1/events', signal)
    // A daemon that ended while it was watched was ended by somebody: only the first connection starts it.
    yield* daemonEvents((isFirst) => (isFirst ? this.#started(open) : open()), signal)
  }

  /**
   * Any call of the API.
   *
   * @throws CatchdError the daemon's own, or `daemon_unreachable`; what the signal was aborted with
   */
  async request(call: Exchange): Promise<Answer> {
    const complete = { ...call, signal: call.signal ?? this.#signal }
    return this.#started(() => this.#transport.exchange(complete))
  }

  /** Closes idle connections; they do not keep the process alive either way. */
  close(): void {
    this.#transport.close()
  }

  /** Once more, after the daemon was started where that is wanted. */
  async #started<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof NothingListens) || this.#onNothingListens === undefined) throw error
      await this.#onNothingListens()
      return call()
    }
  }

  #token<Token>(path: string, { minTtl, login, wait, signal }: TokenOptions): Promise<Token> {
    const query = queryOf({ min_ttl: minTtl, login, wait })
    return this.#json({ method: 'GET', path: `${path}${query}`, waitSeconds: wait, signal })
  }

  async #json<Body>(call: Exchange): Promise<Body> {
    return this.#transport.contentOf(await this.request(call)) as Body
  }
}

async function startDaemon(): Promise<void> {
  const { startDaemon: start } = await import('./program-start.js')
  await start()
}

function queryOf(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  return given.length === 0 ? '' : `?${given.map(([name, value]) => `${name}=${value}`).join('&')}`
}
