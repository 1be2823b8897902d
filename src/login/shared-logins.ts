/**
 * The automatic login of a profile (`login=auto`): one browser tab, however many tools ask at once.
 */
import type { Login, PendingLogin, SettledLogin } from './login.js'

interface Logins {
  begin(request: { readonly profile: string; readonly open: boolean }): Promise<PendingLogin>
  find(id: string): Login | undefined
  settled(id: string): Promise<SettledLogin> | undefined
}

export class SharedLogins {
  readonly #logins: Logins
  readonly #running = new Map<string, Promise<PendingLogin>>()

  constructor(logins: Logins) {
    this.#logins = logins
  }

  /** Joins the automatic login that runs for the profile, or begins one in the browser. @throws as `begin` does */
  async join(profile: string): Promise<Login> {
    let running = this.#running.get(profile)
    if (running === undefined) {
      running = this.#logins.begin({ profile, open: true })
      this.#running.set(profile, running)
      void this.#forgetAtEnd(profile, running)
    }
    const login = await running
    return this.#logins.find(login.id) ?? login
  }

  async #forgetAtEnd(profile: string, running: Promise<PendingLogin>): Promise<void> {
    try {
      await this.#logins.settled((await running).id)
    } catch {
      // it could not begin, and every caller that joined was told so
    } finally {
      this.#running.delete(profile)
    }
  }
}
