/**
 * Decides which hosts are the loopback interface (RFC 8252 §7.3, RFC 1122 §3.2.1.3). Pure: no name is resolved.
 *
 * Two questions have different answers. What may be configured as loopback ({@link isLoopbackHost}) is a short list.
 * What may lead to this machine ({@link mayBeThisMachine}) is all that some system treats as loopback.
 */

const LITERAL = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/

/** @param host - As `URL.hostname` gives it: lower case, IPv6 in brackets. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost' || host === '[::1]') return true
  const parts = LITERAL.exec(host)
  return parts?.slice(1).every((part) => Number(part) <= 255) ?? false
}

/** Whether nobody on a network can read what is sent to the URL: https, or plain http that does not leave this machine. */
export function isTlsOrLoopback({ protocol, hostname }: Pick<URL, 'protocol' | 'hostname'>): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))
}

/**
 * Whether a request to the host may arrive at this machine: also names below `localhost` (RFC 6761 §6.3), names with a dot
 * at the end, the unspecified addresses, and IPv4 addresses inside IPv6 ones.
 *
 * @param host - As `URL.hostname` gives it, which already has every other spelling of an IPv4 address as four numbers.
 */
export function mayBeThisMachine(host: string): boolean {
  const name = host.replace(/\.+$/, '')
  if (isLoopbackHost(name) || name.endsWith('.localhost')) return true
  if (/^(?:localhost|ip6-localhost|ip6-loopback)(?:\.localdomain[46]?)?$/.test(name)) return true
  if (/^0\./.test(name) || name === '[::]') return true
  // ::ffff:127.0.0.1 (mapped), ::127.0.0.1 (compatible), 64:ff9b::127.0.0.1 (RFC 6052)
  const [, high = ''] = /^\[(?:::ffff(?::0)?:|::|64:ff9b::)([0-9a-f]{1,4}):[0-9a-f]{1,4}\]$/.exec(name) ?? []
  return high !== '' && [0, 127].includes(Number.parseInt(high, 16) >> 8)
}

/** `host:port` to bind, port 1 to 65535. @returns Whether it names a loopback host. */
export function isLoopbackListener(listen: string): boolean {
  const match = /^(.+):(\d{1,5})$/.exec(listen)
  if (match === null) return false
  const port = Number(match[2])
  return isLoopbackHost(match[1] ?? '') && port >= 1 && port <= 65_535
}
