/**
 * The tokens of profiles as callers ask for them: get, refresh, prove, inspect, log out. token-keeper.ts has the rules
 * for token sets. This file adds the other effects of a call: the profile counts as in use, and a logout also ends the
 * pending logins and deletes the DPoP key.
 */
import type { DpopProofs, Inspection, TokenInspector, ToolRequest } from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import { needsNoPerson } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { LockGate } from '../lock/gate.js'
import type { IdToken } from './id-token.js'
import type { LogoutOutcome } from './logouts.js'
import { RepeatedQuestions } from './repeated-questions.js'
import { requireScopes, widenedScope } from './scopes.js'
import type { TokenKeeper, TokenProfiles } from './token-keeper.js'
import type { TokenSet } from './token-set.js'

export interface TokenServiceParts {
  readonly clock: Clock
  readonly keeper: TokenKeeper
  readonly profiles: TokenProfiles
  readonly lock: LockGate
  readonly servers: DpopProofs & TokenInspector
  /** A caller wants a token of this profile. Called for every token that is served, so it must be cheap. */
  readonly onUsed: (profile: string) => void
  /** Cancels the pending logins of a profile, so that none of them brings tokens after a logout. */
  readonly cancelLogins: (profile: string) => void
  /** @returns the failure of a refresh with its likely cause, for the user to read */
  readonly explain: (profile: string, failure: unknown) => unknown
}

export class TokenService {
  readonly #parts: TokenServiceParts
  readonly #repeated: RepeatedQuestions

  constructor(parts: TokenServiceParts) {
    this.#parts = parts
    this.#repeated = new RepeatedQuestions(parts.clock)
  }

  /** The fast path: synchronous, no I/O. `undefined` when the token must be refreshed or is not in memory. */
  peek(profile: string, minTtlSeconds: number | undefined): TokenSet | undefined {
    const set = this.#parts.keeper.peek(profile, minTtlSeconds)
    if (set !== undefined) this.#parts.onUsed(profile)
    return set
  }

  /**
   * Refreshes first when less than `minTtlSeconds` (default: the profile's) are left.
   *
   * @param scope - The token must cover these scopes, separated by spaces.
   * @throws CatchdError `profile_unknown`, `login_required`, `scope_insufficient`, `provider_*`, the vault's codes
   */
  async get(name: string, minTtlSeconds: number | undefined, scope?: string): Promise<TokenSet> {
    const { keeper, profiles } = this.#parts
    const set = await this.#explained(name, this.#inUse(name, keeper.get(name, minTtlSeconds)))
    if (scope !== undefined) requireScopes(profiles.profile(name), set, scope)
    return set
  }

