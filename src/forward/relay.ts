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
import { DaemonAgent } from '../client/daemon-agent.js'
import { CatchdError, toProblem } from '../failures.js'
import { endToEnd, type Field, fieldsOf } from '../http/end-to-end.js'
import type { Secret } from '../secret.js'

export interface RelayOptions {
  /** The daemon's TCP listener: `http://127.0.0.1:7636`. */
  readonly api: string
  /** Added to every request. Replaces a key that the caller sends, unless there is a port. */
  readonly key: Secret
  /** The forwarded port on the other machine. Its callers send the key themselves. */
  readonly knownAsPort?: number
}

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
    headers: fieldsFor(options, request).flat(),
    agent,
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
  let failure: Error | undefined
  outgoing.on('error', (error) => {
    failure = error // `close` follows
  })
  outgoing.on('close', () => unreachable(response, failure))
  response.on('close', () => outgoing.destroy())
  pipeline(request, outgoing, () => {})
}

function fieldsFor(
  { api, key, knownAsPort }: RelayOptions,
  { headers, rawHeaders }: IncomingMessage,
): Field[] {
  const { host, 'transfer-encoding': encoding } = headers
  const isSocket = knownAsPort === undefined
  const isOurs = isSocket || host === `127.0.0.1:${knownAsPort}`
  const own: Field[] = [['host', isOurs ? new URL(api).host : NOT_OURS]]
  if (encoding !== undefined) own.push(['transfer-encoding', 'chunked'])
  if (isSocket) own.push(['authorization', `Bearer ${key.reveal()}`])
  return [...endToEnd(fieldsOf(rawHeaders), isSocket ? ['host', 'authorization'] : ['host']), ...own]
}

/** Does nothing after an answer. */
function unreachable(response: ServerResponse, failure: Error | undefined): void {
  if (response.headersSent) return
  const problem = toProblem(
    failure instanceof CatchdError
      ? failure
      : new CatchdError('daemon_unreachable', 'The daemon does not answer the relay.'),
  )
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    .end(JSON.stringify(problem))
}
