/** The tokens that a login obtains: from which server, and how they are stored. */

import type { TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { TokenSet } from '../tokens/token-set.js'
import type { StoredSummary } from './login.js'
import type { ReportParts } from './login-report.js'
import type { TokenKeeping } from './ports.js'

/**
 * Resolves when the token set is in the vault.
 *
 * @throws CatchdError `login_required` after a logout, the vault's codes
 */
export async function keepTokens(
  { tokens, describeVault }: { readonly tokens: TokenKeeping; readonly describeVault: () => string },
  profile: string,
  set: TokenSet,
  logoutGeneration: number,
): Promise<StoredSummary> {
  await tokens.keep(profile, set, logoutGeneration)
  return {
    storedIn: describeVault(),
    scope: set.scope,
    accessTokenExpiresAtMs: set.expiresAtMs,
    hasRefreshToken: set.refreshToken !== null,
    subject: set.subject,
  }
}

/** The profile with the scope that a login asks for. @param scope - `null`: the scope of the profile. */
export function askingFor(profile: Profile, scope: string | null): Profile {
  return scope === null ? profile : { ...profile, scope }
}

/**
 * The profile of a login. A code or device code is sent only to the server and client that the login began with.
 *
 * @param scope - What the login asked for; `null`: the scope of the profile.
 * @throws CatchdError `profile_unknown`, `profile_invalid`
 */
export function profileOfLogin(
  { profiles, servers }: ReportParts,
  name: string,
  begunAt: TokenSetOrigin,
  scope: string | null = null,
): Profile {
  const profile = askingFor(profiles.profile(name), scope)
  const now = servers.origin(profile)
  const isSame = now.authorizationServer === begunAt.authorizationServer && now.clientId === begunAt.clientId
  if (isSame) return profile
  throw new CatchdError('profile_invalid', {
    profile: name,
    detail:
      'The profile was changed to another authorization server or client during the login, so the code was not sent.',
    next: `catchd login ${name}`,
  })
}
