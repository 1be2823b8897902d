/**
 * Whether a stored token set still belongs to its profile. A set is never served for, or sent to, another server or
 * client than the one it came from (SECURITY.md#one-secret-one-server). Pure.
 *
 * This compares with the profile as it is configured. Endpoints that metadata names are compared when a request is
 * sent, in authorization-server/secret-destination.ts.
 */
import type { TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import type { Profile } from '../config/profile.js'
import { changed, changeOfServer, configuredServer } from '../config/server-binding.js'
import { CatchdError } from '../failures.js'
import type { TokenSet } from './token-set.js'

/**
 * @param origin - Of a set that the profile would get now.
 * @returns Why the set is not used; `null` if it belongs to the profile.
 */
export function whyForeign(set: TokenSet, origin: TokenSetOrigin, profile: Profile): CatchdError | null {
  const change = changeSince(set, origin, profile)
  if (change === undefined) return null
  return new CatchdError('login_required', {
    profile: profile.name,
    detail: `The stored tokens belong to another server or client: ${change}. catchd does not use them with the new one.`,
  })
}

function changeSince(set: TokenSet, origin: TokenSetOrigin, profile: Profile): string | undefined {
  if (set.clientId !== origin.clientId) return changed('client_id', set.clientId, origin.clientId)
  if (set.server !== null && !isNamedByResource(profile)) return changeOfServer(set.server, profile)
  const { authorizationServer: before } = set
  const { authorizationServer: now } = origin
  return before === now ? undefined : `the server changed from ${before} to ${now}`
}

/**
 * Binds a set that an earlier version stored to the server that its profile names now. What happened to the profile
 * before that is not known. If a resource server names the issuer, the next refresh binds the set.
 */
export function bound(set: TokenSet, profile: Profile): TokenSet {
  if (set.server !== null || isNamedByResource(profile)) return set
  return { ...set, server: configuredServer(profile) }
}

function isNamedByResource({ issuer, token_endpoint }: Profile): boolean {
  return issuer === undefined && token_endpoint === undefined
}
