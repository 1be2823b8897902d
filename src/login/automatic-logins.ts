/**
 * The automatic login of a profile (`login=auto`): one browser tab, no matter how many tools ask at once and how long
 * the user does not answer (tab-budget.ts).
 */
import { type Clock, toInstant } from '../clock.js'
import { CatchdError } from '../failures.js'
import type { Holder } from '../shares.js'
import type { Login, WaitingLogin } from './login.js'
import type { LoginRequest } from './login-request.js'
import type { Logins } from './logins.js'
import { TabBudget } from './tab-budget.js'

export interface AutomaticLoginsParts {
  /** Begins a login that the user did not ask for. */
  readonly begin: (request: LoginRequest, holder: Holder) => Promise<WaitingLogin>
  readonly logins: Pick<Logins, 'find' | 'whenSettled' | 'pendingOf' | 'restore'>
  readonly clock: Pick<Clock, 'now'>
  /** `login_pause_seconds` of the profile; `null`: tools may not try again before the user logs in. */
  readonly pauseSeconds: (profile: string) => number | null
}

export class AutomaticLogins {
  readonly #parts: AutomaticLoginsParts
  readonly #budget = new TabBudget()
  readonly #beginning = new Map<string, Promise<WaitingLogin>>()
  /** Ids of the logins whose end will be reported to the budget. */
  readonly #followed = new Set<string>()
  /** The logins of this run that the user asked for, and whether a tab was opened for each. */
  readonly #byUser = new Map<string, boolean>()

  constructor(parts: AutomaticLoginsParts) {
    this.#parts = parts
  }

  /** The user asked for a login, which is beginning. @throws The rejection of `begun` */
  async askedFor(profile: string, opensTab: boolean, begun: Promise<WaitingLogin>): Promise<WaitingLogin> {
    this.#budget.clear(profile)
    const login = await (opensTab ? this.#sharing(profile, begun) : begun)
    this.#byUser.set(login.id, opensTab)
    void this.#parts.logins.whenSettled(login.id)?.then(({ status }) => {
      this.#byUser.delete(login.id)
      if (status === 'succeeded') this.#budget.clear(profile)
    })
    return login
  }

  /**
   * Joins the login whose tab is open for the profile, or opens one.
   *
   * @throws CatchdError `login_required` when the last tab was not answered, and everything that beginning a login throws
   */
  async join(profile: string, holder: Holder): Promise<Login> {
    const beginning = this.#beginning.get(profile)
    if (beginning !== undefined) return this.#current(await beginning)
    const open = this.#openTab(profile)
    if (open === undefined) this.#requireBudget(profile)
    const login = open ?? (await this.#sharing(profile, this.#open(profile, holder)))
    // A login of the last run may have been an automatic one, so its end counts in any case.
    if (!this.#byUser.has(login.id)) this.#follow(profile, login.id)
    return this.#current(login)
  }

  /** An adopted login has no tab of ours: only its tool knows the URL. */
  #openTab(profile: string): WaitingLogin | undefined {
    const mayHaveTab = ({ id, authorizationUrl }: WaitingLogin) =>
      authorizationUrl !== null && this.#byUser.get(id) !== false
    return this.#parts.logins.pendingOf(profile).findLast(mayHaveTab)
  }

  /** If the vault was locked at the start, the login whose tab is open may still be in it. */
  async #open(profile: string, holder: Holder): Promise<WaitingLogin> {
    await this.#parts.logins.restore()
    return this.#openTab(profile) ?? this.#parts.begin({ profile, open: true }, holder)
  }

  /** Callers that ask before it has begun wait for it and open no second tab. */
  async #sharing(profile: string, begun: Promise<WaitingLogin>): Promise<WaitingLogin> {
    this.#beginning.set(profile, begun)
    try {
      return await begun
    } finally {
      if (this.#beginning.get(profile) === begun) this.#beginning.delete(profile)
    }
  }

  #follow(profile: string, id: string): void {
    this.#budget.opened(profile, id)
    if (this.#followed.has(id)) return
    this.#followed.add(id)
    void this.#parts.logins.whenSettled(id)?.then(({ status }) => {
      this.#followed.delete(id)
      this.#budget.ended(profile, id, status === 'succeeded', this.#parts.clock.now())
    })
  }

  #current(login: WaitingLogin): Login {
    return this.#parts.logins.find(login.id) ?? login
  }

  #requireBudget(profile: string): void {
    const { clock, pauseSeconds } = this.#parts
    const verdict = this.#budget.judge(profile, pauseSeconds(profile), clock.now())
    if (verdict.may === 'open') return
    const until = verdict.untilMs === null ? '' : ` before ${toInstant(verdict.untilMs)}`
    throw new CatchdError('login_required', {
      profile,
      detail: `The last login that a tool opened in the browser was not finished, so tools open no other one${until}.`,
    })
  }
}
