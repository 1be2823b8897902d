/**
 * Logins for the API and the redirect listener: begin → claim → settle.
 *
 * The address is bound and the login is in the vault before anybody gets its authorization URL. Nothing is awaited between
 * the claim of a response and its use (SECURITY.md#one-state-one-redemption). Other files: login-index.ts has the state of each
 * login, open-logins.ts begins and ends logins, restored-logins.ts reads the last run's logins, automatic-logins.ts has
 * the single tab of an automatic login, and kinds/ has how each kind begins and settles.
 */
import { randomId } from '../authorization-server/pkce.js'
import type { Profile } from '../config/profile.js'
import type { ResponseCarrier } from '../config/response-modes.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { Holder } from '../shares.js'
import { type AuthorizationResponse, joined, parseAuthorizationResponse } from './authorization-response.js'
import { AutomaticLogins, type StepUp } from './automatic-logins.js'
import { CaughtResponses } from './caught-responses.js'
import { beginAgain } from './endings.js'
import { catchKind } from './kinds/catch.js'
import { codeKind } from './kinds/code.js'
import { deviceKind } from './kinds/device.js'
import type { KindParts, LoginKind, OpenLogin } from './kinds/kind.js'
import type { Login, SettledLogin, WaitingLogin } from './login.js'
import type { Claim, ConfiguredRedirectUri, LoginIndex } from './login-index.js'
import type { AdoptionRequest, AnyLoginRequest, CatchRequest } from './login-request.js'
import { OpenLogins } from './open-logins.js'
import { pastedResponse } from './pasted-response.js'
import { ofProfile, type RedirectLease } from './ports.js'
import type { RedirectScheme } from './redirect-uris.js'
import { RestoredLogins, type RestoredLoginsParts } from './restored-logins.js'

/** A request belongs to the first kind that begins with it. */
const KINDS: readonly ((parts: KindParts) => LoginKind)[] = [catchKind, deviceKind, codeKind]

export interface LoginsParts extends Omit<KindParts, 'caught' | 'journalClaim'>, RestoredLoginsParts {
  /** Opens the authorization URL in a browser. If that fails, the login continues. */
  readonly openBrowser: (authorizationUrl: string) => Promise<void>
}

export interface Answer {
  readonly login: SettledLogin
  /** The response was used before; nothing was redeemed. */
  readonly isReplay: boolean
}

export class Logins {
  readonly #parts: LoginsParts
  readonly #kinds: readonly LoginKind[]
  readonly #open: OpenLogins
  readonly #index: LoginIndex
  readonly #caught: CaughtResponses
  readonly #restored: RestoredLogins
  readonly #automatic: AutomaticLogins
  /** Of logins that are about to begin: states that others chose, and the ids of records that are being stored. */
  readonly #beginning = new Set<string>()

