/**
 * The TLS side of a bound address (RFC 8446): one certificate per host name, replaceable while it serves.
 *
 * Loaded when the first https address opens, because most daemons never serve one. src/http/redirect/certificate-files.ts
 * reads and checks certificates. There is no Strict-Transport-Security header: it would also apply to every other program
 * that serves this host name on this machine.
 */
import { createServer, type Server, type ServerOptions } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Secret } from '../secret.js'
import type { OpenConnections } from './open-connections.js'

/** The certificate of an https address for one host. */
export interface ServedCertificate {
  /** A name, or an IP address without brackets. */
  readonly host: string
  /** PEM: the certificate and then its chain. */
  readonly certificate: string
  /** PEM. */
  readonly privateKey: Secret
}

export interface TlsServer {
  readonly server: Server
  /** Uses the certificate from the next handshake on. */
  present(certificate: ServedCertificate): void
}

/** Browsers finish a handshake in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 5_000

/** @param mark - Called with the TLS socket of each connection, before its first request. */
export function createTlsServer(
  options: ServerOptions,
  first: ServedCertificate,
  connections: OpenConnections,
  mark: (socket: Socket) => void,
): TlsServer {
  const contexts = new Map<string, SecureContext>()
  const server = createServer({
    ...options,
    ...presented(first),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    SNICallback: (name, found) => found(null, contexts.get(name.toLowerCase())),
  })
  const present = (certificate: ServedCertificate) => {
    // Server Name Indication has no IP addresses (RFC 6066 §3), so an IP address uses the default certificate.
    if (isIP(certificate.host) !== 0) server.setSecureContext(presented(certificate))
    else contexts.set(certificate.host, createSecureContext(presented(certificate)))
  }
  present(first)
  count(server, connections, mark)
  return { server, present }
}

/** TLS 1.0 and 1.1 are deprecated (RFC 8996). */
function presented({ certificate, privateKey }: ServedCertificate) {
  return { cert: certificate, key: privateKey.reveal(), minVersion: 'TLSv1.2' } as const
}

/**
 * A connection counts from the moment it is accepted. Its requests come over the TLS socket of its handshake. Node reports
 * both without their relation, so the peer's address and port connect them.
 */
function count(server: Server, connections: OpenConnections, mark: (socket: Socket) => void): void {
  const acceptedFrom = new Map<string, Socket>()
  server.on('connection', (accepted: Socket) => {
    const peer = peerOf(accepted)
    acceptedFrom.set(peer, accepted)
    connections.add(accepted)
    accepted.once('close', () => {
      if (acceptedFrom.get(peer) === accepted) acceptedFrom.delete(peer)
    })
  })
  server.on('secureConnection', (secured) => {
    const peer = peerOf(secured)
    mark(secured)
    connections.replace(acceptedFrom.get(peer), secured)
    acceptedFrom.delete(peer)
  })
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
