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
  const { scopes, knownScopes = [], pkce, names, scopeParameter = 'scope' } = vendor
  const { redirect_uri: redirectUri = '', code_challenge_method: method } = parameters
  const idName = names?.client_id ?? 'client_id'
  if (idName !== 'client_id' && parameters[idName] === undefined) return `${idName} is missing`
  if (parameters[idName] !== client.id) return 'the client_id is unknown'
  if (redirectTarget(vendor, client, redirectUri) === undefined) {
    return `the redirect URI ${redirectUri} is refused; ${client.registered} was registered`
  }
  if (parameters['response_type'] !== 'code') return 'the response_type is not code'
  if ((parameters['state'] ?? '') === '') return 'there is no state'
  const asked = scopesIn(vendor, parameters[scopeParameter])
  const unknown = asked.find((scope) => ![...scopes, ...knownScopes].includes(scope))
  if (unknown !== undefined) return `the scope ${unknown} is unknown`
  if (asked.length === 0 && scopes.length > 0) return `there is no ${scopeParameter}`
  const challenge = parameters['code_challenge']
  if (pkce !== undefined && (challenge === undefined || method !== 'S256'))
    return 'PKCE with S256 is required'
  if (pkce === 'required in hex' && !/^[0-9a-f]{64}$/.test(challenge ?? '')) return 'the challenge is not hex'
  return vendor.refusesAuthorization?.(parameters)
}

export function scopesIn({ scopeSeparator }: Vendor, text = ''): string[] {
  return text.split(scopeSeparator ?? ' ').filter((scope) => scope !== '')
}

/** Where the browser is sent; `undefined`: the vendor does not know the redirect URI. */
export function redirectTarget(
  { redirect, redirectName }: Vendor,
  { registered }: Client,
  asked: string,
): URL | undefined {
  if (redirectName !== undefined) return asked === redirectName ? new URL(registered ?? '') : undefined
  if (!URL.canParse(asked)) return undefined
  const target = new URL(asked)
  return redirect(target, registered) ? target : undefined
}
