/**
 * The authorization servers that profiles name, behind the port of this room.
 *
 * Puts together what the files beside it do: where endpoints are (metadata.ts), what is sent
 * (authorization-request.ts, pushed-authorization.ts, token-request.ts, client-authentication.ts, dpop.ts), what came back (token-response.ts,
 * refresh-outcome.ts, id-token.ts) and how it travels (server-connections.ts).
 */
import type { Clock } from '../clock.js'
import { TOKEN_EXCHANGE } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { Inspection } from '../tokens/inspection.js'
import type { TokenResponse, TokenSet, TokenSetOrigin } from '../tokens/token-set.js'
import { authorizationParameters, authorizationUrl, wireScope } from './authorization-request.js'
import { authorizeDevice, refusedDevice } from './device-authorization.js'
import { type DpopKeyItems, DpopKeys } from './dpop.js'
import { asksForIdToken, IdTokens } from './id-token.js'
import { inspectTokens } from './inspection.js'
import { isSigned, verifyResponse } from './jarm.js'
import { Metadata, type ServerMetadata } from './metadata.js'
import { inNameOf, named } from './named-failures.js'
import type {
  AuthorizationRequest,
  AuthorizationServers,
  ClientSecrets,
  CodeGrant,
  DeviceAuthorization,
  DevicePoll,
  DpopProofs,
  ExpectedIssuer,
  PreparedAuthorization,
  RefreshOutcome,
  RevocationOutcome,
  ServerDiscovery,
  SubjectTokens,
  TokenInspector,
  ToolRequest,
} from './port.js'
import { requireRegistrable } from './presets/registration.js'
import { ProofFetch } from './proof-fetch.js'
import { mustPush, pushAuthorizationRequest } from './pushed-authorization.js'
import { refusedRefresh } from './refresh-outcome.js'
import { requireRedeemable, requireRequestable } from './request-requirements.js'
import { revokeTokens } from './revocation.js'
import { ServerConnections } from './server-connections.js'
import { PublishedServers } from './server-discovery.js'
import { exchangeParameters, requireIssuedType } from './token-exchange.js'
import { DEVICE_CODE, sendTokenRequest, type TokenAnswer, type TokenRequest } from './token-request.js'
import { readTokenAnswer } from './token-response.js'
import { requireTokenType, WrongTokenType } from './token-type.js'
import type { Transcript } from './transcript.js'

export class OAuthAuthorizationServers implements AuthorizationServers, DpopProofs, TokenInspector {
  readonly #connections: ServerConnections
  readonly #metadata: Metadata
  readonly #idTokens: IdTokens
  readonly #clientSecrets: ClientSecrets
  readonly #subjectTokens: SubjectTokens
  readonly #clock: Pick<Clock, 'now'>
  readonly #dpopKeys: DpopKeys
  readonly #proofs: ProofFetch
  readonly discovery: ServerDiscovery

