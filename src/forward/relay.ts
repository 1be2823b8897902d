/**
 * One API key's view of the API: an HTTP server that passes every request on to the daemon's TCP listener. What the key
 * may do is decided there, as for any other holder of it.
 *
 * Behind a unix socket the relay adds the key, so that it never leaves this machine; who cannot open the socket has
 * nothing. Behind a forwarded port callers bring the key themselves. The daemon's own socket, which asks for no key,
 * is not involved.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as openRequest,
  type Server,
  type ServerResponse,
} from 'node:http'
import { pipeline } from 'node:stream'
import { CatchdError, toProblem } from '../failures.js'
import type { Secret } from '../secret.js'

export interface RelayOptions {
  /** The daemon's TCP listener: `http://127.0.0.1:7636`. */
  readonly api: string
  /** Added to every request, in place of whatever the caller sends. */
  readonly key?: Secret
  /** Port of the other machine under which callers know the relay; they bring the key. */
  readonly knownAsPort?: number
}

/** Belongs to one connection (RFC 9110 §7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Not listening yet. */
export function createRelay(options: RelayOptions): Server {
  return createServer((request, response) => relay(options, request, response))
}

function relay(options: RelayOptions, request: IncomingMessage, response: ServerResponse): void {
  const { hostname, port } = new URL(options.api)
  const outgoing = openRequest({
    host: hostname,
    port,
    method: request.method,
    path: request.url,
    headers: headersFor(options, request.headers),
    agent: false,
  })
  outgoing.on('response', (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, withoutHops(incoming.headers))
    pipeline(incoming, response, () => {}) // either side may break off; the other is told by its end
  })
  outgoing.on('error', () => unreachable(response))
  response.on('close', () => outgoing.destroy())
  pipeline(request, outgoing, () => {})
}

function headersFor(
  { api, key, knownAsPort }: RelayOptions,
  given: IncomingHttpHeaders,
): IncomingHttpHeaders {
  const { authorization, host, ...headers } = withoutHops(given)
  const sent = key === undefined ? authorization : `Bearer ${key.reveal()}`
  return {
    ...headers,
    host: isOurName(host, knownAsPort) ? new URL(api).host : (host ?? ''),
    ...(given['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
    ...(sent === undefined ? {} : { authorization: sent }),
  }
}

/** Any other name is left to the daemon to refuse: a web page of the other machine may have made it up. */
function isOurName(host: string | undefined, port: number | undefined): boolean {
  return port === undefined || host === `127.0.0.1:${port}` || host === `localhost:${port}`
}

function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)))
}

function unreachable(response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const problem = toProblem(new CatchdError('daemon_unreachable', 'The daemon does not answer the relay.'))
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    .end(JSON.stringify(problem))
}
