/** The code that came to the redirect URI, and what it is bound to (RFC 6749 §4.1.3, RFC 7636 §4.5). */
import type { CodeGrant } from '../port.js'
import type { AttendedGrantRequest } from './grant-request.js'

export const authorizationCode: AttendedGrantRequest<CodeGrant> = {
  request({ code, redirectUri, codeVerifier }) {
    const verifier = codeVerifier === null ? {} : { code_verifier: codeVerifier.reveal() }
    return {
      parameters: { code: code.reveal(), redirect_uri: redirectUri, ...verifier },
      secrets: codeVerifier === null ? [code] : [code, codeVerifier],
    }
  },
}
