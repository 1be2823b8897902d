/**
 * Notifies the user that a profile needs a login: once when it is needed, and once before that if the time is known.
 *
 * The service receives the events of logins, refreshes and uses, looks up the profile's token set, and runs the
 * configured commands. A notice is never sent twice for one token set, even after a restart: it is recorded as sent
 * before it is sent. If no notices are configured, the service does nothing. notice-plan.ts decides when a notice is due.
 *
 * The wall clock decides. Waits are short, and each wait ends with a new look at the clock, because timers stop while a
 * laptop sleeps.
 */
import type { Clock } from '../clock.js'
import type { NoticeSettings } from '../config/notices.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError } from '../failures.js'
import { nextLogin } from '../tokens/next-login.js'
import type { TokenSet } from '../tokens/token-set.js'
import type { CommandCall } from './command.js'
import { type Notice, type NoticeText, textOf, variablesOf } from './notice.js'
import type { NoticeMemory } from './notice-memory.js'
import { dueNotice, nextNoticeAtMs, nextNoticePlan, told } from './notice-plan.js'

export interface NoticeConfiguration {
  notices(): NoticeSettings
  /** @throws CatchdError `profile_unknown`, `config_invalid` */
  profile(name: string): Profile
}

export interface TokenSets {
  /** Without refreshing. @throws the vault's codes */
  find(profile: string): Promise<{ readonly set: TokenSet | null }>
}

export type NoticeEvent =
  | {
      readonly event: 'notice.told'
      readonly profile: string
      readonly reason: string
      readonly by: 'hook' | 'desktop'
    }
  | {
      readonly event: 'notice.failed'
      readonly profile: string
      readonly by: 'hook' | 'desktop'
      /** `ENOENT` and the like, `exit_3`, `timeout`. */
      readonly failure: string
    }
  | { readonly event: 'notice.look_failed'; readonly profile: string; readonly failure: string }

export interface NoticeParts {
  readonly clock: Clock
  readonly configuration: NoticeConfiguration
  readonly tokens: TokenSets
  readonly memory: NoticeMemory
  /** Already reduced to harmless variables. */
  readonly environment: NodeJS.ProcessEnv
  /** @returns `null`, or an error code. */
  readonly run: (call: CommandCall) => Promise<string | null>
  readonly desktopCommand: (text: NoticeText, environment: NodeJS.ProcessEnv) => CommandCall
  readonly log: (event: NoticeEvent) => void
}

/** Events after which a profile's next login can change. */
const NEWS = new Set(['login.succeeded', 'token.refreshed', 'token.reauthorize', 'token.forgotten'])

const LONGEST_WAIT_MS = 60_000
const USE_STEP_MS = 24 * 60 * 60 * 1_000

/** When the daemon ends, a running command has this long to finish. */
const DRAIN_MS = 2_000

export class NoticeService {
  readonly #parts: NoticeParts
  /** Profiles to check, and whether they were used. */
  readonly #wanted = new Map<string, boolean>()
  /** When a profile was last checked because it was used. */
  readonly #seenInUse = new Map<string, number>()
  readonly #ending = new AbortController()
  #isOn = false
  #isStarted = false
  #isChecking = false
  #isDesktopSilent = false
  #cancelWait = () => {}
  #loading: Promise<void> | null = null
  #sending: Promise<unknown> = Promise.resolve()

  constructor(parts: NoticeParts) {
    this.#parts = parts
  }

  /** Reads which notices were sent and starts to work, if notices are configured. */
  start(): Promise<void> {
    this.#isStarted = true
    return this.reconsider()
  }

