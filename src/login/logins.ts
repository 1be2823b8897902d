/**
 * All logins under one roof: those that end at a redirect URI (login-service.ts), those where a person enters a code
 * (device-logins.ts), and authorization responses that other tools redeem (catches.ts). Which of the first two it is, is
 * the profile's `grant`.
 */
import { GRANTS } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { Catches } from './catches.js'
import type { DeviceLogins } from './device-logins.js'
import type { Login, PendingCatch, PendingDeviceLogin, PendingLogin, SettledLogin } from './login.js'
import type { AdoptionRequest, CatchRequest, LoginRequest } from './login-request.js'
import type { LoginService } from './login-service.js'

export type AnyPendingLogin = PendingLogin | PendingDeviceLogin

export class Logins {
  readonly #redirected: LoginService
  readonly #device: DeviceLogins
  readonly #catches: Catches
  readonly #profile: (name: string) => Profile
  /** States that others chose, of logins that are about to begin. */
  readonly #beginning = new Set<string>()

  constructor(
    redirected: LoginService,
    device: DeviceLogins,
    catches: Catches,
    profile: (name: string) => Profile,
  ) {
    this.#redirected = redirected
    this.#device = device
    this.#catches = catches
    this.#profile = profile
  }

  /**
   * @throws as {@link LoginService.begin} and {@link DeviceLogins.begin} do; `request_invalid` when another tool's
   *   `state` is in use already
   */
  async begin(request: LoginRequest | AdoptionRequest): Promise<AnyPendingLogin> {
    const profile = this.#profile(request.profile)
    if ('state' in request) return this.#withState(request.state, () => this.#redirected.begin(request))
    if (GRANTS[profile.grant].login === 'device')
      return this.#device.begin(profile, request.open, request.timeoutSeconds)
    return this.#redirected.begin(request)
  }

  /**
   * Waits for an authorization response and redeems nothing.
   *
   * @throws as {@link Catches.begin} does; `request_invalid` when the `state` is in use already
   */
  async beginCatch(request: CatchRequest): Promise<PendingCatch> {
    const { state } = request
    return state === null
      ? this.#catches.begin(request)
      : this.#withState(state, () => this.#catches.begin(request))
  }

  /** What was caught, once. */
  takeResponse(id: string): Readonly<Record<string, string>> | undefined {
    return this.#catches.takeResponse(id)
  }

  /**
   * A `state` that others chose belongs to one login only, however many ask for it at once: two would compete for one
   * response, and one that was answered would meet the answer of the other.
   */
  async #withState<Begun>(state: Secret, begin: () => Promise<Begun>): Promise<Begun> {
    await this.restore() // the login that it belongs to may be of the last run
    const value = state.reveal()
    const isKnown = this.#redirected.knowsState(value) || this.#catches.knowsState(value)
    if (isKnown || this.#beginning.has(value)) {
      throw new CatchdError(
        'request_invalid',
        'This state belongs to another login; each authorization request needs one of its own (RFC 6749 §10.12).',
      )
    }
    this.#beginning.add(value)
    try {
      return await begin()
    } finally {
      this.#beginning.delete(value)
    }
  }

  find(id: string): Login | undefined {
    return this.#redirected.find(id) ?? this.#device.find(id) ?? this.#catches.find(id)
  }

  /** Those that are remembered, the newest first. */
  ofProfile(profile: string): Login[] {
    const all = [...this.#redirected.ofProfile(profile), ...this.#device.ofProfile(profile)]
    return all.sort((a, b) => b.createdAtMs - a.createdAtMs)
  }

  settled(id: string): Promise<SettledLogin> | undefined {
    return this.#redirected.settled(id) ?? this.#device.settled(id) ?? this.#catches.settled(id)
  }

  wait(id: string, waitMs: number, signal: AbortSignal): Promise<Login | undefined> {
    return this.#keeperOf(id).wait(id, waitMs, signal)
  }

  /** @throws as {@link LoginService.paste} does; `request_invalid` for a device login */
  async paste(id: string, url: string): Promise<Login> {
    const { profile } = this.#device.find(id) ?? {}
    if (!profile)
      return (this.#catches.find(id) === undefined ? this.#redirected : this.#catches).paste(id, url)
    throw new CatchdError('request_invalid', {
      profile,
      detail: 'A device login has no redirect that could be pasted: enter its code at the server.',
    })
  }

  /** @returns false when there is no such login; a settled one stays as it is. */
  cancel(id: string): boolean {
    return this.#keeperOf(id).cancel(id)
  }

  /** Ends every pending login of a profile, as a logout does. */
  cancelAll(profile: string): void {
    for (const { id } of this.pendingOf(profile)) this.cancel(id)
  }

  /** From the oldest to the newest. */
  pendingOf(profile: string): AnyPendingLogin[] {
    const all = [...this.#redirected.pendingOf(profile), ...this.#device.pendingOf(profile)]
    return all.sort((a, b) => a.createdAtMs - b.createdAtMs)
  }

  /** @param isCounted - Asked with `null` for what belongs to no profile. */
  countPending(isCounted: (profile: string | null) => boolean): number {
    const catches = isCounted(null) ? this.#catches.count : 0
    return this.#redirected.countPending(isCounted) + this.#device.count(isCounted) + catches
  }

  /** Brings back what was pending when the daemon ended. Never throws. */
  async restore(): Promise<void> {
    await Promise.all([this.#redirected.restore(), this.#device.restore(), this.#catches.restore()])
  }

  close(): void {
    this.#redirected.close()
    this.#device.close()
    this.#catches.close()
  }

  #keeperOf(id: string) {
    if (this.#device.find(id) !== undefined) return this.#device
    return this.#catches.find(id) === undefined ? this.#redirected : this.#catches
  }
}
