/**
 * A tunnel through a proxy (RFC 9110 §9.3.6): the proxy learns host and port of the authorization server, and carries
 * TLS that it cannot read.
 *
 * Opened with the same node:http(s) as everything else, for what undici's EnvHttpProxyAgent does not keep:
 * docs/networks.md. The user name and password of the proxy go to the proxy alone.
 */
import { type Agent, request as httpRequest } from 'node:http'
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { connect } from 'node:tls'
import { tunnelNoise, tunnelRefusal } from './connection-failure.js'
import type { HttpProxy } from './proxy-choice.js'

export interface TunnelRequest {
  readonly proxy: HttpProxy
  /** Of the authorization server; https. */
  readonly server: URL
  /** For the connection to the proxy; keeps none alive. */
  readonly agent: Agent
  readonly signal: AbortSignal
}

/**
 * @returns A connection whose other end is the server; `signal` ends it, too.
 * @throws CatchdError `provider_unreachable` when the proxy refuses; errors of the network and of HTTP as they come
 */
export function openTunnel({ proxy, server, agent, signal }: TunnelRequest): Promise<Socket> {
  const start = proxy.isSecure ? httpsRequest : httpRequest
  const authority = `${server.hostname}:${server.port || '443'}`
  return new Promise((resolve, reject) => {
    const outgoing = start({
      method: 'CONNECT',
      host: proxy.hostname,
      port: proxy.port,
      // Node would take the name for TLS from Host, which here names the server behind.
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
      socket.on('error', () => {}) // told by whoever uses the tunnel
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
    outgoing.end()
  })
}

/**
 * TLS with the server inside a tunnel.
 *
 * @param trust - What connects to the server where there is no proxy: its CAs, its client certificate.
 */
export function secureTunnel(socket: Socket, { hostname }: URL, trust: HttpsAgent): Socket {
  const host = hostname.replace(/^\[(.+)\]$/, '$1')
  // Names only (RFC 6066 §3); the certificate is compared with `host` where that is an address.
  const servername = isIP(host) === 0 ? host : ''
  return connect({ ...trust.options, ALPNProtocols: ['http/1.1'], socket, host, servername })
}