  /** Call this after a change of the configuration. */
  async reconsider(): Promise<void> {
    if (!this.#isStarted || this.#ending.signal.aborted) return
    const { loginRequiredCommand, desktop } = this.#parts.configuration.notices()
    this.#isOn = loginRequiredCommand !== null || desktop
    this.#isDesktopSilent = false
    if (!this.#isOn) return this.#cancelWait()
    this.#loading ??= this.#parts.memory.load()
    await this.#loading
    this.#wake()
  }

  /** Call this for each request for the profile's token. It is fast, because it runs for every such request. */
  used(profile: string): void {
    if (!this.#isOn) return
    const nowMs = this.#parts.clock.now()
    const seenMs = this.#seenInUse.get(profile)
    if (seenMs !== undefined && Math.abs(nowMs - seenMs) < USE_STEP_MS) return
    this.#seenInUse.set(profile, nowMs)
    this.#want(profile, true)
  }

  /** Call this with the events of the log. Checks the profile after a login or a change of its token set. */
  saw(event: { readonly event: string; readonly profile?: string }): void {
    if (this.#isOn && event.profile !== undefined && NEWS.has(event.event)) this.#want(event.profile, true)
  }

  /** Resolves when no command is running any more. */
  async close(): Promise<void> {
    this.#isOn = false
    this.#cancelWait()
    const cancel = this.#parts.clock.after(DRAIN_MS, () => this.#ending.abort())
    await this.#sending
    cancel()
    this.#ending.abort()
    await this.#parts.memory.save()
  }

  #want(profile: string, isUse: boolean): void {
    this.#wanted.set(profile, isUse || this.#wanted.get(profile) === true)
    if (!this.#isChecking) void this.#checkWanted()
  }

  /** Checks one profile after the other, so that a vault that does not answer gets only one request at a time. */
  async #checkWanted(): Promise<void> {
    this.#isChecking = true
    await this.#loading
    for (const [profile, isUse] of this.#wanted) {
      this.#wanted.delete(profile)
      if (this.#isOn) await this.#check(profile, isUse)
    }
    this.#isChecking = false
    this.#waitUntilDue()
  }

  async #check(name: string, isUse: boolean): Promise<void> {
    const { clock, configuration, memory, tokens } = this.#parts
    try {
      const profile = configuration.profile(name)
      const { set } = await tokens.find(name)
      const nowMs = clock.now()
      const login = nextLogin(profile, set, nowMs)
      const next = nextNoticePlan(memory.get(name), set, login, nowMs, isUse)
      const what = next === null ? null : dueNotice(next, configuration.notices().beforeSeconds, nowMs)
      memory.set(name, next !== null && what !== null ? told(next, what) : next)
      await memory.save()
      if (next === null || what === null) return
      const reason = login.certainty === 'now' ? login.reason : 'expires_soon'
      this.#tell({ profile: name, reason, neededAtMs: next.neededAtMs })
    } catch (error) {
      const { code } = asCatchdError(error)
      if (code === 'profile_unknown') return this.#forget(name)
      this.#seenInUse.delete(name)
      this.#parts.log({ event: 'notice.look_failed', profile: name, failure: code })
    }
  }

  async #forget(profile: string): Promise<void> {
    this.#seenInUse.delete(profile)
    this.#parts.memory.set(profile, null)
    await this.#parts.memory.save()
  }

  /** Sends one notice at a time, so that a laptop does not start many programs when it wakes up. */
  #tell(notice: Notice): void {
    const { environment, desktopCommand } = this.#parts
    this.#sending = this.#sending.then(() => {
      const { loginRequiredCommand: command, desktop } = this.#parts.configuration.notices()
      const hook = { command: command ?? [], environment: { ...environment, ...variablesOf(notice) } }
      return Promise.all([
        command === null ? null : this.#run(notice, 'hook', hook),
        desktop ? this.#run(notice, 'desktop', desktopCommand(textOf(notice), environment)) : null,
      ])
    })
  }

  /** A desktop without notifications is logged once, not for every notice. */
  async #run(notice: Notice, by: 'hook' | 'desktop', call: CommandCall): Promise<void> {
    const { profile, reason } = notice
    const failure = await this.#parts.run({ ...call, signal: this.#ending.signal })
    if (failure === null) this.#parts.log({ event: 'notice.told', profile, reason, by })
    else if (by === 'hook' || !this.#isDesktopSilent) {
      this.#parts.log({ event: 'notice.failed', profile, by, failure })
    }
    if (by === 'desktop') this.#isDesktopSilent = failure !== null
  }

  #wake(): void {
    const { clock, configuration, memory } = this.#parts
    const { beforeSeconds } = configuration.notices()
    const nowMs = clock.now()
    for (const [profile, plan] of memory.all()) {
      if (dueNotice(plan, beforeSeconds, nowMs) !== null) this.#want(profile, false)
    }
    if (!this.#isChecking) this.#waitUntilDue()
  }

  #waitUntilDue(): void {
    const { clock, configuration, memory } = this.#parts
    this.#cancelWait()
    if (!this.#isOn) return
    const { beforeSeconds } = configuration.notices()
    const nowMs = clock.now()
    let waitMs = Number.POSITIVE_INFINITY
    for (const [, plan] of memory.all()) {
      const atMs = nextNoticeAtMs(plan, beforeSeconds, nowMs)
      // A notice that is due but could not be sent, because the vault is locked, is tried again after the longest wait.
      if (atMs !== null)
        waitMs = Math.min(waitMs, atMs > nowMs ? atMs - nowMs : LONGEST_WAIT_MS, LONGEST_WAIT_MS)
    }
    if (Number.isFinite(waitMs)) this.#cancelWait = clock.after(waitMs, () => this.#wake())
  }
}
