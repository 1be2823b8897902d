/**
 * Token requests from beginning to end: which answers give tokens that may be kept (RFC 6749 §5.1, §6). What each grant
 * sends is its file in grants/.
 *
 * Puts together what is sent (token-request.ts), how it is read (token-response.ts) and what has to hold of it
 * (id-token.ts, jarm.ts, token-type.ts). Errors are not told of their profile yet: authorization-servers.ts does that.
 */
import type { Clock } from '../clock.js'
import type { ClientSecrets } from '../config/client-secret.js'
import { DEVICE_CODE, needsNoPerson } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import type { SubjectTokens } from '../config/subject-token.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { wireScope } from './authorization-request.js'
import { refusedDevice } from './device-authorization.js'
import type { UnattendedGrantRequest } from './grants/grant-request.js'
import { GRANT_REQUESTS } from './grants/grant-requests.js'
import { asksForIdToken, IdTokens } from './id-token.js'
import type { IssuedTokens, TokenResponse } from './issued-tokens.js'
import { isSigned, verifyResponse } from './jarm.js'
import type { Metadata, ServerMetadata } from './metadata.js'
import { named } from './named-failures.js'
import type { CodeGrant, DevicePoll, RefreshOutcome } from './port.js'
import type { ProofFetch } from './proof-fetch.js'
import { refusedRefresh } from './refresh-outcome.js'
import type { ServerConnections } from './server-connections.js'
import { sendTokenRequest, type TokenAnswer, type TokenRequest } from './token-request.js'
import { readTokenAnswer } from './token-response.js'
import { requireTokenType, WrongTokenType } from './token-type.js'
import type { Transcript } from './transcript.js'

export interface TokenGrantParts {
  readonly connections: ServerConnections
  readonly metadata: Metadata
  readonly proofs: ProofFetch
  readonly clientSecrets: ClientSecrets
  readonly subjectTokens: SubjectTokens
  readonly clock: Pick<Clock, 'now'>
}

export class TokenGrants {
  readonly #parts: TokenGrantParts
  readonly #idTokens: IdTokens

  constructor(parts: TokenGrantParts) {
    this.#parts = parts
    this.#idTokens = new IdTokens(parts.connections)
  }

  /** Fetches ahead what the answer will be checked with. Never throws. */
  prefetchKeys(profile: Profile, server: ServerMetadata): Promise<void> {
    return this.#idTokens.fetchKeysAhead(profile, server)
  }

  /** @throws CatchdError as the port's `redeem` does */
  async redeem(profile: Profile, grant: CodeGrant): Promise<TokenResponse> {
    // Before the code is sent: without it there would be tokens that cannot be accepted.
    const server = await this.#server(profile)
    await verifyResponse(
      { connections: this.#parts.connections, keys: this.#idTokens },
      profile,
      server,
      grant,
    )
    const { response } = await this.#request({
      profile,
      server,
      endpoint: server.token_endpoint,
      grantType: 'authorization_code',
      ...GRANT_REQUESTS.authorization_code.request(grant),
      scope: wireScope(profile),
      transcript: grant.transcript,
    }).then(orThrow)
    return this.#validated(profile, server, response, grant.nonce)
  }

  /** Tokens without a person. @throws CatchdError as the port's `obtain` does */
  async obtain(profile: Profile): Promise<TokenResponse> {
    const { grant } = profile
    if (!needsNoPerson(grant)) throw new CatchdError('login_required', { profile: profile.name })
    const { request, requireAnswer }: UnattendedGrantRequest = GRANT_REQUESTS[grant]
    const { parameters, secrets } = await request(profile, this.#parts)
    const server = await this.#parts.metadata.of(profile, 'token_endpoint')
    const scope = wireScope(profile)
    const { response } = await this.#request({
      profile,
      server,
      endpoint: server.token_endpoint,
      grantType: grant,
      parameters: { ...(scope === '' ? {} : { scope }), ...parameters },
      scope,
      secrets,
    }).then(orThrow)
    requireAnswer?.(profile, response)
    return withoutIdToken(response)
  }

  /** @throws CatchdError for what is no answer to a poll */
  async pollDevice(profile: Profile, deviceCode: Secret, transcript?: Transcript): Promise<DevicePoll> {
    const server = await this.#server(profile)
    const outcome = await this.#request({
      profile,
      server,
      endpoint: server.token_endpoint,
      grantType: DEVICE_CODE,
      ...GRANT_REQUESTS[DEVICE_CODE].request(deviceCode),
      scope: wireScope(profile),
      transcript,
    })
    if ('error' in outcome) return refusedDevice(outcome.error, outcome.answer)
    return { outcome: 'issued', response: await this.#validated(profile, server, outcome.response, null) }
  }

  /** @throws CatchdError for what does not tell how the refresh ended */
  async refresh(profile: Profile, current: IssuedTokens): Promise<RefreshOutcome> {
    try {
      return await this.#requestRefresh(profile, current)
    } catch (error) {
      // Tokens came that cannot be used, and the refresh token that was sent may be used up.
      if (error instanceof WrongTokenType) return { outcome: 'reauthorize', error: named(error, profile) }
      throw error
    }
  }

  async #requestRefresh(profile: Profile, current: IssuedTokens): Promise<RefreshOutcome> {
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
      return refusedRefresh(outcome.error, outcome.answer, this.#parts.clock.now(), dead)
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

  /** Of a login. @param nonce - `null` where none was sent. */
  async #validated(
    profile: Profile,
    server: ServerMetadata,
    response: TokenResponse,
    nonce: Secret | null,
  ): Promise<TokenResponse> {
    if (!asksForIdToken(profile)) return withoutIdToken(response)
    return this.#idTokens.validate(profile, server, response, { grant: 'authorization_code', nonce })
  }

  /** What a token request needs: its endpoint, and for an id_token the published keys and algorithms. */
  #server(profile: Profile): Promise<ServerMetadata> {
    const needsKeys = asksForIdToken(profile) || isSigned(profile)
    return needsKeys ? this.#parts.metadata.of(profile) : this.#parts.metadata.of(profile, 'token_endpoint')
  }

  /** One token request; an answer without tokens comes back with what it means. */
  async #request(
    request: Omit<TokenRequest, 'clientSecret'> & { readonly secrets: readonly Secret[] },
  ): Promise<{ response: TokenResponse } | { error: CatchdError; answer: TokenAnswer }> {
    const { profile, secrets } = request
    const clientSecret = await this.#parts.clientSecrets(profile)
    const answer = await sendTokenRequest(this.#parts.connections, this.#parts.proofs, {
      ...request,
      clientSecret,
    })
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

function orThrow(outcome: { response: TokenResponse } | { error: CatchdError }): { response: TokenResponse } {
  if ('error' in outcome) throw outcome.error
  return outcome
}

/** What was not validated is not kept. */
function withoutIdToken(response: TokenResponse): TokenResponse {
  return { ...response, idToken: null }
}
