/**
 * An HTTP server that passes every request on to the daemon's TCP listener, with an API key. The daemon decides what the
 * key allows.
 *
 * Behind a unix socket, the relay adds the key, so the key never leaves this machine, and only users who can open the
 * socket have access. Behind a forwarded port, callers must send the key themselves. The daemon's own socket, which
 * needs no key, is not used.
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
import { DaemonAgent } from '../client/daemon-agent.js'
import { CatchdError, toProblem } from '../failures.js'
import type { Secret } from '../secret.js'

export interface RelayOptions {
  /** The daemon's TCP listener: `http://127.0.0.1:7636`. */
  readonly api: string
  /** Added to every request. Replaces a key that the caller sends, unless there is a port. */
  readonly key: Secret
  /** The forwarded port on the other machine. Its callers send the key themselves. */
  readonly knownAsPort?: number
}

/** Headers that apply only to one connection (RFC 9110 §7.6.1). */
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

/**
 * The daemon refuses this name. A web page on the other machine can choose the name of a request, and for `localhost`
 * another user there can listen on [::1].
 */
const NOT_OURS = 'not-ours.invalid'

/** @returns The server. It does not listen yet. */
export function createRelay(options: RelayOptions): Server {
  // The daemon may stop while the relay runs, and another program may take its port.
  const agent = new DaemonAgent({ authority: new URL(options.api).host, apiKey: options.key.reveal() })
  return createServer((request, response) => relay(options, agent, request, response))
}

function relay(
  options: RelayOptions,
  agent: DaemonAgent,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { hostname, port } = new URL(options.api)
  const outgoing = openRequest({
    host: hostname,
    port,
    method: request.method,
    path: request.url,
    headers: headersFor(options, request.headers),
    agent,
  })
  outgoing.on('response', (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, withoutHops(incoming.headers))
    pipeline(incoming, response, () => {}) // if one side breaks off, the other side's stream ends too
  })
  outgoing.on('error', (error) => unreachable(response, error))
  response.on('close', () => outgoing.destroy())
  pipeline(request, outgoing, () => {})
}

function headersFor(
  { api, key, knownAsPort }: RelayOptions,
  given: IncomingHttpHeaders,
): IncomingHttpHeaders {
  const { authorization, host, ...headers } = withoutHops(given)
  const sent = knownAsPort === undefined ? `Bearer ${key.reveal()}` : authorization
  const isOurs = knownAsPort === undefined || host === `127.0.0.1:${knownAsPort}`
  return {
    ...headers,
    host: isOurs ? new URL(api).host : NOT_OURS,
    ...(given['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
    ...(sent === undefined ? {} : { authorization: sent }),
  }
}

function withoutHops(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)))
}

function unreachable(response: ServerResponse, error: Error): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const problem = toProblem(
    error instanceof CatchdError
      ? error
      : new CatchdError('daemon_unreachable', 'The daemon does not answer the relay.'),
  )
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    .end(JSON.stringify(problem))
}
