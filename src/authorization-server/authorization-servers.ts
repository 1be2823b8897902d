/**
 * The authorization servers that profiles name, behind the port of this room.
 *
 * Puts together what the files beside it do: where endpoints are (metadata.ts), what is sent
 * (authorization-request.ts, token-request.ts, client-authentication.ts), what came back (token-response.ts,
 * id-token.ts) and how it travels (server-connections.ts).
 */
import type { AuthorizationServer } from 'oauth4webapi'
import type { Clock } from '../clock.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { TokenResponse, TokenSet, TokenSetOrigin } from '../tokens/token-set.js'
import { authorizationUrl, wireScope } from './authorization-request.js'
import { clientAuthentication } from './client-authentication.js'
import { validateIdToken } from './id-token.js'
import { Metadata } from './metadata.js'
import type {
  AuthorizationRequest,
  AuthorizationServers,
  ClientSecrets,
  CodeGrant,
  PreparedAuthorization,
  RefreshOutcome,
  RevocationOutcome,
} from './port.js'
import { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'
import { requestTokens, ServerBusy } from './token-request.js'

export class OAuthAuthorizationServers implements AuthorizationServers {
  readonly #connections: ServerConnections
  readonly #metadata: Metadata
  readonly #clientSecrets: ClientSecrets

  /** @param parts.deadlineMs - For one exchange, its answer included; 10 s unless a test says otherwise. */
  constructor(parts: {
    readonly clock: Pick<Clock, 'now'>
    readonly clientSecrets: ClientSecrets
    readonly deadlineMs?: number
  }) {
    this.#connections = new ServerConnections(parts.deadlineMs)
    this.#metadata = new Metadata(this.#connections, parts.clock)
    this.#clientSecrets = parts.clientSecrets
  }

  origin(profile: Profile): TokenSetOrigin {
    return {
      authorizationServer: profile.issuer ?? profile.token_endpoint ?? '',
      clientId: profile.client_id,
    }
  }

  async prepare(
    profile: Profile,
    request: AuthorizationRequest,
    issRequiredByConfiguration: boolean,
  ): Promise<PreparedAuthorization> {
    const server = await this.#metadata.of(profile)
    if (server.authorization_endpoint === undefined) {
      throw new CatchdError('profile_invalid', {
        profile: profile.name,
        detail: 'The profile has no authorization_endpoint, and no metadata names one.',
      })
    }
    const issRequired = server.authorization_response_iss_parameter_supported === true
    if (issRequiredByConfiguration && !issRequired) {
      throw new CatchdError('profile_invalid', {
        profile: profile.name,
        detail:
          'Its redirect_uri is shared with a profile of another authorization server, and this server does not ' +
          'announce iss (RFC 9207). Give the profile a redirect_uri of its own.',
      })
    }
    return {
      authorizationUrl: authorizationUrl(server.authorization_endpoint, profile, request),
      expectedIssuer: profile.issuer ?? null,
      issRequired,
    }
  }

  async redeem(profile: Profile, grant: CodeGrant): Promise<TokenResponse> {
    const server = await this.#metadata.of(profile)
    const response = await requestTokens(this.#connections, {
      profile,
      server,
      endpoint: server.token_endpoint,
      grantType: 'authorization_code',
      parameters: {
        code: grant.code.reveal(),
        redirect_uri: grant.redirectUri,
        ...(grant.codeVerifier === null ? {} : { code_verifier: grant.codeVerifier.reveal() }),
      },
      clientSecret: await this.#clientSecrets(profile),
      secrets: grant.codeVerifier === null ? [grant.code] : [grant.code, grant.codeVerifier],
    })
    const context = { grant: 'authorization_code', nonce: grant.nonce } as const
    return validateIdToken(this.#connections, profile, server, response, context)
  }

  async refresh(profile: Profile, current: TokenSet): Promise<RefreshOutcome> {
    try {
      return { outcome: 'refreshed', response: await this.#refresh(profile, current) }
    } catch (thrown) {
      const error = asCatchdError(thrown)
      if (isDead(error)) return { outcome: 'reauthorize', error }
      const retryAfterSeconds = error instanceof ServerBusy ? error.retryAfterSeconds : null
      return { outcome: 'retry_later', error, retryAfterSeconds }
    }
  }

  async clientCredentials(profile: Profile): Promise<TokenResponse> {
    const server = await this.#metadata.of(profile)
    const scope = wireScope(profile)
    return requestTokens(this.#connections, {
      profile,
      server,
      endpoint: server.token_endpoint,
      grantType: 'client_credentials',
      parameters: scope === '' ? {} : { scope },
      clientSecret: await this.#clientSecrets(profile),
      secrets: [],
    })
  }

  async revoke(profile: Profile, current: TokenSet): Promise<RevocationOutcome> {
    try {
      return await this.#revoke(profile, current)
    } catch (error) {
      return { outcome: 'failed', error: asCatchdError(error) }
    }
  }

  close(): void {
    this.#connections.close()
  }

  async #refresh(profile: Profile, current: TokenSet): Promise<TokenResponse> {
    const { refreshToken } = current
    if (refreshToken === null) throw new CatchdError('login_required', { profile: profile.name })
    const server = await this.#metadata.of(profile)
    const response = await requestTokens(this.#connections, {
      profile,
      server,
      endpoint: profile.refresh_endpoint ?? server.token_endpoint,
      grantType: 'refresh_token',
      parameters: { refresh_token: refreshToken.reveal() },
      clientSecret: await this.#clientSecrets(profile),
      secrets: [refreshToken],
    })
    const context = { grant: 'refresh_token', issuer: current.issuer, subject: current.subject } as const
    return validateIdToken(this.#connections, profile, server, response, context)
  }

  /** RFC 7009 §2.1. Both tokens: not every server takes the access token along with the refresh token. */
  async #revoke(profile: Profile, current: TokenSet): Promise<RevocationOutcome> {
    const server = await this.#metadata.of(profile)
    if (server.revocation_endpoint === undefined) return { outcome: 'unsupported' }
    if (current.refreshToken !== null) {
      await this.#revokeToken(profile, server, current.refreshToken, 'refresh_token')
    }
    await this.#revokeToken(profile, server, current.accessToken, 'access_token')
    return { outcome: 'revoked' }
  }

  async #revokeToken(
    profile: Profile,
    server: AuthorizationServer,
    token: Secret,
    hint: 'refresh_token' | 'access_token',
  ): Promise<void> {
    const oauth = await import('oauth4webapi')
    const { status } = await oauth.revocationRequest(
      server,
      { client_id: profile.client_id },
      clientAuthentication(profile, await this.#clientSecrets(profile)),
      token.reveal(),
      {
        additionalParameters: { token_type_hint: hint },
        headers: profile.token_request_headers,
        [oauth.customFetch]: serverFetch(this.#connections, profile),
        [oauth.allowInsecureRequests]: true, // beyond loopback, server-connections.ts refuses plain http
      },
    )
    if (status < 300) return
    throw new CatchdError('provider_refused', {
      profile: profile.name,
      detail: `The revocation endpoint answered ${status}.`,
    })
  }
}

/** `invalid_grant`, or a refusal that does not say why (some servers answer a dead refresh token without JSON). */
function isDead(error: CatchdError): boolean {
  if (error.code === 'login_required') return true
  return error.code === 'provider_refused' && (error.error === undefined || error.error === 'invalid_grant')
}
