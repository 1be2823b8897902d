/**
 * What both listeners have in common: one handler (an app's, by lazy-app.ts) served on any number of bound addresses,
 * hard limits on connections and headers, and the headers every answer carries (DESIGN: listeners).
 *
 * Node's own server stands in front of Fastify here, because a redirect URI may need several addresses at
 * once (`localhost` is two) that come and go while the app stays. Routes, authentication and bodies of
 * errors are the business of src/http/redirect and src/http/api.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { OpenConnections } from './open-connections.js'
import type { Handshakes, ServedCertificate, TlsServer } from './tls-server.js'

/** Headers of every page and every answer, errors included. */
export const ANSWER_HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
} as const

function refuseJsonSchema(): never {
  throw new Error('The listeners have no JSON Schema: routes are validated with zod.')
}

/** For the apps of both listeners: without it Fastify loads Ajv and its like, which nothing here would ask. */
export const WITHOUT_JSON_SCHEMA = {
  compilersFactory: { buildValidator: () => refuseJsonSchema, buildSerializer: () => refuseJsonSchema },
}

export interface ListenerLimits {
  readonly maxHeaderBytes: number
  /** Beyond this many, the oldest connection that carries no complete request gives way. */
  readonly mostConnections: number
  readonly keepAliveMs: number
}

/** What is said of a request that is refused before any app reads it. */
export interface UnreadAnswer {
  readonly contentType: string
  readonly body: string
}

export type Address =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }
  | { readonly fd: number }

export interface OpenAddress {
  /** Port that was bound; 0 for a socket path. */
  readonly port: number
  /** Another certificate from the next handshake on; means nothing on an address without TLS. */
  present(certificate: ServedCertificate): void
  /** Stops accepting at once; resolves when requests in flight are answered or `drainMs` are over. */
  close(drainMs: number): Promise<void>
}

/** The app a request came in through is not enough to judge it; the bound address matters too. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void

type Unread = (status: number) => UnreadAnswer | undefined

export class HttpListener {
  readonly #handler: RequestHandler
  readonly #limits: ListenerLimits
  readonly #unread: Unread

  /** @param unread - The body for a status, as the app behind the listener would word it; nothing by default. */
  constructor(handler: RequestHandler, limits: ListenerLimits, unread: Unread = () => undefined) {
    this.#handler = handler
    this.#limits = limits
    this.#unread = unread
  }

  /**
   * Binds an address and serves the app on it.
   *
   * @param mark - Called with each accepted connection, before its first request: the way to know in a route
   *   which address a request came in through.
   * @param certificate - Serves https with it, and nothing else.
   * @throws the system's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`), for the caller to translate.
   */
  async open(
    address: Address,
    mark: (socket: Socket) => void = () => {},
    certificate?: ServedCertificate,
  ): Promise<OpenAddress> {
    const options = {
      maxHeaderSize: this.#limits.maxHeaderBytes,
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: this.#limits.keepAliveMs,
      requireHostHeader: false, // hasOneOriginFormTarget refuses a missing one, with our headers
    }
    const connections = new OpenConnections(this.#limits.mostConnections)
    let tls: TlsServer | undefined
    let server: Server
    if (certificate === undefined) {
      server = createServer(options)
      server.on('connection', (socket: Socket) => {
        mark(socket)
        connections.add(socket)
      })
    } else {
      const { createTlsServer, Handshakes } = await import('./tls-server.js')
      tls = createTlsServer(options, certificate)
      server = tls.server
      admitSecured(tls, new Handshakes(), connections, mark)
    }
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      connections.asks(request.socket, response)
      if (hasOneOriginFormTarget(request)) this.#handler(request, response)
      else refuseUnread(response, 400, this.#unread(400))
    })
    // Node would answer by itself, without our headers.
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      connections.asks(request.socket, response)
      refuseUnread(response, 417, this.#unread(417))
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const code = error.code ?? ''
      // A handshake that failed: plain http on an https address, a certificate that the client does not trust.
      if (tls !== undefined && !/^(HPE|ERR_HTTP)_/.test(code)) socket.destroy()
      else this.#refuseUnparsed(socket as Socket, STATUS_OF_PARSER[code] ?? 400)
    })
    // A CONNECT or an upgrade is never ours; without a listener Node would close without an answer.
    server.on('connect', (_request, socket) => this.#refuseUnparsed(socket as Socket, 400))
    await listen(server, address)
    server.on('error', () => {}) // EMFILE while accepting: libuv goes on accepting when descriptors are free again
    const bound = server.address()
    return {
      port: typeof bound === 'object' && bound !== null ? bound.port : 0,
      present: (next) => tls?.present(next),
      close: (drainMs) => close(server, connections, drainMs),
    }
  }

  #refuseUnparsed(socket: Socket, status: number): void {
    refuseUnparsed(socket, status, this.#unread(status))
  }
}

