/**
 * The automatic login of a profile (`login=auto`): one browser tab, however many tools ask at once and however long
 * nobody answers it (tab-budget.ts).
 */
import type { Clock } from '../clock.js'
import { toInstant } from '../clock.js'
import { CatchdError } from '../failures.js'
import type { Login, SettledLogin } from './login.js'
import type { AdoptionRequest, LoginRequest } from './login-request.js'
import type { AnyPendingLogin } from './logins.js'
import { TabBudget } from './tab-budget.js'

/** What is needed of the login service. */
export interface SharedLoginsParts {
  readonly logins: {
    begin(request: LoginRequest | AdoptionRequest): Promise<AnyPendingLogin>
    find(id: string): Login | undefined
    settled(id: string): Promise<SettledLogin> | undefined
    pendingOf(profile: string): readonly AnyPendingLogin[]
    /** Brings back the logins of the last run, if that is not done yet. Never throws. */
    restore(): Promise<void>
  }
  readonly clock: Pick<Clock, 'now'>
  /** `login_pause_seconds` of the profile; `null`: machines wait for a person. */
  readonly pauseSeconds: (profile: string) => number | null
}

export class SharedLogins {
  readonly #parts: SharedLoginsParts
  readonly #budget = new TabBudget()
  readonly #beginning = new Map<string, Promise<AnyPendingLogin>>()
  /** Whose end the budget will hear of. */
  readonly #followed = new Set<string>()
  /** The logins of this run that people asked for, and whether a tab was opened for each. */
  readonly #ofPeople = new Map<string, boolean>()

  constructor(parts: SharedLoginsParts) {
    this.#parts = parts
  }

  /** A login of its own, which a person or their tool asked for. @throws as the login service's `begin` does */
  async begin(request: LoginRequest | AdoptionRequest): Promise<AnyPendingLogin> {
    const { profile } = request
    const open = 'open' in request && request.open
    this.#budget.reset(profile)
    const begun = this.#parts.logins.begin(request)
    const login = await (open ? this.#sharing(profile, begun) : begun)
    this.#ofPeople.set(login.id, open)
    void this.#parts.logins.settled(login.id)?.then(({ status }) => {
      this.#ofPeople.delete(login.id)
      if (status === 'succeeded') this.#budget.reset(profile)
    })
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
    const open = this.#openTab(profile)
    if (open === undefined) this.#requireBudget(profile)
    const login = open ?? (await this.#sharing(profile, this.#open(profile)))
    // One of the last run may have been a machine's: its end counts, whoever began it.
    if (!this.#ofPeople.has(login.id)) this.#follow(login)
    return this.#current(login)
  }

  /** One that was adopted is in the hands of its tool: nobody else could send a person to it. */
  #openTab(profile: string): AnyPendingLogin | undefined {
    const mayHaveTab = ({ id, authorizationUrl }: AnyPendingLogin) =>
      authorizationUrl !== null && this.#ofPeople.get(id) !== false
    return this.#parts.logins.pendingOf(profile).findLast(mayHaveTab)
  }

  /** A vault that was locked at the start may still hold the login whose tab is open. */
  async #open(profile: string): Promise<AnyPendingLogin> {
    await this.#parts.logins.restore()
    return this.#openTab(profile) ?? this.#parts.logins.begin({ profile, open: true })
  }

  /** Until it has begun, those who ask meanwhile wait for it instead of opening a second tab. */
  async #sharing(profile: string, begun: Promise<AnyPendingLogin>): Promise<AnyPendingLogin> {
    this.#beginning.set(profile, begun)
    try {
      return await begun
    } finally {
      if (this.#beginning.get(profile) === begun) this.#beginning.delete(profile)
    }
  }

  #follow({ id, profile }: AnyPendingLogin): void {
    this.#budget.opened(profile, id)
    if (this.#followed.has(id)) return
    this.#followed.add(id)
    void this.#parts.logins.settled(id)?.then(({ status }) => {
      this.#followed.delete(id)
      this.#budget.ended(profile, id, status === 'succeeded', this.#parts.clock.now())
    })
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
