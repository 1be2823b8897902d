/**
 * Reads the certificate of an https redirect URI from its PEM files when a login begins, and checks it as a browser
 * will. A bad certificate then stops the login before a browser opens, not with a warning page after the approval.
 *
 * Nothing is cached: the next login uses a renewed certificate. Whether the browser trusts the issuer cannot be checked
 * here. Messages name the file and the problem, never the content.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { toInstant } from '../../clock.js'
import { CatchdError } from '../../failures.js'
import { CERTIFICATE_FILE, readNamedFile, SECRET_FILE } from '../../files/named-file.js'
import { systemCode } from '../../files/whole-files.js'
import type { CertificateFiles } from '../../login/ports.js'
import { Secret } from '../../secret.js'
import type { ServedCertificate } from '../tls-server.js'
import { MAKE_CERTIFICATE } from './own-certificate.js'

/** Limit for the certificate's names in a message, in characters. */
const MOST_NAMES_SHOWN = 200

/** serverAuth and anyExtendedKeyUsage (RFC 5280 §4.2.1.12): one of them must be present if there is any usage. */
const SERVER_USAGES = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']

export interface CertificateRequest {
  /** The redirect URI's host name, as in `URL.hostname`. */
  readonly hostname: string
  readonly files: CertificateFiles
  /** Whether catchd made the certificate. */
  readonly isOwn: boolean
  readonly nowMs: number
}

/** @throws CatchdError `profile_invalid` with the file and the reason why browsers would refuse the certificate. */
export async function readServedCertificate(request: CertificateRequest): Promise<ServedCertificate> {
  const pem = await readPem(request, 'certificate')
  const key = parseKey(request, await readPem(request, 'private key'))
  const certificate = parseCertificate(request, pem)
  if (!certificate.checkPrivateKey(key)) {
    throw badFile(request, `does not match the private key in ${request.files.privateKeyFile}.`)
  }
  refuseOutdated(request, certificate)
  refuseOtherUse(request, certificate)
  const host = request.hostname.replace(/^\[|\]$/g, '')
  refuseOtherHost(request, certificate, host)
  const privateKey = key.export({ format: 'pem', type: 'pkcs8' }).toString()
  refuseUnservable(request, pem, privateKey)
  return { host, certificate: pem, privateKey: new Secret(privateKey) }
}

type Part = 'certificate' | 'private key'

async function readPem(request: CertificateRequest, part: Part): Promise<string> {
  const path = part === 'certificate' ? request.files.certificateFile : request.files.privateKeyFile
  const rule = part === 'private key' ? SECRET_FILE : CERTIFICATE_FILE
  const pem = await readNamedFile(path, rule, ({ cause, fix, code }) =>
    request.isOwn && code === 'ENOENT'
      ? unusable(
          request,
          `An https redirect URI needs a certificate, but ${path} does not exist yet. Run: ${MAKE_CERTIFICATE} (or set redirect_certificate_file to your own certificate).`,
        )
      : badFile(request, cause, part, fix),
  )
  return pem.toString('utf8')
}

function parseCertificate(request: CertificateRequest, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw badFile(request, 'contains no certificate in PEM format.')
  }
}

function parseKey(request: CertificateRequest, pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    const problem = /ENCRYPTED/.test(pem)
      ? 'is encrypted. catchd cannot ask for its passphrase, so use a key that is not encrypted.'
      : 'contains no private key in PEM format.'
    throw badFile(request, problem, 'private key')
  }
}

function refuseOutdated(request: CertificateRequest, { validFrom, validTo }: X509Certificate): void {
  const [fromMs, toMs] = [Date.parse(validFrom), Date.parse(validTo)]
  if (toMs <= request.nowMs) throw badFile(request, `expired at ${toInstant(toMs)}.`)
  if (fromMs > request.nowMs) throw badFile(request, `is not valid before ${toInstant(fromMs)}.`)
}

/** Node's `keyUsage` is the extended key usage. */
function refuseOtherUse(request: CertificateRequest, { keyUsage }: X509Certificate): void {
  if (keyUsage === undefined || keyUsage.some((usage) => SERVER_USAGES.includes(usage))) return
  throw badFile(request, 'cannot be used for a server: its extended key usage has no serverAuth.')
}

/** Browsers check only the subject alternative names (RFC 9525 §2). */
function refuseOtherHost(request: CertificateRequest, certificate: X509Certificate, host: string): void {
  const isNamed =
    isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host)
  if (isNamed !== undefined) return
  const names = certificate.subjectAltName?.slice(0, MOST_NAMES_SHOWN) ?? 'no host'
  const instead = request.isOwn ? ` Set redirect_certificate_file to a certificate for ${host}.` : ''
  // A new certificate of catchd would have the same names, so the profile has to change.
  throw new CatchdError(
    'profile_invalid',
    `${fileOf(request, 'certificate')} is not valid for ${host}. It names ${names}.${instead}`,
  )
}

/** Refuses what TLS cannot use: a key that is too short, or an unreadable chain. */
function refuseUnservable(request: CertificateRequest, cert: string, key: string): void {
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    throw badFile(request, `cannot be used for TLS (${systemCode(error)}).`)
  }
}

function fileOf({ isOwn, files }: CertificateRequest, part: Part): string {
  return part === 'certificate'
    ? `${isOwn ? "catchd's own certificate" : 'redirect_certificate_file'} ${files.certificateFile}`
    : `${isOwn ? "catchd's own key" : 'redirect_private_key_file'} ${files.privateKeyFile}`
}

/** @param problem - The rest of the sentence after the file. */
function badFile(
  request: CertificateRequest,
  problem: string,
  part: Part = 'certificate',
  next?: string,
): CatchdError {
  return unusable(request, `${fileOf(request, part)} ${problem}`, next)
}

function unusable({ isOwn }: CertificateRequest, detail: string, next?: string): CatchdError {
  return new CatchdError('profile_invalid', { detail, next: next ?? (isOwn ? MAKE_CERTIFICATE : undefined) })
}
