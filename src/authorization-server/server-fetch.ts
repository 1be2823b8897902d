/**
 * Implements `fetch` with our connections, for oauth4webapi's `customFetch`: with a private CA, the profile's headers,
 * and JSON bodies for servers that require them.
 */
import type { Profile } from '../config/profile.js'
import { VERSION } from '../version.js'
import { readClientCertificate } from './client-key.js'
import type { SentValues } from './sent-values.js'
import type { ServerConnections } from './server-connections.js'
import type { Transcript } from './transcript.js'

/** oauth4webapi's `customFetch`. Its bodies are form parameters or empty. */
export type Fetch = (
  url: string,
  options: {
    readonly method: string
    readonly headers: Record<string, string>
    readonly body?: unknown
  },
) => Promise<Response>

/** Headers of the connection and the body, which this file sets. */
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
 * Answers are read completely, within the time limit and the size limit, before they are returned. Posted requests have
 * the profile's `token_request_headers`, but these cannot replace client authentication and `Accept`.
 *
 * @param sent - Learns the secrets of each request before it leaves.
 * @param transcript - Records requests and answers without secrets.
 */
export function serverFetch(
  connections: ServerConnections,
  profile: Profile,
  sent: SentValues,
  transcript?: Transcript,
): Fetch {
  return async (url, { method, headers: { 'user-agent': _library, ...headers }, body }) => {
    const parameters = body instanceof URLSearchParams ? body : undefined
    const isJson = profile.token_request_format === 'json'
    const request =
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
    sent.addRequest(request.headers, parameters)
    const exchange = () =>
      connections.exchange(url, { method, ...request, clientCertificate }, profile.ca_file)
    const { authorization } = headers
    const answer = await (transcript?.watch({ method, url, parameters, authorization, sent }, exchange) ??
      exchange())
    // The constructor of Response refuses even an empty body for the statuses 204 and 304.
    return new Response(answer.body === '' ? null : answer.body, {
      status: answer.status,
      headers: pick(answer.headers, [
        'content-type',
        'date',
        'dpop-nonce',
        'location',
        'retry-after',
        'www-authenticate',
      ]),
    })
  }
}

function profileHeaders({ token_request_headers }: Profile): Record<string, string> {
  const entries = Object.entries(token_request_headers).map(([name, value]) => [name.toLowerCase(), value])
  return Object.fromEntries(entries.filter(([name = '']) => !NOT_FOR_PROFILES.has(name)))
}

/** A repeated parameter (`resource`, RFC 8707 §2) becomes a list. */
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
