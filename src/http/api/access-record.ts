/**
 * Records which key got which profile's token and when, so that the user can see it. In memory, one entry for each key,
 * profile and minute; only the newest are kept. Part of the fast path, so it only looks up and counts.
 */

import { toInstant } from '../../clock.js'

/** The tokens that one key got for one profile within a minute. */
export interface Access {
  /** Name of an API key, `admin`, or `socket`. */
  readonly client: string
  readonly profile: string
  readonly firstAtMs: number
  lastAtMs: number
  count: number
}

const SPAN_MS = 60_000
const MOST_KEPT = 200

export class AccessRecord {
  readonly #nowMs: () => number
  readonly #onSpan: (access: Access) => void
  readonly #newest: Access[] = []
  /** The current period by profile and key, as long as it is in `#newest`, so that it is bounded too. */
  readonly #running = new Map<string, Map<string, Access>>()

  /** @param onSpan - Called when a period begins: once for each key, profile and minute. */
  constructor(nowMs: () => number, onSpan: (access: Access) => void) {
    this.#nowMs = nowMs
    this.#onSpan = onSpan
  }

  served(client: string, profile: string): void {
    const nowMs = this.#nowMs()
    const running = this.#running.get(profile)?.get(client)
    const sinceMs = running === undefined ? SPAN_MS : nowMs - running.firstAtMs
    // A clock that was set back begins a new period too.
    if (running === undefined || sinceMs < 0 || sinceMs >= SPAN_MS) {
      this.#begin(client, profile, nowMs)
    } else {
      running.lastAtMs = nowMs
      running.count += 1
    }
  }

  /** The newest first. */
  get newest(): readonly Access[] {
    return this.#newest.toReversed()
  }

  #begin(client: string, profile: string, nowMs: number): void {
    const access: Access = { client, profile, firstAtMs: nowMs, lastAtMs: nowMs, count: 1 }
    const ofProfile = this.#running.get(profile) ?? new Map<string, Access>()
    this.#running.set(profile, ofProfile.set(client, access))
    this.#newest.push(access)
    if (this.#newest.length > MOST_KEPT) this.#forgetOldest()
    this.#onSpan(access)
  }

  #forgetOldest(): void {
    const oldest = this.#newest.shift()
    if (oldest === undefined) return
    const ofProfile = this.#running.get(oldest.profile)
    if (ofProfile?.get(oldest.client) !== oldest) return
    ofProfile.delete(oldest.client)
    if (ofProfile.size === 0) this.#running.delete(oldest.profile)
  }
}

export function tokenAccess({ client, profile, firstAtMs, lastAtMs, count }: Access) {
  return { client, profile, first_at: toInstant(firstAtMs), last_at: toInstant(lastAtMs), count }
}
