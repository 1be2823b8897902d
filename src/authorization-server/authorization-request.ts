/** The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2). Pure. */
import type { Profile } from '../config/profile.js'
import { codeChallenge } from '../login/pkce.js'
import type { AuthorizationRequest } from './port.js'

/**
 * @param endpoint - The authorization endpoint; a query of its own is kept (RFC 6749 §3.1).
 * @returns The URL for the browser. `authorization_parameters` of the profile come last and win.
 */
export function authorizationUrl(endpoint: string, profile: Profile, request: AuthorizationRequest): string {
  const url = new URL(endpoint)
  const parameters = url.searchParams
  parameters.set('response_type', 'code')
  parameters.set('client_id', profile.client_id)
  parameters.set('redirect_uri', request.redirectUri)
  const scope = wireScope(profile)
  if (scope !== '') parameters.set('scope', scope)
  parameters.set('state', request.state.reveal())
  if (request.codeVerifier !== null && profile.code_challenge_method !== 'none') {
    parameters.set('code_challenge', codeChallenge(request.codeVerifier, profile.code_challenge_method))
    parameters.set('code_challenge_method', profile.code_challenge_method)
  }
  if (request.nonce !== null) parameters.set('nonce', request.nonce.reveal())
  if (profile.response_mode !== 'query') parameters.set('response_mode', profile.response_mode)
  for (const resource of resources(profile)) parameters.append('resource', resource)
  for (const [name, value] of Object.entries(profile.authorization_parameters)) parameters.set(name, value)
  return url.href
}

/** The profile's scopes, separated as this server wants them. */
export function wireScope(profile: Profile): string {
  return (profile.scope ?? '').split(/\s+/).filter(Boolean).join(profile.scope_separator)
}

/** Resource indicators (RFC 8707); sent in the token request too. */
export function resources(profile: Profile): readonly string[] {
  const { resource = [] } = profile
  return typeof resource === 'string' ? [resource] : resource
}
