/** The catches that wait for their authorization response. Pure. */
import { CatchdError } from '../failures.js'
import type { PendingCatch } from './login.js'
import { isSamePlace } from './redirect-uris.js'

/** Each may hold a port. */
const MOST = 100

export class PendingCatches {
  /** Insertion order is age. */
  readonly #byId = new Map<string, PendingCatch>()

  get size(): number {
    return this.#byId.size
  }

  /** @throws CatchdError `too_many_logins` */
  ensureRoom(): void {
    if (this.#byId.size < MOST) return
    throw new CatchdError('too_many_logins', `${MOST} tools wait for authorization responses already.`)
  }

  add(pending: PendingCatch): void {
    this.#byId.set(pending.id, pending)
  }

  find(id: string): PendingCatch | undefined {
    return this.#byId.get(id)
  }

  hasState(state: string): boolean {
    return this.#withState(state) !== undefined
  }

  /** On its own redirect URI only. */
  findByState(state: string, redirectUri: string): PendingCatch | undefined {
    const found = this.#withState(state)
    return found !== undefined && isSamePlace(found.redirectUri, redirectUri) ? found : undefined
  }

  on(redirectUri: string): PendingCatch[] {
    return [...this.#byId.values()].filter((pending) => isSamePlace(pending.redirectUri, redirectUri))
  }

  remove(id: string): PendingCatch | undefined {
    const pending = this.#byId.get(id)
    this.#byId.delete(id)
    return pending
  }

  /** Removes and returns those whose time is over. */
  takeExpired(nowMs: number): PendingCatch[] {
    const expired = [...this.#byId.values()].filter(({ expiresAtMs }) => nowMs >= expiresAtMs)
    for (const { id } of expired) this.#byId.delete(id)
    return expired
  }

  nextExpiryMs(): number | undefined {
    const all = [...this.#byId.values()].map(({ expiresAtMs }) => expiresAtMs)
    return all.length === 0 ? undefined : Math.min(...all)
  }

  #withState(state: string): PendingCatch | undefined {
    return [...this.#byId.values()].find((pending) => pending.state?.reveal() === state)
  }
}
