/**
 * The keeper of token sets: serves them from memory, refreshes them one request at a time, and stores what it
 * gets before anybody sees it.
 *
 * Promises kept here (DESIGN: one refresh; nothing stored is lost; the vault never silently downgrades): a
 * rotated refresh token is in the vault before its access token is handed out; what cannot be stored stays in
 * memory, is served, retried and reported; a failed refresh never deletes a token set; nothing comes back
 * after a logout. What to do at which time is token-life.ts and refresh-back-off.ts.
 */
import type { AuthorizationServers, RefreshOutcome } from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, CatchdError } from '../failures.js'
import { itemName, type Vault } from '../vault/vault.js'
import { type BackOff, backOffAfter, mustWait } from './refresh-back-off.js'
import { tokenLife } from './token-life.js'
import { parseTokenSet, rotated, serialiseTokenSet, type TokenSet, tokenSetFrom } from './token-set.js'
import { UnsavedItems } from './unsaved-items.js'

export interface TokenProfiles {
  /** @throws CatchdError `profile_unknown`, `config_invalid` */
  profile(name: string): Profile
}

export type TokenEvent =
  | {
      readonly event: 'token.refreshed' | 'token.forgotten' | 'token.unsaved' | 'token.saved'
      readonly profile: string
    }
  | {
      readonly event: 'token.refresh_failed' | 'token.reauthorize'
      readonly profile: string
      readonly code: string
    }

export interface TokenKeeperParts {
  readonly clock: Clock
  readonly vault: Vault
  readonly servers: AuthorizationServers
  readonly profiles: TokenProfiles
  /** A random number in [0, 1), for jitter. */
  readonly random: () => number
  readonly log: (event: TokenEvent) => void
}

/** What is known of one profile's tokens. */
interface Holding {
  /** `undefined`: not read from the vault yet; `null`: there is none. */
  set: TokenSet | null | undefined
  minTtlSeconds: number
  loading: Promise<TokenSet | null> | null
  refreshing: Promise<TokenSet> | null
  /** Grows with every login and logout: what began on an older revision must not be written any more. */
  revision: number
  backOff: BackOff | null
  lastFailure: CatchdError | null
  /** Why the refresh token of the current set is dead. */
  dead: CatchdError | null
}

export class TokenKeeper {
  readonly #parts: TokenKeeperParts
  readonly #holdings = new Map<string, Holding>()
  readonly #unsaved: UnsavedItems

