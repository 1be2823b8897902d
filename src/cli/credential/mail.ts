/** Mail programs: the initial client responses of the SASL mechanisms that carry an access token. */
import { CatchdError } from '../../failures.js'
import { bareToken } from '../../fast-path/token-format.js'
import type { CredentialRequest, CredentialTool, FoundToken } from './tool.js'

const SEPARATOR = '\u0001'

function userOf({ user }: CredentialRequest): string {
  if (user !== undefined && /^\P{Cc}+$/u.test(user)) return user
  throw new CatchdError('request_invalid', {
    detail: 'This mechanism needs the name of the mailbox. Use --user.',
    next: 'catchd credential --profile NAME --user me@example.com xoauth2',
  })
}

const encoded = (text: string) => ({ stdout: `${Buffer.from(text).toString('base64')}\n` })
const bearer = ({ token }: FoundToken) => `auth=Bearer ${bareToken(token)}`

/** Google's and Microsoft's XOAUTH2. */
export const xoauth2: CredentialTool = {
  summary: 'SASL XOAUTH2, base64; needs --user',
  operations: ['get'],
  readsInput: false,
  async answer(request) {
    const user = userOf(request)
    const found = await request.tokens.ofProfile()
    return encoded(['user=', user, SEPARATOR, bearer(found), SEPARATOR, SEPARATOR].join(''))
  },
}

/** OAUTHBEARER (RFC 7628 §3.1). `=` and `,` in the user name are escaped (RFC 5801 §4). */
export const oauthbearer: CredentialTool = {
  summary: 'SASL OAUTHBEARER, base64; needs --user',
  operations: ['get'],
  readsInput: false,
  async answer(request) {
    const user = userOf(request).replaceAll('=', '=3D').replaceAll(',', '=2C')
    const found = await request.tokens.ofProfile()
    return encoded(['n,a=', user, ',', SEPARATOR, bearer(found), SEPARATOR, SEPARATOR].join(''))
  },
}