  /**
   * The scope of a login whose token covers `asked` and all that the stored token covers; `undefined` if no login can widen
   * it, because tokens of the profile come without one.
   *
   * @throws CatchdError `profile_unknown`, the vault's codes
   */
  async scopeOfStepUp(name: string, asked: string): Promise<string | undefined> {
    const profile = this.#parts.profiles.profile(name)
    if (needsNoPerson(profile.grant)) return undefined
    return widenedScope(profile, (await this.#parts.keeper.find(name)).set, asked)
  }

  /**
   * The id_token; like `get`, but the lifetime of the id_token itself counts.
   *
   * @throws CatchdError `profile_invalid` when logins of the profile bring none; as `get` does
   */
  idToken(profile: string, minTtlSeconds: number | undefined): Promise<IdToken> {
    return this.#explained(profile, this.#inUse(profile, this.#parts.keeper.idToken(profile, minTtlSeconds)))
  }

  /**
   * Refreshes even during a back-off.
   *
   * @param refused - The token that a server refused. It is refreshed only if it is still the current one.
   * @throws CatchdError as `get` does
   */
  async refresh(profile: string, refused?: string): Promise<TokenSet> {
    const { keeper } = this.#parts
    const asked =
      refused === undefined
        ? keeper.refresh(profile)
        : this.#inUse(profile, keeper.insteadOf(profile, refused))
    return this.#explained(profile, asked)
  }

  /**
   * For a program that asks again only after a server refused its token: a token that it was given moments ago counts as
   * refused, as in {@link refresh}. That is a guess, so it never denies a token: if there is no other one, the answer is the
   * same.
   *
   * @param asker - Names the program, the caller that it asks through, and what it asks.
   * @param get - Called again after the refresh.
   * @throws what `get` throws
   */
  async forAsker<Token>(
    profile: string,
    asker: string,
    get: () => Promise<Token>,
    textOf: (token: Token) => string,
  ): Promise<Token> {
    const token = await get()
    if (!this.#repeated.isRepeated(asker, textOf(token))) return token
    await this.#parts.keeper.insteadOf(profile, textOf(token)).catch(() => {}) // the log has the cause
    const other = await get()
    this.#repeated.isRepeated(asker, textOf(other))
    return other
  }

  /** Revokes the tokens if the server can do that, then forgets them. */
  logout(profile: string): Promise<LogoutOutcome> {
    return this.#parts.lock.use(() => this.#logout(profile))
  }

  async #logout(profile: string): Promise<LogoutOutcome> {
    const { keeper, servers, cancelLogins } = this.#parts
    cancelLogins(profile)
    const outcome = await keeper.logout(profile)
    await servers.forgetKey(profile) // nothing is bound to it any more
    return outcome
  }

  /**
   * The token as `get` gives it, and a DPoP proof for this one request (RFC 9449 §4).
   *
   * @throws CatchdError `request_invalid` for a profile without `dpop`; as `get` does
   */
  async prove(
    name: string,
    request: ToolRequest,
  ): Promise<{ readonly set: TokenSet; readonly proof: string }> {
    const { profiles, lock } = this.#parts
    const profile = profiles.profile(name)
    if (!profile.dpop) {
      throw new CatchdError('request_invalid', {
        profile: name,
        detail: 'The profile does not set `dpop`, so its tokens need no proof.',
        next: `catchd token ${name}`,
      })
    }
    return lock.use(async () => this.#prove(profile, request))
  }

  async #prove(profile: Profile, request: ToolRequest) {
    const { name } = profile
    const set = this.peek(name, undefined) ?? (await this.get(name, undefined))
    if (set.tokenType !== 'DPoP') {
      throw new CatchdError('login_required', {
        profile: name,
        detail: 'The token was issued before `dpop` was set, so it is not bound to a key. Log in again.',
      })
    }
    return { set, proof: await this.#parts.servers.prove(profile, set.accessToken, request) }
  }

  /**
   * The tokens as they are, and what their server says about them. Does not refresh them.
   *
   * @throws CatchdError `profile_unknown`, `login_required` when there are no tokens
   */
  inspect(name: string): Promise<{ readonly set: TokenSet; readonly inspection: Inspection }> {
    return this.#parts.lock.use(() => this.#inspect(name))
  }

  async #inspect(name: string) {
    const { keeper, profiles, servers } = this.#parts
    const profile = profiles.profile(name)
    const { set, foreign } = await keeper.find(name)
    if (set === null) {
      throw (
        foreign ??
        new CatchdError('login_required', {
          profile: name,
          detail: `No tokens for '${name}'. Log in first.`,
        })
      )
    }
    return { set, inspection: await servers.inspect(profile, set) }
  }

  /** A failure says its likely cause, and the command that helps. */
  async #explained<Token>(profile: string, asked: Promise<Token>): Promise<Token> {
    try {
      return await asked
    } catch (error) {
      throw this.#parts.explain(profile, error)
    }
  }

  /** A profile that needs a login first is in use too. */
  async #inUse<Token>(profile: string, asked: Promise<Token>): Promise<Token> {
    try {
      const token = await asked
      this.#parts.onUsed(profile)
      return token
    } catch (error) {
      if (error instanceof CatchdError && error.code === 'login_required') this.#parts.onUsed(profile)
      throw error
    }
  }
}