  constructor(parts: TokenKeeperParts) {
    this.#parts = parts
    this.#unsaved = new UnsavedItems(parts.clock, parts.vault, (profile) =>
      parts.log({ event: 'token.saved', profile }),
    )
  }

  /** Profiles whose newest token set is in memory only. */
  get unsaved(): string[] {
    return this.#unsaved.profiles()
  }

  /** The fresh-token path: one look-up, no I/O; `undefined` when more has to be done. */
  peek(profile: string, minTtlSeconds: number | undefined): TokenSet | undefined {
    const holding = this.#holdings.get(profile)
    if (holding?.set == null) return undefined
    const wanted = minTtlSeconds ?? holding.minTtlSeconds
    return tokenLife(holding.set, wanted, this.#parts.clock.now()) === 'fresh' ? holding.set : undefined
  }

  /**
   * @param minTtlSeconds - Refreshed first when fewer seconds are left; the profile's own value by default.
   * @throws CatchdError `profile_unknown`, `login_required`, `provider_*`, the vault's codes
   */
  async get(name: string, minTtlSeconds: number | undefined): Promise<TokenSet> {
    const profile = this.#parts.profiles.profile(name)
    const holding = this.#holding(profile)
    const set = await this.#load(profile, holding)
    const now = this.#parts.clock.now()
    if (set === null) return this.#acquire(profile, holding)
    const life = tokenLife(set, minTtlSeconds ?? profile.min_ttl_seconds, now)
    if (life === 'fresh') return set
    if (!canRenew(profile, set) || holding.dead !== null) {
      if (life === 'due') return set
      throw loginRequired(name, holding.dead)
    }
    if (holding.refreshing === null && mustWait(holding.backOff, now)) {
      if (life === 'due') return set
      throw holding.lastFailure ?? new CatchdError('provider_unreachable', { profile: name })
    }
    try {
      return await this.#renew(profile, holding)
    } catch (error) {
      // Whatever went wrong, a token that is still good is still good (promise 5).
      if (holding.set === set && tokenLife(set, 0, this.#parts.clock.now()) !== 'expired') return set
      throw error
    }
  }

  /** A forced refresh, whatever the back-off; joins one that is under way. @throws as `get` does */
  async refresh(name: string): Promise<TokenSet> {
    const profile = this.#parts.profiles.profile(name)
    const holding = this.#holding(profile)
    const set = await this.#load(profile, holding)
    if (set === null) return this.#acquire(profile, holding)
    if (!canRenew(profile, set)) {
      throw new CatchdError('login_required', {
        profile: name,
        detail: 'The authorization server gave no refresh token, so a new access token needs a login.',
      })
    }
    return this.#renew(profile, holding)
  }

  /**
   * Takes a login's token set: vault first, memory second.
   *
   * @throws the vault's codes; the token set is then served from memory and stored as soon as it can be
   */
  async keep(name: string, set: TokenSet): Promise<void> {
    const holding = this.#holding(this.#parts.profiles.profile(name))
    holding.revision += 1
    holding.backOff = null
    holding.dead = null
    const failure = await this.#store(name, holding, set)
    if (failure !== null) throw failure
  }

  /**
   * Revokes at the server where it can be, then forgets. From the first moment on nobody is served.
   *
   * @throws the vault's codes when the stored token set cannot be deleted
   */
  async logout(name: string): Promise<{ revoked: boolean; notRevoked: string | null }> {
    return this.forget(this.#parts.profiles.profile(name))
  }

  /** {@link logout} of a profile that may have left the configuration. */
  async forget(profile: Profile): Promise<{ revoked: boolean; notRevoked: string | null }> {
    const { name } = profile
    const holding = this.#holding(profile)
    const set = await this.#load(profile, holding)
    holding.revision += 1
    holding.set = null
    const outcome = set === null ? null : await this.#parts.servers.revoke(profile, set)
    try {
      if (holding.set === null) await this.#unsaved.remove(name)
    } catch (error) {
      holding.set = undefined // it is still in the vault: the next question asks there
      throw error
    }
    this.#parts.log({ event: 'token.forgotten', profile: name })
    if (outcome === null || outcome.outcome === 'revoked')
      return { revoked: outcome !== null, notRevoked: null }
    if (outcome.outcome === 'unsupported')
      return { revoked: false, notRevoked: 'No revocation endpoint is known.' }
    return { revoked: false, notRevoked: outcome.error.message }
  }

  /** The token set as it is, without refreshing. @throws the vault's codes */
  async find(name: string): Promise<{ set: TokenSet | null; needsLogin: boolean }> {
    const profile = this.#parts.profiles.profile(name)
    const holding = this.#holding(profile)
    const set = await this.#load(profile, holding)
    if (set === null) return { set, needsLogin: profile.grant !== 'client_credentials' }
    const expired = tokenLife(set, 0, this.#parts.clock.now()) === 'expired'
    return { set, needsLogin: expired && (!canRenew(profile, set) || holding.dead !== null) }
  }

  /** After a change of the configuration: token sets of removed or redirected profiles leave the memory. */
  reconsider(): void {
    for (const [name, holding] of this.#holdings) {
      const profile = this.#findProfile(name)
      if (profile === undefined) {
        holding.set = undefined
        continue
      }
      holding.minTtlSeconds = profile.min_ttl_seconds
      if (holding.set != null && !this.#belongs(profile, holding.set)) holding.set = undefined
    }
  }

  /** Waits for refreshes under way, so that a rotated token is stored before the process ends. */
  async drain(): Promise<void> {
    await Promise.allSettled([...this.#holdings.values()].flatMap(({ refreshing }) => refreshing ?? []))
    await this.#unsaved.retryNow()
    this.#unsaved.close()
  }

  #findProfile(name: string): Profile | undefined {
    try {
      return this.#parts.profiles.profile(name)
    } catch {
      return undefined
    }
  }

  #holding(profile: Profile): Holding {
    let holding = this.#holdings.get(profile.name)
    if (holding === undefined) {
      holding = {
        set: undefined,
        minTtlSeconds: profile.min_ttl_seconds,
        loading: null,
        refreshing: null,
        revision: 0,
        backOff: null,
        lastFailure: null,
        dead: null,
      }
      this.#holdings.set(profile.name, holding)
    }
    return holding
  }

  async #load(profile: Profile, holding: Holding): Promise<TokenSet | null> {
    if (holding.set !== undefined) return holding.set
    holding.loading ??= this.#read(profile, holding).finally(() => {
      holding.loading = null
    })
    return holding.loading
  }

  async #read(profile: Profile, holding: Holding): Promise<TokenSet | null> {
    const { revision } = holding
    const item = await this.#parts.vault.get(itemName.tokenSet(profile.name))
    if (holding.revision !== revision) return holding.set ?? null
    const stored = item === undefined ? null : parseTokenSet(item)
    holding.set = stored !== null && this.#belongs(profile, stored) ? stored : null
    return holding.set
  }

  /** A token set is never shown to, or refreshed at, another server or client than it came from. */
  #belongs(profile: Profile, set: TokenSet): boolean {
    const origin = this.#parts.servers.origin(profile)
    return set.authorizationServer === origin.authorizationServer && set.clientId === origin.clientId
  }

  /** No token set: a person has to log in, unless the client may ask by itself (RFC 6749 §4.4). */
  #acquire(profile: Profile, holding: Holding): Promise<TokenSet> {
    if (profile.grant === 'client_credentials') return this.#renew(profile, holding)
    throw loginRequired(profile.name, null)
  }

  /** One request at a time; everybody who asks meanwhile waits for the same one. */
  #renew(profile: Profile, holding: Holding): Promise<TokenSet> {
    holding.refreshing ??= this.#request(profile, holding).finally(() => {
      holding.refreshing = null
    })
    return holding.refreshing
  }

  async #request(profile: Profile, holding: Holding): Promise<TokenSet> {
    const { revision, set } = holding
    const outcome = await this.#ask(profile, set ?? null)
    if (holding.revision !== revision) return this.#overtaken(profile, holding, outcome)
    if (outcome.outcome === 'refreshed') {
      holding.backOff = null
      holding.lastFailure = null
      await this.#store(profile.name, holding, this.#successor(profile, set ?? null, outcome))
      if (holding.revision !== revision) return this.#overtaken(profile, holding, outcome)
      this.#parts.log({ event: 'token.refreshed', profile: profile.name })
      if (holding.set == null) throw loginRequired(profile.name, null)
      return holding.set
    }
    if (outcome.outcome === 'reauthorize') {
      holding.dead = outcome.error
      this.#parts.log({ event: 'token.reauthorize', profile: profile.name, code: outcome.error.code })
      throw loginRequired(profile.name, outcome.error)
    }
    const { clock, random } = this.#parts
    holding.backOff = backOffAfter(holding.backOff, outcome.retryAfterSeconds, clock.now(), random())
    holding.lastFailure = outcome.error
    this.#parts.log({ event: 'token.refresh_failed', profile: profile.name, code: outcome.error.code })
    throw outcome.error
  }

  async #ask(profile: Profile, set: TokenSet | null): Promise<RefreshOutcome> {
    if (set !== null && profile.grant !== 'client_credentials')
      return this.#parts.servers.refresh(profile, set)
    try {
      return { outcome: 'refreshed', response: await this.#parts.servers.clientCredentials(profile) }
    } catch (error) {
      return { outcome: 'retry_later', error: asCatchdError(error), retryAfterSeconds: null }
    }
  }

  #successor(
    profile: Profile,
    set: TokenSet | null,
    { response }: RefreshOutcome & { outcome: 'refreshed' },
  ): TokenSet {
    const now = this.#parts.clock.now()
    if (set !== null) return rotated(set, response, now)
    return tokenSetFrom(response, this.#parts.servers.origin(profile), profile.scope ?? null, now)
  }

  /** A login or a logout came in between: what it left stands, and tokens nobody will use are revoked. */
  async #overtaken(profile: Profile, holding: Holding, outcome: RefreshOutcome): Promise<TokenSet> {
    if (outcome.outcome === 'refreshed') {
      const orphan = this.#successor(profile, null, outcome)
      void this.#parts.servers.revoke(profile, orphan)
    }
    if (holding.set == null) throw loginRequired(profile.name, null)
    return holding.set
  }

  /**
   * Vault first, memory second. A set that cannot be stored is kept in memory and stored later.
   *
   * @returns Why it could not be stored, or `null`.
   */
  async #store(name: string, holding: Holding, set: TokenSet): Promise<CatchdError | null> {
    const { revision } = holding
    const failure = await this.#unsaved.store(name, serialiseTokenSet(set))
    if (failure !== null) this.#parts.log({ event: 'token.unsaved', profile: name })
    if (holding.revision === revision) holding.set = set
    return failure
  }
}

/** Whether new tokens can be had without a person. */
function canRenew(profile: Profile, set: TokenSet): boolean {
  return set.refreshToken !== null || profile.grant === 'client_credentials'
}

function loginRequired(profile: string, reason: CatchdError | null): CatchdError {
  return new CatchdError('login_required', {
    profile,
    detail:
      reason === null
        ? 'No usable token is stored for this profile.'
        : 'The authorization server does not accept the refresh token any more.',
    ...(reason?.error === undefined ? {} : { error: reason.error }),
    ...(reason?.errorDescription === undefined ? {} : { errorDescription: reason.errorDescription }),
  })
}
