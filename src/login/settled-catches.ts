/**
 * How catches ended, and what was caught until somebody fetches it. In memory only and bounded: the oldest is forgotten
 * first, and a response after as long as its code can be good for.
 */
import type { Clock } from '../clock.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { CaughtLogin, PendingCatch, SettledLogin, UnsuccessfulLogin } from './login.js'
import { isSamePlace } from './redirect-uris.js'

const MOST_KEPT = 200
/** Codes live ten minutes at most (RFC 6749 §4.1.2). */
const HELD_FOR_MS = 600_000

interface Entry {
  readonly pending: PendingCatch
  settled: SettledLogin | null
  /** `state` that it was answered with; a replay finds it here. */
  state: string | null
  /** Its parameters as JSON. */
  response: { readonly json: Secret; readonly untilMs: number; readonly cancel: () => void } | null
  readonly promise: Promise<SettledLogin>
  readonly resolve: (settled: SettledLogin) => void
}

export class SettledCatches {
  readonly #clock: Clock
  readonly #onForget: (pending: PendingCatch) => void
  readonly #byId = new Map<string, Entry>()

  constructor(clock: Clock, onForget: (pending: PendingCatch) => void) {
    this.#clock = clock
    this.#onForget = onForget
  }

  /** Begins to follow a catch. */
  track(pending: PendingCatch): void {
    let resolve: (settled: SettledLogin) => void = () => {}
    const promise = new Promise<SettledLogin>((done) => {
      resolve = done
    })
    this.#byId.set(pending.id, { pending, settled: null, state: null, response: null, promise, resolve })
    this.#forgetOldest()
  }

  /** It was caught: the response is there for one who asks. */
  keep(caught: CaughtLogin, state: Secret | null, json: Secret): void {
    const entry = this.#settle(caught, state)
    const cancel = this.#clock.after(HELD_FOR_MS, () => this.forgetResponse(caught.id))
    entry.response = { json, untilMs: this.#clock.now() + HELD_FOR_MS, cancel }
    entry.resolve(caught)
  }

  end(ended: UnsuccessfulLogin, state: Secret | null): void {
    this.#settle(ended, ended.status === 'expired' ? state : null).resolve(ended)
  }

  find(id: string): SettledLogin | undefined {
    return this.#byId.get(id)?.settled ?? undefined
  }

  findByState(state: string, redirectUri?: string): SettledLogin | undefined {
    const isMeant = (entry: Entry) =>
      entry.state === state &&
      (redirectUri === undefined || isSamePlace(entry.pending.redirectUri, redirectUri))
    return [...this.#byId.values()].find(isMeant)?.settled ?? undefined
  }

  whenSettled(id: string): Promise<SettledLogin> | undefined {
    return this.#byId.get(id)?.promise
  }

  /** By the wall clock: a timer that slept hands out nothing stale. */
  take(id: string): Readonly<Record<string, string>> | undefined {
    const response = this.#byId.get(id)?.response ?? undefined
    if (response === undefined) return undefined
    this.forgetResponse(id)
    return this.#clock.now() < response.untilMs ? JSON.parse(response.json.reveal()) : undefined
  }

  /** @returns Whether there is such a catch. */
  forgetResponse(id: string): boolean {
    const entry = this.#byId.get(id)
    entry?.response?.cancel()
    if (entry !== undefined) entry.response = null
    return entry !== undefined
  }

  #settle(settled: SettledLogin, state: Secret | null): Entry {
    const entry = this.#byId.get(settled.id)
    if (entry === undefined) throw new CatchdError('internal', 'A catch was settled that nobody follows.')
    entry.settled = settled
    entry.state = state?.reveal() ?? null
    return entry
  }

  #forgetOldest(): void {
    for (const [id, { pending, settled }] of this.#byId) {
      if (this.#byId.size <= MOST_KEPT) return
      if (settled === null) continue
      this.forgetResponse(id)
      this.#byId.delete(id)
      this.#onForget(pending)
    }
  }
}
