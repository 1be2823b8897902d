/**
 * Limits that all callers share: pending logins, calls that wait, streams of events, open requests. One API key gets at most
 * a quarter of a limit, and all API keys together three quarters. The rest is always there for the user
 * (SECURITY.md#everything-bounded).
 */
import { CatchdError } from './failures.js'

/** The name of an API key. `null` for the user: the socket, the admin key, the dashboard, and keys that may do everything. */
export type Holder = string | null

export class Shares {
  readonly #most: number
  readonly #ofKey: number
  readonly #ofKeys: number
  readonly #held = new Map<Holder, number>()

  constructor(most: number) {
    this.#most = most
    this.#ofKey = Math.ceil(most / 4)
    this.#ofKeys = Math.ceil((most * 3) / 4)
  }

  hasRoom(holder: Holder): boolean {
    const all = [...this.#held.values()].reduce((sum, count) => sum + count, 0)
    if (all >= this.#most) return false
    const ofKeys = all - (this.#held.get(null) ?? 0)
    return holder === null || ((this.#held.get(holder) ?? 0) < this.#ofKey && ofKeys < this.#ofKeys)
  }

  /** @returns Gives it back. To be called once. */
  take(holder: Holder): () => void {
    this.#held.set(holder, (this.#held.get(holder) ?? 0) + 1)
    return () => {
      const left = (this.#held.get(holder) ?? 0) - 1
      if (left > 0) this.#held.set(holder, left)
      else this.#held.delete(holder)
    }
  }

  /** @param what - In the plural: `calls are waiting for logins`. @throws CatchdError `too_many_logins` */
  require(holder: Holder, what: string): void {
    if (!this.hasRoom(holder)) throw this.tooMany(holder, `${this.#most} ${what}, which is the limit.`)
  }

  /** @param detail - For the user. A key learns its own limits. */
  tooMany(holder: Holder, detail: string): CatchdError {
    if (holder === null) return new CatchdError('too_many_logins', detail)
    return new CatchdError(
      'too_many_logins',
      `An API key can use ${this.#ofKey} of ${this.#most} at the same time, and all API keys together ${this.#ofKeys}. This limit is reached.`,
    )
  }
}

/** @param held - The oldest first. @returns The oldest of the holder that has the most: it gives way to a new one. */
export function givingWay<Held>(held: readonly Held[], holderOf: (held: Held) => Holder): Held | undefined {
  const counts = new Map<Holder, number>()
  for (const each of held) counts.set(holderOf(each), (counts.get(holderOf(each)) ?? 0) + 1)
  const most = Math.max(...counts.values())
  return held.find((each) => counts.get(holderOf(each)) === most)
}
