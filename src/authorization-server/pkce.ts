/**
 * The random values of an authorization request: `state` (RFC 6749 §10.12), `nonce` (OpenID Connect Core
 * §3.1.2.1), `code_verifier` and its challenge (RFC 7636 §4.1–4.2). 256 random bits each, base64url.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Secret } from '../secret.js'

/** 256 random bits, 43 characters of base64url: fit for `state`, `nonce` and `code_verifier`. */
export function randomSecret(): Secret {
  return new Secret(randomBytes(32).toString('base64url'))
}

/** 128 random bits, 22 characters of base64url; names a login and is no secret. */
export function randomId(): string {
  return randomBytes(16).toString('base64url')
}

/** RFC 7636 §4.2, for `S256` in base64url. There are servers that expect the hash in hex. */
export function codeChallenge(
  codeVerifier: Secret,
  method: 'S256' | 'plain',
  encoding: 'base64url' | 'hex' = 'base64url',
): string {
  if (method === 'plain') return codeVerifier.reveal()
  return createHash('sha256').update(codeVerifier.reveal(), 'ascii').digest(encoding)
}
