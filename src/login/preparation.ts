/**
 * A login before anybody hears of it: fresh `state`, `code_verifier` and `nonce`, and the authorization URL that
 * carries them (RFC 6749 §4.1.1, RFC 7636 §4.3); or those of a request that another tool built. Nothing is stored or
 * bound here.
 */

import { randomId, randomSecret } from '../authorization-server/pkce.js'
import type {
  AuthorizationRequest,
  AuthorizationServers,
  ExpectedIssuer,
} from '../authorization-server/port.js'
import type { Clock } from '../clock.js'
import { needsNoPerson, usesRedirectUri } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { RESPONSE_MODES } from '../config/response-modes.js'
import { CatchdError } from '../failures.js'
import type { CertificateFiles } from './doorway.js'
import type { PendingLogin } from './login.js'
import type { AdoptionRequest } from './login-request.js'
import type { LoginProfiles } from './ports.js'

export interface PreparationParts {
  readonly clock: Clock
  readonly servers: AuthorizationServers
  readonly profiles: Pick<LoginProfiles, 'issRequired'>
  readonly timeoutSeconds: number
}

/**
 * @param redirectUri - As it is bound, its port included.
 * @throws CatchdError `profile_invalid`, `provider_*`
 */
export async function prepareLogin(
  { clock, servers, profiles, ...parts }: PreparationParts,
  profile: Profile,
  redirectUri: string,
  timeoutSeconds: number = parts.timeoutSeconds,
): Promise<PendingLogin> {
  const state = randomSecret()
  const codeVerifier = profile.code_challenge_method === 'none' ? null : randomSecret()
  const nonce = (profile.scope ?? '').split(/[ ,]/).includes('openid') ? randomSecret() : null
  const request = { redirectUri, state, codeVerifier, nonce }
  const prepared = await servers.prepare(profile, request, profiles.issRequired(profile.name))
  return pendingLogin({ clock, servers }, profile, { ...request, ...prepared }, timeoutSeconds)
}

/**
 * The login of an authorization request that another tool built: its URL is not known here, and neither is its `nonce`.
 *
 * @throws CatchdError `profile_invalid`, `provider_*`
 */
export async function adoptLogin(
  { clock, servers, profiles, ...parts }: PreparationParts,
  profile: Profile,
  redirectUri: string,
  { state, codeVerifier, timeoutSeconds = parts.timeoutSeconds }: AdoptionRequest,
): Promise<PendingLogin> {
  if (redirectUri !== profile.redirect_uri) {
    throw new CatchdError('profile_invalid', {
      profile: profile.name,
      detail: 'Its redirect_uri takes a fresh port for each login, which no other tool can know beforehand.',
    })
  }
  const expected = await servers.findExpectedIssuer(profile, profiles.issRequired(profile.name))
  const request = { redirectUri, state, codeVerifier, nonce: null, authorizationUrl: null }
  return pendingLogin({ clock, servers }, profile, { ...request, ...expected }, timeoutSeconds)
}

function pendingLogin(
  { clock, servers }: Pick<PreparationParts, 'clock' | 'servers'>,
  profile: Profile,
  request: AuthorizationRequest & ExpectedIssuer & Pick<PendingLogin, 'authorizationUrl'>,
  timeoutSeconds: number,
): PendingLogin {
  const createdAtMs = clock.now()
  return {
    status: 'pending',
    id: randomId(),
    profile: profile.name,
    ...request,
    listen: profile.listen ?? null,
    certificate: certificateOf(profile),
    createdAtMs,
    expiresAtMs: createdAtMs + timeoutSeconds * 1000,
    origin: servers.origin(profile),
    responseMode: RESPONSE_MODES[profile.response_mode].carrier,
    stateEcho: profile.state_echo,
  }
}

/** What the profile's redirect URI is to be served with; `null`: the daemon's own certificate, or none. */
export function certificateOf(profile: Profile): CertificateFiles | null {
  const { redirect_certificate_file: certificateFile, redirect_private_key_file: privateKeyFile } = profile
  if (certificateFile === undefined || privateKeyFile === undefined) return null
  return { certificateFile, privateKeyFile }
}

/** @throws CatchdError `request_invalid` for a profile whose tokens come in another way than by a redirect */
export function requireCodeGrant(profile: Profile): void {
  if (usesRedirectUri(profile)) return
  if (!needsNoPerson(profile.grant)) {
    throw new CatchdError('request_invalid', {
      profile: profile.name,
      detail: 'A device login has no authorization request that could be adopted.',
      next: `catchd login ${profile.name}`,
    })
  }
  throw new CatchdError('request_invalid', {
    profile: profile.name,
    detail: 'Tokens of this profile come without a person, and need no login: ask for one.',
    next: `catchd token ${profile.name}`,
  })
}