/** A connection counts from the moment it is accepted; requests come over what its handshake makes of it. */
function admitSecured(
  { server }: TlsServer,
  handshakes: Handshakes,
  connections: OpenConnections,
  mark: (socket: Socket) => void,
): void {
  server.on('connection', (accepted: Socket) => {
    handshakes.add(accepted)
    connections.add(accepted)
  })
  server.on('secureConnection', (secured) => {
    mark(secured)
    connections.replace(handshakes.finish(secured), secured)
  })
}

/**
 * Fastify would accept a doubled Host (it reads the first) and an absolute-form target (it takes the path):
 * both let a request mean one thing to us and another to whoever checked it before (RFC 9112 §3.2). Only
 * HTTP/1.0 has requests without Host; whether one will do is the app's business.
 */
function hasOneOriginFormTarget(request: IncomingMessage): boolean {
  let hosts = 0
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]?.toLowerCase() === 'host') hosts += 1
  }
  const hostIsThere = hosts === 1 || (hosts === 0 && request.httpVersion === '1.0')
  return hostIsThere && request.url?.startsWith('/') === true
}

function refuseUnread(response: ServerResponse, status: number, answer: UnreadAnswer | undefined): void {
  response.writeHead(status, unreadHeaders(answer)).end(answer?.body)
}

function unreadHeaders(answer: UnreadAnswer | undefined): Record<string, string> {
  return {
    ...ANSWER_HEADERS,
    connection: 'close',
    'content-length': String(Buffer.byteLength(answer?.body ?? '')),
    ...(answer === undefined ? {} : { 'content-type': answer.contentType }),
  }
}

/** What the parser or its clock gave up on, by Node's error code. */
const STATUS_OF_PARSER: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** Closing while bytes are unread resets the connection, and the answer may be lost with it. */
const READ_ON_MS = 1_000

function refuseUnparsed(socket: Socket, status: number, answer: UnreadAnswer | undefined): void {
  if (socket.writableEnded) return // the rest of a request that was refused already
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const headers = Object.entries(unreadHeaders(answer)).map(([name, value]) => `${name}: ${value}`)
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...headers, '', ''].join('\r\n')
  socket.end(`${head}${answer?.body ?? ''}`)
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), READ_ON_MS)
  socket.once('close', () => clearTimeout(timer))
}

/**
 * Connections that may wait to be accepted: a thousand tools may ask at the same moment, and on a unix socket the one that
 * finds no room is refused (EAGAIN) instead of being tried again. The system lowers it to its own limit.
 */
const BACKLOG = 4_096

function listen(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    if ('path' in address) {
      // The socket must never exist with wider permissions, not even for an instant: binding happens inside
      // this call, so the mask holds exactly for it.
      const mask = process.umask(0o177)
      try {
        server.listen({ path: address.path, backlog: BACKLOG })
      } finally {
        process.umask(mask)
      }
    } else if ('fd' in address) {
      server.listen({ fd: address.fd, backlog: BACKLOG })
    } else {
      server.listen({
        host: address.host,
        port: address.port,
        exclusive: true,
        ipv6Only: true,
        backlog: BACKLOG,
      })
    }
  })
}

async function close(server: Server, connections: OpenConnections, drainMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  connections.closeWhenIdle()
  const timer = setTimeout(() => connections.destroyAll(), drainMs)
  await closed
  clearTimeout(timer)
}
