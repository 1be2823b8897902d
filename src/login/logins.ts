/**
 * The one stateful service of logins: begin → claim → settle. Both the redirect listener and the API talk to it.
 *
 * Promises kept here: the address is bound and the login is in the vault before its authorization URL exists for
 * anybody; a response is claimed before the first await; what pends outlives a restart, and what a crash cut off ends in
 * one clean `login_required`. What is known of each login is login-index.ts; how a kind of login begins and what settles
 * it is kinds/; the one tab of an automatic login is automatic-logins.ts.
 */
import type { Profile } from '../config/profile.js'
import type { ResponseCarrier } from '../config/response-modes.js'
import { asCatchdError, CatchdError } from '../failures.js'
import {
  type AuthorizationResponse,
  parseAuthorizationResponse,
  responsePart,
} from './authorization-response.js'
import { AutomaticLogins } from './automatic-logins.js'
import { CaughtResponses } from './caught-responses.js'
import { beginAgain, cancelled, displaced, expired, interrupted, unsuccessful } from './endings.js'
import { ExpiryAlarm } from './expiry-alarm.js'
import { KINDS } from './kinds/all-kinds.js'
import type { KindParts, LoginKind, LoginLife, OpenLogin } from './kinds/kind.js'
import type { Login, SettledLogin, WaitingLogin } from './login.js'
import { type Claim, type ConfiguredRedirectUri, LoginIndex } from './login-index.js'
import type { LoginRecords } from './login-records.js'
import type { AdoptionRequest, AnyLoginRequest, CatchRequest } from './login-request.js'
import type { LoginEvent, RedirectLease, RedirectListeners } from './ports.js'
import type { RedirectScheme } from './redirect-uris.js'
import { waitForEnd } from './settled-wait.js'

/** Until a vault that was locked at the start is asked again for logins that go on alone. */
const RESTORE_AGAIN_MS = 10_000

export interface LoginsParts extends Omit<KindParts, 'caught' | 'journalClaim'> {
  readonly records: LoginRecords
  readonly listeners: RedirectListeners
  /** Opens the authorization URL in a browser; its failure is not the login's. */
  readonly openBrowser: (authorizationUrl: string) => Promise<void>
}

export interface Answer {
  readonly login: SettledLogin
  /** The response was used up before; nothing was redeemed. */
  readonly isReplay: boolean
}

export class Logins {
  readonly #parts: LoginsParts
  readonly #kinds: readonly LoginKind[]
  readonly #index = new LoginIndex()
  readonly #caught: CaughtResponses
  readonly #automatic: AutomaticLogins
  readonly #alarm: ExpiryAlarm
  readonly #leases = new Map<string, RedirectLease | undefined>()
  /** Stops the logins that settle themselves. */
  readonly #stops = new Map<string, (() => void) | undefined>()
  /** Of logins that are about to begin: states that others chose, and the ids of records that are being stored. */
  readonly #beginning = new Set<string>()
  /** Kinds whose logins of the last run have not been read yet. */
  readonly #unread: Set<LoginKind>
  #restoring: Promise<void> | undefined
  #cancelRestore: () => void = () => {}

