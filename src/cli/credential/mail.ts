/** Mail programs: the initial client responses of the SASL mechanisms that carry an access token. */
import { CatchdError } from '../../failures.js'
import { bareToken } from '../../fast-path/token-format.js'
import type { CredentialRequest, CredentialTool } from './tool.js'

/** @param begin - The first field, which contains the user name. */
function sasl(mechanism: string, begin: (user: string) => string): CredentialTool {
  return {
    summary: `SASL ${mechanism}, base64; needs --user`,
    async answer(request) {
      const user = userOf(request)
      const { token } = await request.tokens.ofProfile()
      const response = [begin(user), `auth=Bearer ${bareToken(token)}`, '', ''].join('\u0001')
      return { stdout: `${Buffer.from(response).toString('base64')}\n` }
    },
  }
}

function userOf({ user }: CredentialRequest): string {
  if (user !== undefined && /^\P{Cc}+$/u.test(user)) return user
  throw new CatchdError('request_invalid', {
    detail: 'This mechanism needs the name of the mailbox. Use --user, such as --user me@example.com.',
    next: 'catchd help credential',
  })
}

/** Google's and Microsoft's XOAUTH2. */
export const xoauth2 = sasl('XOAUTH2', (user) => `user=${user}`)

/** OAUTHBEARER (RFC 7628 §3.1). `=` and `,` in the user name are escaped (RFC 5801 §4). */
export const oauthbearer = sasl(
  'OAUTHBEARER',
  (user) => `n,a=${user.replaceAll('=', '=3D').replaceAll(',', '=2C')},`,
)
