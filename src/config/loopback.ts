/**
 * Decides which configured hosts are the loopback interface (RFC 8252 §7.3, RFC 1122 §3.2.1.3).
 *
 * Pure: no name is resolved. `0.0.0.0` and `::ffff:127.0.0.1` reach a loopback listener too, but they are not loopback
 * addresses, so they are refused.
 */

const LITERAL = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/

/** @param host - As `URL.hostname` gives it: lower case, IPv6 in brackets. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost' || host === '[::1]') return true
  const parts = LITERAL.exec(host)
  return parts?.slice(1).every((part) => Number(part) <= 255) ?? false
}

/** `host:port` to bind, port 1 to 65535. @returns Whether it names a loopback host. */
export function isLoopbackListener(listen: string): boolean {
  const match = /^(.+):(\d{1,5})$/.exec(listen)
  if (match === null) return false
  const port = Number(match[2])
  return isLoopbackHost(match[1] ?? '') && port >= 1 && port <= 65_535
}
