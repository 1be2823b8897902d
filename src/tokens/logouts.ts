/**
 * Logs a profile out: revokes its tokens at the authorization server if possible (RFC 7009), then deletes them. From
 * the start of the logout no caller gets a token, and the answers of requests already under way are not stored.
 */
import type { AuthorizationServers } from '../authorization-server/port.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { TokenSet } from './token-set.js'
import type { TokenStore } from './token-store.js'

/** What a logout did at the authorization server. */
export interface LogoutOutcome {
  readonly revoked: boolean
  /** Why the tokens are still valid at the server; `null` when they are not, or there were none. */
  readonly notRevoked: string | null
}

/** @throws the vault's codes when the stored token set cannot be deleted */
export async function logOut(
  store: TokenStore,
  servers: AuthorizationServers,
  profile: Profile,
): Promise<LogoutOutcome> {
  const profileTokens = store.of(profile)
  profileTokens.logouts += 1
  // A record that cannot be read is forgotten too. If the vault cannot be reached at all, deleting fails.
  const set = await store.load(profile, profileTokens).catch(asCatchdError)
  profileTokens.revision += 1
  const { revision } = profileTokens
  const { foreign } = profileTokens.state
  profileTokens.step({ step: 'forgotten' })
  const notRevoked =
    set instanceof CatchdError
      ? 'The stored token set could not be read.'
      : (foreign?.message ?? (await whyNotRevoked(servers, profile, set)))
  try {
    if (profileTokens.revision === revision) await store.remove(profile.name)
  } catch (error) {
    profileTokens.step({ step: 'read', set: undefined }) // it is still in the vault: the next request reads it there
    throw error
  }
  return { revoked: set !== null && notRevoked === null, notRevoked }
}

async function whyNotRevoked(
  servers: AuthorizationServers,
  profile: Profile,
  set: TokenSet | null,
): Promise<string | null> {
  if (set === null) return null
  const outcome = await servers.revoke(profile, set)
  if (outcome.outcome === 'revoked') return null
  return outcome.outcome === 'failed' ? outcome.error.message : 'No revocation endpoint is known.'
}
