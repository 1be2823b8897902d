/**
 * Who got which profile's token when, for the person whose tokens they are: the newest spans of at most a minute, one for
 * each key and profile, in memory. Pure but for the clock that is handed in; on the hot path, so that it looks up and
 * counts, and nothing else.
 */

import { toInstant } from '../../clock.js'
import type { TokenAccess } from './services.js'

/** Served within one minute of the first time. */
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
  /** The running span of each profile and key; of those that are kept only, so that it is bounded too. */
  readonly #running = new Map<string, Map<string, Access>>()

  /** @param onSpan - Told when a span begins: once for each key, profile and minute. */
  constructor(nowMs: () => number, onSpan: (access: Access) => void) {
    this.#nowMs = nowMs
    this.#onSpan = onSpan
  }

  served(client: string, profile: string): void {
    const nowMs = this.#nowMs()
    const running = this.#running.get(profile)?.get(client)
    const sinceMs = running === undefined ? SPAN_MS : nowMs - running.firstAtMs
    // A clock that was set back begins a new span too.
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

export function tokenAccess({ client, profile, firstAtMs, lastAtMs, count }: Access): TokenAccess {
  return { client, profile, first_at: toInstant(firstAtMs), last_at: toInstant(lastAtMs), count }
}
