/** A clock that stands still until a test moves it; timers fire in order as it passes them. */
import type { Clock } from '../../src/clock.js'

export class ManualClock implements Clock {
  #nowMs: number
  #timers: { atMs: number; callback: () => void }[] = []

  constructor(nowMs = Date.parse('2026-01-01T00:00:00Z')) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Moves the clock and fires what is due on the way, letting promises settle after each. */
  async pass(ms: number): Promise<void> {
    const target = this.#nowMs + ms
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= target).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.callback()
      await settle()
    }
    this.#nowMs = target
    await settle()
  }

  /** A step of the wall clock (a laptop that slept, an administrator): no timer fires. */
  jump(ms: number): void {
    this.#nowMs += ms
  }
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
