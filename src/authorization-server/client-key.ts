/**
 * Reads the client's key and certificate from the profile's PEM files when a request needs them: for `private_key_jwt`
 * (RFC 7523 §2.2) and `tls_client_auth` (RFC 8705 §2.1).
 *
 * Nothing is cached, so the next request uses a rotated key. Messages name the file and the problem, never the content.
 */
import { createPrivateKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { CERTIFICATE_FILE, readNamedFile, SECRET_FILE } from '../files/named-file.js'
import type { ServerRequest } from './server-exchanges.js'

/** RFC 7518 §3.3 requires this size for RSA keys. */
const LEAST_RSA_BITS = 2048

/**
 * The key of `private_key_file`, ready to sign with.
 *
 * The key decides the algorithm: RS256 for RSA (PS256 if the server supports only that), ES256, ES384 or ES512 by the
 * curve, EdDSA for Ed25519. `id-RSASSA-PSS` keys are not supported, because the WebCrypto of Node 20 cannot read them.
 *
 * @param accepted - `token_endpoint_auth_signing_alg_values_supported` of the server (RFC 8414 §2), if known.
 * @throws CatchdError `profile_invalid` with the file, if it is missing, unreadable, encrypted, not a private key, or of
 *   a type for which none of these algorithms exists
 */
export async function signingKey(
  profile: Profile,
  accepted: readonly string[] | undefined,
): Promise<webcrypto.CryptoKey> {
  const file = profile.private_key_file ?? ''
  const key = await readPrivateKey(profile)
  const algorithm = algorithmOf(key, accepted)
  if (algorithm === undefined) {
    throw unusable(
      `private_key_file ${file} contains a key that cannot sign. Use RSA with 2048 bits or more, P-256, P-384, P-521 or Ed25519.`,
    )
  }
  const { subtle } = webcrypto
  return subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), algorithm, false, ['sign'])
}

/**
 * Certificate and key of `tls_client_auth`.
 *
 * @throws CatchdError `profile_invalid` with the file, also if key and certificate do not match
 */
export async function readClientCertificate(
  profile: Profile,
): Promise<NonNullable<ServerRequest['clientCertificate']>> {
  const file = profile.certificate_file ?? ''
  const cert = await readPem(profile, 'certificate_file')
  const key = await readPrivateKey(profile)
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(cert)
  } catch {
    throw unusable(`certificate_file ${file} contains no certificate in PEM format.`)
  }
  if (!certificate.checkPrivateKey(key)) {
    throw unusable(
      `certificate_file ${file} does not belong to the key in private_key_file ${profile.private_key_file ?? ''}.`,
    )
  }
  return { cert, key: key.export({ format: 'pem', type: 'pkcs8' }).toString() }
}

/** WebCrypto's names of the curves, by OpenSSL's. */
const CURVES: ReadonlyMap<string, string> = new Map([
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
  ['secp521r1', 'P-521'],
])

/** @returns WebCrypto's parameters for the key. oauth4webapi derives the JWS algorithm from them. */
function algorithmOf(key: KeyObject, accepted: readonly string[] = []) {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key
  if (type === 'ed25519') return { name: 'Ed25519' }
  const namedCurve = CURVES.get(details.namedCurve ?? '')
  if (namedCurve !== undefined) return { name: 'ECDSA', namedCurve }
  if (type !== 'rsa' || (details.modulusLength ?? 0) < LEAST_RSA_BITS) return undefined
  const isPss = accepted.includes('PS256') && !accepted.includes('RS256')
  return { name: isPss ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
}

async function readPrivateKey(profile: Profile): Promise<KeyObject> {
  const pem = await readPem(profile, 'private_key_file')
  const file = profile.private_key_file ?? ''
  try {
    return createPrivateKey(pem)
  } catch (error) {
    const isEncrypted =
      (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE' || /ENCRYPTED/.test(pem)
    throw unusable(
      isEncrypted
        ? `private_key_file ${file} is encrypted. catchd cannot ask for its passphrase, so use a key that is not encrypted.`
        : `private_key_file ${file} contains no private key in PEM format.`,
    )
  }
}

async function readPem(profile: Profile, key: 'private_key_file' | 'certificate_file'): Promise<string> {
  const file = profile[key]
  if (file === undefined) {
    throw unusable(`${profile.token_endpoint_auth_method} needs ${key}.`)
  }
  const rule = key === 'private_key_file' ? SECRET_FILE : CERTIFICATE_FILE
  const pem = await readNamedFile(file, rule, ({ cause, fix }) => unusable(`${key} ${file} ${cause}`, fix))
  return pem.toString('utf8')
}

function unusable(detail: string, next?: string): CatchdError {
  return new CatchdError('profile_invalid', { detail, next })
}
