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
import type { ClientRequests } from './client-requests.js'
import { type Members, parseObject } from './json-object.js'
import type { ServerMetadata } from './metadata-document.js'
import { findRefusal } from './token-refusal.js'

/** It must fit into a URL that browsers and servers accept. */
const LONGEST_REQUEST_URI = 2048

/** Whether authorization requests of the profile are pushed (RFC 9126 §5). */
export function mustPush(profile: Profile, server: ServerMetadata): boolean {
  return (
    profile.pushed_authorization_request_endpoint !== undefined ||
    server.require_pushed_authorization_requests === true
  )
}

/**
 * @param server - Must have a `pushed_authorization_request_endpoint`.
 * @returns The `request_uri`.
 * @throws CatchdError `provider_refused` with the server's `error`, `provider_answer_invalid`,
 *   `provider_unreachable`, `profile_invalid`
 */
export async function pushAuthorizationRequest(
  requests: ClientRequests,
  profile: Profile,
  server: ServerMetadata,
  parameters: URLSearchParams,
): Promise<string> {
  // RFC 9126 §2.1 has only this format, also if the token endpoint uses another one.
  const { response, sent } = await requests.send(
    { ...profile, token_request_format: 'form' },
    { server, key: 'pushed_authorization_request_endpoint', bound: 'client' },
    ({ oauth, client, authentication, options }) =>
      oauth.pushedAuthorizationRequest(server, client, authentication, parameters, options),
  )
  const members = parseObject(await response.text()) ?? {}
  if (response.status >= 200 && response.status < 300) return requestUriOf(members)
  const refusal = findRefusal(members, response.status, sent)
  if (refusal === undefined || response.status >= 500) {
    throw invalid(`answered ${response.status}`)
  }
  throw new CatchdError('provider_refused', {
    detail: 'The server refused the pushed authorization request.',
    error: refusal.error,
    errorDescription: refusal.errorDescription,
    evidence: refusal.evidence,
  })
}

function requestUriOf({ request_uri: uri, expires_in: lifetime }: Members): string {
  if (typeof uri !== 'string' || !/^[\x21-\x7e]+$/.test(uri) || uri.length > LONGEST_REQUEST_URI) {
    throw invalid('gave no usable request_uri')
  }
  // RFC 9126 §2.2 requires a lifetime. An expired reference would lead to a page that does not explain the problem.
  if (lifetime !== undefined && !(Number(lifetime) > 0)) throw invalid('gave a request_uri that has expired')
  return uri
}

function invalid(what: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The pushed authorization request endpoint ${what}.`)
}
