/**
 * Serves token sets from memory, refreshes them before they expire while they are in use, or on request, and deletes
 * them.
 *
 * This file and those it calls ensure four rules. A rotated refresh token is in the vault before a caller gets its
 * access token. A set that cannot be stored stays in memory and is served, and storing it is tried again and reported.
 * A failed refresh never deletes a token set. Nothing is stored again after a logout
 * (SECURITY.md#nothing-stored-is-lost, #one-refresh, #vault-never-downgrades). token-life.ts and refresh-back-off.ts
 * decide what to do and when.
 */
import { requireIdTokenProfile } from '../authorization-server/id-token.js'
import type { AuthorizationServers } from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import { needsNoPerson } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import type { ConfigurationStore } from '../config/store.js'
import { CatchdError } from '../failures.js'
import type { LockGate } from '../lock/gate.js'
import type { Vault } from '../vault/vault.js'
import { type IdToken, idTokenOf } from './id-token.js'
import { type LogoutOutcome, logOut } from './logouts.js'
import { RefreshJournal, type Steps } from './refresh-journal.js'
import { Renewals } from './renewals.js'
import {
  decide,
  decideRefused,
  hasToken,
  isFreshFor,
  isOver,
  living,
  loginRequired,
  noIdToken,
  phaseOf,
  recentReplacements,
  type WantedToken,
} from './token-life.js'
import { findProfile, TokenSchedule } from './token-schedule.js'
import type { TokenSet } from './token-set.js'
import { type ProfileTokens, TokenStore } from './token-store.js'

export type TokenProfiles = Pick<ConfigurationStore, 'profile'>

export interface TokenEvent {
  readonly event: `token.${'refreshed' | 'refresh_failed' | 'reauthorize' | 'forgotten' | 'unsaved' | 'saved' | 'journal_failed'}`
  readonly profile?: string
  /** Why it failed. */
  readonly code?: string
  /** Until when the new access token is valid (RFC 3339); `null`: the server does not say. */
  readonly expires_at?: string | null
}

export interface TokenKeeperParts {
  readonly clock: Clock
  readonly vault: Vault
  /** The journal of refresh steps on the disk, opened before the first request. */
  readonly steps: Steps
  readonly servers: AuthorizationServers
  readonly profiles: TokenProfiles
  readonly lock: LockGate
  /** A random number in [0, 1), for jitter. */
  readonly random: () => number
  readonly log: (event: TokenEvent) => void
}

/** What is known about a profile's tokens without asking the server. */
export interface FoundTokens {
  readonly set: TokenSet | null
  readonly needsLogin: boolean
  /** Why a stored set is not used. */
  readonly foreign: CatchdError | null
  /** Since when every refresh has failed, and why the last one did; `null`: the last one succeeded, or there was none. */
  readonly failing: { readonly sinceMs: number; readonly failure: CatchdError } | null
}

export class TokenKeeper {
  readonly #parts: TokenKeeperParts
  readonly #store: TokenStore
  readonly #renewals: Renewals
  readonly #schedule: TokenSchedule

