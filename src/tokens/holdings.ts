/**
 * What is known of each profile's tokens: the state in memory and the record in the vault behind it.
 *
 * Owns the order of writes (vault first, memory second), what was left unsaved, and the reading of a record that
 * the last run may have been cut off at. What to do with a state is token-life.ts, asking servers is renewals.ts.
 */
import type { Clock } from '../clock.js'
import type { Profile } from '../config/profile.js'
import type { CatchdError } from '../failures.js'
import { itemName, type Vault } from '../vault/vault.js'
import { VAULT_KINDS } from '../vault/vault-kinds.js'
import type { RefreshJournal } from './refresh-journal.js'
import { nextState, type TokenState, type TokenStep, UNREAD } from './token-life.js'
import { parseTokenSet, serialiseTokenSet, type TokenSet, type TokenSetOrigin } from './token-set.js'
import { UnsavedItems } from './unsaved-items.js'

export interface HoldingsParts {
  readonly clock: Clock
  readonly vault: Vault
  readonly journal: RefreshJournal
  /** Whom a profile's tokens come from; a token set of anybody else is not the profile's. */
  readonly origin: (profile: Profile) => TokenSetOrigin
  readonly onUnsaved: (profile: string) => void
  readonly onSaved: (profile: string) => void
}

/** One profile's tokens, as they change. */
export class Holding {
  state: TokenState = UNREAD
  minTtlSeconds: number
  /** When somebody last asked for the token in this run. */
  lastUsedAtMs: number | null = null
  /** Drawn anew for each token set. */
  jitter = 0
  loading: Promise<TokenSet | null> | null = null
  renewing: Promise<TokenSet> | null = null
  /** Grows with every login and logout: what began on an older revision must not be written any more. */
  revision = 0
  /** Grows with every logout: a login that was under way then must not bring tokens back. */
  logouts = 0

  constructor(minTtlSeconds: number) {
    this.minTtlSeconds = minTtlSeconds
  }

  step(step: TokenStep): void {
    this.state = nextState(this.state, step)
  }
}

export class Holdings {
  readonly #parts: HoldingsParts
  readonly #holdings = new Map<string, Holding>()
  readonly #unsaved: UnsavedItems

  constructor(parts: HoldingsParts) {
    this.#parts = parts
    this.#unsaved = new UnsavedItems(parts.clock, parts.vault, (profile) => {
      parts.journal.allSettled(profile)
      parts.onSaved(profile)
    })
  }

  /** Profiles whose newest token set is in memory only. */
  get unsaved(): string[] {
    return this.#unsaved.profiles()
  }

  find(profile: string): Holding | undefined {
    return this.#holdings.get(profile)
  }

  of(profile: Profile): Holding {
    let holding = this.#holdings.get(profile.name)
    if (holding === undefined) {
      holding = new Holding(profile.min_ttl_seconds)
      this.#holdings.set(profile.name, holding)
    }
    return holding
  }

  all(): IterableIterator<[string, Holding]> {
    return this.#holdings.entries()
  }

  /** The token set, from memory or else from the vault; many callers make one read. @throws the vault's codes */
  async load(profile: Profile, holding: Holding): Promise<TokenSet | null> {
    if (holding.state.set !== undefined) return holding.state.set
    holding.loading ??= this.#read(profile, holding).finally(() => {
      holding.loading = null
    })
    return holding.loading
  }

  /**
   * Tokens are asked for now, and will be stored: a keychain is asked how it is, so that the process which speaks to it
   * runs by then.
   */
  expectStore(): void {
    if (VAULT_KINDS[this.#parts.vault.kind].hasProcess) void this.#parts.vault.health()
  }

  /**
   * Vault first, memory second: the step is taken when the vault has answered, unless a login or a logout came in
   * between. A set that cannot be stored is kept in memory and stored later.
   *
   * @returns Why it could not be stored, or `null`.
   */
  async store(
    profile: string,
    holding: Holding,
    set: TokenSet,
    remembered: TokenStep | null,
  ): Promise<CatchdError | null> {
    const { revision } = holding
    const failure = await this.#unsaved.store(profile, serialiseTokenSet(set))
    if (failure !== null) this.#parts.onUnsaved(profile)
    else this.#parts.journal.allSettled(profile)
    if (remembered !== null && holding.revision === revision) holding.step(remembered)
    return failure
  }

  /** Deletes the record after every write before it. @throws the vault's codes */
  async remove(profile: string): Promise<void> {
    await this.#unsaved.remove(profile)
    this.#parts.journal.allSettled(profile)
  }

  /** A token set is never shown to, or refreshed at, another server or client than it came from. */
  belongs(profile: Profile, set: TokenSet): boolean {
    const origin = this.#parts.origin(profile)
    return set.authorizationServer === origin.authorizationServer && set.clientId === origin.clientId
  }

  /** Writes what is unsaved once more, and waits for what is being written. */
  async drain(): Promise<void> {
    await this.#unsaved.drain()
    this.#unsaved.close()
  }

  async #read(profile: Profile, holding: Holding): Promise<TokenSet | null> {
    const { revision } = holding
    const item = await this.#parts.vault.get(itemName.tokenSet(profile.name))
    if (holding.revision !== revision) return holding.state.set ?? null
    const stored = item === undefined ? null : parseTokenSet(item)
    const set = stored !== null && this.belongs(profile, stored) ? this.#checked(profile.name, stored) : null
    holding.step({ step: 'read', set })
    if (set !== null && set !== stored) void this.store(profile.name, holding, set, null)
    return set
  }

  /** A refresh token that the last run sent without living to store the answer is dead, unless it is one that stays. */
  #checked(profile: string, set: TokenSet): TokenSet {
    const { refreshToken, refreshTokenStays, refusedRefreshToken } = set
    if (refreshToken === null || refreshTokenStays || refusedRefreshToken !== null) return set
    if (!this.#parts.journal.wasInterrupted(profile, refreshToken)) return set
    return { ...set, refusedRefreshToken: { reason: 'interrupted', error: null, errorDescription: null } }
  }
}