  constructor(parts: LoginsParts) {
    const { clock, profiles, records } = parts
    this.#parts = parts
    this.#caught = new CaughtResponses(clock)
    const journalClaim = records.claim.bind(records)
    this.#kinds = KINDS.map((kind) => kind({ ...parts, caught: this.#caught, journalClaim }))
    this.#unread = new Set(this.#kinds)
    this.#alarm = new ExpiryAlarm(
      clock,
      () => this.#index.nextExpiryMs(),
      () => this.#expire(),
    )
    this.#automatic = new AutomaticLogins({
      clock,
      pauseSeconds: (profile) => profiles.profile(profile).login_pause_seconds ?? null,
      begin: (request) => this.#begin(request),
      logins: this,
    })
  }

  /**
   * Begins a login of its own and gives out its authorization URL, adopts one whose URL another tool built, or only waits
   * for a response that another tool redeems.
   *
   * @throws CatchdError `profile_unknown`, `profile_invalid`, `request_invalid` (no login of this profile; a `state` that
   *   is in use; any response where somebody else waits for theirs), `too_many_logins`, `redirect_port_in_use`,
   *   `provider_*` and the vault's codes; nothing pends then
   */
  begin(request: AnyLoginRequest): Promise<WaitingLogin> {
    const begun = 'state' in request ? this.#beginWithState(request) : this.#begin(request)
    if (!('profile' in request)) return begun
    return this.#automatic.askedFor(request.profile, 'open' in request && request.open, begun)
  }

  /**
   * `login=auto`: joins the login whose tab is open for the profile, or opens one.
   *
   * @throws CatchdError `login_required` when the last tab was not answered; as {@link begin} does
   */
  beginShared(profile: string): Promise<Login> {
    return this.#automatic.join(profile)
  }

  find(id: string): Login | undefined {
    return this.#index.find(id)
  }

  /** Those that are remembered, the newest first. */
  ofProfile(profile: string): Login[] {
    return this.#index.ofProfile(profile)
  }

  /** Those that wait for a person, from the oldest to the newest. */
  pendingOf(profile: string): WaitingLogin[] {
    return this.#index.pending().filter((login) => login.profile === profile)
  }

  /** @param isCounted - Asked with `null` for what belongs to no profile. */
  countPending(isCounted: (profile: string | null) => boolean): number {
    return this.#index.pending().filter(({ profile }) => isCounted(profile)).length
  }

  /** Resolves when the login is settled; `undefined` when it is not known. */
  whenSettled(id: string): Promise<SettledLogin> | undefined {
    return this.#index.whenSettled(id)
  }

  /** The login once it is settled, or as it stands after `waitMs` or when the caller gives up. */
  async wait(id: string, waitMs: number, signal: AbortSignal): Promise<Login | undefined> {
    const settled = this.#index.whenSettled(id)
    if (settled !== undefined) await waitForEnd(settled, this.#parts.clock, waitMs, signal)
    return this.find(id)
  }

  /** The parameters of a response that was caught; once. */
  takeResponse(id: string): Readonly<Record<string, string>> | undefined {
    return this.#caught.take(id)
  }

  /**
   * Paste-back: the URL that a browser on another machine ended on.
   *
   * @throws CatchdError `login_unknown`, `redirect_malformed`, `state_unknown`; `request_invalid` without a redirect URI
   */
  async paste(id: string, url: string): Promise<Login> {
    this.#expire()
    const login = this.#index.find(id)
    if (login === undefined) throw new CatchdError('login_unknown')
    if (login.redirectUri === '') {
      throw new CatchdError('request_invalid', {
        ...beginAgain(login.profile),
        detail: 'This login has no redirect that could be pasted: finish it at the authorization server.',
      })
    }
    const redirect = this.#index.findPending(id)?.redirect ?? undefined
    if (redirect === undefined) return login
    const response = parseAuthorizationResponse(responsePart(url, login))
    if (redirect.state === null) {
      return (await this.#settleClaim(this.#index.claimAs(id, response), response)).login
    }
    if (response.state !== null && response.state.reveal() !== redirect.state.reveal()) {
      throw new CatchdError('state_unknown', {
        ...beginAgain(login.profile),
        detail: 'The URL belongs to another login; paste the one that this login ended on.',
      })
    }
    return (await this.#answer(login.redirectUri, response)).login
  }

  /** @returns false when there is no such login; a settled one stays as it is, and what it caught is forgotten. */
  cancel(id: string): boolean {
    const pending = this.#index.findPending(id)
    if (pending !== undefined) this.#giveUp(pending, 'cancelled', cancelled(pending.login))
    this.#caught.forget(id)
    return this.find(id) !== undefined
  }

  /** Ends every pending login of a profile, as a logout does. */
  cancelAll(profile: string): void {
    for (const { id } of this.pendingOf(profile)) this.cancel(id)
  }

  /** Replaces the ones before. */
  setConfiguredRedirectUris(redirectUris: readonly ConfiguredRedirectUri[]): void {
    this.#index.setConfigured(redirectUris)
  }

  /**
   * The redirect URI (as in an authorization request) that a request on a bound address is for, or `undefined`.
   * Knows the redirect URIs of pending logins, of recently settled ones and of the configured profiles.
   *
   * @param authority - `host:port` or `host` exactly as in the Host header.
   * @param path - Raw path of the request target, undecoded, without query.
   * @param scheme - What the browser came by; `undefined` where it cannot be known, behind a tunnel.
   */
  findRedirectUri(authority: string, path: string, scheme?: RedirectScheme): string | undefined {
    return this.#index.findRedirectUri(authority, path, scheme)
  }

  /** Whether any known redirect URI has this authority (so that a wrong Host and a wrong path are told apart). */
  knowsAuthority(authority: string): boolean {
    return this.#index.knowsAuthority(authority)
  }

  /** How the responses may come that are waited for on a redirect URI; empty when no login pends there. */
  responseCarriers(redirectUri: string): ReadonlySet<ResponseCarrier> {
    return this.#index.responseCarriers(redirectUri)
  }

  /**
   * Takes an authorization response for the one login that it answers: claims it before the first await, and resolves
   * when it is settled. A replay resolves with the same login.
   *
   * @param encoded - The query, form body or fragment, still percent-encoded.
   * @throws CatchdError `redirect_malformed`, `state_unknown`, `login_expired`: nothing was changed.
   */
  async answer(redirectUri: string, encoded: string): Promise<Answer> {
    return this.#answer(redirectUri, parseAuthorizationResponse(encoded))
  }

  /** Brings back what was pending when the daemon ended, where that is not done yet. Never throws. */
  restore(): Promise<void> {
    if (this.#unread.size === 0) return Promise.resolve()
    this.#restoring ??= this.#restore().finally(() => {
      this.#restoring = undefined
    })
    return this.#restoring
  }

  /** Stops the timers; what pends stays in the vault for the next start. */
  close(): void {
    this.#alarm.cancel()
    this.#cancelRestore()
    for (const stop of this.#stops.values()) stop?.()
  }

  async #answer(redirectUri: string, response: AuthorizationResponse): Promise<Answer> {
    this.#expire()
    let claim = this.#index.claim(redirectUri, response)
    if (claim.outcome === 'unknown') {
      await this.restore() // a vault that was locked at the start may hold the login
      claim = this.#index.claim(redirectUri, response)
    }
    if (claim.outcome === 'unknown') claim = this.#index.claimForAny(redirectUri, response)
    return this.#settleClaim(claim, response)
  }

  async #settleClaim(claim: Claim, response: AuthorizationResponse): Promise<Answer> {
    if (claim.outcome === 'unknown') throw new CatchdError('state_unknown', claim.why)
    if (claim.outcome === 'claimed') {
      return { login: this.#settle(await claim.redirect.answered(response)), isReplay: false }
    }
    const login = await claim.settled
    if (login.status === 'expired') throw login.failure
    return { login, isReplay: true }
  }

  /**
   * A `state` that others chose belongs to one login only, however many ask for it at once: two would compete for one
   * response, and one that was answered would meet the answer of the other.
   */
  async #beginWithState(request: AdoptionRequest | CatchRequest): Promise<WaitingLogin> {
    await this.restore() // the login that it belongs to may be of the last run
    const state = request.state?.reveal()
    if (state === undefined) return this.#begin(request)
    if (this.#index.hasState(state) || this.#beginning.has(state)) {
      throw new CatchdError(
        'request_invalid',
        'This state belongs to another login; each authorization request needs one of its own (RFC 6749 §10.12).',
      )
    }
    this.#beginning.add(state)
    try {
      return await this.#begin(request)
    } finally {
      this.#beginning.delete(state)
    }
  }

  async #begin(request: AnyLoginRequest): Promise<WaitingLogin> {
    const { profiles, listeners, records, log } = this.#parts
    const profile = 'profile' in request ? profiles.profile(request.profile) : null
    const [kind, begin] = this.#kindOf(request, profile)
    this.#givingWay(kind, profile?.name ?? null)
    let lease: RedirectLease | undefined
    let open: OpenLogin | undefined
    try {
      open = await begin(async ({ redirectUri, listen, certificate }) => {
        lease = await listeners.acquire(redirectUri, listen, certificate)
        return lease.redirectUri
      })
      this.#beginning.add(open.login.id) // so that it is not restored as one of the last run
      await records.store(kind, open)
      if (open.redirect?.alsoTakes === 'any') this.#requireAlone(open.login.redirectUri)
      this.#admit(kind, open, lease)
    } catch (error) {
      lease?.release()
      if (open !== undefined) void this.#forgetRecord(kind, open.login.id)
      throw profile === null ? error : asCatchdError(error).of(profile.name)
    } finally {
      if (open !== undefined) this.#beginning.delete(open.login.id)
    }
    const { login } = open
    log({ event: 'login.begun', login: login.id, ...ofProfile(login) })
    if ('open' in request && request.open) void this.#openBrowser(login)
    return login
  }

  #kindOf(request: AnyLoginRequest, profile: Profile | null) {
    for (const kind of this.#kinds) {
      const begin = kind.begins(request, profile)
      if (begin !== undefined) return [kind, begin] as const
    }
    throw new CatchdError('internal', 'A login was asked for that no kind begins with.')
  }

  /** @returns Those that give way. @throws CatchdError `too_many_logins` */
  #givingWay(kind: LoginKind, profile: string | null): WaitingLogin[] {
    const displaced = this.#index.givingWay(kind, profile)
    if (displaced === undefined) throw new CatchdError('too_many_logins', kind.limits.tooMany)
    return displaced
  }

  /** One that takes any response gives way to the next one: the tool that started it may be long gone. */
  #requireAlone(redirectUri: string): void {
    const sharer = this.#index.sharerOf(redirectUri)
    if (sharer !== undefined) {
      throw new CatchdError(
        'request_invalid',
        `${redirectUri} is shared with ${sharer}: name the state of your authorization request, or another redirect URI.`,
      )
    }
    for (const { login } of this.#index.on(redirectUri)) this.cancel(login.id)
  }

  #admit(kind: LoginKind, open: OpenLogin, lease: RedirectLease | undefined): void {
    const { id, profile } = open.login
    for (const oldest of this.#givingWay(kind, profile)) {
      this.#settle(unsuccessful(oldest, 'cancelled', displaced(oldest)))
    }
    this.#index.add(kind, open)
    this.#leases.set(id, lease)
    this.#stops.set(id, open.start?.(this.#lifeOf(id)))
    this.#alarm.set()
  }

  #lifeOf(id: string): LoginLife {
    return {
      isPending: () => {
        this.#expire()
        return this.#index.findPending(id) !== undefined
      },
      claim: () => this.#index.take(id),
      settle: (login) => void this.#settle(login),
    }
  }

  async #openBrowser({ id, authorizationUrl }: WaitingLogin): Promise<void> {
    try {
      if (authorizationUrl !== null) await this.#parts.openBrowser(authorizationUrl)
    } catch (error) {
      this.#trouble(id, 'browser', error)
    }
  }

  #expire(): void {
    for (const open of this.#index.expired(this.#parts.clock.now())) {
      this.#giveUp(open, 'expired', expired(open.login, open.expiredDetail))
    }
  }

  #giveUp(open: OpenLogin, status: 'expired' | 'cancelled', failure: CatchdError): void {
    this.#settle(unsuccessful(open.login, status, failure, open.report?.(status, failure)))
  }

  /** Every login ends here, once: what comes after its end changes nothing. */
  #settle(login: SettledLogin): SettledLogin {
    const kind = this.#index.settle(login)
    if (kind === undefined) return login
    this.#leases.get(login.id)?.release()
    this.#leases.delete(login.id)
    this.#stops.get(login.id)?.()
    this.#stops.delete(login.id)
    this.#parts.log(endOf(login))
    void this.#forgetRecord(kind, login.id)
    return login
  }

  /** Off the way of the answer. */
  async #forgetRecord(kind: LoginKind, id: string): Promise<void> {
    try {
      await this.#parts.records.forget(kind, id)
    } catch (error) {
      this.#trouble(id, 'forget', error)
    }
  }

  async #restore(): Promise<void> {
    const { clock, records } = this.#parts
    this.#cancelRestore()
    for (const login of records.interrupted()) this.#index.addSettled(interrupted(login, clock.now()))
    await Promise.all([...this.#unread].map((kind) => this.#restoreKind(kind)))
    if (this.#unread.size === 0) records.forgetInterrupted()
    if ([...this.#unread].some(({ goesOnAlone }) => goesOnAlone)) {
      this.#cancelRestore = clock.after(RESTORE_AGAIN_MS, () => void this.restore())
    }
    this.#expire()
  }

  async #restoreKind(kind: LoginKind): Promise<void> {
    const isKnown = (id: string) => this.find(id) !== undefined || this.#beginning.has(id)
    try {
      for await (const open of this.#parts.records.leftBehind(kind, isKnown)) await this.#readmit(kind, open)
      this.#unread.delete(kind)
    } catch (error) {
      this.#trouble('', 'restore', error)
    }
  }

  async #readmit(kind: LoginKind, open: OpenLogin): Promise<void> {
    let lease: RedirectLease | undefined
    try {
      if (open.redirect !== null) {
        const { redirectUri, listen, certificate } = open.redirect.address
        lease = await this.#parts.listeners.acquire(redirectUri, listen, certificate)
      }
      this.#admit(kind, open, lease)
    } catch (error) {
      lease?.release()
      this.#index.add(kind, open)
      this.#settle(unsuccessful(open.login, 'failed', asCatchdError(error)))
    }
  }

  #trouble(login: string, step: string, error: unknown): void {
    this.#parts.log({ event: 'login.trouble', login, step, code: asCatchdError(error).code })
  }
}

function endOf(login: SettledLogin): LoginEvent {
  if ('caught' in login) return { event: 'login.caught', login: login.id }
  if (login.status === 'succeeded')
    return { event: 'login.succeeded', login: login.id, profile: login.profile }
  return { event: 'login.ended', login: login.id, ...ofProfile(login), code: login.failure.code }
}

function ofProfile({ profile }: Login): { profile: string } | object {
  return profile === null ? {} : { profile }
}
