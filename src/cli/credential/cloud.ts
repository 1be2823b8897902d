/** Cloud command lines that accept a token of another issuer: Google's external accounts. */
import { asCatchdError } from '../../failures.js'
import { bareToken } from '../../fast-path/token-format.js'
import { failureLine } from '../failure-output.js'
import { type CredentialTool, expiryInSeconds, json } from './tool.js'

/** The token types that google-auth can request. The answer repeats the requested type. */
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token'
const JWT = 'urn:ietf:params:oauth:token-type:jwt'

/**
 * Executable-sourced credentials of an `external_account` (google-auth, gcloud). A failure is also answered with JSON,
 * with `success: false`.
 */
export const gcp: CredentialTool = {
  summary: 'credential_source.executable.command: "catchd credential --profile NAME gcp"',
  takesIdToken: true,
  async answer({ environment, tokens }) {
    const asked = environment['GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE']
    try {
      const { token } = await tokens.ofProfile()
      const expiry = expiryInSeconds(token)
      return json({
        version: 1,
        success: true,
        token_type: asked === ID_TOKEN ? ID_TOKEN : JWT,
        id_token: bareToken(token),
        ...(expiry === undefined ? {} : { expiration_time: expiry }),
      })
    } catch (error) {
      const failure = asCatchdError(error)
      const message = failureLine(failure)
      // Nothing is printed on stderr, because google-auth for Python reads both streams as one.
      return { ...json({ version: 1, success: false, code: failure.code, message }), exitCode: 1 }
    }
  },
}
