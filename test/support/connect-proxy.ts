/**
 * A proxy that opens tunnels (RFC 9110 §9.3.6) and leads every name to one port of loopback, so that tests may ask
 * for servers of any name without a network.
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'

export interface ConnectRequest {
  /** Host and port, as the client spelt them. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

export interface ProxyOptions {
  /** Where tunnels end, on 127.0.0.1. */
  readonly port?: number
  /** `user:password` that has to be shown (RFC 7617). */
  readonly credentials?: string
  /** Replaces what a proxy does with a tunnel that was asked for. */
  readonly answer?: (socket: Socket, count: number) => void
  /** Key and certificate of a proxy that is spoken to over TLS. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

export class ConnectProxy {
  readonly seen: ConnectRequest[] = []
  /** Connections that are open on the client's side. */
  readonly open = new Set<Socket>()
  readonly #server
  readonly #isSecure: boolean

  constructor(options: ProxyOptions) {
    this.#isSecure = options.tls !== undefined
    this.#server = options.tls === undefined ? createServer() : createTlsServer({ ...options.tls })
    this.#server.on('connection', (socket: Socket) => {
      this.open.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => this.open.delete(socket))
    })
    this.#server.on('tlsClientError', () => {})
    this.#server.on('connect', ({ url = '', headers }, socket: Socket) => {
      socket.on('error', () => {})
      socket.once('end', () => socket.end())
      if (options.answer !== undefined) socket.resume() // or the end would go unnoticed
      this.seen.push({ target: url, headers })
      if (options.answer !== undefined) options.answer(socket, this.seen.length)
      else if (mayPass(headers, options.credentials)) tunnel(socket, options.port ?? 0)
      else socket.end(WHO_ARE_YOU)
    })
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** @param userinfo - As it stands in the variable. */
  url(userinfo = ''): string {
    return `${this.#isSecure ? 'https' : 'http'}://${userinfo === '' ? '' : `${userinfo}@`}127.0.0.1:${this.port}`
  }

  close(): void {
    this.#server.close()
    for (const socket of this.open) socket.destroy()
  }
}

const WHO_ARE_YOU =
  'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="proxy"\r\ncontent-length: 0\r\n\r\n'

function mayPass(headers: IncomingHttpHeaders, credentials: string | undefined): boolean {
  if (credentials === undefined) return true
  return headers['proxy-authorization'] === `Basic ${Buffer.from(credentials).toString('base64')}`
}

function tunnel(socket: Socket, port: number): void {
  const server = connect(port, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    socket.pipe(server).pipe(socket)
  })
  server.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n'))
  socket.once('close', () => server.destroy())
  server.once('close', () => socket.destroySoon())
}
