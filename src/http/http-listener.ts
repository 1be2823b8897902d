/**
 * The common part of the API listener and the redirect listener. It serves one handler (an app's, see
 * fast-path/lazy-app.ts) on any number of bound addresses, limits connections and headers, and has the headers of every
 * answer (SECURITY.md#everything-bounded).
 *
 * It uses Node's HTTP server in front of Fastify, because a redirect URI can need several addresses at once (`localhost`
 * has two), and addresses are added and removed while the app stays. src/http/redirect and src/http/api have the routes,
 * the authentication and the bodies of errors.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { OpenConnections } from './open-connections.js'
import type { ServedCertificate, TlsServer } from './tls-server.js'
import { type UnreadableRequest, unreadableRequest } from './unreadable-request.js'

/** Headers of every page and every answer, also of errors. */
export const ANSWER_HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
} as const

function refuseJsonSchema(): never {
  throw new Error('The listeners have no JSON Schema: routes are validated with zod.')
}

/** For the apps of both listeners: keeps Fastify from loading Ajv and its serializer, which nothing here uses. */
export const WITHOUT_JSON_SCHEMA = {
  compilersFactory: { buildValidator: () => refuseJsonSchema, buildSerializer: () => refuseJsonSchema },
}

export interface ListenerLimits {
  readonly maxHeaderBytes: number
  /** Above this number, the oldest connection without a complete request is closed. */
  readonly mostConnections: number
  /**
   * Above this number of bytes in all unfinished requests of an address, the largest are closed. For an app that keeps
   * bodies in memory. Default: no limit but that of the connections.
   */
  readonly mostUnfinishedBytes?: number
  readonly keepAliveMs: number
  /** The time limit for a request with its body; 0: none. Default 10 s. */
  readonly requestMs?: number
  /** Whether the handler also gets requests for another protocol (RFC 9110 §7.8). Default: they are usual requests. */
  readonly acceptsUpgrades?: true
}

/** The answer to a request that is refused before an app reads it. */
export interface UnreadAnswer {
  readonly contentType: string
  readonly body: string
  /** For a page. */
  readonly contentSecurityPolicy?: string
}

export type Address =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }
  | { readonly fd: number }

export interface OpenAddress {
  /** The bound port; 0 for a socket path. */
  readonly port: number
  /** Uses another certificate from the next handshake on. Does nothing on an address without TLS. */
  present(certificate: ServedCertificate): void
  /** Stops accepting at once. Resolves when the open requests are answered, or after `drainMs` milliseconds. */
  close(drainMs: number): Promise<void>
}

/** A request for another protocol. The handler takes the connection, or it answers; then the connection is closed. */
export interface Upgrade {
  /** @returns The connection. The bytes after the request are still to be read. */
  take(): Socket
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => void

type Unread = (status: number) => UnreadAnswer | undefined

/** Browsers and tools send about twenty headers. Short ones must not become many thousand entries in memory. */
const MOST_HEADERS = 256

export class HttpListener {
  readonly #handler: RequestHandler
  readonly #limits: ListenerLimits
  readonly #unread: Unread

  /** @param unread - Returns the body for a status, in the app's format. By default there is no body. */
  constructor(handler: RequestHandler, limits: ListenerLimits, unread: Unread = () => undefined) {
    this.#handler = handler
    this.#limits = limits
    this.#unread = unread
  }

