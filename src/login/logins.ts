/**
 * All logins under one roof: those that end at a redirect URI (login-service.ts) and those where a person enters a
 * code (device-logins.ts). Which one it is, is the profile's `grant`.
 */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { DeviceLogins } from './device-logins.js'
import type { Login, PendingDeviceLogin, PendingLogin, SettledLogin } from './login.js'
import type { AdoptionRequest, LoginRequest } from './login-request.js'
import type { LoginService } from './login-service.js'

export type AnyPendingLogin = PendingLogin | PendingDeviceLogin

const DEVICE_CODE: Profile['grant'] = 'urn:ietf:params:oauth:grant-type:device_code'

export class Logins {
  readonly #redirected: LoginService
  readonly #device: DeviceLogins
  readonly #profile: (name: string) => Profile
  /** States that others chose, of logins that are about to begin. */
  readonly #beginning = new Set<string>()

  constructor(redirected: LoginService, device: DeviceLogins, profile: (name: string) => Profile) {
    this.#redirected = redirected
    this.#device = device
    this.#profile = profile
  }

  /**
   * @throws as {@link LoginService.begin} and {@link DeviceLogins.begin} do; `request_invalid` when another tool's
   *   `state` is in use already
   */
  async begin(request: LoginRequest | AdoptionRequest): Promise<AnyPendingLogin> {
    const profile = this.#profile(request.profile)
    if ('state' in request) return this.#withState(request.state, () => this.#redirected.begin(request))
    if (profile.grant === DEVICE_CODE)
      return this.#device.begin(profile, request.open, request.timeoutSeconds)
    return this.#redirected.begin(request)
  }

  /**
   * A `state` that others chose belongs to one login only, however many ask for it at once: two would compete for one
   * response, and one that was answered would meet the answer of the other.
   */
  async #withState<Begun>(state: Secret, begin: () => Promise<Begun>): Promise<Begun> {
    await this.restore() // the login that it belongs to may be of the last run
    const value = state.reveal()
    if (this.#beginning.has(value) || this.#redirected.knowsState(value)) {
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
    return this.#redirected.find(id) ?? this.#device.find(id)
  }

  settled(id: string): Promise<SettledLogin> | undefined {
    return this.#redirected.settled(id) ?? this.#device.settled(id)
  }

  wait(id: string, waitMs: number, signal: AbortSignal): Promise<Login | undefined> {
    const logins = this.#device.find(id) === undefined ? this.#redirected : this.#device
    return logins.wait(id, waitMs, signal)
  }

  /** @throws as {@link LoginService.paste} does; `request_invalid` for a device login */
  async paste(id: string, url: string): Promise<Login> {
    const device = this.#device.find(id)
    if (device === undefined) return this.#redirected.paste(id, url)
    throw new CatchdError('request_invalid', {
      profile: device.profile,
      detail: 'A device login has no redirect that could be pasted: enter its code at the server.',
    })
  }

  /** @returns false when there is no such login; a settled one stays as it is. */
  cancel(id: string): boolean {
    return this.#device.find(id) === undefined ? this.#redirected.cancel(id) : this.#device.cancel(id)
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

  countPending(isCounted: (profile: string) => boolean): number {
    return this.#redirected.countPending(isCounted) + this.#device.count(isCounted)
  }

  /** Brings back what was pending when the daemon ended. Never throws. */
  async restore(): Promise<void> {
    await Promise.all([this.#redirected.restore(), this.#device.restore()])
  }

  close(): void {
    this.#redirected.close()
    this.#device.close()
  }
}