  constructor(parts: LoginsParts) {
    const { clock, profiles, records } = parts
    this.#parts = parts
    this.#open = new OpenLogins(parts)
    this.#index = this.#open.index
    this.#caught = new CaughtResponses(clock)
    const journalClaim = records.claim.bind(records)
    this.#kinds = KINDS.map((kind) => kind({ ...parts, caught: this.#caught, journalClaim }))
    this.#restored = new RestoredLogins(parts, this.#open, this.#kinds, (id) => this.#beginning.has(id))
    this.#automatic = new AutomaticLogins({
      clock,
      profiles,
      begin: (request, holder) => this.#begin(request, holder),
      logins: this,
    })
  }

  /**
   * Begins a login and returns its authorization URL, adopts one whose URL another tool built, or only waits for a
   * response that another tool redeems.
   *
   * @param holder - Who asks. What one API key can have pending is limited.
   * @throws CatchdError `profile_unknown`, `profile_invalid`, `request_invalid` (the profile needs no login; a `state` that
   *   is in use; a catch of any response where another login waits for its own), `too_many_logins`,
   *   `redirect_port_in_use`, `provider_*` and the vault's codes; nothing is pending then
   */
  begin(request: AnyLoginRequest, holder: Holder = null): Promise<WaitingLogin> {
    const begun = 'state' in request ? this.#beginWithState(request, holder) : this.#begin(request, holder)
    if (!('profile' in request)) return begun
    return this.#automatic.askedFor(request.profile, 'open' in request && request.open, begun)
  }

  /**
   * `login=auto`: joins the login whose tab is open for the profile, or opens one.
   *
   * @param stepUp - The caller's token must cover more scopes. The login that is joined may ask for others.
   * @throws CatchdError `login_required` when the last tab was not answered, `scope_insufficient` when the last login did
   *   not bring these scopes, and everything that {@link begin} throws
   */
  beginShared(profile: string, holder: Holder = null, stepUp?: StepUp): Promise<Login> {
    return this.#automatic.join(profile, holder, stepUp)
  }

  find(id: string): Login | undefined {
    return this.#index.find(id)
  }

  /** All that are remembered, the newest first. */
  ofProfile(profile: string): Login[] {
    return this.#index.ofProfile(profile)
  }

  /** The pending ones, the oldest first. */
  pendingOf(profile: string): WaitingLogin[] {
    return this.#index.pending().filter((login) => login.profile === profile)
  }

  /** @param isCounted - Called with `null` for a catch. */
  countPending(isCounted: (profile: string | null) => boolean): number {
    return this.#index.pending().filter(({ profile }) => isCounted(profile)).length
  }

  /** Resolves when the login is settled; `undefined` when it is not known. */
  whenSettled(id: string): Promise<SettledLogin> | undefined {
    return this.#index.whenSettled(id)
  }

  /** The login when it is settled, or as it is after `waitMs` or when `signal` aborts. */
  async wait(id: string, waitMs: number, signal: AbortSignal): Promise<Login | undefined> {
    const settled = this.#index.whenSettled(id)
    if (settled === undefined || waitMs <= 0 || signal.aborted) return this.find(id)
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#parts.clock.after(waitMs, end)
      signal.addEventListener('abort', end)
      void settled.then(end)
    })
    return this.find(id)
  }

  /** The parameters of a response that was caught; once. */
  takeResponse(id: string): Readonly<Record<string, string>> | undefined {
    return this.#caught.take(id)
  }

  /**
   * Accepts the final URL of a browser on another machine (paste-back).
   *
   * @throws CatchdError `login_unknown`, `redirect_malformed`, `state_unknown`; `request_invalid` without a redirect URI
   */
  async paste(id: string, url: string): Promise<Login> {
    this.#parts.lock.requireUnlocked()
    this.#open.expire()
    const login = this.#index.find(id)
    if (login === undefined) throw new CatchdError('login_unknown')
    if (login.redirectUri === '') {
      throw new CatchdError('request_invalid', {
        ...beginAgain(login.profile),
        detail: 'This login has no redirect to paste. Finish it at the authorization server.',
      })
    }
    const redirect = this.#index.findPending(id)?.redirect ?? undefined
    if (redirect === undefined) return login
    const response = pastedResponse(url, login, redirect.state)
    if (redirect.state === null) {
      return (await this.#settleClaim(this.#index.claimAs(id, response), response, false)).login
    }
    if (response.state !== null && response.state.reveal() !== redirect.state.reveal()) {
      throw new CatchdError('state_unknown', {
        ...beginAgain(login.profile),
        detail: 'The URL belongs to another login. Paste the final URL of this login.',
      })
    }
    return (await this.#answer(login.redirectUri, response)).login
  }

  /** What a user should know about a login that still waits (OpenLogins.hint); `null` if there is nothing. */
  hint(id: string): string | null {
    return this.#open.hint(id)
  }

  /**
   * A request at another address than a login's redirect URI may have been the response of that login. Nothing is
   * redeemed: the login waits on, and its hint says what happened.
   *
   * @param redirectUri - The redirect URI that the request came to; `undefined`: none.
   * @param encoded - As for {@link answer}.
   */
  noticeElsewhere(redirectUri: string | undefined, encoded: string): void {
    const state = new URLSearchParams(encoded).get('state')
    if (state !== null) this.#open.noticeElsewhere(state, redirectUri)
  }

  /**
   * @param why - `timeout`: the wait of the caller is over, so the login counts as expired.
   * @returns false when there is no such login. A settled one stays as it is, and its caught response is forgotten.
   */
  cancel(id: string, why?: 'timeout'): boolean {
    this.#open.cancel(id, why)
    this.#caught.forget(id)
    return this.find(id) !== undefined
  }

  /** Cancels every pending login of a profile, as a logout does. */
  cancelAll(profile: string): void {
    for (const { id } of this.pendingOf(profile)) this.cancel(id)
  }

  /** Replaces the ones before. */
  setConfiguredRedirectUris(redirectUris: readonly ConfiguredRedirectUri[]): void {
    this.#index.setConfigured(redirectUris)
  }

  /**
   * The redirect URI (as in an authorization request) that a request is for, or `undefined`. Knows the redirect URIs of
   * pending and recently settled logins and of the configured profiles.
   *
   * @param authority - `host:port` or `host` exactly as in the Host header.
   * @param path - Raw path of the request target, undecoded, without query.
   * @param scheme - Of the browser's connection; `undefined` if it is unknown, behind a tunnel.
   */
  findRedirectUri(authority: string, path: string, scheme?: RedirectScheme): string | undefined {
    return this.#index.findRedirectUri(authority, path, scheme)
  }

  /** Whether a known redirect URI has this authority (to distinguish a wrong Host from a wrong path). */
  knowsAuthority(authority: string): boolean {
    return this.#index.knowsAuthority(authority)
  }

  /** The only profile with this redirect URI; `undefined` if there is none, or several. */
  profileAt(redirectUri: string): string | undefined {
    return this.#index.profileAt(redirectUri)
  }

  /** Whether a configured redirect URI belongs to this profile. */
  knowsProfile(name: string): boolean {
    return this.#index.knowsProfile(name)
  }

  /** The response modes of the logins that are pending on this redirect URI; empty if there are none. */
  responseCarriers(redirectUri: string): ReadonlySet<ResponseCarrier> {
    return this.#index.responseCarriers(redirectUri)
  }

  /**
   * Gives an authorization response to the one login that it answers, and resolves when that login is settled. A replay
   * resolves with the same login.
   *
   * @param encoded - The query, form body or fragment, still percent-encoded.
   * @param check - Asked before a login is claimed. Throws if the caller must not answer logins.
   * @throws CatchdError `redirect_malformed`, `state_unknown`, `login_expired`, `locked`, what `check` throws: nothing was
   *   changed.
   */
  async answer(redirectUri: string, encoded: string, check: () => Promise<void>): Promise<Answer> {
    return this.#answer(redirectUri, parseAuthorizationResponse(joined(redirectUri, encoded)), check)
  }

  /** Restores the pending logins of the last run, if that was not done yet. Never throws. */
  restore(): Promise<void> {
    return this.#restored.restore()
  }

  /** Stops the timers; pending logins stay in the vault for the next start. */
  close(): void {
    this.#restored.close()
    this.#open.close()
  }

  async #answer(
    redirectUri: string,
    response: AuthorizationResponse,
    check?: () => Promise<void>,
  ): Promise<Answer> {
    const { lock } = this.#parts
    lock.requireUnlocked()
    this.#open.expire()
    // A vault that was locked at the start may hold the login.
    if (!this.#index.knows(redirectUri, response)) await this.restore()
    if (this.#index.expects(redirectUri, response)) await check?.()
    lock.requireUnlocked()
    this.#open.expire()
    let claim = this.#index.claim(redirectUri, response)
    if (claim.outcome === 'unknown') claim = this.#index.claimForAny(redirectUri, response)
    return this.#settleClaim(claim, response, check !== undefined)
  }

  async #settleClaim(
    claim: Claim,
    response: AuthorizationResponse,
    browserFollows: boolean,
  ): Promise<Answer> {
    if (claim.outcome === 'unknown') throw new CatchdError('state_unknown', claim.why)
    if (claim.outcome === 'claimed') {
      const { redirect } = claim
      const settled = await this.#parts.lock.use(async () => redirect.answered(response))
      return { login: this.#open.settle(settled, browserFollows), isReplay: false }
    }
    const login = await claim.settled
    if (login.status === 'expired') throw login.failure
    return { login, isReplay: true }
  }

  /** A `state` that others chose belongs to one login only: two logins would compete for one response. */
  async #beginWithState(request: AdoptionRequest | CatchRequest, holder: Holder): Promise<WaitingLogin> {
    await this.restore() // a login of the last run may have this state
    const state = request.state?.reveal()
    if (state === undefined) return this.#begin(request, holder)
    if (this.#index.hasState(state) || this.#beginning.has(state)) {
      throw new CatchdError(
        'request_invalid',
        'This state belongs to another login. Each authorization request needs its own (RFC 6749 §10.12).',
      )
    }
    this.#beginning.add(state)
    try {
      return await this.#begin(request, holder)
    } finally {
      this.#beginning.delete(state)
    }
  }

  async #begin(request: AnyLoginRequest, holder: Holder): Promise<WaitingLogin> {
    this.#parts.lock.requireUnlocked()
    return this.#parts.lock.use(() => this.#beginOpen(request, holder))
  }

  async #beginOpen(request: AnyLoginRequest, holder: Holder): Promise<WaitingLogin> {
    const { profiles, listeners, records, log } = this.#parts
    const profile = 'profile' in request ? profiles.profile(request.profile) : null
    const [kind, begin] = this.#kindOf(request, profile)
    this.#open.requireCapacity(kind, profile?.name ?? null, holder)
    let lease: RedirectLease | undefined
    let open: OpenLogin | undefined
    try {
      open = await begin(async ({ redirectUri, listen, certificate }) => {
        lease = await listeners.acquire(redirectUri, listen, certificate)
        return lease.redirectUri
      })
      this.#beginning.add(open.login.id) // so that it is not restored as a login of the last run
      await records.store(kind, open)
      if (open.redirect?.alsoTakes === 'any') this.#open.requireAlone(open.login.redirectUri)
      this.#open.admit(kind, open, lease, holder)
    } catch (error) {
      lease?.release()
      if (open !== undefined) void this.#open.forgetRecord(kind, open.login.id)
      if (profile === null) throw error
      const failure = asCatchdError(error).of(profile.name)
      this.#remember(profile, failure, holder)
      throw failure
    } finally {
      if (open !== undefined) this.#beginning.delete(open.login.id)
    }
    const { login } = open
    log({ event: 'login.begun', login: login.id, ...ofProfile(login) })
    if ('open' in request && request.open) void this.#openBrowser(login)
    return login
  }

  /**
   * A request that the server refused before there was a login (RFC 9126 §2.3, RFC 8628 §3.1), so that it can be explained
   * later. Other failures to begin are the same as long as their cause stays.
   */
  #remember({ name }: Profile, failure: CatchdError, holder: Holder): void {
    if (failure.code !== 'provider_refused') return
    const nowMs = this.#parts.clock.now()
    const times = { createdAtMs: nowMs, expiresAtMs: nowMs }
    this.#index.addSettled(
      { id: randomId(), profile: name, redirectUri: '', ...times, status: 'failed', failure },
      holder,
    )
  }

  #kindOf(request: AnyLoginRequest, profile: Profile | null) {
    for (const kind of this.#kinds) {
      const begin = kind.begins(request, profile)
      if (begin !== undefined) return [kind, begin] as const
    }
    throw new CatchdError('internal', 'This request fits no kind of login.')
  }

  async #openBrowser({ id, authorizationUrl }: WaitingLogin): Promise<void> {
    try {
      if (authorizationUrl !== null) await this.#parts.openBrowser(authorizationUrl)
    } catch (error) {
      this.#open.trouble(id, 'browser', error)
      this.#open.noticeBrowser(id, asCatchdError(error))
    }
  }
}
