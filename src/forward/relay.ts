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
  type IncomingMessage,
  request as openRequest,
  type Server,
  type ServerResponse,
} from 'node:http'
import { pipeline } from 'node:stream'
import { CatchdError, toProblem } from '../failures.js'
import { endToEnd, type Field, fieldsOf } from '../http/end-to-end.js'
import type { Secret } from '../secret.js'

export interface RelayOptions {
  /** The daemon's TCP listener: `http://127.0.0.1:7636`. */
  readonly api: string
  /** Added to every request. Replaces a key that the caller sends. */
  readonly key?: Secret
  /** The forwarded port on the other machine. Its callers send the key themselves. */
  readonly knownAsPort?: number
}

/** @returns The server. It does not listen yet. */
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
    headers: fieldsFor(options, request).flat(),
    agent: false,
  })
  outgoing.on('response', (incoming) => {
    const { statusCode = 0 } = incoming
    if (statusCode < 200) {
      outgoing.destroy() // another program has the daemon's port
      return
    }
    response.writeHead(statusCode, endToEnd(fieldsOf(incoming.rawHeaders)).flat())
    pipeline(incoming, response, () => {}) // if one side breaks off, the other side's stream ends too
  })
  outgoing.on('error', () => {}) // `close` follows
  outgoing.on('close', () => unreachable(response))
  response.on('close', () => outgoing.destroy())
  pipeline(request, outgoing, () => {})
}

function fieldsFor(
  { api, key, knownAsPort }: RelayOptions,
  { headers, rawHeaders }: IncomingMessage,
): Field[] {
  const { host, 'transfer-encoding': encoding } = headers
  const own: Field[] = [['host', isOurName(host, knownAsPort) ? new URL(api).host : (host ?? '')]]
  if (encoding !== undefined) own.push(['transfer-encoding', 'chunked'])
  if (key !== undefined) own.push(['authorization', `Bearer ${key.reveal()}`])
  return [...endToEnd(fieldsOf(rawHeaders), key === undefined ? ['host'] : ['host', 'authorization']), ...own]
}

/** The daemon refuses any other name, because a web page on the other machine could have chosen it. */
function isOurName(host: string | undefined, port: number | undefined): boolean {
  return port === undefined || host === `127.0.0.1:${port}` || host === `localhost:${port}`
}

/** Does nothing after an answer. */
function unreachable(response: ServerResponse): void {
  if (response.headersSent) return
  const problem = toProblem(new CatchdError('daemon_unreachable', 'The daemon does not answer the relay.'))
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    .end(JSON.stringify(problem))
}
