/**
 * Pushed authorization requests (RFC 9126): the parameters are sent to the server directly, with client authentication.
 * The browser gets only a reference, which is valid once and for a short time.
 *
 * Each login pushes its own request. Requests are pushed if the server requires it or if the profile has the endpoint. If
 * the server only offers it, requests are not pushed: a reference is valid for about a minute, which can be too short for
 * a user who opens the authorization URL on another machine.
 */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { clientAuthentication } from './client-authentication.js'
import type { ServerMetadata } from './metadata.js'
import type { ProofFetch } from './proof-fetch.js'
import type { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'
import { findRefusal } from './token-refusal.js'

/** It must fit into a URL that browsers and servers accept. */
const LONGEST_REQUEST_URI = 2048

export interface PushedRequest {
  readonly profile: Profile
  /** Must have a `pushed_authorization_request_endpoint`. */
  readonly server: ServerMetadata
  readonly clientSecret: Secret | undefined
  readonly parameters: URLSearchParams
  /** Sent values that must not appear in an error text. */
  readonly secrets: readonly Secret[]
}

/** Whether authorization requests of the profile are pushed (RFC 9126 §5). */
export function mustPush(profile: Profile, server: ServerMetadata): boolean {
  return (
    profile.pushed_authorization_request_endpoint !== undefined ||
    server.require_pushed_authorization_requests === true
  )
}

/**
 * @returns The `request_uri`.
 * @throws CatchdError `provider_refused` with the server's `error`, `provider_answer_invalid`,
 *   `provider_unreachable`, `profile_invalid`
 */
export async function pushAuthorizationRequest(
  connections: ServerConnections,
  proofs: ProofFetch,
  request: PushedRequest,
): Promise<string> {
  const { profile, server, clientSecret, parameters, secrets } = request
  const oauth = await import('oauth4webapi')
  // RFC 9126 §2.1 has only this format, also if the token endpoint uses another one.
  const fetch = serverFetch(connections, { ...profile, token_request_format: 'form' })
  const response = await proofs.send(profile, fetch, (proving) =>
    oauth.pushedAuthorizationRequest(
      server,
      { client_id: profile.client_id },
      clientAuthentication(profile, clientSecret),
      parameters,
      {
        [oauth.customFetch]: proving,
        [oauth.allowInsecureRequests]: true, // beyond loopback, server-exchanges.ts refuses plain http
      },
    ),
  )
  const members = parseObject(await response.text())
  if (response.status >= 200 && response.status < 300) return requestUriOf(members)
  const sent = clientSecret === undefined ? secrets : [...secrets, clientSecret]
  const refusal = findRefusal(members, response.status, sent)
  if (refusal === undefined || response.status >= 500) {
    throw invalid(`answered ${response.status}`)
  }
  throw new CatchdError('provider_refused', {
    detail: 'The server refused the pushed authorization request.',
    ...(refusal.error === undefined ? {} : { error: refusal.error }),
    ...(refusal.errorDescription === undefined ? {} : { errorDescription: refusal.errorDescription }),
  })
}

function requestUriOf(members: Readonly<Record<string, unknown>>): string {
  const { request_uri: uri, expires_in: lifetime } = members
  if (typeof uri !== 'string' || !/^[\x21-\x7e]+$/.test(uri) || uri.length > LONGEST_REQUEST_URI) {
    throw invalid('gave no usable request_uri')
  }
  // RFC 9126 §2.2 requires a lifetime. An expired reference would lead to a page that does not explain the problem.
  if (lifetime !== undefined && !(Number(lifetime) > 0)) throw invalid('gave a request_uri that has expired')
  return uri
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function invalid(what: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The pushed authorization request endpoint ${what}.`)
}
