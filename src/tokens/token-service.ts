/**
 * The tokens of profiles as callers ask for them: fetched, refreshed, proved, looked into, logged out. The rules of a
 * token set's life are the keeper's; here is what one call means beyond them: that the profile is in use, and what else
 * ends with a logout.
 */
import type { DpopProofs, Inspection, TokenInspector, ToolRequest } from '../authorization-server/port.js'
import { CatchdError } from '../failures.js'
import type { IdToken } from './id-token.js'
import type { LogoutOutcome } from './logouts.js'
import type { TokenKeeper, TokenProfiles } from './token-keeper.js'
import type { TokenSet } from './token-set.js'

export interface TokenServiceParts {
  readonly keeper: TokenKeeper
  readonly profiles: TokenProfiles
  readonly servers: DpopProofs & TokenInspector
  /** A caller wants a token of this profile. Called for every token that is served: it must cost nothing. */
  readonly onUsed: (profile: string) => void
  /** Ends the pending logins of a profile, so that none of them brings tokens after a logout. */
  readonly cancelLogins: (profile: string) => void
  /** @returns the failure of a refresh with its likely cause, for a person to read */
  readonly explain: (profile: string, failure: unknown) => unknown
}

export class TokenService {
  readonly #parts: TokenServiceParts

  constructor(parts: TokenServiceParts) {
    this.#parts = parts
  }

  /** The fresh-token path: synchronous, no I/O. `undefined` when the token must be refreshed or is not in memory. */
  peek(profile: string, minTtlSeconds: number | undefined): TokenSet | undefined {
    const set = this.#parts.keeper.peek(profile, minTtlSeconds)
    if (set !== undefined) this.#parts.onUsed(profile)
    return set
  }

  /**
   * Refreshes first when less than `minTtlSeconds` (default: the profile's) are left.
   *
   * @throws CatchdError `profile_unknown`, `login_required`, `provider_*`, the vault's codes
   */
  get(profile: string, minTtlSeconds: number | undefined): Promise<TokenSet> {
    return this.#noticed(profile, this.#parts.keeper.get(profile, minTtlSeconds))
  }

  /**
   * The id_token; like `get`, but what counts is what is left of the id_token itself.
   *
   * @throws CatchdError `profile_invalid` where logins bring none; as `get` does
   */
  idToken(profile: string, minTtlSeconds: number | undefined): Promise<IdToken> {
    return this.#noticed(profile, this.#parts.keeper.idToken(profile, minTtlSeconds))
  }

  /**
   * A forced refresh, whatever the back-off. A person asks for it and reads why it failed; tools that ask for a token
   * only branch on the code.
   *
   * @throws CatchdError as `get` does
   */
  async refresh(profile: string): Promise<TokenSet> {
    const { keeper, explain } = this.#parts
    try {
      return await keeper.refresh(profile)
    } catch (error) {
      throw explain(profile, error)
    }
  }

  /** Revokes where the server can, then forgets. `notRevoked` says why the server still knows the tokens. */
  async logout(profile: string): Promise<LogoutOutcome> {
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
    const { profiles, servers } = this.#parts
    const profile = profiles.profile(name)
    if (!profile.dpop) {
      throw new CatchdError('request_invalid', {
        profile: name,
        detail: 'The profile has no `dpop`: its tokens go without a proof.',
        next: `catchd token ${name}`,
      })
    }
    const set = this.peek(name, undefined) ?? (await this.get(name, undefined))
    if (set.tokenType !== 'DPoP') {
      throw new CatchdError('login_required', {
        profile: name,
        detail: 'The token is from before `dpop` was set: it is bound to no key.',
      })
    }
    return { set, proof: await servers.prove(profile, set.accessToken, request) }
  }

  /**
   * The tokens as they are, and what their server says about them. Nothing is refreshed for it.
   *
   * @throws CatchdError `profile_unknown`, `login_required` where there are no tokens
   */
  async inspect(name: string): Promise<{ readonly set: TokenSet; readonly inspection: Inspection }> {
    const { keeper, profiles, servers } = this.#parts
    const profile = profiles.profile(name)
    const { set } = await keeper.find(name)
    if (set === null) {
      throw new CatchdError('login_required', {
        profile: name,
        detail: 'There are no tokens to look into: nobody has logged in to the profile.',
      })
    }
    return { set, inspection: await servers.inspect(profile, set) }
  }

  /** A profile is in use, too, where a person has to log in first. */
  async #noticed<Token>(profile: string, asked: Promise<Token>): Promise<Token> {
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
