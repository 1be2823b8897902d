/**
 * Caches the documents that servers publish in memory for ten minutes. Simultaneous callers share one request. Failures
 * and missing documents are not cached.
 */
import type { Clock } from '../clock.js'
import { RecentMap } from './recent-map.js'

const KEPT_MS = 600_000
/** A dropped document is fetched again when it is needed. */
const MOST_KEPT = 256

interface Entry<Kept> {
  readonly untilMs: number
  readonly document: Promise<Kept | undefined>
  settled?: Kept
}

export class MetadataCache<Kept> {
  readonly #clock: Pick<Clock, 'now'>
  readonly #kept = new RecentMap<Entry<Kept>>(MOST_KEPT)

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** @param request - Called if nothing is cached for the key. Its errors are thrown. */
  of(key: string, request: () => Promise<Kept | undefined>): Promise<Kept | undefined> {
    const known = this.#kept.get(key)
    const now = this.#clock.now()
    // A clock that was set back must not make a document valid for longer.
    if (known !== undefined && now < known.untilMs && known.untilMs - now <= KEPT_MS) return known.document
    const entry: Entry<Kept> = { untilMs: now + KEPT_MS, document: request() }
    this.#kept.set(key, entry)
    const forget = () => {
      if (this.#kept.get(key) === entry) this.#kept.delete(key)
    }
    entry.document.then((document) => {
      if (document === undefined) forget()
      else entry.settled = document
    }, forget)
    return entry.document
  }

  /** Replaces what is cached for the key. */
  put(key: string, document: Kept): void {
    const untilMs = this.#clock.now() + KEPT_MS
    this.#kept.set(key, { untilMs, document: Promise.resolve(document), settled: document })
  }

  /** The next caller sends a request. */
  forget(key: string): void {
    this.#kept.delete(key)
  }

  /** The last document, even if it is old. Sends no request. */
  lastOf(key: string): Kept | undefined {
    return this.#kept.get(key)?.settled
  }
}
