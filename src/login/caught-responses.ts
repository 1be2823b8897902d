/**
 * Authorization responses that catchd received for other tools, until the tools fetch them. In memory and bounded; a
 * response is forgotten when its code can no longer be valid.
 */
import type { Clock } from '../clock.js'
import type { Secret } from '../secret.js'

const MOST_KEPT = 200
/** A code is valid for ten minutes at most (RFC 6749 §4.1.2). */
const KEPT_FOR_MS = 600_000

interface CaughtResponse {
  /** Its parameters as a JSON object. */
  readonly parameters: Secret
  readonly untilMs: number
  readonly cancelTimer: () => void
}

export class CaughtResponses {
  readonly #clock: Clock
  readonly #byLogin = new Map<string, CaughtResponse>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  keep(id: string, parameters: Secret): void {
    const cancelTimer = this.#clock.after(KEPT_FOR_MS, () => this.forget(id))
    this.#byLogin.set(id, { parameters, untilMs: this.#clock.now() + KEPT_FOR_MS, cancelTimer })
    for (const oldest of this.#byLogin.keys()) {
      if (this.#byLogin.size <= MOST_KEPT) return
      this.forget(oldest)
    }
  }

  /** Once. Checks the wall clock, because timers stop while the machine sleeps. */
  take(id: string): Readonly<Record<string, string>> | undefined {
    const caught = this.#byLogin.get(id)
    if (caught === undefined) return undefined
    this.forget(id)
    return this.#clock.now() < caught.untilMs ? JSON.parse(caught.parameters.reveal()) : undefined
  }

  forget(id: string): void {
    this.#byLogin.get(id)?.cancelTimer()
    this.#byLogin.delete(id)
  }
}
