/**
 * Telling a person that a profile needs a login: once when it is so, and once a while before where that is known.
 *
 * Hears of logins, refreshes and use, asks the keeper of token sets how things stand, and runs what the
 * configuration names. Never twice for one token set, also not after a restart: it is remembered as told before
 * it is told. Where nothing is configured nothing is watched. When to send one is notice-plan.ts.
 *
 * The wall clock decides: naps are short, and whoever wakes looks at it again.
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
  /** Harmless already. */
  readonly environment: NodeJS.ProcessEnv
  /** @returns `null`, or a code of what went wrong. */
  readonly run: (call: CommandCall) => Promise<string | null>
  readonly desktopCommand: (text: NoticeText, environment: NodeJS.ProcessEnv) => CommandCall
  readonly log: (event: NoticeEvent) => void
}

/** After events of these kinds a profile stands differently. */
const NEWS = new Set(['login.succeeded', 'token.refreshed', 'token.reauthorize', 'token.forgotten'])

const LONGEST_NAP_MS = 60_000
const USE_STEP_MS = 24 * 60 * 60 * 1_000

/** A command under way when the daemon ends has this long to finish. */
const DRAIN_MS = 2_000

export class NoticeService {
  readonly #parts: NoticeParts
  /** Profiles to be looked at, and whether somebody used them. */
  readonly #wanted = new Map<string, boolean>()
  /** When a profile was last looked at because it was used. */
  readonly #seenInUse = new Map<string, number>()
  readonly #ending = new AbortController()
  #isOn = false
  #isStarted = false
  #isLooking = false
  #isDesktopSilent = false
  #cancelNap = () => {}
  #loading: Promise<void> | null = null
  #sending: Promise<unknown> = Promise.resolve()

  constructor(parts: NoticeParts) {
    this.#parts = parts
  }

  /** Reads what was told and begins to watch, where anything is configured. */
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
    if (!this.#isOn) return this.#cancelNap()
    this.#loading ??= this.#parts.memory.load()
    await this.#loading
    this.#wake()
  }

  /** Somebody was served, or would have been. Cheap: this is on the fresh-token path. */
  used(profile: string): void {
    if (!this.#isOn) return
    const nowMs = this.#parts.clock.now()
    const seenMs = this.#seenInUse.get(profile)
    if (seenMs !== undefined && Math.abs(nowMs - seenMs) < USE_STEP_MS) return
    this.#seenInUse.set(profile, nowMs)
    this.#want(profile, true)
  }

  /** An event of the log: logins and token sets that changed are looked at. */
  saw(event: { readonly event: string; readonly profile?: string }): void {
    if (this.#isOn && event.profile !== undefined && NEWS.has(event.event)) this.#want(event.profile, true)
  }

  /** Resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.#isOn = false
    this.#cancelNap()
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

  /** One profile after the other: a vault that does not answer is not asked a hundred times at once. */
  async #lookAround(): Promise<void> {
    this.#isLooking = true
    await this.#loading
    for (const [profile, isUse] of this.#wanted) {
      this.#wanted.delete(profile)
      if (this.#isOn) await this.#lookAt(profile, isUse)
    }
    this.#isLooking = false
    this.#napUntilDue()
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

  /** A desktop without notifications is said once, not at every notice. */
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
    if (!this.#isLooking) this.#napUntilDue()
  }

  #napUntilDue(): void {
    const { clock, configuration, memory } = this.#parts
    this.#cancelNap()
    if (!this.#isOn) return
    const { beforeSeconds } = configuration.notices()
    const nowMs = clock.now()
    let napMs = Number.POSITIVE_INFINITY
    for (const [, plan] of memory.all()) {
      const atMs = nextNoticeAtMs(plan, beforeSeconds, nowMs)
      // What is due and could not be told, because the vault is locked, is tried again after a nap.
      if (atMs !== null) napMs = Math.min(napMs, atMs > nowMs ? atMs - nowMs : LONGEST_NAP_MS, LONGEST_NAP_MS)
    }
    if (Number.isFinite(napMs)) this.#cancelNap = clock.after(napMs, () => this.#wake())
  }
}
