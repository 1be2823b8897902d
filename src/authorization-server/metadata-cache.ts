/**
 * What servers publish, kept for ten minutes in memory: asked for once by all who wait for it, a failure and a
 * "nothing there" not kept.
 */
import type { Clock } from '../clock.js'

const KEPT_MS = 600_000
/** Beyond this the oldest document is dropped and asked for again when it is needed. */
const MOST_KEPT = 256

export class MetadataCache<Kept> {
  readonly #clock: Pick<Clock, 'now'>
  readonly #kept = new Map<
    string,
    { readonly untilMs: number; readonly document: Promise<Kept | undefined>; settled?: Kept }
  >()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** @param request - Called when nothing is kept for the key; what it throws is thrown. */
  of(key: string, request: () => Promise<Kept | undefined>): Promise<Kept | undefined> {
    const known = this.#kept.get(key)
    const now = this.#clock.now()
    // A clock that was set back must not keep a document for longer.
    if (known !== undefined && now < known.untilMs && known.untilMs - now <= KEPT_MS) return known.document
    const entry: { untilMs: number; document: Promise<Kept | undefined>; settled?: Kept } = {
      untilMs: now + KEPT_MS,
      document: request(),
    }
    this.#kept.delete(key)
    this.#kept.set(key, entry)
    const forget = () => {
      if (this.#kept.get(key) === entry) this.#kept.delete(key)
    }
    entry.document.then((document) => {
      if (document === undefined) forget()
      else entry.settled = document
    }, forget)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MOST_KEPT) break
      this.#kept.delete(oldest)
    }
    return entry.document
  }

  /** What came last, be it old; asks nobody. */
  lastOf(key: string): Kept | undefined {
    return this.#kept.get(key)?.settled
  }
}
