/**
 * Token requests (RFC 6749 §4.1.3, §4.4.2, §6): the standard's parameters and what the profile adds, sent by
 * oauth4webapi.
 *
 * One request is sent, and never sent again: a code that reached the server once must not reach it twice.
 */
import type { AuthorizationServer } from 'oauth4webapi'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { TokenResponse } from '../tokens/token-set.js'
import { resources, wireScope } from './authorization-request.js'
import { clientAuthentication } from './client-authentication.js'
import type { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'
import { readTokenAnswer } from './token-response.js'

export interface TokenRequest {
  readonly profile: Profile
  readonly server: AuthorizationServer
  /** The token endpoint, or where refresh requests go. */
  readonly endpoint: string | undefined
  readonly grantType: string
  readonly parameters: Readonly<Record<string, string>>
  readonly clientSecret: Secret | undefined
  /** What is sent and must not come back in an error's text. */
  readonly secrets: readonly Secret[]
}

/**
 * @throws CatchdError `provider_unreachable`, `provider_refused`, `provider_answer_invalid`, `profile_invalid`;
 *   {@link ServerBusy} for a 429 or 5xx
 */
export async function requestTokens(
  connections: ServerConnections,
  request: TokenRequest,
): Promise<TokenResponse> {
  const { profile, server, endpoint, clientSecret } = request
  if (endpoint === undefined) {
    throw new CatchdError('profile_invalid', {
      profile: profile.name,
      detail: 'The profile has no token_endpoint, and no metadata names one.',
    })
  }
  const oauth = await import('oauth4webapi')
  const response = await oauth.genericTokenEndpointRequest(
    { ...server, token_endpoint: endpoint },
    { client_id: profile.client_id },
    clientAuthentication(profile, clientSecret),
    request.grantType,
    parametersOf(request),
    {
      headers: profile.token_request_headers,
      [oauth.customFetch]: serverFetch(connections, profile),
      [oauth.allowInsecureRequests]: true, // beyond loopback, server-connections.ts refuses plain http
    },
  )
  if (response.status === 429 || response.status >= 500) throw new ServerBusy(response)
  return readTokenAnswer(
    {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      body: await response.text(),
    },
    {
      shape: profile.token_response,
      scopeSeparator: profile.scope_separator,
      sent: clientSecret === undefined ? request.secrets : [...request.secrets, clientSecret],
    },
  )
}

function parametersOf({ profile, parameters }: TokenRequest): URLSearchParams {
  const body = new URLSearchParams(parameters)
  for (const resource of resources(profile)) body.append('resource', resource)
  for (const [name, value] of Object.entries(profile.token_parameters)) {
    const filled = fillIn(value, profile)
    if (filled !== '') body.set(name, filled)
  }
  return body
}

/** `{scope}` and `{client_id}` in `token_parameters` stand for the profile's own. */
function fillIn(value: string, profile: Profile): string {
  return value.replace('{scope}', wireScope(profile)).replace('{client_id}', profile.client_id)
}

/** Longest pause that a server may ask for. */
const LONGEST_RETRY_AFTER_SECONDS = 300

/** A 429 or 5xx: nothing was refused for good, the server cannot now. */
export class ServerBusy extends CatchdError {
  /** Clamped to 1 s … 5 min; `null` when the server named none. */
  readonly retryAfterSeconds: number | null

  constructor({ status, headers }: Response) {
    super(
      'provider_answer_invalid',
      `The token endpoint answered ${status}: it cannot serve the request now.`,
    )
    this.retryAfterSeconds = retryAfter(headers.get('retry-after'))
  }
}

/** RFC 9110 §10.2.3, in seconds only: a date depends on whose clock is right. */
function retryAfter(value: string | null): number | null {
  if (value === null || !/^\d+$/.test(value.trim())) return null
  return Math.min(Math.max(Number(value), 1), LONGEST_RETRY_AFTER_SECONDS)
}
