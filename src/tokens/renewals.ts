/**
 * Gets new tokens without a login: one request per profile at a time, no matter how many callers ask. A line in the
 * journal comes before the request, and the new tokens are stored before a caller gets one (RFC 6749 §6; §4.4 for
 * client credentials).
 */

import type { RefreshOutcome } from '../authorization-server/port.js'
import { instantOrNull } from '../clock.js'
import { usesRefreshToken } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, type CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { backOffAfter } from './refresh-back-off.js'
import type { RefreshJournal } from './refresh-journal.js'
import { isRepeatedForHours, withRefusal } from './repeated-refusal.js'
import type { TokenKeeperParts } from './token-keeper.js'
import { loginRequired } from './token-life.js'
import { type RefusedRefreshToken, rotated, type TokenSet, tokenSetFrom, withRotated } from './token-set.js'
import type { ProfileTokens, TokenStore } from './token-store.js'

export interface RenewalsParts extends Pick<TokenKeeperParts, 'clock' | 'servers' | 'random' | 'log'> {
  readonly store: TokenStore
  readonly journal: RefreshJournal
}

type Refreshed = RefreshOutcome & { outcome: 'refreshed' }
type Failed = RefreshOutcome & { outcome: 'retry_later' }

export class Renewals {
  readonly #parts: RenewalsParts

  constructor(parts: RenewalsParts) {
    this.#parts = parts
  }

