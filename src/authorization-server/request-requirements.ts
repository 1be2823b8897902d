/**
 * The requirements of an authorization request and its response on the profile and the server's metadata. They are
 * checked before a browser opens. Pure.
 */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { DPOP_ALGORITHM } from './dpop.js'
import { asksForIdToken } from './id-token.js'
import { needsNoKeySet } from './id-token-mac.js'
import { requireSignable } from './jarm.js'
import { missingEndpoint, type ServerMetadata } from './metadata-document.js'
import { requireOneOperator } from './one-operator.js'
import { mustPush } from './pushed-authorization.js'

/**
 * @param issRequiredByConfiguration - Two servers share the redirect URI, so this one must announce `iss`.
 * @returns The authorization endpoint, and whether the server announces `iss` (RFC 9207 §3).
 * @throws CatchdError `profile_invalid` with the missing setting and the fix
 */
export function requireRequestable(
  profile: Profile,
  server: ServerMetadata,
  issRequiredByConfiguration: boolean,
): { readonly endpoint: string; readonly issRequired: boolean } {
  const { authorization_endpoint: endpoint } = server
  if (endpoint === undefined) {
    throw missingEndpoint(server, 'authorization_endpoint')
  }
  if (mustPush(profile, server) && server.pushed_authorization_request_endpoint === undefined) {
    throw missingEndpoint(
      server,
      'pushed_authorization_request_endpoint',
      'The server requires pushed authorization requests (RFC 9126)',
      ' Set pushed_authorization_request_endpoint.',
    )
  }
  return { endpoint, issRequired: requireRedeemable(profile, server, issRequiredByConfiguration) }
}

/**
 * The requirements that also apply if another tool builds the authorization request.
 *
 * @returns Whether the server announces `iss` (RFC 9207 §3).
 * @throws CatchdError `profile_invalid` with the missing setting and the fix; `provider_answer_invalid` if the metadata
 *   names endpoints of two operators
 */
export function requireRedeemable(
  profile: Profile,
  server: ServerMetadata,
  issRequiredByConfiguration: boolean,
): boolean {
  if (server.token_endpoint === undefined) {
    throw missingEndpoint(server, 'token_endpoint')
  }
  requireOneOperator(profile, server)
  requireProofAlgorithm(profile, server)
  requireSignable(profile, server)
  if (asksForIdToken(profile) && server.jwks_uri === undefined && !needsNoKeySet(profile, server)) {
    throw missingEndpoint(
      server,
      'jwks_uri',
      'The scope contains openid, but catchd could not check the id_token without the keys of the server',
      ' Set jwks_uri, or remove openid.',
    )
  }
  const issRequired = server.authorization_response_iss_parameter_supported === true
  if (issRequiredByConfiguration && !issRequired) {
    throw unusable(
      'A profile of another authorization server uses the same redirect_uri, and this server does not ' +
        'announce iss (RFC 9207). Set another redirect_uri for one of them.',
    )
  }
  return issRequired
}

/** RFC 9449 §5.1. */
function requireProofAlgorithm(profile: Profile, server: ServerMetadata): void {
  const accepted = server.dpop_signing_alg_values_supported
  if (!profile.dpop || accepted === undefined || accepted.includes(DPOP_ALGORITHM)) return
  throw unusable(
    `The server does not accept DPoP proofs signed with ${DPOP_ALGORITHM}, the only algorithm that catchd supports.`,
  )
}

function unusable(detail: string): CatchdError {
  return new CatchdError('profile_invalid', detail)
}
