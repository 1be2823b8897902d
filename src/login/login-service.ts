/**
 * The one stateful service of logins: begin → claim → settle.
 *
 * Promises kept here: the redirect URI is bound and the login is in the vault before its authorization URL
 * exists for anybody; a response is claimed before the first await and its code is sent once, journalled
 * before it goes; success is said when the token set is in the vault. Matching is pending-logins.ts, what a
 * login begins with preparation.ts, what its code becomes redemption.ts, what a crash left login-store.ts.
 */
import type { AuthorizationServers } from '../authorization-server/port.js'
import { Transcript } from '../authorization-server/transcript.js'
import type { Clock } from '../clock.js'
import type { MachineFacts } from '../diagnosis/machine-facts.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { AnsweredLogins } from './answered-logins.js'
import { type AuthorizationResponse, parseAuthorizationResponse } from './authorization-response.js'
import type { RedirectAnswers, RedirectLease, RedirectListeners } from './doorway.js'
import { ExpiryAlarm } from './expiry-alarm.js'
import type { InterruptedLogin } from './journal.js'
import type { Login, PendingLogin, SettledLogin } from './login.js'
import { type Ending, whyNotBegun } from './login-report.js'
import type { AdoptionRequest, LoginRequest } from './login-request.js'
import type { LoginStore } from './login-store.js'
import { responsePart } from './pasted-response.js'
import { type Claim, PendingLogins } from './pending-logins.js'
import type { LoginEvent, LoginProfiles, TokenKeeping } from './ports.js'
import { adoptLogin, certificateOf, prepareLogin, requireCodeGrant } from './preparation.js'
import { redeem } from './redemption.js'
import { type RedirectScheme, RedirectUris } from './redirect-uris.js'
import { interrupted, succeeded, unsuccessful } from './settled-login.js'
import { waitForEnd } from './settled-wait.js'
import { cancelled, displaced, expired } from './unanswered.js'

export interface LoginServiceParts {
  readonly clock: Clock
  readonly store: LoginStore
  readonly servers: AuthorizationServers
  readonly listeners: RedirectListeners
  readonly tokens: TokenKeeping
  readonly profiles: LoginProfiles
  /** Opens the authorization URL in a browser; its failure is not the login's. */
  readonly openBrowser: (authorizationUrl: string) => Promise<void>
  readonly describeVault: () => string
  readonly timeoutSeconds: number
  readonly machine?: MachineFacts
  readonly log: (event: LoginEvent) => void
}

export class LoginService implements RedirectAnswers {
  readonly #parts: LoginServiceParts
  readonly #pending = new PendingLogins()
  readonly #redirectUris = new RedirectUris()
  readonly #configured = new RedirectUris()
  readonly #answered = new AnsweredLogins((login) => this.#redirectUris.release(login.redirectUri))
  readonly #leases = new Map<string, RedirectLease>()
  #restored: Promise<void> | undefined
  #isRestored = false
  readonly #alarm: ExpiryAlarm
  #configuredUris: readonly string[] = []