  /**
   * New tokens for the profile, from the request under way or a new one.
   *
   * @throws CatchdError `login_required`, `provider_*`
   */
  renew(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet> {
    profileTokens.renewing ??= this.#request(profile, profileTokens).finally(() => {
      profileTokens.renewing = null
    })
    return profileTokens.renewing
  }

  async #request(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet> {
    const { store } = this.#parts
    const { revision } = profileTokens
    const set = profileTokens.state.set ?? null
    let stored = set
    profileTokens.step({ step: 'refresh_begun' })
    store.prepareVault()
    const outcome = await this.#ask(profile, set, async (refreshToken) => {
      if (set !== null) stored = withRotated(set, refreshToken)
      if (stored === null || profileTokens.revision !== revision) return
      await store.save(profile.name, profileTokens, stored, { step: 'rotated', set: stored })
    })
    if (profileTokens.revision !== revision) {
      return this.#overtaken(profile, profileTokens, set, outcome, stored === set ? null : stored)
    }
    if (outcome.outcome === 'refreshed') return this.#keep(profile, profileTokens, set, outcome)
    if (outcome.outcome === 'reauthorize') {
      const { error } = outcome
      const reason =
        error.code === 'provider_answer_invalid' ? 'answer_invalid' : this.#whyRefused(profile, stored)
      throw await this.#refused(profile, profileTokens, stored, reason, error)
    }
    throw await this.#failed(profile, profileTokens, stored, outcome)
  }

  /** The token set stays valid, and the request is repeated later, unless it was refused like this for hours. */
  async #failed(
    profile: Profile,
    profileTokens: ProfileTokens,
    set: TokenSet | null,
    { error, refusal, isSilent, retryAfterSeconds }: Failed,
  ): Promise<CatchdError> {
    const { clock, store, journal, random, log } = this.#parts
    const { name } = profile
    const nowMs = clock.now()
    const counted = set === null || refusal === undefined ? set : withRefusal(set, refusal, nowMs)
    const { repeatedRefusal } = counted ?? {}
    if (refusal !== undefined && repeatedRefusal != null && isRepeatedForHours(repeatedRefusal, nowMs)) {
      return this.#refused(profile, profileTokens, counted, 'repeated', error)
    }
    // The one try after a kill: a server that refuses without a word (glewlwyd) has most likely rotated the refresh token.
    if (
      isSilent &&
      refusal !== undefined &&
      set?.refreshToken &&
      journal.wasInterrupted(name, set.refreshToken)
    ) {
      return this.#refused(profile, profileTokens, set, 'interrupted', error)
    }
    // The user can end this at any moment with a login to the profile whose token is exchanged, so there is no pause.
    const backOff =
      error.code === 'login_required'
        ? null
        : backOffAfter(profileTokens.state.backOff, retryAfterSeconds, nowMs, random())
    profileTokens.step({ step: 'refresh_failed', set: counted, backOff, failure: error, atMs: nowMs })
    if (counted !== null && counted !== set) await store.save(name, profileTokens, counted, null)
    // A rotated refresh token that could not be stored leaves the one in the vault unsettled.
    if (set?.refreshToken && !store.unsaved.includes(name)) await journal.unsettled(name, set.refreshToken)
    log({ event: 'token.refresh_failed', profile: name, code: error.code })
    return error
  }

  async #ask(
    profile: Profile,
    set: TokenSet | null,
    keepRotated: (refreshToken: Secret) => Promise<void>,
  ): Promise<RefreshOutcome> {
    const { journal, servers } = this.#parts
    if (set !== null && usesRefreshToken(profile.grant)) {
      if (set.refreshToken !== null) await journal.sending(profile.name, set.refreshToken)
      return servers.refresh(profile, set, keepRotated)
    }
    try {
      return { outcome: 'refreshed', response: await servers.obtain(profile) }
    } catch (error) {
      return { outcome: 'retry_later', error: asCatchdError(error), retryAfterSeconds: null }
    }
  }

  async #keep(
    profile: Profile,
    profileTokens: ProfileTokens,
    previous: TokenSet | null,
    outcome: Refreshed,
  ): Promise<TokenSet> {
    const { clock, store, random, log } = this.#parts
    const { revision } = profileTokens
    const set = this.#successor(profile, previous, outcome)
    await store.save(profile.name, profileTokens, set, { step: 'refreshed', set, atMs: clock.now() })
    if (set.refreshTokenStays) this.#settle(profile, previous)
    if (profileTokens.revision !== revision)
      return this.#overtaken(profile, profileTokens, previous, outcome, null)
    profileTokens.jitter = random()
    log({ event: 'token.refreshed', profile: profile.name, expires_at: instantOrNull(set.expiresAtMs) })
    return set
  }

  /** The one try after a kill was the last one, also for a user who asks for a refresh. */
  #whyRefused({ name }: Profile, set: TokenSet | null): RefusedRefreshToken['reason'] {
    const isOneTry = set?.refreshToken && this.#parts.journal.wasInterrupted(name, set.refreshToken)
    return isOneTry ? 'interrupted' : 'refused'
  }

  /** Only a login can get new tokens now. The record stays and says why. */
  async #refused(
    profile: Profile,
    profileTokens: ProfileTokens,
    set: TokenSet | null,
    reason: RefusedRefreshToken['reason'],
    error: CatchdError,
  ): Promise<CatchdError> {
    const { name } = profile
    const refusedRefreshToken: RefusedRefreshToken = {
      reason,
      error: error.error ?? null,
      errorDescription: error.errorDescription ?? null,
    }
    const failure = loginRequired(profile, refusedRefreshToken)
    if (set !== null) {
      const marked = { ...set, refusedRefreshToken }
      const step = { step: 'refresh_refused', set: marked, failure } as const
      profileTokens.step(step) // while the vault is slow, other callers already get the failure
      await this.#parts.store.save(name, profileTokens, marked, step)
    }
    this.#parts.log({ event: 'token.reauthorize', profile: name, code: error.code })
    return failure
  }

  #successor(profile: Profile, set: TokenSet | null, { response }: Refreshed): TokenSet {
    const { clock, servers } = this.#parts
    if (set !== null && usesRefreshToken(profile.grant)) return rotated(set, response, clock.now())
    return tokenSetFrom(response, servers.origin(profile), profile.scope ?? null, clock.now())
  }

  /** A login or a logout happened during the request: its result stays, and tokens that nobody will use are revoked. */
  #overtaken(
    profile: Profile,
    profileTokens: ProfileTokens,
    previous: TokenSet | null,
    outcome: RefreshOutcome,
    rotated: TokenSet | null,
  ): TokenSet {
    this.#settle(profile, previous)
    profileTokens.step({ step: 'overtaken' })
    const unused = outcome.outcome === 'refreshed' ? this.#successor(profile, null, outcome) : rotated
    if (unused !== null) void this.#parts.servers.revoke(profile, unused)
    if (profileTokens.state.set == null) throw loginRequired(profile, null)
    return profileTokens.state.set
  }

  #settle(profile: Profile, set: TokenSet | null): void {
    if (set !== null && set.refreshToken !== null) this.#parts.journal.settled(profile.name, set.refreshToken)
  }
}
