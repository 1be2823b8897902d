/** The id_tokens of emulated vendors, which all sign with one key. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

const KEYS = await generateKeyPair('RS256', { extractable: true })

export const JWKS = { keys: [{ ...(await exportJWK(KEYS.publicKey)), kid: 'k', alg: 'RS256', use: 'sig' }] }

/** OpenID Connect Core §2. */
export function signIdToken(
  issuer: string,
  audience: string,
  claims: Readonly<Record<string, string>>,
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('person-1')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(KEYS.privateKey)
}
