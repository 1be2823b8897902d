/**
 * id_tokens with a MAC, whose key is the client secret (OpenID Connect Core §3.1.3.7 items 7 and 8, §10.1). Pure.
 *
 * Accepted only if the server announces the algorithm and the client authenticates with a secret. The key is always that
 * secret, never a key of the server's set: with a public key as the secret of a MAC, everybody could sign.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { Members } from './json-object.js'
import type { ServerMetadata } from './metadata-document.js'

const HASHES = new Map<unknown, string>([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
])

/** @param header - Of a JWT. */
export function isMac({ alg }: Members): boolean {
  return HASHES.has(alg)
}

/** The `reason` of the failure, for src/diagnosis. */
export const MAC_NOT_ALLOWED = 'ID_TOKEN_MAC'

/** @throws CatchdError `provider_answer_invalid` */
export function requireMacAllowed(profile: Profile, server: ServerMetadata, { alg }: Members): void {
  if (hasMacKey(profile) && server.id_token_signing_alg_values_supported?.includes(String(alg))) return
  const why = hasMacKey(profile)
    ? 'which the server does not announce'
    : 'whose key is a client secret, but this client does not use one'
  throw new CatchdError('provider_answer_invalid', {
    detail: `The id_token is signed with ${String(alg)}, ${why}.`,
    evidence: { reason: MAC_NOT_ALLOWED },
  })
}

/** Whether every id_token of the server can be checked without its key set. */
export function needsNoKeySet(profile: Profile, server: ServerMetadata): boolean {
  const announced = server.id_token_signing_alg_values_supported ?? []
  return hasMacKey(profile) && announced.length > 0 && announced.every((alg) => isMac({ alg }))
}

/** A public client may have a value called secret, which other people have too. It does not authenticate with it. */
function hasMacKey({ client_secret, token_endpoint_auth_method: method }: Profile): boolean {
  return client_secret !== undefined && method.startsWith('client_secret_')
}

/** @throws CatchdError `provider_answer_invalid` if the MAC is not the one of this secret */
export function requireMac(idToken: Secret, { alg }: Members, secret: Secret | undefined): void {
  const [header = '', claims = '', mac = ''] = idToken.reveal().split('.')
  const hash = HASHES.get(alg)
  if (hash !== undefined && secret !== undefined && secret.reveal() !== '') {
    const expected = createHmac(hash, secret.reveal()).update(`${header}.${claims}`).digest()
    const given = Buffer.from(mac, 'base64url')
    if (given.length === expected.length && timingSafeEqual(given, expected)) return
  }
  throw new CatchdError(
    'provider_answer_invalid',
    'The id_token is not valid: it is not signed with the client secret.',
  )
}
