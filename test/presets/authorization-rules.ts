/** What a vendor has against an authorization request; a person would read it on a page of the vendor's. */
import type { Parameters, Vendor } from './vendor.js'

export interface Client {
  readonly id: string
  readonly kind: 'public' | 'confidential'
  readonly secret: string
  /** What was entered at the vendor; nothing where loopback needs no entry. */
  readonly registered: string | undefined
}

export function authorizationRefusal(
  vendor: Vendor,
  client: Client,
  parameters: Parameters,
): string | undefined {
  const { scopes, knownScopes = [], pkce, redirect, scopeParameter = 'scope' } = vendor
  const { redirect_uri: redirectUri = '', code_challenge_method: method } = parameters
  if (parameters['client_id'] !== client.id) return 'the client_id is unknown'
  if (!URL.canParse(redirectUri) || !redirect(new URL(redirectUri), client.registered)) {
    return `the redirect URI ${redirectUri} is refused; ${client.registered} was registered`
  }
  if (parameters['response_type'] !== 'code') return 'the response_type is not code'
  if ((parameters['state'] ?? '') === '') return 'there is no state'
  const asked = scopesIn(vendor, parameters[scopeParameter])
  const unknown = asked.find((scope) => ![...scopes, ...knownScopes].includes(scope))
  if (unknown !== undefined) return `the scope ${unknown} is unknown`
  if (asked.length === 0 && scopes.length > 0) return `there is no ${scopeParameter}`
  const hasChallenge = parameters['code_challenge'] !== undefined && method === 'S256'
  if (pkce === 'required' && !hasChallenge) return 'PKCE with S256 is required'
  return vendor.refusesAuthorization?.(parameters)
}

export function scopesIn({ scopeSeparator }: Vendor, text = ''): string[] {
  return text.split(scopeSeparator ?? ' ').filter((scope) => scope !== '')
}