  /** @param parts.deadlineMs - For one exchange, its answer included; 10 s unless a test says otherwise. */
  constructor(parts: {
    readonly clock: Pick<Clock, 'now'>
    readonly clientSecrets: ClientSecrets
    /** Needed for token exchanges only. */
    readonly subjectTokens?: SubjectTokens
    readonly dpopKeys: DpopKeyItems
    readonly deadlineMs?: number
  }) {
    this.#connections = new ServerConnections(parts.deadlineMs)
    this.#metadata = new Metadata(this.#connections, parts.clock)
    this.discovery = new PublishedServers(this.#connections, this.#metadata)
    this.#idTokens = new IdTokens(this.#connections)
    this.#clientSecrets = parts.clientSecrets
    this.#subjectTokens = parts.subjectTokens ?? nothingToExchange
    this.#clock = parts.clock
    this.#dpopKeys = new DpopKeys(parts.dpopKeys)
    this.#proofs = new ProofFetch(this.#dpopKeys, parts.clock)
  }

  origin(profile: Profile): TokenSetOrigin {
    return {
      authorizationServer: profile.issuer ?? profile.token_endpoint ?? profile.resource_server ?? '',
      clientId: profile.client_id,
    }
  }

  published(profile: Profile): ServerMetadata | undefined {
    return this.#metadata.lastOf(profile)
  }

  prepare(
    profile: Profile,
    request: AuthorizationRequest,
    issRequiredByConfiguration: boolean,
  ): Promise<PreparedAuthorization> {
    return inNameOf(profile, async () => {
      requireRegistrable(profile)
      const server = await this.#metadata.of(profile)
      const { endpoint, issRequired } = requireRequestable(profile, server, issRequiredByConfiguration)
      return {
        authorizationUrl: authorizationUrl(
          endpoint,
          profile,
          await this.#authorizationParameters(profile, server, request),
        ),
        expectedIssuer: issuerOf(profile, server),
        issRequired,
      }
    })
  }

  expect(profile: Profile, issRequiredByConfiguration: boolean): Promise<ExpectedIssuer> {
    return inNameOf(profile, async () => {
      requireRegistrable(profile)
      const server = await this.#metadata.of(profile)
      const issRequired = requireRedeemable(profile, server, issRequiredByConfiguration)
      return { expectedIssuer: issuerOf(profile, server), issRequired }
    })
  }

  redeem(profile: Profile, grant: CodeGrant): Promise<TokenResponse> {
    return inNameOf(profile, async () => {
      // Before the code is sent: without it there would be tokens that cannot be accepted.
      const server = await this.#server(profile)
      await verifyResponse({ connections: this.#connections, keys: this.#idTokens }, profile, server, grant)
      const verifier = grant.codeVerifier === null ? {} : { code_verifier: grant.codeVerifier.reveal() }
      const { response } = await this.#request({
        profile,
        server,
        endpoint: server.token_endpoint,
        grantType: 'authorization_code',
        parameters: { code: grant.code.reveal(), redirect_uri: grant.redirectUri, ...verifier },
        scope: wireScope(profile),
        secrets: grant.codeVerifier === null ? [grant.code] : [grant.code, grant.codeVerifier],
        transcript: grant.transcript,
      }).then(orThrow)
      if (!asksForIdToken(profile)) return withoutIdToken(response)
      const context = { grant: 'authorization_code', nonce: grant.nonce } as const
      return this.#idTokens.validate(profile, server, response, context)
    })
  }

  authorizeDevice(profile: Profile): Promise<DeviceAuthorization> {
    return inNameOf(profile, async () => {
      const server = await this.#metadata.of(profile)
      const clientSecret = await this.#clientSecrets(profile)
      return authorizeDevice(this.#connections, { profile, server, clientSecret })
    })
  }

  async pollDevice(profile: Profile, deviceCode: Secret, transcript?: Transcript): Promise<DevicePoll> {
    try {
      return await inNameOf(profile, () => this.#pollDevice(profile, deviceCode, transcript))
    } catch (error) {
      const failure = asCatchdError(error)
      const isPassing = failure.code === 'provider_unreachable' || failure.code.startsWith('vault_')
      return { outcome: isPassing ? 'retry_later' : 'ended', error: failure }
    }
  }

  async refresh(profile: Profile, current: TokenSet): Promise<RefreshOutcome> {
    try {
      return await inNameOf(profile, () => this.#refresh(profile, current))
    } catch (error) {
      return { outcome: 'retry_later', error: asCatchdError(error), retryAfterSeconds: null }
    }
  }

  obtain(profile: Profile): Promise<TokenResponse> {
    return inNameOf(profile, async () => {
      const exchanged = profile.grant === TOKEN_EXCHANGE ? await this.#subjectTokens(profile) : undefined
      const server = await this.#metadata.of(profile, 'token_endpoint')
      const scope = wireScope(profile)
      const { response } = await this.#request({
        profile,
        server,
        endpoint: server.token_endpoint,
        grantType: exchanged === undefined ? 'client_credentials' : TOKEN_EXCHANGE,
        parameters: {
          ...(scope === '' ? {} : { scope }),
          ...(exchanged === undefined ? {} : exchangeParameters(profile, exchanged)),
        },
        scope,
        secrets: exchanged === undefined ? [] : [exchanged],
      }).then(orThrow)
      if (exchanged !== undefined) requireIssuedType(profile, response)
      return withoutIdToken(response)
    })
  }

  async revoke(profile: Profile, current: TokenSet): Promise<RevocationOutcome> {
    try {
      return await inNameOf(profile, async () => {
        const server = await this.#metadata.of(profile, 'revocation_endpoint')
        if (server.revocation_endpoint === undefined) return { outcome: 'unsupported' }
        const clientSecret = await this.#clientSecrets(profile)
        await revokeTokens(this.#connections, { profile, server, clientSecret }, current)
        return { outcome: 'revoked' }
      })
    } catch (error) {
      return { outcome: 'failed', error: asCatchdError(error) }
    }
  }

  async prove(profile: Profile, accessToken: Secret, request: ToolRequest): Promise<string> {
    const key = await this.#dpopKeys.of(profile.name)
    return key.proof({ ...request, accessToken }, this.#clock.now())
  }

  inspect(profile: Profile, set: TokenSet): Promise<Inspection> {
    const parts = {
      connections: this.#connections,
      proofs: this.#proofs,
      clientSecrets: this.#clientSecrets,
      metadata: (asked: Profile) => this.#metadata.of(asked, 'introspection_endpoint', 'userinfo_endpoint'),
    }
    return inspectTokens(parts, profile, set)
  }

  forgetKey(profile: string): Promise<void> {
    return this.#dpopKeys.forget(profile)
  }

  close(): void {
    this.#connections.close()
  }

  /** What the browser carries: the request itself, or where the server keeps it (RFC 9126 §4). */
  async #authorizationParameters(
    profile: Profile,
    server: ServerMetadata,
    request: AuthorizationRequest,
  ): Promise<URLSearchParams> {
    const thumbprint = profile.dpop ? (await this.#dpopKeys.of(profile.name)).thumbprint : undefined
    const parameters = authorizationParameters(profile, request, thumbprint)
    if (!mustPush(profile, server)) return parameters
    const clientSecret = await this.#clientSecrets(profile)
    const secrets = request.nonce === null ? [request.state] : [request.state, request.nonce]
    const pushed = { profile, server, clientSecret, parameters, secrets }
    const requestUri = await pushAuthorizationRequest(this.#connections, this.#proofs, pushed)
    return new URLSearchParams({ client_id: profile.client_id, request_uri: requestUri })
  }

  async #pollDevice(profile: Profile, deviceCode: Secret, transcript?: Transcript): Promise<DevicePoll> {
    const server = await this.#server(profile)
    const outcome = await this.#request({
      profile,
      server,
      endpoint: server.token_endpoint,
      grantType: DEVICE_CODE,
      parameters: { device_code: deviceCode.reveal() },
      scope: wireScope(profile),
      secrets: [deviceCode],
      transcript,
    })
    if ('error' in outcome) return refusedDevice(outcome.error, outcome.answer)
    const { response } = outcome
    if (!asksForIdToken(profile)) return { outcome: 'issued', response: withoutIdToken(response) }
    const context = { grant: 'authorization_code', nonce: null } as const
    return {
      outcome: 'issued',
      response: await this.#idTokens.validate(profile, server, response, context),
    }
  }

  async #refresh(profile: Profile, current: TokenSet): Promise<RefreshOutcome> {
    try {
      return await this.#requestRefresh(profile, current)
    } catch (error) {
      // Tokens came that cannot be used, and the refresh token that was sent may be used up.
      if (error instanceof WrongTokenType) return { outcome: 'reauthorize', error: named(error, profile) }
      throw error
    }
  }

  async #requestRefresh(profile: Profile, current: TokenSet): Promise<RefreshOutcome> {
    const { refreshToken } = current
    if (refreshToken === null) {
      const error = new CatchdError('login_required', 'The authorization server issued no refresh token.')
      return { outcome: 'reauthorize', error }
    }
    const server = await this.#server(profile)
    const outcome = await this.#request({
      profile,
      server,
      endpoint: profile.refresh_endpoint ?? server.token_endpoint,
      grantType: 'refresh_token',
      parameters: { refresh_token: refreshToken.reveal() },
      // No more than what was granted (RFC 6749 §6).
      scope: (current.scope ?? '').split(' ').join(profile.scope_separator),
      secrets: [refreshToken],
    })
    if ('error' in outcome) {
      const dead = profile.token_response?.dead_refresh_token
      return refusedRefresh(outcome.error, outcome.answer, this.#clock.now(), dead)
    }
    if (!asksForIdToken(profile)) return { outcome: 'refreshed', response: withoutIdToken(outcome.response) }
    const { issuer, subject } = current
    const context = { grant: 'refresh_token', issuer, subject } as const
    try {
      const response = await this.#idTokens.validate(profile, server, outcome.response, context)
      return { outcome: 'refreshed', response }
    } catch (error) {
      // The tokens beside it are not taken, and the refresh token that was sent may be used up: no way on from here.
      return { outcome: 'reauthorize', error: asCatchdError(error) }
    }
  }

  /** What a token request needs: its endpoint, and for an id_token the published keys and algorithms. */
  #server(profile: Profile): Promise<ServerMetadata> {
    const needsKeys = asksForIdToken(profile) || isSigned(profile)
    return needsKeys ? this.#metadata.of(profile) : this.#metadata.of(profile, 'token_endpoint')
  }

  /** One token request; an answer without tokens comes back with what it means. */
  async #request(
    request: Omit<TokenRequest, 'clientSecret'> & { readonly secrets: readonly Secret[] },
  ): Promise<{ response: TokenResponse } | { error: CatchdError; answer: TokenAnswer }> {
    const { profile, secrets } = request
    const clientSecret = await this.#clientSecrets(profile)
    const answer = await sendTokenRequest(this.#connections, this.#proofs, { ...request, clientSecret })
    let response: TokenResponse
    try {
      response = readTokenAnswer(answer, {
        shape: profile.token_response,
        scopeSeparator: profile.scope_separator,
        sent: clientSecret === undefined ? secrets : [...secrets, clientSecret],
      })
    } catch (error) {
      return { error: named(asCatchdError(error), profile), answer }
    }
    requireTokenType(profile, response)
    return { response }
  }
}

const nothingToExchange: SubjectTokens = async ({ name }) => {
  throw new CatchdError('profile_invalid', { profile: name, detail: 'There is nothing to exchange.' })
}

/** Without an issuer in the profile, its resource server has named one. */
function issuerOf(profile: Profile, server: ServerMetadata): string | null {
  return profile.issuer ?? (profile.resource_server === undefined ? null : server.issuer)
}

function orThrow(outcome: { response: TokenResponse } | { error: CatchdError }): { response: TokenResponse } {
  if ('error' in outcome) throw outcome.error
  return outcome
}

/** What was not validated is not kept. */
function withoutIdToken(response: TokenResponse): TokenResponse {
  return { ...response, idToken: null }
}
