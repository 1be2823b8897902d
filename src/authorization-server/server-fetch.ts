/**
 * The connections in the shape of `fetch`, for oauth4webapi's `customFetch`: a private CA, headers of the profile,
 * and bodies as JSON for the servers that want them so.
 */
import type { Profile } from '../config/profile.js'
import { VERSION } from '../version.js'
import { readClientCertificate } from './client-key.js'
import type { ServerConnections } from './server-connections.js'
import type { Transcript } from './transcript.js'

/** What oauth4webapi hands over; its bodies are form parameters or nothing. */
interface FetchOptions {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: unknown
}

/** Belongs to the connection and the body, which are ours. */
const NOT_FOR_PROFILES = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Answers are read whole, within the deadline and the cap, before they are seen. `token_request_headers` goes
 * along with what is posted; where both say something, client authentication and `Accept` are ours.
 *
 * @param transcript - Where what was sent and answered is written down, without secrets.
 */
export function serverFetch(
  connections: ServerConnections,
  profile: Profile,
  transcript?: Transcript,
): (url: string, options: FetchOptions) => Promise<Response> {
  return async (url, { method, headers: { 'user-agent': _library, ...headers }, body }) => {
    const parameters = body instanceof URLSearchParams ? body : undefined
    const isJson = profile.token_request_format === 'json'
    const sent =
      parameters === undefined
        ? { headers: { 'user-agent': `catchd/${VERSION}`, ...headers } }
        : {
            headers: {
              'user-agent': `catchd/${VERSION}`,
              ...profileHeaders(profile),
              ...headers,
              'content-type': isJson ? 'application/json' : 'application/x-www-form-urlencoded',
            },
            body: isJson ? JSON.stringify(toMembers(parameters)) : parameters.toString(),
          }
    const clientCertificate =
      profile.token_endpoint_auth_method === 'tls_client_auth' && url.startsWith('https:')
        ? await readClientCertificate(profile)
        : undefined
    const exchange = () => connections.exchange(url, { method, ...sent, clientCertificate }, profile.ca_file)
    const { authorization } = headers
    const answer = await (transcript?.watch({ method, url, parameters, authorization }, exchange) ??
      exchange())
    // The constructor of Response refuses a body, be it empty, with statuses that have none (204, 304).
    return new Response(answer.body === '' ? null : answer.body, {
      status: answer.status,
      headers: pick(answer.headers, ['content-type', 'dpop-nonce', 'retry-after', 'www-authenticate']),
    })
  }
}

function profileHeaders({ token_request_headers }: Profile): Record<string, string> {
  const entries = Object.entries(token_request_headers).map(([name, value]) => [name.toLowerCase(), value])
  return Object.fromEntries(entries.filter(([name = '']) => !NOT_FOR_PROFILES.has(name)))
}

/** A parameter that stands there more than once (`resource`, RFC 8707 §2) becomes a list. */
function toMembers(parameters: URLSearchParams): Record<string, string | string[]> {
  return Object.fromEntries(
    [...new Set(parameters.keys())].map((name) => {
      const [first = '', ...more] = parameters.getAll(name)
      return [name, more.length === 0 ? first : [first, ...more]]
    }),
  )
}

function pick(headers: Readonly<Record<string, string>>, names: readonly string[]): [string, string][] {
  return names.flatMap((name) => {
    const value = headers[name]
    return value === undefined ? [] : [[name, value] as [string, string]]
  })
}
