/**
 * Every known login, pending or settled, and the single use of each response (RFC 9700 §4.7,
 * SECURITY.md#one-state-one-redemption).
 *
 * Pure and synchronous: a claim removes its login from the pending ones before anything is awaited, and a response that
 * matches no login changes nothing. Settled logins are remembered for a while: a result page can be reloaded, a
 * replayed response is recognised, and callers can ask for the result. In memory and bounded; the oldest are forgotten
 * first.
 */
import type { ResponseCarrier } from '../config/response-modes.js'
import { givingWay, type Holder, Shares } from '../shares.js'
import type { AuthorizationResponse } from './authorization-response.js'
import type { AwaitedRedirect, LoginKind, OpenLogin } from './kinds/kind.js'
import { baseOf, type Login, type SettledLogin, type WaitingLogin } from './login.js'
import { type RedirectScheme, RedirectUris } from './redirect-uris.js'

const MOST_SETTLED = 1_000

/** The result of looking for the login that a response answers. */
export type Claim =
  | { readonly outcome: 'claimed'; readonly redirect: AwaitedRedirect }
  /** The response was used before, for this login. */
  | { readonly outcome: 'replayed'; readonly settled: Promise<SettledLogin> }
  | { readonly outcome: 'unknown'; readonly why: string }

/** A redirect URI that answers even when no login is pending on it. */
export interface ConfiguredRedirectUri {
  readonly redirectUri: string
  /** `null`: it belongs to no profile. */
  readonly profile: string | null
}

interface Entry {
  login: Login
  readonly redirectUri: string
  readonly kind: LoginKind | null
  /** Who began it; after a restart the user. */
  readonly holder: Holder
  /** Finds the response, and its replay. */
  state: string | null
  readonly settled: Promise<SettledLogin>
  readonly resolve: (login: SettledLogin) => void
}

export class LoginIndex {
  readonly #byId = new Map<string, Entry>()
  readonly #pending = new Map<string, OpenLogin>()
  /** In the order in which they were settled. */
  readonly #settled = new Set<string>()
  readonly #byState = new Map<string, Entry>()
  readonly #redirectUris = new RedirectUris<Entry | ConfiguredRedirectUri>()
  #configured: readonly ConfiguredRedirectUri[] = []

  add(kind: LoginKind, open: OpenLogin, holder: Holder): void {
    const entry = this.#follow(open.login, kind, holder)
    this.#pending.set(open.login.id, open)
    if (open.redirect?.state) this.#findBy(open.redirect.state.reveal(), entry)
  }

