/**
 * Validating the id_token of a token response (OpenID Connect Core §3.1.3.7, §12.2): issuer, audience, times,
 * nonce and algorithm by oauth4webapi, and the signature against the server's JWKS where it publishes one.
 *
 * An id_token that does not hold spoils the whole response: nothing of it is stored.
 */
import type { AuthorizationServer, IDToken } from 'oauth4webapi'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { TokenResponse } from '../tokens/token-set.js'
import type { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'

/** What an id_token must be consistent with. */
export type IdTokenContext =
  | { readonly grant: 'authorization_code'; readonly nonce: Secret | null }
  | { readonly grant: 'refresh_token'; readonly issuer: string | null; readonly subject: string | null }

/**
 * Only for profiles that name an `issuer` and ask for `openid`; the id_token of others is dropped, since nobody
 * could say whether it holds.
 *
 * @returns The response with `issuer` and `subject` of the validated id_token.
 * @throws CatchdError `provider_answer_invalid`, `provider_unreachable` (the JWKS)
 */
export async function validateIdToken(
  connections: ServerConnections,
  profile: Profile,
  server: AuthorizationServer,
  response: TokenResponse,
  context: IdTokenContext,
): Promise<TokenResponse> {
  if (profile.issuer === undefined || !asksForOpenid(profile)) return { ...response, idToken: null }
  if (response.idToken === null && context.grant === 'refresh_token') return response
  const claims = await claimsOf(connections, profile, server, response, context)
  if (context.grant === 'refresh_token') requireSamePerson(claims, context)
  return { ...response, issuer: claims.iss, subject: claims.sub }
}

function asksForOpenid(profile: Profile): boolean {
  return (profile.scope ?? '').split(/\s+/).includes('openid')
}

async function claimsOf(
  connections: ServerConnections,
  profile: Profile,
  server: AuthorizationServer,
  response: TokenResponse,
  context: IdTokenContext,
): Promise<IDToken> {
  const oauth = await import('oauth4webapi')
  const client = { client_id: profile.client_id }
  const standard = Response.json({
    access_token: response.accessToken.reveal(),
    token_type: 'bearer',
    ...(response.idToken === null ? {} : { id_token: response.idToken.reveal() }),
  })
  try {
    const processed =
      context.grant === 'refresh_token'
        ? await oauth.processRefreshTokenResponse(server, client, standard)
        : await oauth.processAuthorizationCodeResponse(server, client, standard, {
            expectedNonce: context.nonce?.reveal() ?? oauth.expectNoNonce,
            requireIdToken: true,
          })
    if (server.jwks_uri !== undefined) {
      await oauth.validateApplicationLevelSignature(server, standard, {
        [oauth.customFetch]: serverFetch(connections, profile),
        [oauth.allowInsecureRequests]: true, // beyond loopback, server-connections.ts refuses plain http
      })
    }
    const claims = oauth.getValidatedIdTokenClaims(processed)
    if (claims === undefined)
      throw new CatchdError('provider_answer_invalid', 'The response has no id_token.')
    return claims
  } catch (error) {
    if (error instanceof CatchdError) throw error
    // oauth4webapi's messages name the claim; its causes hold the claims themselves, so they stay behind.
    const reason = error instanceof Error ? error.message : 'unknown'
    throw new CatchdError('provider_answer_invalid', `The id_token does not hold: ${reason}.`)
  }
}

/** OpenID Connect Core §12.2: a refresh must not change whose tokens these are. */
function requireSamePerson(
  claims: IDToken,
  before: { readonly issuer: string | null; readonly subject: string | null },
): void {
  const same =
    (before.issuer === null || claims.iss === before.issuer) &&
    (before.subject === null || claims.sub === before.subject)
  if (same) return
  throw new CatchdError('provider_answer_invalid', 'The refreshed id_token is about somebody else.')
}
