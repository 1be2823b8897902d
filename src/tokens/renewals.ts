/**
 * Getting new tokens without a person: one request per profile at a time, however many ask, journalled before a
 * refresh token leaves and stored before anybody is served (RFC 6749 §6; §4.4 for client credentials).
 */

import type { AuthorizationServers, RefreshOutcome } from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import { usesRefreshToken } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, type CatchdError } from '../failures.js'
import { backOffAfter } from './refresh-back-off.js'
import type { RefreshJournal } from './refresh-journal.js'
import { loginRequired } from './token-life.js'
import { rotated, type TokenSet, tokenSetFrom } from './token-set.js'
import type { ProfileTokens, TokenStore } from './token-store.js'

export type RenewalEvent =
  | { readonly event: 'token.refreshed'; readonly profile: string }
  | {
      readonly event: 'token.refresh_failed' | 'token.reauthorize'
      readonly profile: string
      readonly code: string
    }

export interface RenewalsParts {
  readonly clock: Clock
  readonly servers: AuthorizationServers
  readonly store: TokenStore
  readonly journal: RefreshJournal
  /** A random number in [0, 1), for jitter. */
  readonly random: () => number
  readonly log: (event: RenewalEvent) => void
}

export class Renewals {
  readonly #parts: RenewalsParts
  readonly #running = new Set<Promise<unknown>>()

  constructor(parts: RenewalsParts) {
    this.#parts = parts
  }

  /** Requests under way. */
  get count(): number {
    return this.#running.size
  }

  /**
   * New tokens for the profile, from the request under way or a new one.
   *
   * @throws CatchdError `login_required`, `provider_*`
   */
  renew(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet> {
    if (profileTokens.renewing !== null) return profileTokens.renewing
    const renewing = this.#request(profile, profileTokens).finally(() => {
      profileTokens.renewing = null
      this.#running.delete(renewing)
    })
    profileTokens.renewing = renewing
    this.#running.add(renewing)
    return renewing
  }

  /** Waits for the requests under way, so that a rotated token is stored before the process ends. */
  async drain(): Promise<void> {
    await Promise.allSettled([...this.#running])
  }

  async #request(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet> {
    const { revision } = profileTokens
    const set = profileTokens.state.set ?? null
    profileTokens.step({ step: 'refresh_begun' })
    this.#parts.store.prepareVault()
    const outcome = await this.#ask(profile, set)
    if (profileTokens.revision !== revision) return this.#overtaken(profile, profileTokens, set, outcome)
    if (outcome.outcome === 'refreshed') return this.#keep(profile, profileTokens, set, outcome)
    if (outcome.outcome === 'reauthorize')
      throw await this.#refused(profile, profileTokens, set, outcome.error)
    this.#settle(profile, set)
    const { clock, random } = this.#parts
    // A person can end this at any moment, by logging in to the profile whose token is exchanged: nobody waits for them.
    const isPersons = outcome.error.code === 'login_required'
    const backOff = isPersons
      ? null
      : backOffAfter(profileTokens.state.backOff, outcome.retryAfterSeconds, clock.now(), random())
    profileTokens.step({ step: 'refresh_failed', backOff, failure: outcome.error })
    this.#parts.log({ event: 'token.refresh_failed', profile: profile.name, code: outcome.error.code })
    throw outcome.error
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
    outcome: RefreshOutcome & { outcome: 'refreshed' },
  ): Promise<TokenSet> {
    const { clock, store, random, log } = this.#parts
    const { revision } = profileTokens
    const set = this.#successor(profile, previous, outcome)
    const step = { step: 'refreshed', set, atMs: clock.now() } as const
    await store.save(profile.name, profileTokens, set, step)
    if (set.refreshTokenStays) this.#settle(profile, previous)
    if (profileTokens.revision !== revision) return this.#overtaken(profile, profileTokens, previous, outcome)
    profileTokens.jitter = random()
    log({ event: 'token.refreshed', profile: profile.name })
    return set
  }

  /** The record stays and says why: only a person can get new tokens now, and nothing is deleted for it. */
  async #refused(
    profile: Profile,
    profileTokens: ProfileTokens,
    set: TokenSet | null,
    error: CatchdError,
  ): Promise<CatchdError> {
    const refused = {
      reason: error.code === 'provider_answer_invalid' ? 'answer_invalid' : 'refused',
      error: error.error ?? null,
      errorDescription: error.errorDescription ?? null,
    } as const
    const failure = loginRequired(profile.name, refused)
    if (set !== null) {
      const marked = { ...set, refusedRefreshToken: refused }
      const step = { step: 'refresh_refused', set: marked, failure } as const
      profileTokens.step(step) // callers that come while the vault is slow are told at once
      await this.#parts.store.save(profile.name, profileTokens, marked, step)
    }
    this.#parts.log({ event: 'token.reauthorize', profile: profile.name, code: error.code })
    return failure
  }

  #successor(
    profile: Profile,
    set: TokenSet | null,
    { response }: RefreshOutcome & { outcome: 'refreshed' },
  ): TokenSet {
    const { clock, servers } = this.#parts
    if (set !== null) return rotated(set, response, clock.now())
    return tokenSetFrom(response, servers.origin(profile), profile.scope ?? null, clock.now())
  }

  /** A login or a logout came in between: what it left stands, and tokens nobody will use are revoked. */
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
    if (profileTokens.state.set == null) throw loginRequired(profile.name, null)
    return profileTokens.state.set
  }

  #settle(profile: Profile, set: TokenSet | null): void {
    if (set !== null && set.refreshToken !== null) this.#parts.journal.settled(profile.name, set.refreshToken)
  }
}
