/**
 * A tunnel through a proxy (RFC 9110 §9.3.6). The proxy knows the host and port of the authorization server, but it cannot
 * read the TLS connection inside the tunnel.
 *
 * The tunnel uses node:http(s) like all other connections. docs/networks.md says why undici's EnvHttpProxyAgent is not
 * used. The proxy's user name and password are sent only to the proxy.
 */
import { type Agent, request as httpRequest } from 'node:http'
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { connect } from 'node:tls'
import { closedConnection, tunnelNoise, tunnelRefusal } from './connection-failure.js'
import type { HttpProxy } from './proxy-choice.js'

interface TunnelRequest {
  readonly proxy: HttpProxy
  /** Of the authorization server; https. */
  readonly server: URL
  /** For the connection to the proxy. It keeps no connection alive. */
  readonly agent: Agent
  readonly signal: AbortSignal
}

/**
 * @returns A connection to the server. `signal` ends it too.
 * @throws CatchdError `provider_unreachable` if the proxy refuses; errors of the network and of HTTP unchanged
 */
export function openTunnel({ proxy, server, agent, signal }: TunnelRequest): Promise<Socket> {
  const start = proxy.isSecure ? httpsRequest : httpRequest
  const authority = `${server.hostname}:${server.port || '443'}`
  return new Promise((resolve, reject) => {
    const outgoing = start({
      method: 'CONNECT',
      host: proxy.hostname,
      port: proxy.port,
      // Without this, Node would use the Host header for TLS, which names the server behind the proxy.
      servername: isIP(proxy.hostname) === 0 ? proxy.hostname : '',
      path: authority,
      headers: {
        host: authority,
        ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization.reveal() }),
      },
      agent,
      signal,
    })
    outgoing.on('connect', ({ statusCode: status = 0, headers }, socket: Socket, early: Buffer) => {
      socket.on('error', () => {}) // the user of the tunnel reports errors
      const isOpen = status >= 200 && status <= 299
      if (isOpen && early.length === 0) {
        signal.addEventListener('abort', () => socket.destroy(), { once: true })
        return resolve(socket)
      }
      socket.destroy()
      const challenges = headers['proxy-authenticate'] ?? ''
      reject(isOpen ? tunnelNoise(proxy) : tunnelRefusal(status, challenges, proxy, server.host))
    })
    outgoing.on('error', reject)
    outgoing.on('close', () => reject(closedConnection()))
    outgoing.end()
  })
}

/**
 * TLS with the server inside a tunnel.
 *
 * @param trust - The TLS options for the server without a proxy: its CAs and the client certificate.
 */
export function secureTunnel(socket: Socket, { hostname }: URL, trust: HttpsAgent): Socket {
  const host = hostname.replace(/^\[(.+)\]$/, '$1')
  // Only for names (RFC 6066 §3). For an address, the certificate is compared with `host`.
  const servername = isIP(host) === 0 ? host : ''
  return connect({ ...trust.options, ALPNProtocols: ['http/1.1'], socket, host, servername })
}
