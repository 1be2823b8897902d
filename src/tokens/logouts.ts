/**
 * Ending what a profile was given: revoked at the authorization server where it can be (RFC 7009), then forgotten.
 *
 * From the first moment on nobody is served, and what was under way when it began brings nothing back.
 */
import type { AuthorizationServers } from '../authorization-server/port.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { TokenSet } from './token-set.js'
import type { ProfileTokens, TokenStore } from './token-store.js'

/** What a logout did at the authorization server. */
export interface LogoutOutcome {
  readonly revoked: boolean
  /** Why the server still knows the tokens; `null` when it does not, or there were none. */
  readonly notRevoked: string | null
}

const UNREADABLE: LogoutOutcome = { revoked: false, notRevoked: 'The stored token set could not be read.' }

export interface LogoutsParts {
  readonly servers: AuthorizationServers
  readonly store: TokenStore
  readonly onForgotten: (profile: string) => void
}

export class Logouts {
  readonly #parts: LogoutsParts

  constructor(parts: LogoutsParts) {
    this.#parts = parts
  }

  /** @throws the vault's codes when the stored token set cannot be deleted */
  async forget(profile: Profile): Promise<LogoutOutcome> {
    const { name } = profile
    const { store, onForgotten } = this.#parts
    const profileTokens = store.of(profile)
    profileTokens.logouts += 1
    const set = await this.#load(profile, profileTokens)
    profileTokens.revision += 1
    const { revision } = profileTokens
    profileTokens.step({ step: 'forgotten' })
    const outcome = set instanceof CatchdError ? UNREADABLE : await this.#revoke(profile, set)
    try {
      if (profileTokens.revision === revision) await store.remove(name)
    } catch (error) {
      profileTokens.step({ step: 'read', set: undefined }) // it is still in the vault: the next question asks there
      throw error
    }
    onForgotten(name)
    return outcome
  }

  /** A record that cannot be read is forgotten, too; whether the vault itself can be reached shows when it is deleted. */
  async #load(profile: Profile, profileTokens: ProfileTokens): Promise<TokenSet | null | CatchdError> {
    try {
      return await this.#parts.store.load(profile, profileTokens)
    } catch (error) {
      return asCatchdError(error)
    }
  }

  async #revoke(profile: Profile, set: TokenSet | null): Promise<LogoutOutcome> {
    if (set === null) return { revoked: false, notRevoked: null }
    const outcome = await this.#parts.servers.revoke(profile, set)
    switch (outcome.outcome) {
      case 'revoked':
        return { revoked: true, notRevoked: null }
      case 'unsupported':
        return { revoked: false, notRevoked: 'No revocation endpoint is known.' }
      case 'failed':
        return { revoked: false, notRevoked: outcome.error.message }
    }
  }
}
