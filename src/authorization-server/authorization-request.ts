/** The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2). Pure. */
import { fillIn } from '../config/placeholders.js'
import type { Profile } from '../config/profile.js'
import { RESPONSE_MODES } from '../config/response-modes.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { scopeNames } from '../text/scopes.js'
import { codeChallenge } from './pkce.js'
import type { AuthorizationRequest } from './port.js'

/**
 * The parameters of an authorization request, for the URL in the browser or for a pushed request (RFC 9126). The
 * profile's `authorization_parameters` add and replace parameters, except those that bind the response to this request.
 * Their placeholders never stand for a secret, because the browser shows the URL.
 *
 * @param dpopThumbprint - `dpop_jkt` (RFC 9449 §10): the code can be redeemed only with this key.
 */
export function authorizationParameters(
  profile: Profile,
  request: AuthorizationRequest,
  dpopThumbprint?: string,
): URLSearchParams {
  const parameters = new URLSearchParams({ response_type: 'code' })
  const scope = wireScope(profile)
  if (scope !== '') parameters.set(profile.scope_parameter ?? 'scope', scope)
  if (profile.response_mode !== 'query') parameters.set('response_mode', profile.response_mode)
  for (const resource of resources(profile)) parameters.append('resource', resource)
  const redirectUri = sentRedirectUri(profile, request.redirectUri)
  setParametersOfProfile(parameters, profile, { redirect_uri: redirectUri })
  parameters.set('client_id', profile.client_id)
  parameters.set('redirect_uri', redirectUri)
  parameters.set('state', request.state.reveal())
  if (request.codeVerifier !== null) setChallenge(parameters, profile, request.codeVerifier)
  if (request.nonce !== null) parameters.set('nonce', request.nonce.reveal())
  if (dpopThumbprint !== undefined) parameters.set('dpop_jkt', dpopThumbprint)
  return parameters
}

/** `authorization_parameters`, for the request that asks a user: also a device authorization request. */
export function setParametersOfProfile(
  parameters: URLSearchParams,
  profile: Profile,
  values: { readonly redirect_uri?: string } = {},
): void {
  const known = { ...values, client_id: profile.client_id, scope: wireScope(profile) }
  for (const [name, template] of Object.entries(profile.authorization_parameters)) {
    const value = fillIn(template, known)
    if (value !== undefined) parameters.set(name, value)
  }
}

/** RFC 7636 §4.3. */
export function setChallenge(parameters: URLSearchParams, profile: Profile, codeVerifier: Secret): void {
  const { code_challenge_method: method, code_challenge_encoding: encoding } = profile
  if (method === 'none') return
  parameters.set('code_challenge', codeChallenge(codeVerifier, method, encoding))
  parameters.set('code_challenge_method', method)
}

/** The `redirect_uri` of both requests. @param bound - Where the browser comes back to. */
export function sentRedirectUri({ authorization_redirect_uri: other }: Profile, bound: string): string {
  return other ?? bound
}

/**
 * @param endpoint - The authorization endpoint. Its own query is kept (RFC 6749 §3.1), except parameters with the same
 *   name.
 * @returns The URL for the browser.
 * @throws CatchdError `profile_invalid` if the endpoint is not an http or https URL, because a browser opens it
 */
export function authorizationUrl(endpoint: string, parameters: URLSearchParams): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new CatchdError('profile_invalid', 'The authorization_endpoint is not an http or https URL.')
  }
  url.hash = ''
  for (const name of new Set(parameters.keys())) url.searchParams.delete(name)
  for (const [name, value] of parameters) url.searchParams.append(name, value)
  // All servers read %20 as a space, but not all read + as one. A + in a value is already encoded as %2B.
  url.search = url.search.replaceAll('+', '%20')
  return url.href
}

/** The profile's scopes as a list without duplicates, for either way to write them. */
export function scopesOf({ scope, scope_separator }: Pick<Profile, 'scope' | 'scope_separator'>): string[] {
  return scopeNames(scope, scope_separator)
}

/** The profile's scopes with the separator of this server. */
export function wireScope(profile: Profile): string {
  return scopesOf(profile).join(profile.scope_separator)
}

/** Whether the server signs its authorization responses (JARM). */
export function isSigned({ response_mode }: Profile): boolean {
  return RESPONSE_MODES[response_mode].signed
}

/** Resource indicators (RFC 8707); sent in the token request too. */
export function resources({ resource = [] }: Profile): readonly string[] {
  return [resource].flat()
}
