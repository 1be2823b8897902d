/**
 * The automatic login of a profile (`login=auto`): one browser tab, however many tools ask at once and however long
 * nobody answers it (tab-budget.ts).
 */
import type { Clock } from '../clock.js'
import { toInstant } from '../clock.js'
import { CatchdError } from '../failures.js'
import type { Login, SettledLogin } from './login.js'
import type { AnyPendingLogin, LoginRequest } from './logins.js'
import { TabBudget } from './tab-budget.js'

/** What is needed of the login service. */
export interface SharedLoginsParts {
  readonly logins: {
    begin(request: LoginRequest): Promise<AnyPendingLogin>
    find(id: string): Login | undefined
    settled(id: string): Promise<SettledLogin> | undefined
    pendingOf(profile: string): readonly AnyPendingLogin[]
  }
  readonly clock: Pick<Clock, 'now'>
  /** `login_pause_seconds` of the profile; `null`: machines wait for a person. */
  readonly pauseSeconds: (profile: string) => number | null
}

export class SharedLogins {
  readonly #parts: SharedLoginsParts
  readonly #budget = new TabBudget()
  readonly #beginning = new Map<string, Promise<AnyPendingLogin>>()
  /** Logins of this run that opened no tab: a person holds their URL in another way. */
  readonly #withoutTab = new Set<string>()

  constructor(parts: SharedLoginsParts) {
    this.#parts = parts
  }

  /** A login of its own, which a person asked for. @throws as the login service's `begin` does */
  async begin(request: LoginRequest): Promise<AnyPendingLogin> {
    this.#budget.personCame(request.profile)
    const login = await this.#parts.logins.begin(request)
    if (!request.open) {
      this.#withoutTab.add(login.id)
      void this.#parts.logins.settled(login.id)?.then(() => this.#withoutTab.delete(login.id))
    }
    return login
  }

  /**
   * Joins the login whose tab is open for the profile, or opens one.
   *
   * @throws CatchdError `login_required` when the last tab was not answered; as the login service's `begin` does
   */
  async join(profile: string): Promise<Login> {
    const beginning = this.#beginning.get(profile)
    if (beginning !== undefined) return this.#current(await beginning)
    const open = this.#parts.logins.pendingOf(profile).findLast(({ id }) => !this.#withoutTab.has(id))
    if (open !== undefined) return open
    this.#requireBudget(profile)
    const begun = this.#parts.logins.begin({ profile, open: true })
    this.#beginning.set(profile, begun)
    try {
      const login = await begun
      void this.#parts.logins.settled(login.id)?.then(({ status }) => {
        this.#budget.ended(profile, status === 'succeeded', this.#parts.clock.now())
      })
      return this.#current(login)
    } finally {
      this.#beginning.delete(profile)
    }
  }

  #current(login: AnyPendingLogin): Login {
    return this.#parts.logins.find(login.id) ?? login
  }

  #requireBudget(profile: string): void {
    const { clock, pauseSeconds } = this.#parts
    const verdict = this.#budget.judge(profile, pauseSeconds(profile), clock.now())
    if (verdict.may === 'open') return
    const until = verdict.untilMs === null ? '' : ` before ${toInstant(verdict.untilMs)}`
    throw new CatchdError('login_required', {
      profile,
      detail: `Nobody answered the last login that was opened in the browser, so no tool opens another one${until}.`,
      next: `catchd login ${profile}`,
    })
  }
}
