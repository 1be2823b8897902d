/** Token revocation (RFC 7009), in the same format as the profile's token requests. */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { ClientRequests } from './client-requests.js'
import type { IssuedTokens } from './issued-tokens.js'
import type { ServerMetadata } from './metadata-document.js'

/**
 * Revokes both tokens, the refresh token first, because not every server then also revokes the access token
 * (RFC 7009 §2.1). A server that does may refuse the second request, so that refusal is ignored.
 *
 * @param server - Must have a `revocation_endpoint`.
 * @throws CatchdError `provider_refused`, `provider_unreachable`, `provider_answer_invalid`, `profile_invalid`
 */
export async function revokeTokens(
  requests: ClientRequests,
  profile: Profile,
  server: ServerMetadata,
  {
    refreshToken,
    accessToken,
    server: issuedBy,
  }: Pick<IssuedTokens, 'refreshToken' | 'accessToken' | 'server'>,
): Promise<void> {
  const revoke = async (token: Secret, hint: 'refresh_token' | 'access_token') => {
    const { response } = await requests.send(
      profile,
      { server, key: 'revocation_endpoint', bound: { tokens: issuedBy } },
      ({ oauth, client, authentication, options }) =>
        oauth.revocationRequest(server, client, authentication, token.reveal(), {
          ...options,
          additionalParameters: { token_type_hint: hint },
          headers: { accept: 'application/json' },
        }),
      { isProven: false },
    )
    const { status } = response
    if (status < 300) return
    const code = status >= 400 && status < 500 ? 'provider_refused' : 'provider_answer_invalid'
    throw new CatchdError(code, `The revocation endpoint answered ${status}.`)
  }
  if (refreshToken === null) return revoke(accessToken, 'access_token')
  await revoke(refreshToken, 'refresh_token')
  try {
    await revoke(accessToken, 'access_token')
  } catch (error) {
    if (!(error instanceof CatchdError && error.code === 'provider_refused')) throw error
  }
}
