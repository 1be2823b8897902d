/** Token revocation (RFC 7009), in the same format as the profile's token requests. */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { clientAuthentication } from './client-authentication.js'
import type { IssuedTokens } from './issued-tokens.js'
import type { ServerMetadata } from './metadata.js'
import type { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'

export interface RevokingClient {
  readonly profile: Profile
  /** Must have a `revocation_endpoint`. */
  readonly server: ServerMetadata
  readonly clientSecret: Secret | undefined
}

/**
 * Revokes both tokens, the refresh token first, because not every server then also revokes the access token
 * (RFC 7009 §2.1). A server that does may refuse the second request, so that refusal is ignored.
 *
 * @throws CatchdError `provider_refused`, `provider_unreachable`, `provider_answer_invalid`, `profile_invalid`
 */
export async function revokeTokens(
  connections: ServerConnections,
  client: RevokingClient,
  { refreshToken, accessToken }: Pick<IssuedTokens, 'refreshToken' | 'accessToken'>,
): Promise<void> {
  if (refreshToken === null) return revoke(connections, client, accessToken, 'access_token')
  await revoke(connections, client, refreshToken, 'refresh_token')
  try {
    await revoke(connections, client, accessToken, 'access_token')
  } catch (error) {
    if (!(error instanceof CatchdError && error.code === 'provider_refused')) throw error
  }
}

async function revoke(
  connections: ServerConnections,
  { profile, server, clientSecret }: RevokingClient,
  token: Secret,
  hint: 'refresh_token' | 'access_token',
): Promise<void> {
  const oauth = await import('oauth4webapi')
  const { status } = await oauth.revocationRequest(
    server,
    { client_id: profile.client_id },
    clientAuthentication(profile, clientSecret),
    token.reveal(),
    {
      additionalParameters: { token_type_hint: hint },
      headers: { accept: 'application/json' },
      [oauth.customFetch]: serverFetch(connections, profile),
      [oauth.allowInsecureRequests]: true, // beyond loopback, server-exchanges.ts refuses plain http
    },
  )
  if (status < 300) return
  const code = status >= 400 && status < 500 ? 'provider_refused' : 'provider_answer_invalid'
  throw new CatchdError(code, `The revocation endpoint answered ${status}.`)
}
