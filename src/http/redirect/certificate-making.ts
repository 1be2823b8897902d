/**
 * Makes catchd's own certificate for https on loopback (RFC 5280). It is self-signed, not a CA, and only for the
 * loopback names.
 *
 * Trusting it is safe for other sites: it cannot sign other certificates, and its key stays in the state folder.
 * node:crypto cannot build certificates, so this file writes the one it needs in DER (X.690). That is less to review
 * than a package for all kinds of certificates (docs/dependencies.md).
 */
import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP, isIPv4 } from 'node:net'
import { toInstant } from '../../clock.js'
import { ensureFolder } from '../../config/folders.js'
import { writeDurably } from '../../config/write.js'
import { readServedCertificate } from './certificate-files.js'
import { OWN_NAMES, ownCertificateFiles } from './own-certificate.js'

const DAY_MS = 86_400_000
/** Apple's systems refuse every TLS certificate that is valid for more than 825 days, even a trusted one. */
const LIFETIME_MS = 730 * DAY_MS
/** The user has to trust a new certificate again, so it is renewed only this long before the old one expires. */
const RENEWED_BEFORE_MS = 30 * DAY_MS

export const OWN_COMMON_NAME = 'catchd on loopback'

/** The details by which the user can recognise the certificate. */
export interface OwnCertificate {
  readonly file: string
  readonly names: readonly string[]
  /** SHA-256, in the format that browsers show. */
  readonly fingerprint: string
  readonly expiresAt: string
}

/** @throws CatchdError `profile_invalid` if there is no certificate, or if it cannot be used */
export async function readOwnCertificate(stateFolder: string, nowMs: number): Promise<OwnCertificate> {
  const files = ownCertificateFiles(stateFolder)
  const { certificate } = await readServedCertificate({ hostname: OWN_NAMES[0], files, isOwn: true, nowMs })
  return describe(files.certificateFile, certificate)
}

/**
 * Makes the certificate if there is none, if it cannot be used, or if it expires soon.
 *
 * @param renew - Makes a new certificate in any case.
 * @throws CatchdError `config_invalid` if the state folder is unsafe or cannot be written
 */
export async function ensureOwnCertificate(
  stateFolder: string,
  nowMs: number,
  renew: boolean,
): Promise<OwnCertificate & { readonly made: boolean }> {
  await ensureFolder(stateFolder)
  const kept = renew ? undefined : await readOwnCertificate(stateFolder, nowMs).catch(() => undefined)
  if (kept !== undefined && Date.parse(kept.expiresAt) - nowMs > RENEWED_BEFORE_MS)
    return { ...kept, made: false }
  const { certificateFile, privateKeyFile } = ownCertificateFiles(stateFolder)
  const { certificate, privateKey } = selfSigned(nowMs)
  // Between the two writes, a login is refused. After a crash there, this command makes both files again.
  await writeDurably(privateKeyFile, privateKey)
  await writeDurably(certificateFile, certificate)
  return { ...describe(certificateFile, await readFile(certificateFile, 'utf8')), made: true }
}

function describe(file: string, pem: string): OwnCertificate {
  const { fingerprint256, validTo } = new X509Certificate(pem)
  return { file, names: OWN_NAMES, fingerprint: fingerprint256, expiresAt: toInstant(Date.parse(validTo)) }
}

/** @returns Both in PEM format. */
function selfSigned(nowMs: number): { certificate: string; privateKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const name = sequence(set(sequence(oid('550403'), utf8(OWN_COMMON_NAME))))
  const algorithm = sequence(oid('2a8648ce3d040302')) // ecdsa-with-SHA256 (RFC 5758 §3.2)
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(0x01), randomBytes(15)])), // positive, and short enough for RFC 5280 §4.1.2.2
    algorithm,
    name,
    sequence(time(nowMs), time(nowMs + LIFETIME_MS)),
    name,
    spki,
    tagged(3, sequence(...extensions(spki))),
  )
  const der = sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, privateKey)))
  return {
    certificate: new X509Certificate(der).toString(),
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}

/** RFC 5280 §4.2.1. The object identifiers begin with id-ce, `55 1d`. */
function extensions(spki: Buffer): Buffer[] {
  const names = OWN_NAMES.map((name) =>
    isIP(name) === 0 ? encoded(0x82, Buffer.from(name, 'ascii')) : encoded(0x87, addressBytes(name)),
  )
  return [
    extension('551d13', true, sequence()), // basic constraints: not a CA
    extension('551d0f', true, encoded(0x03, Buffer.of(7, 0x80))), // key usage: digitalSignature
    extension('551d25', false, sequence(oid('2b06010505070301'))), // extended key usage: serverAuth
    extension('551d11', false, sequence(...names)), // subject alternative name
    extension('551d0e', false, octets(createHash('sha256').update(spki).digest().subarray(0, 20))), // subject key id
  ]
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(isCritical ? [encoded(0x01, Buffer.of(0xff))] : []), octets(value))
}

/** Only for the loopback addresses `127.0.0.1` and `::1`. */
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  return Buffer.concat([Buffer.alloc(15), Buffer.of(1)])
}

/** RFC 5280 §4.1.2.5 requires UTCTime up to the year 2049, and GeneralizedTime after that. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)
  const isShort = Number(digits.slice(0, 4)) < 2050
  return encoded(isShort ? 0x17 : 0x18, Buffer.from(`${isShort ? digits.slice(2) : digits}Z`, 'ascii'))
}

const sequence = (...parts: Buffer[]) => encoded(0x30, ...parts)
const set = (...parts: Buffer[]) => encoded(0x31, ...parts)
const tagged = (tag: number, ...parts: Buffer[]) => encoded(0xa0 + tag, ...parts)
const integer = (bytes: Buffer) => encoded(0x02, bytes)
const octets = (bytes: Buffer) => encoded(0x04, bytes)
const utf8 = (text: string) => encoded(0x0c, Buffer.from(text, 'utf8'))
const oid = (hex: string) => encoded(0x06, Buffer.from(hex, 'hex'))
/** The first byte is the number of unused bits: none. */
const bitString = (bytes: Buffer) => encoded(0x03, Buffer.of(0), bytes)

/** Tag, length, content (X.690 §8.1, §10.1). */
function encoded(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  const size = Buffer.alloc(2)
  size.writeUInt16BE(length)
  return Buffer.concat([
    length < 0x100 ? Buffer.of(tag, 0x81, length) : Buffer.concat([Buffer.of(tag, 0x82), size]),
    content,
  ])
}
