/**
 * From a claimed code to a stored token set: the code goes to whom the login was begun with, once, and what comes back
 * is kept before anybody is told (RFC 6749 §4.1.3).
 */

import type { TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import type { AuthorizationServers } from '../authorization-server/port.js'
import type { Transcript } from '../authorization-server/transcript.js'
import type { Clock } from '../clock.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { tokenSetFrom } from '../tokens/token-set.js'
import type { PendingLogin, StoredSummary } from './login.js'
import type { Claim } from './pending-logins.js'
import type { LoginProfiles, TokenKeeping } from './ports.js'
import { summaryOf } from './stored-summary.js'

export interface RedemptionParts {
  readonly clock: Clock
  readonly servers: AuthorizationServers
  readonly tokens: TokenKeeping
  readonly profiles: Pick<LoginProfiles, 'profile'>
  readonly describeVault: () => string
}

/** @throws CatchdError `profile_invalid`, `provider_*`, `login_required` after a logout, the vault's codes */
export async function redeem(
  parts: RedemptionParts,
  login: PendingLogin,
  claim: Claim & { verdict: 'code' },
  transcript: Transcript,
): Promise<StoredSummary> {
  const { clock, servers, tokens } = parts
  const profile = profileOfLogin(parts, login.profile, login.origin)
  const logoutGeneration = tokens.logoutGeneration(login.profile)
  tokens.prepareStore()
  const response = await servers.redeem(profile, {
    code: claim.code,
    signedResponse: claim.signedResponse,
    redirectUri: login.redirectUri,
    codeVerifier: login.codeVerifier,
    nonce: login.nonce,
    transcript,
  })
  const set = tokenSetFrom(response, login.origin, profile.scope ?? null, clock.now(), claim.extra)
  await tokens.keep(login.profile, set, logoutGeneration)
  return summaryOf(set, parts.describeVault())
}

/**
 * The profile of a login, unless it was pointed elsewhere since: neither a code nor a device code is sent to anybody
 * but the server that the login was begun at.
 *
 * @throws CatchdError `profile_unknown`, `profile_invalid`
 */
export function profileOfLogin(
  { profiles, servers }: Pick<RedemptionParts, 'profiles' | 'servers'>,
  name: string,
  begunAt: TokenSetOrigin,
): Profile {
  const profile = profiles.profile(name)
  const now = servers.origin(profile)
  const isSame = now.authorizationServer === begunAt.authorizationServer && now.clientId === begunAt.clientId
  if (isSame) return profile
  throw new CatchdError('profile_invalid', {
    profile: name,
    detail:
      'The profile was changed to another authorization server or client during the login; the code was not sent.',
    next: `catchd login ${name}`,
  })
}
