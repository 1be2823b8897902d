/**
 * Verifies signed authorization responses (JWT Secured Authorization Response Mode, JARM §2.4) before their code is
 * sent anywhere.
 *
 * src/login/authorization-response.ts reads them. The profile decides whether responses are signed. A response of the
 * other kind is refused, so an attacker cannot leave the signature out.
 */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { isSigned } from './authorization-request.js'
import { ASYMMETRIC, keyOptions, libraryMessage } from './id-token.js'
import { jwtParts } from './json-object.js'
import type { KeySets } from './key-sets.js'
import type { ServerMetadata } from './metadata-document.js'
import type { CodeGrant } from './port.js'

/** Checked before a browser opens. @throws CatchdError `profile_invalid` */
export function requireSignable(profile: Profile, server: ServerMetadata): void {
  if (!isSigned(profile) || (profile.issuer !== undefined && server.jwks_uri !== undefined)) return
  throw new CatchdError(
    'profile_invalid',
    'catchd cannot verify signed responses (response_mode with .jwt), because it knows no jwks_uri. Set issuer or jwks_uri.',
  )
}

/**
 * Verifies the signature, issuer, audience and expiry of a signed response.
 *
 * @throws CatchdError `provider_answer_invalid`; `provider_unreachable` if the keys cannot be fetched
 */
export async function verifyResponse(
  keys: KeySets,
  profile: Profile,
  server: ServerMetadata,
  { signedResponse = null }: CodeGrant,
): Promise<void> {
  if (signedResponse === null) {
    if (isSigned(profile))
      throw invalid(`is not signed, although response_mode ${profile.response_mode} requires a signature`)
    return
  }
  if (!isSigned(profile))
    throw invalid('is signed, although the response_mode of the profile is one without a signature')
  const { jwks_uri: jwksUri } = server
  const { header } = jwtParts(signedResponse) ?? {}
  if (jwksUri === undefined || header === undefined) throw invalid('is not a signed one that can be checked')
  if (!ASYMMETRIC.includes(String(header['alg']))) throw invalid('is not signed with a key of the server')
  const oauth = await import('oauth4webapi')
  const parameters = new URLSearchParams({ response: signedResponse.reveal() })
  try {
    await keys.verify(profile, jwksUri, header, (key) =>
      oauth.validateJwtAuthResponse(
        { ...server },
        { client_id: profile.client_id },
        parameters,
        oauth.skipStateCheck, // the state was already used to find the login
        keyOptions(oauth, key),
      ),
    )
  } catch (error) {
    if (error instanceof CatchdError) throw error
    const message = libraryMessage(error)
    throw invalid(message === undefined ? 'is not valid' : `is not valid: ${message}`)
  }
}

function invalid(what: string): CatchdError {
  return new CatchdError(
    'provider_answer_invalid',
    `The authorization response ${what}; its code was not sent.`,
  )
}