  /**
   * Binds an address and serves the app on it.
   *
   * @param mark - Called with each accepted connection, before its first request, so that a route can know the address
   *   of its request.
   * @param certificate - If given, the address serves only https, with this certificate.
   * @param onUnreadable - Called when a request cannot be read, or a handshake fails, for a reason that a user can remove.
   * @throws the system's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`), which the caller translates.
   */
  async open(
    address: Address,
    mark: (socket: Socket) => void = () => {},
    certificate?: ServedCertificate,
    onUnreadable: (why: UnreadableRequest) => void = () => {},
  ): Promise<OpenAddress> {
    const options = {
      maxHeaderSize: this.#limits.maxHeaderBytes,
      headersTimeout: 5_000,
      requestTimeout: this.#limits.requestMs ?? 10_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: this.#limits.keepAliveMs,
      requireHostHeader: false, // hasOneOriginFormTarget refuses a missing Host, with our headers
    }
    const connections = new OpenConnections(this.#limits.mostConnections, this.#limits.mostUnfinishedBytes)
    const unread = this.#unread
    let tls: TlsServer | undefined
    let server: Server
    if (certificate === undefined) {
      server = createServer(options)
      server.on('connection', (socket: Socket) => {
        mark(socket)
        connections.add(socket)
      })
    } else {
      const { createTlsServer } = await import('./tls-server.js')
      tls = createTlsServer(options, certificate, connections, mark)
      server = tls.server
    }
    const answer = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => {
      connections.asks(request, response)
      if (request.rawHeaders.length >= 2 * MOST_HEADERS) {
        onUnreadable('long_headers')
        refuseUnread(response, 431, unread(431))
      } else if (hasOneOriginFormTarget(request)) this.#handler(request, response, upgrade)
      else refuseUnread(response, 400, unread(400))
    }
    server.on('request', (request: IncomingMessage, response: ServerResponse) => answer(request, response))
    if (this.#limits.acceptsUpgrades) {
      server.on('upgrade', (request: IncomingMessage, _socket: unknown, head: Buffer) => {
        const response = new ServerResponse(request)
        answer(request, response, upgradeOf(request, response, head))
      })
    }
    // Without this handler, Node would answer without our headers.
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      connections.asks(request, response)
      refuseUnread(response, 417, unread(417))
    })
    server.maxHeadersCount = MOST_HEADERS // Node drops the headers beyond, so a request with so many is refused
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const { code = '' } = error
      const why = unreadableRequest(error, tls !== undefined)
      if (why !== undefined) onUnreadable(why)
      const status = STATUS_OF_PARSER[code] ?? 400
      // The handshake failed: plain http on an https address, or the browser does not trust the certificate.
      if (tls !== undefined && !/^(HPE|ERR_HTTP)_/.test(code)) socket.destroy()
      else refuseUnparsed(socket as Socket, status, unread(status))
    })
    // CONNECT is not supported. Without this handler, Node would close the connection without an answer.
    server.on('connect', (_request, socket) => refuseUnparsed(socket as Socket, 400, unread(400)))
    await listen(server, address)
    server.on('error', () => {}) // EMFILE while accepting: libuv accepts again when descriptors are free
    const bound = server.address()
    return {
      port: typeof bound === 'object' && bound !== null ? bound.port : 0,
      present: (next) => tls?.present(next),
      close: (drainMs) => close(server, connections, drainMs),
    }
  }
}

/**
 * Fastify would accept two Host headers (it reads the first) and an absolute-form target (it uses the path). With both,
 * a proxy in front could understand the request differently than catchd does (RFC 9112 §3.2). Only HTTP/1.0 allows
 * requests without Host; the app decides whether it accepts them.
 */
function hasOneOriginFormTarget(request: IncomingMessage): boolean {
  let hosts = 0
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]?.toLowerCase() === 'host') hosts += 1
  }
  const hostIsThere = hosts === 1 || (hosts === 0 && request.httpVersion === '1.0')
  return hostIsThere && request.url?.startsWith('/') === true
}

/** Node stops listening to the connection of such a request. So this notices that the caller leaves. */
function upgradeOf({ socket }: IncomingMessage, response: ServerResponse, head: Buffer): Upgrade {
  const read = () => {} // without a reader, there is no `end`
  const leave = () => response.destroy()
  socket.on('error', () => {}) // `close` follows
  socket.on('readable', read)
  socket.on('end', leave)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => socket.destroySoon())
  return {
    take: () => {
      socket.off('readable', read)
      socket.off('end', leave)
      response.detachSocket(socket)
      if (head.length > 0) socket.unshift(head)
      return socket
    },
  }
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
    ...(answer?.contentSecurityPolicy === undefined
      ? {}
      : { 'content-security-policy': answer.contentSecurityPolicy }),
  }
}

/** The status for an error of Node's HTTP parser or its timeouts, by Node's error code. */
const STATUS_OF_PARSER: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** Closing a socket with unread bytes resets the connection, and the answer can be lost. So it reads on this long. */
const READ_ON_MS = 1_000

function refuseUnparsed(socket: Socket, status: number, answer: UnreadAnswer | undefined): void {
  if (socket.writableEnded) return // the rest of a request that was already refused
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
 * How many connections can wait to be accepted. A thousand tools can connect at the same moment, and a unix socket
 * refuses a connection if the queue is full (EAGAIN). The system lowers the number to its own limit.
 */
const BACKLOG = 4_096

/** Listens on an address of its own; on a socket that only this user can open. @throws the system's error */
export async function listen(server: Server, address: Address): Promise<void> {
  const listening = once(server, 'listening')
  // A socket must not exist with wider permissions even for a moment. Node binds it during this call, so the umask is
  // changed only for the call.
  const mask = process.umask(0o177)
  try {
    server.listen({ ...address, exclusive: true, ipv6Only: true, backlog: BACKLOG })
  } finally {
    process.umask(mask)
  }
  await listening
}

async function close(server: Server, connections: OpenConnections, drainMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  connections.closeWhenIdle()
  const timer = setTimeout(() => connections.destroyAll(), drainMs)
  await closed
  clearTimeout(timer)
}
