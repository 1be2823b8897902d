/**
 * The tokens of each profile: the state in memory and the record in the vault.
 *
 * Owns the order of writes (vault first, memory second), the sets that could not be saved yet, and reading a record
 * after a run that may have ended in the middle of a refresh. token-life.ts decides what to do in a state; renewals.ts
 * sends the requests to servers.
 */

import type { Profile } from '../config/profile.js'
import { asCatchdError, type CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { itemName } from '../vault/vault.js'
import { VAULT_KINDS } from '../vault/vault-kinds.js'
import type { RefreshJournal } from './refresh-journal.js'
import type { TokenKeeperParts } from './token-keeper.js'
import { nextState, type TokenState, type TokenStep, UNREAD } from './token-life.js'
import { bound, whyForeign } from './token-origin.js'
import { parseTokenSet, serialiseTokenSet, type TokenSet } from './token-set.js'
import { UnsavedItems } from './unsaved-items.js'

export interface TokenStoreParts extends Pick<TokenKeeperParts, 'clock' | 'vault' | 'servers' | 'log'> {
  readonly journal: RefreshJournal
}

/** One profile's tokens, as they change. */
export class ProfileTokens {
  state: TokenState = UNREAD
  minTtlSeconds = 0
  lifetimeSeconds: number | undefined
  /** When a caller last asked for the token in this run. */
  lastUsedAtMs: number | null = null
  /** A new random number for each token set. */
  jitter = 0
  loading: Promise<TokenSet | null> | null = null
  renewing: Promise<TokenSet> | null = null
  /** Grows with every login and logout: work that began on an older revision must not be written. */
  revision = 0
  /** Grows with every logout: a login that was under way must not bring tokens back. */
  logouts = 0

  constructor(profile: Profile) {
    this.follow(profile)
  }

  /** Copies what the fast path needs of the configuration. */
  follow({ min_ttl_seconds, lifetime_seconds }: Profile): void {
    this.minTtlSeconds = min_ttl_seconds
    this.lifetimeSeconds = lifetime_seconds
  }

  step(step: TokenStep): void {
    this.state = nextState(this.state, step)
  }
}

export class TokenStore {
  readonly #parts: TokenStoreParts
  readonly #store = new Map<string, ProfileTokens>()
  readonly #unsaved: UnsavedItems

  constructor(parts: TokenStoreParts) {
    this.#parts = parts
    this.#unsaved = new UnsavedItems(parts.clock, parts.vault, (profile) => {
      parts.journal.allSettled(profile)
      parts.log({ event: 'token.saved', profile })
    })
  }

  /** Profiles whose newest token set is in memory only. */
  get unsaved(): string[] {
    return this.#unsaved.profiles()
  }

  find(profile: string): ProfileTokens | undefined {
    return this.#store.get(profile)
  }

  of(profile: Profile): ProfileTokens {
    let profileTokens = this.#store.get(profile.name)
    if (profileTokens === undefined) {
      profileTokens = new ProfileTokens(profile)
      this.#store.set(profile.name, profileTokens)
    }
    return profileTokens
  }

  all(): IterableIterator<[string, ProfileTokens]> {
    return this.#store.entries()
  }

  /** Requests for new tokens that are under way. */
  renewing(): Promise<TokenSet>[] {
    return [...this.#store.values()].flatMap(({ renewing }) => renewing ?? [])
  }

  /** The token set, from memory or else from the vault. Concurrent callers share one read. @throws the vault's codes */
  async load(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet | null> {
    if (profileTokens.state.set !== undefined) return profileTokens.state.set
    profileTokens.loading ??= this.#read(profile, profileTokens).finally(() => {
      profileTokens.loading = null
    })
    return profileTokens.loading
  }

  /** Starts the process of a keychain, so that it runs when the tokens that are being requested are to be stored. */
  prepareVault(): void {
    if (VAULT_KINDS[this.#parts.vault.kind].hasProcess) void this.#parts.vault.findTrouble()
  }

  /**
   * Vault first, memory second: `step` happens when the vault has answered, unless a login or a logout happened
   * meanwhile. A set that cannot be stored is kept in memory and stored later.
   *
   * @returns Why it could not be stored, or `null`.
   */
  async save(
    profile: string,
    profileTokens: ProfileTokens,
    set: TokenSet,
    step: TokenStep | null,
  ): Promise<CatchdError | null> {
    const { revision } = profileTokens
    const failure = await this.#unsaved.store(profile, serialiseTokenSet(set))
    if (failure !== null) this.#parts.log({ event: 'token.unsaved', profile })
    else this.#parts.journal.allSettled(profile)
    if (step !== null && profileTokens.revision === revision) profileTokens.step(step)
    return failure
  }

  /** Deletes the record after every write before it. @throws the vault's codes */
  async remove(profile: string): Promise<void> {
    await this.#unsaved.remove(profile)
    this.#parts.journal.allSettled(profile)
  }

  /**
   * A token set is never served for, or refreshed at, another server or client than the one it came from.
   *
   * @returns Why it is not used; `null` if it belongs to the profile as it is configured now.
   */
  whyForeign(profile: Profile, set: TokenSet): CatchdError | null {
    return whyForeign(set, this.#parts.servers.origin(profile), profile)
  }

  /** Tries to save unsaved sets once more, and waits for every write under way. */
  flush(): Promise<void> {
    return this.#unsaved.flush()
  }

  /** What was read from the vault is read again when it is next needed. Only when nothing is under way or unsaved. */
  dropMemory(): void {
    for (const profileTokens of this.#store.values()) profileTokens.step({ step: 'read', set: undefined })
  }

  /** As {@link flush}, and stops trying. */
  drain(): Promise<void> {
    return this.#unsaved.drain()
  }

  async #read(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet | null> {
    const { revision } = profileTokens
    const item = await this.#parts.vault.get(itemName.tokenSet(profile.name))
    if (profileTokens.revision !== revision) return profileTokens.state.set ?? null
    const stored = item === undefined ? null : readSet(profile, item)
    const foreign = stored === null ? null : this.whyForeign(profile, stored)
    const isUsable = stored !== null && foreign === null
    const set = isUsable ? this.#checked(profile.name, bound(stored, profile)) : null
    profileTokens.step({ step: 'read', set, foreign })
    if (set !== null && set !== stored) void this.save(profile.name, profileTokens, set, null)
    return set
  }

  /** After a kill a refresh token is tried once. A kill during that try ends it, unless the server keeps the refresh token valid. */
  #checked(profile: string, set: TokenSet): TokenSet {
    const { refreshToken, refreshTokenStays, refusedRefreshToken } = set
    if (refreshToken === null || refreshTokenStays || refusedRefreshToken !== null) return set
    if (!this.#parts.journal.wasInterruptedTwice(profile, refreshToken)) return set
    return { ...set, refusedRefreshToken: { reason: 'interrupted', error: null, errorDescription: null } }
  }
}

function readSet({ name }: Profile, item: Secret): TokenSet {
  try {
    return parseTokenSet(item)
  } catch (error) {
    throw asCatchdError(error).of(name)
  }
}
