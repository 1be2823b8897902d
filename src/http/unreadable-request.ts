/**
 * Why a connection brought no request that can be read, as far as a user can do something about it. Pure: reads the errors
 * of Node's HTTP parser and of TLS handshakes.
 */

/**
 * `long_headers`: too many bytes, or too many headers. `tls`: a TLS handshake on an address that serves http.
 * `plain_http`: http on an address that serves https. `certificate_refused`: the browser does not trust the certificate.
 */
export type UnreadableRequest = 'long_headers' | 'tls' | 'plain_http' | 'certificate_refused'

/** The type and the major version of a TLS record with a handshake (RFC 8446 §5.1). */
const HANDSHAKE = [0x16, 0x03]

/** Alerts of a browser about the certificate (RFC 8446 §6.2), in the error codes of Node. */
const CERTIFICATE_ALERT = /_ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA)$/

/** @param tls - Whether the address serves https. @returns `undefined` for any other error */
export function unreadableRequest(
  error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer },
  tls: boolean,
): UnreadableRequest | undefined {
  const { code = '', rawPacket } = error
  if (code === 'HPE_HEADER_OVERFLOW') return 'long_headers'
  if (tls && code === 'ERR_SSL_HTTP_REQUEST') return 'plain_http'
  if (tls && CERTIFICATE_ALERT.test(code)) return 'certificate_refused'
  if (!tls && code.startsWith('HPE_') && HANDSHAKE.every((byte, at) => rawPacket?.[at] === byte)) return 'tls'
  return undefined
}
