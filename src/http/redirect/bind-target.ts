/**
 * The addresses and the port to listen on for a redirect URI (RFC 8252 §7.3). A loopback IP address is bound itself;
 * `localhost` is bound in both address families; for other hosts, `listen` names the address.
 *
 * Pure. listeners.ts binds the addresses. Only loopback addresses are ever bound: authorization responses from other
 * machines arrive through a tunnel or a forwarded port that ends on this machine.
 */
import { isIPv4 } from 'node:net'
import { CatchdError } from '../../failures.js'

export interface BindTarget {
  /** Addresses to bind. If one cannot be bound, none is. */
  readonly hosts: readonly string[]
  /** 0: any free port, the same on every address. */
  readonly port: number
  /** For a name with two address families: a family that the system does not have is skipped. */
  readonly familiesOptional: boolean
  /** Bound through `listen`. The Host header then names another host or port than the bound one. */
  readonly forwarded: boolean
  /** Serve https. With `listen`, the forwarding program has ended TLS, unless the profile has a certificate. */
  readonly tls: boolean
}

/**
 * @param listen - `host:port` to bind instead of the redirect URI's host and port, or `null`.
 * @param hasCertificate - Whether the profile names a certificate.
 * @throws CatchdError `profile_invalid` if this is not a usable loopback address.
 */
export function readBindTarget(
  redirectUri: string,
  listen: string | null,
  hasCertificate = false,
): BindTarget {
  const url = parseRedirectUri(redirectUri)
  const isHttps = url.protocol === 'https:'
  if (listen !== null) return { ...readListen(listen, url), tls: isHttps && hasCertificate }
  return { ...addressesOf(url), port: portOfAuthority(url.host, isHttps), forwarded: false, tls: isHttps }
}

/** Replaces a port 0 and keeps the rest of the redirect URI unchanged, because servers compare it exactly. */
export function withBoundPort(redirectUri: string, port: number): string {
  return redirectUri.replace(/^(https?:\/\/[^/?#]*:)0+(?=[/?#]|$)/i, `$1${port}`)
}

/** The port in a Host header; without one, the default port of the scheme. */
export function portOfAuthority(authority: string, tls: boolean): number {
  const port = /:(\d+)$/.exec(authority)?.[1]
  if (port !== undefined) return Number(port)
  return tls ? 443 : 80
}

function parseRedirectUri(redirectUri: string): URL {
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid('redirect_uri is not an http or https URL.')
  }
  if (url.username !== '' || url.password !== '' || redirectUri.includes('#')) {
    throw invalid('redirect_uri must not contain user information or a fragment (RFC 6749 §3.1.2).')
  }
  return url
}

function readListen(listen: string, redirectUri: URL): Omit<BindTarget, 'tls'> {
  const url = URL.canParse(`http://${listen}`) ? new URL(`http://${listen}`) : undefined
  const port = /:(\d+)$/.exec(listen)?.[1]
  if (url === undefined || port === undefined || url.host === '' || `${url.pathname}${url.search}` !== '/') {
    throw invalid('"listen" must be host:port, for example 127.0.0.1:8300 or [::1]:8300.')
  }
  if (Number(port) === 0 || redirectUri.port === '0') {
    throw invalid(
      '"listen" and redirect_uri must have fixed ports, because the program that forwards to "listen" needs to know the port.',
    )
  }
  return { ...addressesOf(url), port: Number(port), forwarded: true }
}

function addressesOf({ hostname }: URL): { hosts: string[]; familiesOptional: boolean } {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) {
    return { hosts: ['127.0.0.1', '::1'], familiesOptional: true }
  }
  if (isIPv4(hostname) && hostname.startsWith('127.')) return { hosts: [hostname], familiesOptional: false }
  if (hostname === '[::1]') return { hosts: ['::1'], familiesOptional: false }
  throw invalid(
    `${hostname} is not a loopback address, and catchd listens only on loopback. Set "listen" to the loopback host:port that this address is forwarded to.`,
  )
}

function invalid(detail: string): CatchdError {
  return new CatchdError('profile_invalid', detail)
}
