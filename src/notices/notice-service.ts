/**
 * Notifies the user that a profile needs a login: once when it is needed, and once before, if the time is known.
 *
 * It checks the token set after logins, refreshes and use, and runs the commands of the configuration. No notice is
 * sent twice for a token set, also after a restart: the notice is stored as sent before it is sent. If no notices are
 * configured, nothing is watched. notice-plan.ts decides when to send one.
 */
import { Alarm, type Clock } from '../clock.js'
import type { ConfigurationStore } from '../config/store.js'
import { asCatchdError } from '../failures.js'
import { nextLogin } from '../tokens/next-login.js'
import type { TokenSet } from '../tokens/token-set.js'
import type { CommandCall } from './command.js'
import { type Notice, type NoticeText, textOf, variablesOf } from './notice.js'
import type { NoticeMemory } from './notice-memory.js'
import { dueNotice, nextNoticeAtMs, nextNoticePlan, told } from './notice-plan.js'

export interface NoticeEvent {
  readonly event: 'notice.told' | 'notice.failed' | 'notice.look_failed'
  readonly profile: string
  readonly reason?: string
  readonly by?: 'hook' | 'desktop'
  /** `ENOENT`, `exit_3`, `timeout`, or the code of a failure. */
  readonly failure?: string
}

export interface NoticeParts {
  readonly clock: Clock
  readonly configuration: Pick<ConfigurationStore, 'notices' | 'profile'>
  /** `find` does not refresh. */
  readonly tokens: { find(profile: string): Promise<{ readonly set: TokenSet | null }> }
  readonly memory: NoticeMemory
  /** Harmless variables. */
  readonly environment: NodeJS.ProcessEnv
  /** @returns `null`, or the code of a failure */
  readonly run: (call: CommandCall) => Promise<string | null>
  readonly desktopCommand: (text: NoticeText, environment: NodeJS.ProcessEnv) => CommandCall
  readonly log: (event: NoticeEvent) => void
}

/** Events that change when a login is needed. */
const CHANGES = new Set(['login.succeeded', 'token.refreshed', 'token.reauthorize', 'token.forgotten'])

const LONGEST_SLEEP_MS = 60_000
const USE_STEP_MS = 24 * 60 * 60 * 1_000

/** How long a running command may take when the daemon stops. */
const DRAIN_MS = 2_000

export class NoticeService {
  readonly #parts: NoticeParts
  /** Profiles to look at, and whether a caller used them. */
  readonly #wanted = new Map<string, boolean>()
  /** When a profile was last looked at because it was used. */
  readonly #seenInUse = new Map<string, number>()
  readonly #ending = new AbortController()
  readonly #alarm: Alarm
  #isOn = false
  #isStarted = false
  #isLooking = false
  #isDesktopSilent = false
  #loading: Promise<void> | null = null
  #sending: Promise<unknown> = Promise.resolve()

  constructor(parts: NoticeParts) {
    this.#parts = parts
    this.#alarm = new Alarm(parts.clock, LONGEST_SLEEP_MS, (nowMs) => this.#wake(nowMs))
  }

  /** Reads which notices were sent, and begins to watch if notices are configured. */
  start(): Promise<void> {
    this.#isStarted = true
    return this.reconsider()
  }

  /** After a change of the configuration. */
  async reconsider(): Promise<void> {
    if (!this.#isStarted || this.#ending.signal.aborted) return
    const { loginRequiredCommand, desktop } = this.#parts.configuration.notices()
    this.#isOn = loginRequiredCommand !== null || desktop
    this.#isDesktopSilent = false
    if (!this.#isOn) return
    this.#loading ??= this.#parts.memory.load()
    await this.#loading
    this.#alarm.wakeBy(this.#wake(this.#parts.clock.now()))
  }

  /** A caller asked for a token. Cheap: this is on the fast path. */
  used(profile: string): void {
    if (!this.#isOn) return
    const nowMs = this.#parts.clock.now()
    const seenMs = this.#seenInUse.get(profile)
    if (seenMs !== undefined && Math.abs(nowMs - seenMs) < USE_STEP_MS) return
    this.#seenInUse.set(profile, nowMs)
    this.#want(profile, true)
  }

  /** Looks at a profile whose tokens changed with this event. */
  saw(event: { readonly event: string; readonly profile?: string | undefined }): void {
    if (this.#isOn && event.profile !== undefined && CHANGES.has(event.event)) this.#want(event.profile, true)
  }

  /** Resolves when no command is running. */
  async close(): Promise<void> {
    this.#isOn = false
    this.#alarm.close()
    const cancel = this.#parts.clock.after(DRAIN_MS, () => this.#ending.abort())
    await this.#sending
    cancel()
    this.#ending.abort()
    await this.#parts.memory.save()
  }

  #want(profile: string, isUse: boolean): void {
    this.#wanted.set(profile, isUse || this.#wanted.get(profile) === true)
    if (!this.#isLooking) void this.#lookAround()
  }

  /** One profile after the other, so that a vault that does not answer is not asked a hundred times at once. */
  async #lookAround(): Promise<void> {
    this.#isLooking = true
    await this.#loading
    for (const [profile, isUse] of this.#wanted) {
      this.#wanted.delete(profile)
      if (this.#isOn) await this.#lookAt(profile, isUse)
    }
    this.#isLooking = false
    this.#alarm.wakeBy(this.#nextWakeMs(this.#parts.clock.now()))
  }

  async #lookAt(name: string, isUse: boolean): Promise<void> {
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

  /** One notice at a time, so that a laptop that wakes up does not start twenty programs. */
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

  /** If the desktop has no notifications, that is logged once, not for every notice. */
  async #run(notice: Notice, by: 'hook' | 'desktop', call: CommandCall): Promise<void> {
    const { profile, reason } = notice
    const failure = await this.#parts.run({ ...call, signal: this.#ending.signal })
    if (failure === null) this.#parts.log({ event: 'notice.told', profile, reason, by })
    else if (by === 'hook' || !this.#isDesktopSilent) {
      this.#parts.log({ event: 'notice.failed', profile, by, failure })
    }
    if (by === 'desktop') this.#isDesktopSilent = failure !== null
  }

  /** Looks at the profiles whose notice is due. @returns when to wake next */
  #wake(nowMs: number): number | null {
    if (!this.#isOn) return null
    const { configuration, memory } = this.#parts
    const { beforeSeconds } = configuration.notices()
    for (const [profile, plan] of memory.all()) {
      if (dueNotice(plan, beforeSeconds, nowMs) !== null) this.#want(profile, false)
    }
    return this.#isLooking ? null : this.#nextWakeMs(nowMs)
  }

  #nextWakeMs(nowMs: number): number | null {
    if (!this.#isOn) return null
    const { configuration, memory } = this.#parts
    const { beforeSeconds } = configuration.notices()
    let nextMs = Number.POSITIVE_INFINITY
    for (const [, plan] of memory.all()) {
      const atMs = nextNoticeAtMs(plan, beforeSeconds, nowMs)
      // A notice that is due but could not be sent, because the vault is locked, is tried again later.
      if (atMs !== null) nextMs = Math.min(nextMs, atMs > nowMs ? atMs : nowMs + LONGEST_SLEEP_MS)
    }
    return Number.isFinite(nextMs) ? nextMs : null
  }
}
