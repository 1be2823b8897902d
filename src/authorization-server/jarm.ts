/**
 * Authorization responses that the server signed (JWT Secured Authorization Response Mode, JARM §2.4): verified before
 * the code in them is sent anywhere.
 *
 * Reading them is src/login/authorization-response.ts. Which of the two kinds a login takes is its profile's to say: a
 * response of the other kind is refused, so that a signature cannot be left away.
 */
import type { Profile } from '../config/profile.js'
import { RESPONSE_MODES } from '../config/response-modes.js'
import { CatchdError } from '../failures.js'
import { type IdTokens, keysFetch } from './id-token.js'
import type { ServerMetadata } from './metadata.js'
import type { CodeGrant } from './port.js'
import type { ServerConnections } from './server-connections.js'

export function isSigned({ response_mode }: Profile): boolean {
  return RESPONSE_MODES[response_mode].signed
}

/** Said before a browser opens. @throws CatchdError `profile_invalid` */
export function requireSignable(profile: Profile, server: ServerMetadata): void {
  if (!isSigned(profile) || (profile.issuer !== undefined && server.jwks_uri !== undefined)) return
  throw new CatchdError('profile_invalid', {
    profile: profile.name,
    detail:
      'Signed responses (response_mode with .jwt) could not be checked: the profile needs an issuer that publishes its jwks_uri.',
  })
}

/**
 * Signature, issuer, audience and expiry of a signed response.
 *
 * @throws CatchdError `provider_answer_invalid`; `provider_unreachable` when the keys cannot be had
 */
export async function verifyResponse(
  parts: { readonly connections: ServerConnections; readonly keys: Pick<IdTokens, 'keySetOf'> },
  profile: Profile,
  server: ServerMetadata,
  { signedResponse = null }: CodeGrant,
): Promise<void> {
  if (signedResponse === null) {
    if (isSigned(profile)) throw invalid(`is not signed, as response_mode ${profile.response_mode} wants it`)
    return
  }
  if (!isSigned(profile)) throw invalid('is signed, which response_mode of the profile does not ask for')
  const oauth = await import('oauth4webapi')
  const parameters = new URLSearchParams({ response: signedResponse.reveal() })
  try {
    await oauth.validateJwtAuthResponse(
      server,
      { client_id: profile.client_id },
      parameters,
      oauth.skipStateCheck, // the state found the login
      {
        [oauth.jwksCache]: await parts.keys.keySetOf(profile, server),
        [oauth.customFetch]: keysFetch(parts.connections, profile),
        [oauth.allowInsecureRequests]: true, // beyond loopback, server-exchanges.ts refuses plain http
      },
    )
  } catch (error) {
    if (error instanceof CatchdError) throw error
    // Errors of oauth4webapi hold the claims, code and state among them, as their cause: only their words are taken.
    const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
    const isTheirs = typeof code === 'string' && /^(OAUTH|ERR)_/.test(code) && typeof message === 'string'
    throw invalid(isTheirs ? `does not hold: ${message}` : 'does not hold')
  }
}

function invalid(what: string): CatchdError {
  return new CatchdError(
    'provider_answer_invalid',
    `The authorization response ${what}; its code was not sent.`,
  )
}
