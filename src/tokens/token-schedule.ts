/**
 * What happens to token sets without a caller: refreshes ahead of expiry while a profile is in use, and the end of
 * lifetimes (`lifetime_seconds`). The timer sleeps for at most 30 s and then reads the wall clock.
 */
import { Alarm, type Clock } from '../clock.js'
import type { Profile } from '../config/profile.js'
import type { LockGate } from '../lock/gate.js'
import type { TokenProfiles } from './token-keeper.js'
import { lifetimeEndMs, refreshDueAtMs } from './token-life.js'
import type { ProfileTokens, TokenStore } from './token-store.js'

/** How many refreshes ahead of expiry run at once, so that a laptop that wakes up does not send hundreds. */
const MOST_AHEAD_AT_ONCE = 16
const NEXT_BATCH_MS = 1_000

/** A profile that no caller asked for in this time is refreshed on demand only. */
const IN_USE_MS = 24 * 60 * 60 * 1_000

const LONGEST_SLEEP_MS = 30_000

export interface TokenScheduleParts {
  readonly clock: Clock
  readonly store: TokenStore
  readonly profiles: TokenProfiles
  readonly lock: LockGate
  readonly renew: (profile: Profile, profileTokens: ProfileTokens) => Promise<unknown>
  /** Revokes and forgets the tokens; no caller waits for it. */
  readonly endLifetime: (profile: Profile) => void
}

export class TokenSchedule {
  readonly #parts: TokenScheduleParts
  readonly #alarm: Alarm

  constructor(parts: TokenScheduleParts) {
    this.#parts = parts
    this.#alarm = new Alarm(parts.clock, LONGEST_SLEEP_MS, (nowMs) => this.#wake(nowMs))
  }

  /** A caller asks for the token. Cheap if the profile was in use already: this is on the fast path. */
  used(name: string, profileTokens: ProfileTokens, nowMs: number): void {
    const wasInUse = isInUse(profileTokens, nowMs)
    profileTokens.lastUsedAtMs = nowMs
    if (!wasInUse) this.expect(name, profileTokens)
  }

  /** After every change of a token set. */
  expect(name: string, profileTokens: ProfileTokens): void {
    const profile = findProfile(this.#parts.profiles, name)
    if (profile === undefined) return
    this.#alarm.wakeBy(refreshAtMs(profile, profileTokens, this.#parts.clock.now()))
    this.#alarm.wakeBy(endOfLifeMs(profile, profileTokens))
  }

  close(): void {
    this.#alarm.close()
  }

  /** Does what is due. @returns when to look again */
  #wake(nowMs: number): number | null {
    const { store, lock, renew, endLifetime } = this.#parts
    if (lock.isLocked) return null
    let free = MOST_AHEAD_AT_ONCE - store.renewing().length
    let nextMs = Number.POSITIVE_INFINITY
    for (const [name, profileTokens] of store.all()) {
      const profile = findProfile(this.#parts.profiles, name)
      if (profile === undefined) continue
      const endMs = endOfLifeMs(profile, profileTokens)
      if (endMs !== null && endMs <= nowMs) {
        endLifetime(profile)
        continue
      }
      const atMs = refreshAtMs(profile, profileTokens, nowMs)
      nextMs = Math.min(nextMs, endMs ?? nextMs)
      if (atMs === null) continue
      if (atMs > nowMs) nextMs = Math.min(nextMs, atMs)
      else if (free <= 0) nextMs = Math.min(nextMs, nowMs + NEXT_BATCH_MS)
      else {
        free -= 1
        void lock.use(() => renew(profile, profileTokens)).catch(() => {}) // logged already
      }
    }
    return Number.isFinite(nextMs) ? nextMs : null
  }
}

/** @returns `undefined` if the configuration has no such profile. */
export function findProfile(profiles: TokenProfiles, name: string): Profile | undefined {
  try {
    return profiles.profile(name)
  } catch {
    return undefined
  }
}

function endOfLifeMs(profile: Profile, { state: { set } }: ProfileTokens): number | null {
  return set == null ? null : lifetimeEndMs(profile, set)
}

function refreshAtMs(profile: Profile, profileTokens: ProfileTokens, nowMs: number): number | null {
  if (profile.refresh !== 'ahead' || !isInUse(profileTokens, nowMs)) return null
  return refreshDueAtMs(profileTokens.state, profile, profile.min_ttl_seconds, profileTokens.jitter, nowMs)
}

/** A clock that was set back does not make a profile unused. */
function isInUse({ lastUsedAtMs }: ProfileTokens, nowMs: number): boolean {
  return lastUsedAtMs !== null && nowMs - lastUsedAtMs <= IN_USE_MS
}