  /** Adds a login that is settled already. */
  addSettled(login: SettledLogin, holder: Holder = null): void {
    if (this.#byId.has(login.id)) return
    this.#follow(login, null, holder)
    this.settle(login)
  }

  find(id: string): Login | undefined {
    return this.#byId.get(id)?.login
  }

  /** Resolves when the login is settled; `undefined` when it is not known. */
  whenSettled(id: string): Promise<SettledLogin> | undefined {
    return this.#byId.get(id)?.settled
  }

  /** The newest first. */
  ofProfile(profile: string): Login[] {
    const logins = [...this.#byId.values()].map(({ login }) => login)
    return byAge(logins.filter((login) => login.profile === profile)).reverse()
  }

  /** The oldest first. */
  pending(): WaitingLogin[] {
    return byAge([...this.#pending.values()].map(({ login }) => login))
  }

  findPending(id: string): OpenLogin | undefined {
    return this.#pending.get(id)
  }

  /** The pending login that waits for this `state`. */
  pendingWith(state: string): OpenLogin | undefined {
    const entry = this.#byState.get(state)
    return entry && this.#pending.get(entry.login.id)
  }

  /** Whether a login waits for this `state`, or was answered with it. */
  hasState(state: string): boolean {
    return this.#byState.has(state)
  }

  /**
   * The logins that one more login of a profile replaces; `undefined` when there are too many logins of the kind. An API
   * key never replaces the user's.
   */
  displacedBy(
    { limits, itemPrefix }: LoginKind,
    profile: string | null,
    holder: Holder,
  ): WaitingLogin[] | undefined {
    const holderOf = ({ id }: WaitingLogin) => this.#byId.get(id)?.holder ?? null
    const staying = new Set(
      this.pending().filter(({ id }) => this.#byId.get(id)?.kind?.itemPrefix === itemPrefix),
    )
    const displaced: WaitingLogin[] = []
    for (;;) {
      const ofProfile = [...staying].filter((login) => login.profile === profile)
      if (ofProfile.length < limits.perProfile) break
      const ofKeys = ofProfile.filter((login) => holderOf(login) !== null)
      const oldest = givingWay(holder === null && ofKeys.length === 0 ? ofProfile : ofKeys, holderOf)
      if (oldest === undefined) return undefined
      staying.delete(oldest)
      displaced.push(oldest)
    }
    const shares = new Shares(limits.inAll)
    for (const login of staying) shares.take(holderOf(login))
    return shares.hasRoom(holder) ? displaced : undefined
  }

  /** The pending logins on a redirect URI. */
  on(redirectUri: string): OpenLogin[] {
    return [...this.#redirectUris.at(redirectUri)].flatMap((holder) => {
      const open = 'login' in holder ? this.#pending.get(holder.login.id) : undefined
      return open ?? []
    })
  }

  responseCarriers(redirectUri: string): ReadonlySet<ResponseCarrier> {
    return new Set(this.on(redirectUri).flatMap(({ redirect }) => redirect?.carriers ?? []))
  }

  /** Who else uses a redirect URI, in words: a profile, or a login that waits for its own response. */
  sharerOf(redirectUri: string): string | undefined {
    for (const holder of this.#redirectUris.at(redirectUri)) {
      if (!('login' in holder) && holder.profile !== null) return `the profile ${holder.profile}`
    }
    const other = this.on(redirectUri).find(({ redirect }) => redirect?.alsoTakes !== 'any')
    if (other === undefined) return undefined
    return other.login.profile === null
      ? 'another tool that waits for a response'
      : 'another login that waits for a response'
  }

  /** The only profile with this redirect URI; `undefined` if there is none, or several. */
  profileAt(redirectUri: string): string | undefined {
    const names = [...this.#redirectUris.at(redirectUri)].flatMap((holder) =>
      'login' in holder ? [] : (holder.profile ?? []),
    )
    return names.length === 1 ? names[0] : undefined
  }

  /** Whether a configured redirect URI belongs to this profile. */
  knowsProfile(name: string): boolean {
    return this.#configured.some(({ profile }) => profile === name)
  }

  /**
   * Takes the login that a response on a redirect URI answers. A response without `state` is accepted only if it is
   * unambiguous; PKCE then makes a foreign code useless.
   */
  claim(redirectUri: string, response: AuthorizationResponse): Claim {
    const entry = this.#answeredBy(redirectUri, response)
    return entry === undefined ? this.#unknown(response) : this.#take(entry)
  }

  /** Takes the catch that accepts any response on a redirect URI, if nothing else uses that redirect URI. */
  claimForAny(redirectUri: string, response: AuthorizationResponse): Claim {
    const [only, ...others] = this.on(redirectUri)
    if (only === undefined || others.length > 0 || this.sharerOf(redirectUri) !== undefined)
      return this.#unknown(response)
    return this.claimAs(only.login.id, response)
  }

  /** Whether a login waits for this response, or was answered with it. */
  knows(redirectUri: string, response: AuthorizationResponse): boolean {
    return this.#answeredBy(redirectUri, response) !== undefined
  }

  /** Whether a login or a catch waits for this response. */
  expects(redirectUri: string, response: AuthorizationResponse): boolean {
    const entry = this.#answeredBy(redirectUri, response)
    if (entry !== undefined) return this.#pending.has(entry.login.id)
    return this.on(redirectUri).some(({ redirect }) => redirect?.alsoTakes === 'any')
  }

  /** Takes this login for the response, without checking `state`. */
  claimAs(id: string, response: AuthorizationResponse): Claim {
    const entry = this.#byId.get(id)
    if (entry === undefined) return this.#unknown(response)
    const state = response.state?.reveal()
    if (entry.state === null && state !== undefined && !this.hasState(state)) this.#findBy(state, entry)
    return this.#take(entry)
  }

  /** From now on nothing else can end the login. @returns false when it is not pending */
  take(id: string): boolean {
    const entry = this.#byId.get(id)
    if (entry === undefined || !this.#pending.delete(id)) return false
    // A catch sends no token request, so it is settled at once.
    const { profile } = entry.login
    if (profile !== null) entry.login = { ...baseOf(entry.login), profile, status: 'exchanging' }
    return true
  }

  /** @returns The login's kind; `undefined` when it was settled before. */
  settle(login: SettledLogin): LoginKind | undefined {
    const entry = this.#byId.get(login.id)
    if (entry === undefined || this.#settled.has(login.id)) return undefined
    this.#pending.delete(login.id)
    this.#settled.add(login.id)
    entry.login = login
    if (login.status === 'cancelled') this.#forgetState(entry)
    entry.resolve(login)
    this.#forgetOldest()
    return entry.kind ?? undefined
  }

  expired(nowMs: number): OpenLogin[] {
    return [...this.#pending.values()].filter(({ login }) => nowMs >= login.expiresAtMs)
  }

  /** The earliest expiry of the pending logins; `null` without any. */
  nextExpiryMs(): number | null {
    const all = [...this.#pending.values()].map(({ login }) => login.expiresAtMs)
    return all.length === 0 ? null : Math.min(...all)
  }

  /** Replaces the ones before. */
  setConfigured(configured: readonly ConfiguredRedirectUri[]): void {
    for (const before of this.#configured) this.#redirectUris.release(before)
    for (const each of configured) this.#redirectUris.hold(each)
    this.#configured = configured
  }

  /** If the scheme is unknown, prefers the redirect URI that a login is pending on. */
  findRedirectUri(authority: string, path: string, scheme?: RedirectScheme): string | undefined {
    const found = this.#redirectUris.find(authority, path, scheme)
    return found.find((redirectUri) => this.on(redirectUri).length > 0) ?? found[0]
  }

  knowsAuthority(authority: string): boolean {
    return this.#redirectUris.knowsAuthority(authority)
  }

  #follow(login: Login, kind: LoginKind | null, holder: Holder): Entry {
    let resolve: (login: SettledLogin) => void = () => {}
    const settled = new Promise<SettledLogin>((done) => {
      resolve = done
    })
    const entry = { login, redirectUri: login.redirectUri, kind, holder, state: null, settled, resolve }
    this.#byId.set(login.id, entry)
    if (login.redirectUri !== '') this.#redirectUris.hold(entry)
    return entry
  }

  #findBy(state: string, entry: Entry): void {
    entry.state = state
    this.#byState.set(state, entry)
  }

  #answeredBy(redirectUri: string, { state }: AuthorizationResponse): Entry | undefined {
    const entry = state === null ? this.#stateless(redirectUri) : this.#byState.get(state.reveal())
    return entry !== undefined && this.#redirectUris.at(redirectUri).has(entry) ? entry : undefined
  }

  #stateless(redirectUri: string): Entry | undefined {
    const [only, ...others] = this.on(redirectUri).filter(({ login }) => login.profile !== null)
    if (only?.redirect?.alsoTakes !== 'stateless' || others.length > 0) return undefined
    return this.#byId.get(only.login.id)
  }

  #take({ login: { id }, settled }: Entry): Claim {
    const redirect = this.#pending.get(id)?.redirect
    return redirect && this.take(id) ? { outcome: 'claimed', redirect } : { outcome: 'replayed', settled }
  }

  #unknown(response: AuthorizationResponse): Claim {
    const state = response.state?.reveal()
    const elsewhere = state === undefined ? undefined : this.pendingWith(state)
    const why =
      elsewhere === undefined
        ? whyUnknown(response)
        : `The login of this response waits at ${elsewhere.login.redirectUri}, but the server sent the browser to another address.`
    return { outcome: 'unknown', why }
  }

  #forgetState(entry: Entry): void {
    if (entry.state !== null && this.#byState.get(entry.state) === entry) this.#byState.delete(entry.state)
  }

  /** A key that begins many logins must not make the daemon forget the others. */
  #forgetOldest(): void {
    if (this.#settled.size <= MOST_SETTLED) return
    const settled = [...this.#settled].flatMap((id) => this.#byId.get(id) ?? [])
    const entry = givingWay(settled, ({ holder }) => holder)
    if (entry === undefined) return
    this.#settled.delete(entry.login.id)
    this.#byId.delete(entry.login.id)
    this.#forgetState(entry)
    if (entry.redirectUri !== '') this.#redirectUris.release(entry)
  }
}

function whyUnknown(response: AuthorizationResponse): string {
  if (response.state !== null)
    return 'No login waits for this response. Its login has expired, was already answered, or was not started by this catchd.'
  if (response.hasMisplacedState)
    return 'The response has no readable state, so it belongs to no pending login. The server, or a program in between, changed its parameters. They must have the names of RFC 6749 and be separated by &, not by &amp; or ;.'
  // Servers leave state out of errors about the request itself, and return it with a code.
  if (response.kind === 'error')
    return `The response is an error without state${KNOWN_ERRORS.has(response.error) ? ` (${response.error})` : ''}, so it belongs to no pending login.`
  return 'The response has no state, so it belongs to no pending login. If your server drops state, set "state_echo": false in the profile.'
}

/** RFC 6749 §4.1.2.1 and OpenID Connect Core §3.1.2.6. Any other text may come from a page that wants to be believed. */
const KNOWN_ERRORS: ReadonlySet<string> = new Set([
  'invalid_request',
  'unauthorized_client',
  'access_denied',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'interaction_required',
  'login_required',
  'account_selection_required',
  'consent_required',
])

/** The oldest first: logins of the last run are restored in another order. */
function byAge<Known extends Login>(logins: Known[]): Known[] {
  return logins.sort((a, b) => a.createdAtMs - b.createdAtMs)
}
