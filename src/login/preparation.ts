/**
 * Prepares a login: a new `state`, `code_verifier` and `nonce`, and the authorization URL with them (RFC 6749 §4.1.1,
 * RFC 7636 §4.3); or those of a request that another tool built. Stores and binds nothing.
 */

import { randomId, randomSecret } from '../authorization-server/pkce.js'
import type { AuthorizationRequest, ExpectedIssuer } from '../authorization-server/port.js'
import type { Profile } from '../config/profile.js'
import { RESPONSE_MODES } from '../config/response-modes.js'
import { CatchdError } from '../failures.js'
import type { KindParts } from './kinds/kind.js'
import type { PendingLogin } from './login.js'
import type { AdoptionRequest, LoginRequest } from './login-request.js'
import { askingFor } from './obtained-tokens.js'
import type { CertificateFiles } from './ports.js'

/** The request, and the issuer that must answer it. */
type Prepared = AuthorizationRequest & ExpectedIssuer & Pick<PendingLogin, 'authorizationUrl'>

/**
 * @param redirectUri - As it is bound, its port included.
 * @throws CatchdError `profile_invalid`, `provider_*`
 */
export async function prepareLogin(
  parts: KindParts,
  profile: Profile,
  redirectUri: string,
  request: LoginRequest | AdoptionRequest,
): Promise<PendingLogin> {
  const { server, ...prepared } = await ('state' in request
    ? adopted(parts, profile, redirectUri, request)
    : built(parts, askingFor(profile, request.scope ?? null), redirectUri))
  const { timeoutSeconds = parts.timeoutSeconds() } = request
  const scope = 'state' in request ? null : (request.scope ?? null)
  const createdAtMs = parts.clock.now()
  return {
    status: 'pending',
    kind: 'code',
    id: randomId(),
    profile: profile.name,
    ...prepared,
    scope,
    listen: profile.listen ?? null,
    certificate: certificateOf(profile),
    createdAtMs,
    expiresAtMs: createdAtMs + timeoutSeconds * 1000,
    origin: { ...parts.servers.origin(profile), server: server ?? null },
    responseMode: RESPONSE_MODES[profile.response_mode].carrier,
    stateEcho: profile.state_echo,
    codeParameter: profile.code_parameter,
  }
}

async function built(
  { servers, profiles }: KindParts,
  profile: Profile,
  redirectUri: string,
): Promise<Prepared> {
  const state = randomSecret()
  const codeVerifier = profile.code_challenge_method === 'none' ? null : randomSecret()
  const nonce = (profile.scope ?? '').split(/[ ,]/).includes('openid') ? randomSecret() : null
  const request = { redirectUri, state, codeVerifier, nonce }
  return { ...request, ...(await servers.prepare(profile, request, profiles.issRequired(profile.name))) }
}

/** For a request that another tool built. Its URL and its `nonce` are not known here. */
async function adopted(
  { servers, profiles }: KindParts,
  profile: Profile,
  redirectUri: string,
  { state, codeVerifier }: AdoptionRequest,
): Promise<Prepared> {
  if (redirectUri !== profile.redirect_uri) {
    throw new CatchdError('profile_invalid', {
      profile: profile.name,
      detail:
        'The redirect_uri of the profile uses a new port for each login, so another tool cannot know the port.',
    })
  }
  const expected = await servers.findExpectedIssuer(profile, profiles.issRequired(profile.name))
  return { redirectUri, state, codeVerifier, nonce: null, authorizationUrl: null, ...expected }
}

/** For the profile's redirect URI; `null`: the daemon's own certificate, or none. */
export function certificateOf(profile: Profile): CertificateFiles | null {
  const { redirect_certificate_file: certificateFile, redirect_private_key_file: privateKeyFile } = profile
  if (certificateFile === undefined || privateKeyFile === undefined) return null
  return { certificateFile, privateKeyFile }
}
