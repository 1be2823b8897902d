/** Logins as the API offers them: what callers may ask of the login service, and the shared automatic login. */
import type { Clock } from '../clock.js'
import type { LoginApi } from '../http/api/services.js'
import type { Login, PendingCatch } from '../login/login.js'
import type { AdoptionRequest, CatchRequest, LoginRequest } from '../login/login-request.js'
import type { AnyPendingLogin, Logins } from '../login/logins.js'
import { SharedLogins } from '../login/shared-logins.js'

export class LoginDesk implements LoginApi {
  readonly #logins: Logins
  readonly #shared: SharedLogins

  constructor(logins: Logins, clock: Clock, pauseSeconds: (profile: string) => number | null) {
    this.#logins = logins
    this.#shared = new SharedLogins({ logins, clock, pauseSeconds })
  }

  begin(request: LoginRequest | AdoptionRequest): Promise<AnyPendingLogin> {
    return this.#shared.begin(request)
  }

  beginCatch(request: CatchRequest): Promise<PendingCatch> {
    return this.#logins.beginCatch(request)
  }

  takeResponse(id: string): Readonly<Record<string, string>> | undefined {
    return this.#logins.takeResponse(id)
  }

  beginShared(profile: string): Promise<Login> {
    return this.#shared.join(profile)
  }

  find(id: string): Login | undefined {
    return this.#logins.find(id)
  }

  ofProfile(profile: string): readonly Login[] {
    return this.#logins.ofProfile(profile)
  }

  wait(id: string, waitMs: number, signal: AbortSignal): Promise<Login | undefined> {
    return this.#logins.wait(id, waitMs, signal)
  }

  paste(id: string, url: string): Promise<Login> {
    return this.#logins.paste(id, url)
  }

  cancel(id: string): boolean {
    return this.#logins.cancel(id)
  }

  pendingOf(profile: string): Login[] {
    return this.#logins.pendingOf(profile)
  }
}
