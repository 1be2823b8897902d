/**
 * The certificate of an https redirect URI, read from its PEM files when a login begins and judged as a browser
 * will judge it, so that the login fails before a browser opens and not on a warning page after the approval.
 *
 * Nothing is kept: a certificate renewed on the disk counts from the next login on. Whether the browser trusts its
 * issuer cannot be seen from here. Messages name the file and what is wrong with it, never its content.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { constants, open } from 'node:fs/promises'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { toInstant } from '../../clock.js'
import { CatchdError } from '../../failures.js'
import { systemCode } from '../../files.js'
import type { CertificateFiles } from '../../login/ports.js'
import { Secret } from '../../secret.js'
import type { ServedCertificate } from '../tls-server.js'
import { MAKE_CERTIFICATE } from './own-certificate.js'

/** A chain of certificates has a few kilobytes. */
const MOST_BYTES = 256 * 1024
/** Of the names that a message repeats. */
const MOST_NAMES_SHOWN = 200

/** Extended key usages (RFC 5280 §4.2.1.12) that a TLS server's certificate may have, if it has any. */
const SERVER_USAGES = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']

export interface CertificateRequest {
  /** Of the redirect URI, as `URL.hostname` gives it. */
  readonly hostname: string
  readonly files: CertificateFiles
  /** The daemon made it. */
  readonly isOwn: boolean
  readonly nowMs: number
}

/** @throws CatchdError `profile_invalid` naming the file and why no browser would take the certificate. */
export async function readServedCertificate(request: CertificateRequest): Promise<ServedCertificate> {
  const pem = await readPem(request, 'certificate')
  const key = parseKey(request, await readPem(request, 'private key'))
  const certificate = parseCertificate(request, pem)
  if (!certificate.checkPrivateKey(key)) {
    throw unusable(
      request,
      `${fileOf(request, 'certificate')} is not the certificate of the key in ${request.files.privateKeyFile}.`,
    )
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
  const subject = fileOf(request, part)
  try {
    // A named pipe would otherwise block the login for ever.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const stats = await file.stat()
      if (!stats.isFile() || stats.size > MOST_BYTES) throw unusable(request, `${subject} is no PEM file.`)
      // Windows keeps the user's own files private by their access control lists.
      if (part === 'private key' && process.getuid !== undefined && (stats.mode & 0o077) !== 0) {
        throw unusable(
          request,
          `${subject} can be read or changed by other users. If nobody else has read it, run: chmod 600 '${path}'`,
        )
      }
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof CatchdError) throw error
    if (request.isOwn && systemCode(error) === 'ENOENT') {
      throw unusable(
        request,
        `An https redirect URI needs a certificate, and catchd has made none yet (${path}). Run ${MAKE_CERTIFICATE}, or name one as redirect_certificate_file.`,
      )
    }
    throw unusable(request, `${subject} cannot be read (${systemCode(error)}).`)
  }
}

function parseCertificate(request: CertificateRequest, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw unusable(request, `${fileOf(request, 'certificate')} holds no certificate in PEM form.`)
  }
}

function parseKey(request: CertificateRequest, pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    const subject = fileOf(request, 'private key')
    throw unusable(
      request,
      /ENCRYPTED/.test(pem)
        ? `${subject} is encrypted, and there is nobody to ask for its passphrase.`
        : `${subject} holds no private key in PEM form.`,
    )
  }
}

function refuseOutdated(request: CertificateRequest, { validFrom, validTo }: X509Certificate): void {
  const subject = fileOf(request, 'certificate')
  if (Date.parse(validTo) <= request.nowMs)
    throw unusable(request, `${subject} expired at ${toInstant(Date.parse(validTo))}.`)
  if (Date.parse(validFrom) > request.nowMs)
    throw unusable(request, `${subject} is not valid before ${toInstant(Date.parse(validFrom))}.`)
}

/** Node's `keyUsage` is the extended one. */
function refuseOtherUse(request: CertificateRequest, { keyUsage }: X509Certificate): void {
  if (keyUsage === undefined || keyUsage.some((usage) => SERVER_USAGES.includes(usage))) return
  throw unusable(request, `${fileOf(request, 'certificate')} is not meant for a server (no serverAuth).`)
}

/** Browsers look at the subject alternative names alone (RFC 9525 §2). */
function refuseOtherHost(request: CertificateRequest, certificate: X509Certificate, host: string): void {
  const isNamed =
    isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host)
  if (isNamed !== undefined) return
  const names = certificate.subjectAltName?.slice(0, MOST_NAMES_SHOWN) ?? 'no host'
  const rather = request.isOwn ? ' Name one that is as redirect_certificate_file.' : ''
  // Made anew it would name no more hosts: the profile has to change.
  throw new CatchdError(
    'profile_invalid',
    `${fileOf(request, 'certificate')} is not for ${host}: it names ${names}.${rather}`,
  )
}

/** What TLS itself does not take: a key that is too short, a chain that cannot be read. */
function refuseUnservable(request: CertificateRequest, cert: string, key: string): void {
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    throw unusable(request, `${fileOf(request, 'certificate')} cannot be served (${systemCode(error)}).`)
  }
}

function fileOf({ isOwn, files }: CertificateRequest, part: Part): string {
  if (part === 'certificate') {
    return isOwn
      ? `catchd's own certificate ${files.certificateFile}`
      : `redirect_certificate_file ${files.certificateFile}`
  }
  return isOwn
    ? `catchd's own key ${files.privateKeyFile}`
    : `redirect_private_key_file ${files.privateKeyFile}`
}

function unusable({ isOwn }: CertificateRequest, detail: string): CatchdError {
  return new CatchdError('profile_invalid', { detail, ...(isOwn ? { next: MAKE_CERTIFICATE } : {}) })
}
