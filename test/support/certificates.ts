/**
 * A private certificate authority and a server certificate for the loopback names, made by openssl for one
 * test run. Nothing trusts it but who is given its CA file.
 */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificates {
  /** PEM file of the CA: what a profile's `ca_file` names. */
  readonly caFile: string
  /** PEM of the same CA. */
  readonly ca: string
  /** PEM of the server's private key. */
  readonly key: string
  /** PEM of the server's certificate, good for localhost, 127.0.0.1 and [::1]. */
  readonly cert: string
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/**
 * @param folder - An existing folder; the files are written there.
 * @param names - Subject alternative names in openssl's spelling.
 */
export async function makeCertificates(
  folder: string,
  names = 'DNS:localhost,IP:127.0.0.1,IP:::1',
): Promise<Certificates> {
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => run('openssl', args)
  await writeFile(
    file('server.ext'),
    `subjectAltName=${names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n`,
  )
  await Promise.all([
    openssl(
      ...['req', '-x509', ...CURVE, '-days', '2', '-subj', '/CN=Test CA'],
      ...['-addext', 'keyUsage=critical,keyCertSign'],
      ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
    ),
    openssl(
      ...['req', ...CURVE, '-subj', '/CN=localhost'],
      ...['-keyout', file('server.key'), '-out', file('server.csr')],
    ),
  ])
  await openssl(
    ...['x509', '-req', '-in', file('server.csr'), '-days', '2', '-CAcreateserial'],
    ...['-CA', file('ca.pem'), '-CAkey', file('ca.key')],
    ...['-extfile', file('server.ext'), '-out', file('server.pem')],
  )
  const [ca, key, cert] = await Promise.all(
    ['ca.pem', 'server.key', 'server.pem'].map((name) => readFile(file(name), 'utf8')),
  )
  return { caFile: file('ca.pem'), ca: ca ?? '', key: key ?? '', cert: cert ?? '' }
}