  constructor(parts: TokenKeeperParts) {
    this.#parts = parts
    const { clock, vault, servers, random, log } = parts
    const journal = new RefreshJournal(parts.steps, (error) =>
      log({ event: 'token.journal_failed', code: (error as NodeJS.ErrnoException).code ?? 'internal' }),
    )
    this.#store = new TokenStore({ clock, vault, journal, servers, log })
    this.#renewals = new Renewals({ clock, servers, store: this.#store, journal, random, log })
    this.#schedule = new TokenSchedule({
      ...{ clock, store: this.#store, profiles: parts.profiles, lock: parts.lock },
      renew: (profile, profileTokens) => this.#renew(profile, profileTokens),
      endLifetime: (profile) => this.#endLifetime(profile),
    })
  }

  /** Profiles whose newest token set is in memory only. */
  get unsaved(): string[] {
    return this.#store.unsaved
  }

  /** The fast path: one look-up, no I/O. `undefined` when the set must be loaded or refreshed. */
  peek(profile: string, minTtlSeconds: number | undefined): TokenSet | undefined {
    const profileTokens = this.#store.find(profile)
    const set = profileTokens?.state.set
    if (profileTokens === undefined || set == null || this.#parts.lock.isLocked) return undefined
    const nowMs = this.#parts.clock.now()
    if (!isFreshFor(set, minTtlSeconds ?? profileTokens.minTtlSeconds, nowMs)) return undefined
    const { lifetimeSeconds: lifetime_seconds } = profileTokens
    if (living({ lifetime_seconds }, set, nowMs) === null) return undefined
    this.#schedule.used(profile, profileTokens, nowMs)
    return set
  }

  /**
   * @param minTtlSeconds - Refreshes first when fewer seconds are left; default: the profile's value.
   * @throws CatchdError `profile_unknown`, `login_required`, `provider_*`, `locked`, the vault's codes
   */
  async get(name: string, minTtlSeconds: number | undefined): Promise<TokenSet> {
    const { profiles, lock } = this.#parts
    return lock.use(() => this.#get(profiles.profile(name), minTtlSeconds, 'access_token'))
  }

  /**
   * The id_token, refreshed first when fewer seconds of the id_token itself are left. Shares the refresh with `get`.
   *
   * @throws CatchdError `profile_invalid` when logins of the profile bring none; as `get` does
   */
  async idToken(name: string, minTtlSeconds: number | undefined): Promise<IdToken> {
    const profile = this.#parts.profiles.profile(name)
    requireIdTokenProfile(profile)
    const set = await this.#parts.lock.use(() => this.#get(profile, minTtlSeconds, 'id_token'))
    const idToken = idTokenOf(set)
    // A refresh need not bring a new one (OpenID Connect Core §12.2).
    if (idToken === null || isOver(set, this.#parts.clock.now(), 'id_token')) throw noIdToken(profile, set)
    return idToken
  }

  async #get(profile: Profile, minTtlSeconds: number | undefined, wanted: WantedToken): Promise<TokenSet> {
    const { name } = profile
    const profileTokens = this.#store.of(profile)
    await this.#load(profile, profileTokens)
    const nowMs = this.#parts.clock.now()
    this.#schedule.used(name, profileTokens, nowMs)
    this.#schedule.expect(name, profileTokens)
    const minTtl = minTtlSeconds ?? profile.min_ttl_seconds
    const decision = decide(profileTokens.state, profile, minTtl, nowMs, wanted)
    if (decision.act === 'serve') return decision.set
    if (decision.act === 'wait') {
      await new Promise<void>((resolve) => this.#parts.clock.after(decision.untilMs - nowMs, resolve))
      return this.#get(profile, minTtlSeconds, wanted)
    }
    if (decision.act === 'refuse') throw decision.failure
    try {
      return await this.#renew(profile, profileTokens)
    } catch (error) {
      // A failed refresh does not make a valid token invalid.
      const { fallback } = decision
      const isStill = fallback?.accessToken === profileTokens.state.set?.accessToken
      if (fallback !== null && isStill && !isOver(fallback, this.#parts.clock.now(), wanted)) return fallback
      throw error
    }
  }

  /** Refreshes even during a back-off; joins a refresh under way. @throws as `get` does */
  async refresh(name: string): Promise<TokenSet> {
    const profile = this.#parts.profiles.profile(name)
    return this.#parts.lock.use(() => this.#refresh(profile))
  }

  /**
   * The token set after a server refused one of its tokens: the current one if it is another already, or else of one
   * refresh, which all callers with that token share. A server that refuses every token causes two refreshes in five
   * minutes: see `decideRefused`.
   *
   * @returns A set that still has the refused token if another refresh would not help.
   * @throws as `get` does
   */
  async insteadOf(name: string, refused: string): Promise<TokenSet> {
    const profile = this.#parts.profiles.profile(name)
    return this.#parts.lock.use(() => this.#insteadOf(profile, refused))
  }

  async #insteadOf(profile: Profile, refused: string): Promise<TokenSet> {
    const profileTokens = this.#store.of(profile)
    const set = await this.#load(profile, profileTokens)
    if (set !== null && !hasToken(set, refused)) return this.#get(profile, undefined, 'access_token')
    const nowMs = this.#parts.clock.now()
    const decision = decideRefused(profileTokens.state, profile, nowMs)
    if (decision.act === 'refuse') throw decision.failure
    if (decision.act === 'serve') return decision.set
    const replacements = recentReplacements(profileTokens.state, nowMs) + 1
    const replacement = await this.#refresh(profile)
    profileTokens.step({ step: 'replaced', set: replacement, replacements })
    return replacement
  }

  async #refresh(profile: Profile): Promise<TokenSet> {
    const { name } = profile
    const profileTokens = this.#store.of(profile)
    const set = await this.#load(profile, profileTokens)
    this.#schedule.used(name, profileTokens, this.#parts.clock.now())
    if (needsNoPerson(profile.grant)) return this.#renew(profile, profileTokens)
    if (set === null) throw profileTokens.state.foreign ?? loginRequired(profile, null)
    if (set.refreshToken === null) {
      throw new CatchdError('login_required', {
        profile: name,
        detail: 'The authorization server issued no refresh token, so a new access token requires a login.',
      })
    }
    // The user may try a refused refresh token again. One that had its one try after a kill could look stolen.
    if (set.refusedRefreshToken?.reason === 'interrupted')
      throw loginRequired(profile, set.refusedRefreshToken)
    return this.#renew(profile, profileTokens)
  }

  /** Called when a login requests tokens, which it will pass to {@link keep}. */
  prepareStore(): void {
    this.#store.prepareVault()
  }

  /** To be passed to {@link keep}, which refuses tokens of a login that began before a logout. */
  logoutGeneration(name: string): number {
    return this.#store.find(name)?.logouts ?? 0
  }

  /**
   * Stores the token set of a login: vault first, memory second.
   *
   * @param logoutGeneration - From {@link logoutGeneration}, read before the tokens were requested.
   * @throws CatchdError `login_required` after a logout meanwhile (the tokens are revoked); the vault's codes: the token
   *   set is then served from memory and stored as soon as possible
   */
  async keep(name: string, set: TokenSet, logoutGeneration = this.logoutGeneration(name)): Promise<void> {
    const profile = this.#parts.profiles.profile(name)
    const profileTokens = this.#store.of(profile)
    if (logoutGeneration !== profileTokens.logouts) {
      void this.#parts.servers.revoke(profile, set)
      throw new CatchdError('login_required', {
        profile: name,
        detail: 'The profile was logged out before the login had finished.',
      })
    }
    profileTokens.revision += 1
    profileTokens.jitter = this.#parts.random()
    profileTokens.lastUsedAtMs = this.#parts.clock.now()
    const { revision } = profileTokens
    const failure = await this.#store.save(name, profileTokens, set, { step: 'kept', set })
    if (profileTokens.revision === revision) this.#schedule.expect(name, profileTokens)
    if (failure !== null) throw failure
  }

  /**
   * Revokes at the server where that is possible, then forgets.
   *
   * @param profile - Needed for a profile that was removed from the configuration.
   * @throws the vault's codes when the stored token set cannot be deleted
   */
  async logout(name: string, profile = this.#parts.profiles.profile(name)): Promise<LogoutOutcome> {
    const { lock, servers } = this.#parts
    const outcome = await lock.use(() => logOut(this.#store, servers, profile))
    this.#parts.log({ event: 'token.forgotten', profile: name })
    return outcome
  }

  /** The token set as it is, without refreshing. @throws the vault's codes */
  async find(name: string): Promise<FoundTokens> {
    const profile = this.#parts.profiles.profile(name)
    const profileTokens = this.#store.of(profile)
    const set = await this.#parts.lock.use(() => this.#load(profile, profileTokens))
    const phase = phaseOf(profileTokens.state, profile, 0, this.#parts.clock.now())
    const needsLogin = phase === 'none' || phase === 'login_required'
    const { foreign, lastFailure, failingSinceMs } = profileTokens.state
    const isFailing = lastFailure !== null && failingSinceMs !== null
    const sinceMs = Math.min(failingSinceMs ?? 0, set?.repeatedRefusal?.sinceMs ?? Number.POSITIVE_INFINITY)
    return { set, needsLogin, foreign, failing: isFailing ? { sinceMs, failure: lastFailure } : null }
  }

  /**
   * After a change of the configuration: drops token sets of profiles that were removed, or have another server or client
   * now. A set that was not used because of an earlier change is looked at again.
   */
  reconsider(): void {
    for (const [name, profileTokens] of this.#store.all()) {
      const profile = findProfile(this.#parts.profiles, name)
      const { set, foreign } = profileTokens.state
      const isOther = set != null && profile !== undefined && this.#store.whyForeign(profile, set) !== null
      if (profile !== undefined) profileTokens.follow(profile)
      if (profile === undefined || isOther || foreign !== null) {
        profileTokens.step({ step: 'read', set: undefined })
      } else if (set != null) {
        this.#schedule.expect(name, profileTokens)
      }
    }
  }

  /** Reads the token sets that have a lifetime, so that they are forgotten at its end even if nobody asks for them. */
  watchLifetimes(profiles: Iterable<Profile>): void {
    for (const { name, lifetime_seconds: seconds } of profiles) {
      if (seconds !== undefined) void this.find(name).catch(() => {}) // the next request reads it
    }
  }

  /** Stores what is not stored yet. @returns the profiles for which this failed */
  async flush(): Promise<string[]> {
    await this.#store.flush()
    return this.unsaved
  }

  /** For a lock: when nothing is under way and everything is in the vault. */
  dropMemory(): void {
    this.#store.dropMemory()
  }

  /** Waits for refreshes under way, so that a rotated token is stored before the process ends. */
  async drain(): Promise<void> {
    this.#schedule.close()
    await Promise.allSettled(this.#store.renewing())
    await this.#store.drain()
  }

  async #renew(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet> {
    try {
      return await this.#renewals.renew(profile, profileTokens)
    } finally {
      this.#schedule.expect(profile.name, profileTokens)
    }
  }

  /** The token set, from memory or else from the vault; `null` also if its lifetime is over. @throws the vault's codes */
  async #load(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet | null> {
    const stored = await this.#store.load(profile, profileTokens)
    const set = living(profile, stored, this.#parts.clock.now())
    if (set !== null) this.#schedule.expect(profile.name, profileTokens)
    else if (stored !== null) this.#endLifetime(profile)
    return set
  }

  /** As a logout. No caller waits for the server. */
  #endLifetime(profile: Profile): void {
    void this.logout(profile.name, profile).catch(() => {}) // the next request tries again
  }
}
