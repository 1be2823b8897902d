/**
 * How each login stands and when it is settled, kept for a while after its end so that the result page can be
 * reloaded, a replayed response is recognised and callers can ask how it went.
 *
 * Pure. In memory only and bounded: the oldest settled login is forgotten first.
 */
import { CatchdError } from '../failures.js'
import type { Login, PendingLogin, SettledLogin } from './login.js'

const MOST_KEPT = 1_000

interface Entry {
  login: Login
  /** The `state` it was claimed with; a replay finds it here. `null` until then. */
  state: string | null
  readonly settled: Promise<SettledLogin>
  readonly resolve: (login: SettledLogin) => void
}

export class AnsweredLogins {
  readonly #byId = new Map<string, Entry>()
  readonly #byState = new Map<string, Entry>()
  readonly #onForget: (login: Login) => void

  constructor(onForget: (login: Login) => void) {
    this.#onForget = onForget
  }

  /** Begins to follow a login. */
  track(login: Login): void {
    let resolve: (login: SettledLogin) => void = () => {}
    const settled = new Promise<SettledLogin>((done) => {
      resolve = done
    })
    this.#byId.set(login.id, { login, state: null, settled, resolve })
    this.#forgetOldest()
  }

  /** The login's response came; from now on `state` finds it instead of a pending login. */
  claimed(login: PendingLogin): void {
    const entry = this.#byId.get(login.id)
    if (entry === undefined) throw new CatchdError('internal', 'A login was claimed that nobody follows.')
    const { id, profile, redirectUri, createdAtMs, expiresAtMs } = login
    entry.login = { id, profile, redirectUri, createdAtMs, expiresAtMs, status: 'exchanging' }
    entry.state = login.state.reveal()
    this.#byState.set(entry.state, entry)
  }

  settle(login: SettledLogin): void {
    const entry = this.#byId.get(login.id)
    if (entry === undefined) throw new CatchdError('internal', 'A login was settled that nobody follows.')
    entry.login = login
    entry.resolve(login)
  }

  find(id: string): Login | undefined {
    return this.#byId.get(id)?.login
  }

  /** From the newest to the oldest. */
  ofProfile(profile: string): Login[] {
    return [...this.#byId.values()]
      .map(({ login }) => login)
      .filter((login) => login.profile === profile)
      .reverse()
  }

  /** The login that was claimed with this `state` on this redirect URI. */
  findByState(state: string, redirectUri: string): Login | undefined {
    const login = this.#byState.get(state)?.login
    return login?.redirectUri === redirectUri ? login : undefined
  }

  hasState(state: string): boolean {
    return this.#byState.has(state)
  }

  /** Resolves when the login is settled; `undefined` when it is not known here. */
  settled(id: string): Promise<SettledLogin> | undefined {
    return this.#byId.get(id)?.settled
  }

  #forgetOldest(): void {
    for (const [id, entry] of this.#byId) {
      if (this.#byId.size <= MOST_KEPT) return
      if (entry.login.status === 'pending' || entry.login.status === 'exchanging') continue
      this.#byId.delete(id)
      if (entry.state !== null) this.#byState.delete(entry.state)
      this.#onForget(entry.login)
    }
  }
}
