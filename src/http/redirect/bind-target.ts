/**
 * What a redirect URI asks to be bound (RFC 8252 §7.3): a loopback literal binds itself, `localhost` both
 * families, and `listen` stands in where the redirect URI is not loopback.
 *
 * Pure. Binding is listeners.ts. Nothing but loopback is ever bound: authorization responses from elsewhere
 * come through a tunnel or a forwarded port that ends here.
 */
import { isIPv4 } from 'node:net'
import { CatchdError } from '../../failures.js'

export interface BindTarget {
  /** Addresses to bind, all or none. */
  readonly hosts: readonly string[]
  /** 0: a free one, the same on every address. */
  readonly port: number
  /** One name for several families: a family that the system lacks may be missing. */
  readonly familiesOptional: boolean
  /** Bound through `listen`: the Host header names another port or host than the bound one. */
  readonly forwarded: boolean
  /** Serve https. What forwards to `listen` has ended TLS already, unless the profile names a certificate. */
  readonly tls: boolean
}

/**
 * @param listen - `host:port` to bind instead of what the redirect URI names, or `null`.
 * @param hasCertificate - The profile names one.
 * @throws CatchdError `profile_invalid` when that is no loopback address that can be served.
 */
export function readBindTarget(
  redirectUri: string,
  listen: string | null,
  hasCertificate = false,
): BindTarget {
  const url = parseRedirectUri(redirectUri)
  const isHttps = url.protocol === 'https:'
  if (listen !== null) return { ...readListen(listen, url), tls: isHttps && hasCertificate }
  return { ...addressesOf(url), port: portOf(url), forwarded: false, tls: isHttps }
}

/** The redirect URI as it was spelt, with only a port 0 replaced: servers compare it exactly. */
export function withBoundPort(redirectUri: string, port: number): string {
  return redirectUri.replace(/^(https?:\/\/[^/?#]*:)0+(?=[/?#]|$)/i, `$1${port}`)
}

/** Port that a Host header names; a missing one is that of the scheme. */
export function portOfAuthority(authority: string, tls: boolean): number {
  const port = /:(\d+)$/.exec(authority)?.[1]
  if (port !== undefined) return Number(port)
  return tls ? 443 : 80
}

function parseRedirectUri(redirectUri: string): URL {
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new CatchdError('profile_invalid', 'redirect_uri is not an http or https URL.')
  }
  if (url.username !== '' || url.password !== '' || redirectUri.includes('#')) {
    throw new CatchdError(
      'profile_invalid',
      'redirect_uri must have neither user information nor a fragment (RFC 6749 §3.1.2).',
    )
  }
  return url
}

function readListen(listen: string, redirectUri: URL): Omit<BindTarget, 'tls'> {
  const url = URL.canParse(`http://${listen}`) ? new URL(`http://${listen}`) : undefined
  const port = /:(\d+)$/.exec(listen)?.[1]
  if (url === undefined || port === undefined || url.host === '' || `${url.pathname}${url.search}` !== '/') {
    throw new CatchdError('profile_invalid', '"listen" is not host:port, as in 127.0.0.1:8300 or [::1]:8300.')
  }
  if (Number(port) === 0 || redirectUri.port === '0') {
    throw new CatchdError(
      'profile_invalid',
      '"listen" needs fixed ports, there and in redirect_uri: what forwards to it must know where to.',
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
  throw new CatchdError(
    'profile_invalid',
    `${hostname} is not a loopback address, and nothing else is bound; name the loopback host:port that ` +
      'it leads to as "listen".',
  )
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}
