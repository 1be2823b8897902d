/**
 * The connections in the shape of `fetch`, for oauth4webapi's `customFetch`: a private CA, and bodies as JSON for
 * the servers that want them so.
 */
import type { Profile } from '../config/profile.js'
import type { ServerConnections } from './server-connections.js'

/** What oauth4webapi hands over; its bodies are form parameters or nothing. */
interface FetchOptions {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: unknown
}

/** Answers are read whole, within the deadline and the cap, before they are seen. */
export function serverFetch(
  connections: ServerConnections,
  profile: Pick<Profile, 'ca_file' | 'token_request_format'>,
): (url: string, options: FetchOptions) => Promise<Response> {
  return async (url, { method, headers, body }) => {
    const sent =
      body instanceof URLSearchParams && profile.token_request_format === 'json'
        ? {
            headers: { ...headers, 'content-type': 'application/json' },
            body: JSON.stringify(Object.fromEntries(body)),
          }
        : { headers, ...(body === undefined || body === null ? {} : { body: String(body) }) }
    const answer = await connections.exchange(url, { method, ...sent }, profile.ca_file)
    return new Response(answer.body === '' ? null : answer.body, {
      status: answer.status,
      headers: pick(answer.headers, ['content-type', 'retry-after']),
    })
  }
}

function pick(headers: Headers, names: readonly string[]): [string, string][] {
  return names.flatMap((name) => {
    const value = headers.get(name)
    return value === null ? [] : [[name, value] as [string, string]]
  })
}
