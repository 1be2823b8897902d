/**
 * Gets new tokens without a login: one request per profile at a time, no matter how many callers ask. A line in the
 * journal comes before the request, and the new tokens are stored before a caller gets one (RFC 6749 §6; §4.4 for
 * client credentials).
 */

import type { RefreshOutcome } from '../authorization-server/port.js'
import { usesRefreshToken } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, type CatchdError } from '../failures.js'
import { backOffAfter } from './refresh-back-off.js'
import type { RefreshJournal } from './refresh-journal.js'
import type { TokenKeeperParts } from './token-keeper.js'
import { loginRequired } from './token-life.js'
import { type RefusedRefreshToken, rotated, type TokenSet, tokenSetFrom } from './token-set.js'
import type { ProfileTokens, TokenStore } from './token-store.js'

export interface RenewalsParts extends Pick<TokenKeeperParts, 'clock' | 'servers' | 'random' | 'log'> {
  readonly store: TokenStore
  readonly journal: RefreshJournal
}

type Refreshed = RefreshOutcome & { outcome: 'refreshed' }

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
    const { clock, store, random, log } = this.#parts
    const { revision } = profileTokens
    const set = profileTokens.state.set ?? null
    profileTokens.step({ step: 'refresh_begun' })
    store.prepareVault()
    const outcome = await this.#ask(profile, set)
    if (profileTokens.revision !== revision) return this.#overtaken(profile, profileTokens, set, outcome)
    if (outcome.outcome === 'refreshed') return this.#keep(profile, profileTokens, set, outcome)
    if (outcome.outcome === 'reauthorize')
      throw await this.#refused(profile, profileTokens, set, outcome.error)
    this.#settle(profile, set)
    const { error, retryAfterSeconds } = outcome
    // The user can end this at any moment with a login to the profile whose token is exchanged, so there is no pause.
    const backOff =
      error.code === 'login_required'
        ? null
        : backOffAfter(profileTokens.state.backOff, retryAfterSeconds, clock.now(), random())
    profileTokens.step({ step: 'refresh_failed', backOff, failure: error })
    log({ event: 'token.refresh_failed', profile: profile.name, code: error.code })
    throw error
  }

  async #ask(profile: Profile, set: TokenSet | null): Promise<RefreshOutcome> {
    const { journal, servers } = this.#parts
    if (set !== null && usesRefreshToken(profile.grant)) {
      if (set.refreshToken !== null) await journal.sending(profile.name, set.refreshToken)
      return servers.refresh(profile, set)
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
    if (profileTokens.revision !== revision) return this.#overtaken(profile, profileTokens, previous, outcome)
    profileTokens.jitter = random()
    log({ event: 'token.refreshed', profile: profile.name })
    return set
  }

  /** Only a login can get new tokens now. The record stays and says why. */
  async #refused(
    profile: Profile,
    profileTokens: ProfileTokens,
    set: TokenSet | null,
    error: CatchdError,
  ): Promise<CatchdError> {
    const { name } = profile
    const refusedRefreshToken: RefusedRefreshToken = {
      reason: error.code === 'provider_answer_invalid' ? 'answer_invalid' : 'refused',
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
  ): TokenSet {
    this.#settle(profile, previous)
    profileTokens.step({ step: 'overtaken' })
    if (outcome.outcome === 'refreshed') {
      void this.#parts.servers.revoke(profile, this.#successor(profile, null, outcome))
    }
    if (profileTokens.state.set == null) throw loginRequired(profile, null)
    return profileTokens.state.set
  }

  #settle(profile: Profile, set: TokenSet | null): void {
    if (set !== null && set.refreshToken !== null) this.#parts.journal.settled(profile.name, set.refreshToken)
  }
}
