/**
 * A private certificate authority and a server certificate for the loopback names, made by openssl for one
 * test run. Nothing trusts it but who is given its CA file.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  /** PEM file of the CA: what a profile's `ca_file` names. */
  readonly caFile: string
  /** PEM of the same CA. */
  readonly ca: string
  /** PEM of the server's private key. */
  readonly key: string
  /** PEM of the server's certificate, good for localhost, 127.0.0.1 and [::1]. */
  readonly cert: string
  /** PEM files of the two; the key's is private to its owner. */
  readonly keyFile: string
  readonly certFile: string
}

export interface CertificateOptions {
  /** From now; negative: it has expired. */
  readonly days?: number
  /** Default serverAuth. */
  readonly extendedKeyUsage?: string
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/**
 * @param folder - An existing folder; the files are written there.
 * @param names - Subject alternative names in openssl's spelling.
 */
export function makeCertificates(
  folder: string,
  names = 'DNS:localhost,IP:127.0.0.1,IP:::1',
  { days = 2, extendedKeyUsage = 'serverAuth' }: CertificateOptions = {},
): Certificates {
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  writeFileSync(
    file('server.ext'),
    `subjectAltName=${names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=${extendedKeyUsage}\nkeyUsage=digitalSignature\n`,
  )
  openssl(
    ...['req', '-x509', ...CURVE, '-days', '2', '-subj', '/CN=Test CA'],
    ...['-addext', 'keyUsage=critical,keyCertSign'],
    ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
  )
  openssl(
    ...['req', ...CURVE, '-subj', '/CN=localhost'],
    ...['-keyout', file('server.key'), '-out', file('server.csr')],
  )
  openssl(
    ...['x509', '-req', '-in', file('server.csr'), '-days', String(days), '-CAcreateserial'],
    ...['-CA', file('ca.pem'), '-CAkey', file('ca.key')],
    ...['-extfile', file('server.ext'), '-out', file('server.pem')],
  )
  const read = (name: string) => readFileSync(file(name), 'utf8')
  return {
    caFile: file('ca.pem'),
    ca: read('ca.pem'),
    key: read('server.key'),
    cert: read('server.pem'),
    keyFile: file('server.key'),
    certFile: file('server.pem'),
  }
}
