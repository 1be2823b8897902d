/**
 * The automatic login of a profile (`login=auto`): one browser tab, no matter how many tools ask at once and how long
 * the user does not answer (tab-budget.ts). A step-up login asks for more scopes than the profile; it shares the tab, and
 * is not begun again for scopes that were withheld (withheld-scopes.ts).
 */
import { type Clock, toInstant } from '../clock.js'
import { CatchdError } from '../failures.js'
import type { Holder } from '../shares.js'
import { missingScopes } from '../tokens/scopes.js'
import type { Login, StoredSummary, WaitingLogin } from './login.js'
import type { LoginRequest } from './login-request.js'
import type { Logins } from './logins.js'
import type { LoginProfiles } from './ports.js'
import { TabBudget, type TabVerdict } from './tab-budget.js'
import { WithheldScopes } from './withheld-scopes.js'

export interface AutomaticLoginsParts {
  /** Begins a login that the user did not ask for. */
  readonly begin: (request: LoginRequest, holder: Holder) => Promise<WaitingLogin>
  readonly logins: Pick<Logins, 'find' | 'whenSettled' | 'pendingOf' | 'restore'>
  readonly clock: Pick<Clock, 'now'>
  readonly profiles: Pick<LoginProfiles, 'profile'>
}

/** What a login must bring beyond the profile's scope. */
export interface StepUp {
  /** All that the login asks for, separated by spaces. */
  readonly scope: string
  /** The scopes that the caller misses. */
  readonly missing: readonly string[]
}

export class AutomaticLogins {
  readonly #parts: AutomaticLoginsParts
  readonly #budget = new TabBudget()
  readonly #withheld = new WithheldScopes()
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
    this.#withheld.clear(profile)
    const login = await (opensTab ? this.#sharing(profile, begun) : begun)
    this.#byUser.set(login.id, opensTab)
    void this.#parts.logins.whenSettled(login.id)?.then(({ status }) => {
      this.#byUser.delete(login.id)
      if (status === 'succeeded') this.#budget.clear(profile)
    })
    return login
  }

  /**
   * Joins the login whose tab is open for the profile, or opens one. The login that is joined may ask for other scopes.
   *
   * @throws CatchdError `login_required` when the last tab was not answered, `scope_insufficient` when the scopes were
   *   withheld, and everything that beginning a login throws
   */
  async join(profile: string, holder: Holder, stepUp?: StepUp): Promise<Login> {
    const beginning = this.#beginning.get(profile)
    if (beginning !== undefined) return this.#current(await beginning)
    const open = this.#openTab(profile)
    if (open === undefined) this.#requireBudget(profile, stepUp)
    const login = open ?? (await this.#sharing(profile, this.#open(profile, holder, stepUp)))
    // A login of the last run may have been an automatic one, so its end counts in any case.
    if (!this.#byUser.has(login.id)) this.#follow(profile, login)
    return this.#current(login)
  }

  /** An adopted login has no tab of ours: only its tool knows the URL. */
  #openTab(profile: string): WaitingLogin | undefined {
    const mayHaveTab = ({ id, authorizationUrl }: WaitingLogin) =>
      authorizationUrl !== null && this.#byUser.get(id) !== false
    return this.#parts.logins.pendingOf(profile).findLast(mayHaveTab)
  }

  /** If the vault was locked at the start, the login whose tab is open may still be in it. */
  async #open(profile: string, holder: Holder, stepUp: StepUp | undefined): Promise<WaitingLogin> {
    await this.#parts.logins.restore()
    const request = { profile, open: true, scope: stepUp?.scope }
    return this.#openTab(profile) ?? this.#parts.begin(request, holder)
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

  #follow(profile: string, followed: WaitingLogin): void {
    const { id } = followed
    const scope = 'scope' in followed ? followed.scope : null
    this.#budget.opened(profile, id)
    if (this.#followed.has(id)) return
    this.#followed.add(id)
    void this.#parts.logins.whenSettled(id)?.then((login) => {
      this.#followed.delete(id)
      const nowMs = this.#parts.clock.now()
      this.#budget.ended(profile, id, login.status === 'succeeded', nowMs)
      if (scope !== null && 'stored' in login) this.#noteWithheld(profile, scope, login.stored, nowMs)
    })
  }

  #noteWithheld(profile: string, asked: string, stored: StoredSummary, nowMs: number): void {
    try {
      const missing = missingScopes(this.#parts.profiles.profile(profile), stored, asked)
      this.#withheld.note(profile, missing, nowMs)
    } catch {
      this.#withheld.clear(profile) // the profile was removed meanwhile
    }
  }

  #current(login: WaitingLogin): Login {
    return this.#parts.logins.find(login.id) ?? login
  }

  #requireBudget(name: string, { missing }: Pick<StepUp, 'missing'> = { missing: [] }): void {
    const { clock, profiles } = this.#parts
    const { login_pause_seconds: pauseSeconds = null } = profiles.profile(name)
    const tab = this.#budget.judge(name, pauseSeconds, clock.now())
    if (tab.may === 'not') {
      throw new CatchdError('login_required', {
        profile: name,
        detail: `The last login that a tool opened in the browser was not finished, so tools open no other one${before(tab)}.`,
      })
    }
    const scopes = this.#withheld.judge(name, missing, pauseSeconds, clock.now())
    if (scopes.may === 'open') return
    throw new CatchdError('scope_insufficient', {
      profile: name,
      detail: `The last login asked for ${missing.join(' ')}, but the token does not have all of it, so tools do not ask again${before(scopes)}. They may after the next \`catchd login\`.`,
      next: `catchd login ${name}`,
      members: { missing },
    })
  }
}

function before({ untilMs }: Exclude<TabVerdict, { may: 'open' }>): string {
  return untilMs === null ? '' : ` before ${toInstant(untilMs)}`
}
