/**
 * Token requests (RFC 6749 §4.1.3, §4.4.2, §6): the standard's parameters and what the profile adds, sent by
 * oauth4webapi.
 *
 * One request is sent, and never sent again: a code that reached the server once must not reach it twice. The one
 * exception is a request that the server refused for want of a DPoP nonce, before it took the code (proof-fetch.ts).
 * What the answer means is token-response.ts.
 */
import { type Grant, usesRedirectUri } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { resources } from './authorization-request.js'
import { clientAuthentication } from './client-authentication.js'
import type { TokenParameters } from './grants/grant-request.js'
import type { ServerMetadata } from './metadata.js'
import type { ProofFetch } from './proof-fetch.js'
import type { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'
import type { Transcript } from './transcript.js'

export interface TokenRequest {
  readonly profile: Profile
  readonly server: ServerMetadata
  /** The token endpoint, or where refresh requests go. */
  readonly endpoint: string | undefined
  readonly grantType: Grant | 'refresh_token'
  readonly parameters: TokenParameters
  /** What `{scope}` in `token_parameters` stands for, separated as the server wants it. */
  readonly scope: string
  readonly clientSecret: Secret | undefined
  readonly transcript?: Transcript | undefined
}

/** What the token endpoint answered, unread. */
export interface TokenAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
  /** The header of RFC 9110 §10.2.3 as it came. */
  readonly retryAfter: string | null
}

/** @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `profile_invalid` */
export async function sendTokenRequest(
  connections: ServerConnections,
  proofs: ProofFetch,
  request: TokenRequest,
): Promise<TokenAnswer> {
  const { profile, server, endpoint, clientSecret } = request
  if (endpoint === undefined) {
    throw new CatchdError('profile_invalid', {
      profile: profile.name,
      detail: 'The profile has no token_endpoint, and no metadata names one.',
    })
  }
  const oauth = await import('oauth4webapi')
  const sending = serverFetch(connections, profile, request.transcript)
  const response = await proofs.send(profile, sending, (fetch) =>
    oauth.genericTokenEndpointRequest(
      { ...server, token_endpoint: endpoint },
      { client_id: profile.client_id },
      clientAuthentication(profile, clientSecret),
      request.grantType,
      parametersOf(request),
      {
        [oauth.customFetch]: fetch,
        [oauth.allowInsecureRequests]: true, // beyond loopback, server-exchanges.ts refuses plain http
      },
    ),
  )
  const { status, headers } = response
  if (status >= 300 && status < 400) {
    throw new CatchdError('provider_answer_invalid', {
      profile: profile.name,
      detail: `The token endpoint answered with a redirect (${status}), which is not followed.`,
    })
  }
  return {
    status,
    contentType: headers.get('content-type') ?? '',
    body: await response.text(),
    retryAfter: headers.get('retry-after'),
  }
}

/** Empty where each login has a port of its own, or none a redirect. */
function fixedRedirectUri(profile: Profile): string {
  const { redirect_uri } = profile
  return usesRedirectUri(profile) && new URL(redirect_uri).port !== '0' ? redirect_uri : ''
}

function parametersOf({ profile, parameters, scope, grantType }: TokenRequest): URLSearchParams {
  const body = new URLSearchParams()
  for (const [name, values] of Object.entries(parameters)) {
    for (const value of [values].flat()) body.append(name, value)
  }
  for (const resource of resources(profile)) body.append('resource', resource)
  const refreshing = grantType === 'refresh_token' ? profile.refresh_parameters : {}
  for (const [name, value] of Object.entries({ ...profile.token_parameters, ...refreshing })) {
    const filled = value
      .replace('{scope}', () => scope)
      .replace('{client_id}', () => profile.client_id)
      .replace('{redirect_uri}', () => fixedRedirectUri(profile))
    if (filled !== '') body.set(name, filled)
  }
  return body
}
