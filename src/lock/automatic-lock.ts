/**
 * Locks catchd without a command: when no token was used for a while, and when the screen is locked (`lock` in the
 * configuration). The wall clock decides, so a laptop that slept is locked within seconds after it wakes.
 */
import { Alarm, type Clock } from '../clock.js'
import type { Lock } from '../config/lock.js'
import { asCatchdError } from '../failures.js'
import type { LockGate } from './gate.js'
import type { LockService } from './lock-service.js'
import type { ScreenWatch } from './screen-watch.js'

export interface AutomaticLockParts {
  readonly clock: Clock
  readonly gate: LockGate
  readonly lock: Pick<LockService, 'lock' | 'whyPassphraseNeeded'>
  readonly settings: () => Lock
  /** `null` if this system does not tell when its screen is locked. */
  readonly watchScreen: ((onLocked: () => void) => ScreenWatch) | null
  readonly log: (event: { event: 'lock.failed'; by: 'idle' | 'screen'; code: string }) => void
}

const LONGEST_SLEEP_MS = 5_000
/** After a lock that was refused. */
const AGAIN_MS = 60_000

export class AutomaticLock {
  readonly #parts: AutomaticLockParts
  readonly #alarm: Alarm
  #usedAtMs: number
  #screen: ScreenWatch | undefined
  /** Why the last one was refused. */
  #refused: string | undefined

  constructor(parts: AutomaticLockParts) {
    this.#parts = parts
    this.#usedAtMs = parts.clock.now()
    this.#alarm = new Alarm(parts.clock, LONGEST_SLEEP_MS, (nowMs) => this.#wake(nowMs))
  }

  /** A tool got a token, or somebody logged in. Called for every token, so it must be cheap. */
  used(): void {
    this.#usedAtMs = this.#parts.clock.now()
  }

  /** At the start, after a change of the configuration, and after an unlock. */
  reconsider(): void {
    this.#refused = undefined
    const { clock, settings, watchScreen } = this.#parts
    const { idle_seconds: idle, screen = false } = settings()
    if (idle !== undefined) this.#alarm.wakeBy(clock.now())
    if (screen) this.#screen ??= watchScreen?.(() => this.#lock('screen'))
    else this.#endScreen()
  }

  /** Why it does not lock as configured, in words; `null` if it does. */
  get trouble(): string | null {
    const { lock, settings, watchScreen } = this.#parts
    const { idle_seconds: idle, screen = false } = settings()
    if (idle === undefined && !screen) return null
    const why = lock.whyPassphraseNeeded()
    if (why !== undefined) return `catchd cannot lock itself. ${why} Run: catchd lock --passphrase`
    if (screen && watchScreen === null) return 'lock.screen works only on Linux. Use lock.idle_seconds.'
    return (screen ? this.#screen?.trouble : undefined) ?? this.#refused ?? null
  }

  close(): void {
    this.#alarm.close()
    this.#endScreen()
  }

  #wake(nowMs: number): number | null {
    const { idle_seconds: idle } = this.#parts.settings()
    if (idle === undefined) return null
    // A clock that was set back does not make the time longer.
    this.#usedAtMs = Math.min(this.#usedAtMs, nowMs)
    const dueMs = this.#usedAtMs + idle * 1000
    if (nowMs < dueMs) return dueMs
    this.#lock('idle')
    return nowMs + Math.min(AGAIN_MS, idle * 1000)
  }

  #lock(by: 'idle' | 'screen'): void {
    const { gate, lock, log } = this.#parts
    if (gate.isLocked) return
    lock.lock(null).catch((error: unknown) => {
      const { code, message } = asCatchdError(error)
      this.#refused = `catchd could not lock itself. ${message}`
      log({ event: 'lock.failed', by, code })
    })
  }

  #endScreen(): void {
    this.#screen?.close()
    this.#screen = undefined
  }
}