  constructor(parts: LoginServiceParts) {
    this.#parts = parts
    this.#alarm = new ExpiryAlarm(
      parts.clock,
      () => this.#pending.nextExpiryMs(),
      () => this.#expire(),
    )
  }

  countPending(isCounted: (profile: string) => boolean): number {
    return this.#pending.count(isCounted)
  }

  /** From the oldest to the newest. */
  pendingOf(profile: string): PendingLogin[] {
    return [...this.#pending.ofProfile(profile)]
  }

  /** The redirect URIs that answer although no login pends on them; replaces the ones before. */
  setConfiguredRedirectUris(uris: readonly string[]): void {
    for (const uri of this.#configuredUris) this.#configured.release(uri)
    for (const uri of uris) this.#configured.hold(uri)
    this.#configuredUris = uris
  }

  /**
   * Begins a login of its own and gives out its authorization URL, or adopts one whose URL another tool built.
   *
   * @throws CatchdError `profile_unknown`, `profile_invalid`, `too_many_logins`, `redirect_port_in_use`,
   *   `provider_unreachable` and the vault's codes; nothing pends then.
   */
  async begin(request: LoginRequest | AdoptionRequest): Promise<PendingLogin> {
    const profile = this.#parts.profiles.profile(request.profile)
    requireCodeGrant(profile)
    this.#pending.ensureRoom(profile.name)
    const lease = await this.#parts.listeners
      .acquire(profile.redirect_uri, profile.listen ?? null, certificateOf(profile))
      .catch((error: unknown) => Promise.reject(asCatchdError(error).of(profile.name)))
    try {
      const login =
        'state' in request
          ? await adoptLogin(this.#parts, profile, lease.redirectUri, request)
          : await prepareLogin(this.#parts, profile, lease.redirectUri, request.timeoutSeconds)
      await this.#parts.store.store(login)
      this.#admit(login, lease)
      this.#parts.log({ event: 'login.begun', login: login.id, profile: login.profile })
      if ('open' in request && request.open) void this.#open(login)
      return login
    } catch (error) {
      lease.release()
      throw whyNotBegun(this.#parts, profile, lease.redirectUri, error)
    }
  }

  /** Brings back the logins that were pending when the daemon ended; ends the ones it was cut off in. */
  restore(): Promise<void> {
    this.#restored ??= this.#restore().catch((error: unknown) => {
      this.#restored = undefined // a locked vault is asked again when a response comes that nobody waits for
      this.#parts.log({ event: 'login.trouble', login: '', step: 'restore', code: asCatchdError(error).code })
    })
    return this.#restored
  }

  find(id: string): Login | undefined {
    return this.#pending.find(id) ?? this.#answered.find(id)
  }

  /** Whether a login waits for this `state`, or was answered with it. */
  knowsState(state: string): boolean {
    return this.#pending.hasState(state) || this.#answered.hasState(state)
  }

  /** From the newest to the oldest. */
  ofProfile(profile: string): Login[] {
    return this.#answered.ofProfile(profile)
  }

  /** Resolves when the login is settled; `undefined` when it is not known. */
  settled(id: string): Promise<SettledLogin> | undefined {
    return this.#answered.settled(id)
  }

  /** The login once it is settled, or as it stands after `waitMs` or when the caller gives up. */
  async wait(id: string, waitMs: number, signal: AbortSignal): Promise<Login | undefined> {
    const settled = this.#answered.settled(id)
    if (settled !== undefined) await waitForEnd(settled, this.#parts.clock, waitMs, signal)
    return this.find(id)
  }

  /**
   * Paste-back: the URL that a browser on another machine ended on.
   *
   * @throws CatchdError `login_unknown`, `redirect_malformed`, `state_unknown`
   */
  async paste(id: string, url: string): Promise<Login> {
    const login = this.#pending.find(id)
    const answered = this.#answered.find(id)
    if (login === undefined && answered !== undefined) return answered
    if (login === undefined) throw new CatchdError('login_unknown')
    const encoded = responsePart(url, login)
    const { state } = parseAuthorizationResponse(encoded)
    if (state !== null && state.reveal() !== login.state.reveal()) {
      throw new CatchdError('state_unknown', {
        profile: login.profile,
        detail: 'The URL belongs to another login; paste the one that this login ended on.',
      })
    }
    return this.answer(login.redirectUri, encoded)
  }

  /** @returns false when there is no such login; a settled one stays as it is. */
  cancel(id: string): boolean {
    const login = this.#pending.remove(id)
    if (login === undefined) return this.#answered.find(id) !== undefined
    this.#end(login, 'cancelled', cancelled(login.profile), { step: 'no_response' })
    return true
  }

  findRedirectUri(authority: string, path: string, scheme?: RedirectScheme): string | undefined {
    return this.#redirectUris.find(authority, path, scheme) ?? this.#configured.find(authority, path, scheme)
  }

  knowsAuthority(authority: string): boolean {
    return this.#redirectUris.knowsAuthority(authority) || this.#configured.knowsAuthority(authority)
  }

  responseModes(redirectUri: string): ReadonlySet<'query' | 'form_post' | 'fragment'> {
    return new Set([...this.#pending.onRedirectUri(redirectUri)].map((login) => login.responseMode))
  }

  async answer(redirectUri: string, encodedParameters: string): Promise<SettledLogin> {
    const response = parseAuthorizationResponse(encodedParameters)
    try {
      return await this.#take(redirectUri, response)
    } catch (error) {
      if (this.#isRestored || !isStateUnknown(error)) throw error
      await this.restore()
      return this.#take(redirectUri, response)
    }
  }

  /** Stops the timer; pending logins stay in the vault for the next start. */
  close(): void {
    this.#alarm.cancel()
  }

  /** Nothing is awaited before the claim: two responses at once must not both find the login pending. */
  #take(redirectUri: string, response: AuthorizationResponse): Promise<SettledLogin> {
    this.#expire()
    const answered = this.#findAnswered(redirectUri, response.state)
    if (answered !== undefined) return answered.then(refuseExpired)
    return this.#settle(this.#pending.claim(redirectUri, response))
  }

  #admit(login: PendingLogin, lease: RedirectLease): void {
    this.#pending.ensureRoom(login.profile)
    this.#leases.set(login.id, lease)
    this.#redirectUris.hold(login.redirectUri)
    this.#answered.track(login)
    for (const evicted of this.#pending.add(login)) {
      this.#end(evicted, 'cancelled', displaced(evicted.profile))
    }
    this.#alarm.set()
  }

  async #open(login: PendingLogin): Promise<void> {
    try {
      if (login.authorizationUrl !== null) await this.#parts.openBrowser(login.authorizationUrl)
    } catch (error) {
      this.#trouble(login.id, 'browser', error)
    }
  }

  /** A response whose `state` was used up leads to the same result and redeems nothing (promise 1). */
  #findAnswered(redirectUri: string, state: Secret | null): Promise<SettledLogin> | undefined {
    if (state === null) return undefined
    const login = this.#answered.findByState(state.reveal(), redirectUri)
    return login === undefined ? undefined : this.#answered.settled(login.id)
  }

  async #settle(claim: Claim): Promise<SettledLogin> {
    const { login } = claim
    this.#answered.claimed(login)
    if (claim.verdict === 'failed') {
      return this.#end(login, 'failed', claim.failure, { step: 'authorization', claim })
    }
    this.#parts.log({ event: 'login.claimed', login: login.id, profile: login.profile })
    const transcript = new Transcript(this.#parts.clock)
    try {
      await this.#journalClaim(login)
      const stored = await redeem(this.#parts, login, claim, transcript)
      const ending = { step: 'no_refresh_token', claim, transcript } as const
      return this.#conclude(login, succeeded(this.#parts, login, stored, ending))
    } catch (error) {
      return this.#end(login, 'failed', asCatchdError(error), { step: 'token_request', claim, transcript })
    }
  }

  /** A full disk must not cost the person the login: the code is good once, and it is in our hands. */
  async #journalClaim(login: PendingLogin): Promise<void> {
    try {
      await this.#parts.store.claim(login)
    } catch (error) {
      this.#trouble(login.id, 'journal', error)
    }
  }

  /** @param ending - What explains the end; without it there is nothing to explain. */
  #end(
    login: PendingLogin,
    status: 'failed' | 'expired' | 'cancelled',
    failure: CatchdError,
    ending?: Ending,
  ): SettledLogin {
    return this.#conclude(login, unsuccessful(this.#parts, login, status, failure, ending))
  }

  #conclude(login: PendingLogin, settled: SettledLogin): SettledLogin {
    this.#answered.settle(settled)
    this.#leases.get(login.id)?.release()
    this.#leases.delete(login.id)
    if (settled.status === 'succeeded') {
      this.#parts.log({ event: 'login.succeeded', login: login.id, profile: login.profile })
    } else {
      this.#parts.log({
        event: 'login.ended',
        login: login.id,
        profile: login.profile,
        code: settled.failure.code,
      })
    }
    void this.#forgetRecord(login.id)
    return settled
  }

  /** Off the way of the answer: a record left behind by a crash is told from a pending one by the journal. */
  async #forgetRecord(id: string): Promise<void> {
    try {
      await this.#parts.store.forget(id)
    } catch (error) {
      this.#trouble(id, 'forget', error)
    }
  }

  #trouble(login: string, step: string, error: unknown): void {
    this.#parts.log({ event: 'login.trouble', login, step, code: asCatchdError(error).code })
  }

  #expire(): void {
    for (const login of this.#pending.takeExpired(this.#parts.clock.now())) {
      this.#answered.claimed(login)
      const failure = expired(login.profile, 'Nobody finished the login in time.')
      this.#end(login, 'expired', failure, { step: 'no_response' })
    }
  }

  async #restore(): Promise<void> {
    const { pending, interrupted } = await this.#parts.store.leftBehind()
    for (const login of interrupted) this.#endInterrupted(login)
    for (const login of pending) if (this.find(login.id) === undefined) await this.#readmit(login)
    this.#isRestored = true
    this.#expire()
  }

  async #readmit(login: PendingLogin): Promise<void> {
    try {
      const { redirectUri, listen, certificate } = login
      this.#admit(login, await this.#parts.listeners.acquire(redirectUri, listen, certificate))
    } catch (error) {
      this.#answered.track(login)
      this.#redirectUris.hold(login.redirectUri)
      this.#end(login, 'failed', asCatchdError(error))
    }
  }

  #endInterrupted(login: InterruptedLogin): void {
    const settled = interrupted(login, this.#parts.clock.now())
    this.#redirectUris.hold(settled.redirectUri)
    this.#answered.track(settled)
    this.#answered.settle(settled)
    void this.#forgetRecord(login.id)
  }
}

function refuseExpired(login: SettledLogin): SettledLogin {
  if (login.status === 'expired') throw login.failure
  return login
}

function isStateUnknown(error: unknown): boolean {
  return error instanceof CatchdError && error.code === 'state_unknown'
}
