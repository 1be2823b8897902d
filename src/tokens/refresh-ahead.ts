/**
 * The alarm clock of refreshes ahead of expiry. It naps for at most 30 s and looks at the wall clock when it
 * wakes, so that neither a laptop's sleep nor a step of the clock makes it late by more. With nothing to wait
 * for there is no timer at all.
 */
import type { Clock } from '../clock.js'

const LONGEST_NAP_MS = 30_000

export class RefreshAhead {
  readonly #clock: Clock
  readonly #refreshDue: (nowMs: number) => number | null
  #nap: { readonly untilMs: number; readonly cancel: () => void } | null = null
  #isClosed = false

  /** @param refreshDue - Starts what is due and says when to look again; `null`: nothing is waited for. */
  constructor(clock: Clock, refreshDue: (nowMs: number) => number | null) {
    this.#clock = clock
    this.#refreshDue = refreshDue
  }

  /** Something will be due at that instant. */
  wakeBy(atMs: number): void {
    if (this.#isClosed) return
    const nowMs = this.#clock.now()
    const untilMs = Math.min(Math.max(atMs, nowMs), nowMs + LONGEST_NAP_MS)
    if (this.#nap !== null && this.#nap.untilMs <= untilMs) return
    this.#nap?.cancel()
    const cancel = this.#clock.after(untilMs - nowMs, () => this.#wake())
    this.#nap = { untilMs, cancel }
  }

  close(): void {
    this.#isClosed = true
    this.#nap?.cancel()
    this.#nap = null
  }

  #wake(): void {
    this.#nap = null
    const nextMs = this.#refreshDue(this.#clock.now())
    if (nextMs !== null) this.wakeBy(nextMs)
  }
}
