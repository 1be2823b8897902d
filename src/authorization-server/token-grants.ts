/**
 * Token requests from beginning to end: which answers give tokens that may be stored (RFC 6749 §5.1, §6).
 *
 * token-request.ts sends a request and reads the answer. This file checks the type of the tokens, the id_token
 * (id-token.ts) and a signed authorization response (jarm.ts). authorization-servers.ts adds the profile's name to
 * errors.
 */
import type { Clock } from '../clock.js'
import type { ClientSecrets } from '../config/client-secret.js'
import { DEVICE_CODE, needsNoPerson } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import type { SubjectTokens } from '../config/subject-token.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { isSigned, sentRedirectUri, wireScope } from './authorization-request.js'
import type { ClientRequests } from './client-requests.js'
import { refusedDevice } from './device-authorization.js'
import { asksForIdToken, type IdTokenContext, IdTokens } from './id-token.js'
import { needsNoKeySet } from './id-token-mac.js'
import type { IssuedTokens, TokenResponse } from './issued-tokens.js'
import { verifyResponse } from './jarm.js'
import { KeySets } from './key-sets.js'
import type { Metadata } from './metadata.js'
import type { ServerMetadata } from './metadata-document.js'
import { requireOneOperator } from './one-operator.js'
import type { CodeGrant, DevicePoll, DeviceSecrets, RefreshOutcome } from './port.js'
import { refusedRefresh } from './refresh-outcome.js'
import { boundServer } from './secret-destination.js'
import type { ServerConnections } from './server-connections.js'
import { requestTokens, type TokenRequest } from './token-request.js'
import { refreshTokenIn } from './token-response.js'
import type { Transcript } from './transcript.js'
import { UNATTENDED_GRANTS } from './unattended-grants.js'

interface TokenGrantParts {
  readonly connections: ServerConnections
  readonly metadata: Metadata
  readonly requests: ClientRequests
  readonly clientSecrets: ClientSecrets
  readonly subjectTokens: SubjectTokens
  readonly clock: Pick<Clock, 'now'>
}

export class TokenGrants {
  readonly #parts: TokenGrantParts
  readonly #keySets: KeySets
  readonly #idTokens: IdTokens

  constructor(parts: TokenGrantParts) {
    this.#parts = parts
    this.#keySets = new KeySets(parts.connections)
    this.#idTokens = new IdTokens(this.#keySets, parts.clientSecrets)
  }

  /** Fetches in advance the keys that the answer will be checked with. Never throws. */
  async prefetchKeys(profile: Profile, server: ServerMetadata): Promise<void> {
    const { jwks_uri: jwksUri } = server
    const needsKeys = (asksForIdToken(profile) && !needsNoKeySet(profile, server)) || isSigned(profile)
    if (needsKeys && jwksUri !== undefined) await this.#keySets.fetchAhead(profile, jwksUri)
  }

  /** @throws CatchdError like the port's `redeem` */
  async redeem(profile: Profile, grant: CodeGrant): Promise<TokenResponse> {
    // Before the code is sent: without the keys, the tokens could not be accepted.
    const server = await this.#server(profile)
    requireOneOperator(profile, server)
    await verifyResponse(this.#keySets, profile, server, grant)
    const { code, codeVerifier, redirectUri, nonce, server: begunAt, transcript } = grant
    const response = await this.#tokens({
      profile,
      server,
      bound: { login: begunAt },
      grantType: 'authorization_code',
      parameters: {
        code: code.reveal(),
        redirect_uri: sentRedirectUri(profile, redirectUri),
        ...verifierOf(codeVerifier),
      },
      transcript,
    })
    return this.#accepted(profile, server, response, { grant: 'authorization_code', nonce })
  }

  /** Tokens of a grant without a login. @throws CatchdError like the port's `obtain` */
  async obtain(profile: Profile): Promise<TokenResponse> {
    const { grant } = profile
    if (!needsNoPerson(grant)) throw new CatchdError('login_required')
    const { request, requireAnswer } = UNATTENDED_GRANTS[grant]
    const parameters = await request(profile, this.#parts.subjectTokens)
    const server = await this.#parts.metadata.of(profile, 'token_endpoint')
    const scope = wireScope(profile)
    const response = await this.#tokens({
      profile,
      server,
      bound: 'client', // the profile says where a subject token goes
      grantType: grant,
      parameters: { ...(scope === '' ? {} : { scope }), ...parameters },
    })
    requireTokenType(profile, response)
    requireAnswer?.(profile, response)
    return withoutIdToken({ ...response, server: boundServer(profile, server) })
  }

  /** @throws CatchdError if the server's answer says nothing about the login */
  async pollDevice(
    profile: Profile,
    { deviceCode, codeVerifier, server: begunAt }: DeviceSecrets,
    transcript?: Transcript,
  ): Promise<DevicePoll> {
    const server = await this.#server(profile)
    const outcome = await requestTokens(this.#parts, {
      profile,
      server,
      bound: { login: begunAt },
      grantType: DEVICE_CODE,
      parameters: { device_code: deviceCode.reveal(), ...verifierOf(codeVerifier) },
      transcript,
    })
    if ('error' in outcome) return refusedDevice(outcome.error, outcome.answer)
    const context = { grant: 'authorization_code', nonce: null } as const
    return { outcome: 'issued', response: await this.#accepted(profile, server, outcome.response, context) }
  }

  /** @throws CatchdError if it is unknown how the refresh ended */
  async refresh(
    profile: Profile,
    current: IssuedTokens,
    keepRotated: (refreshToken: Secret) => Promise<void>,
  ): Promise<RefreshOutcome> {
    const { refreshToken, issuer, subject, server: issuedBy } = current
    if (refreshToken === null) {
      const error = new CatchdError('login_required', 'The authorization server issued no refresh token.')
      return { outcome: 'reauthorize', error }
    }
    const server = await this.#server(profile)
    const outcome = await requestTokens(this.#parts, {
      profile,
      server,
      bound: { tokens: issuedBy },
      grantType: 'refresh_token',
      parameters: { refresh_token: refreshToken.reveal() },
      // Not more than was granted (RFC 6749 §6).
      scope: (current.scope ?? '').split(' ').join(profile.scope_separator),
      tokenType: current.tokenType,
    })
    const keep = async (rotated: Secret | null) => {
      if (rotated !== null && rotated.reveal() !== refreshToken.reveal()) await keepRotated(rotated)
    }
    if ('error' in outcome) {
      const { token_response: shape } = profile
      await keep(refreshTokenIn(outcome.answer, shape))
      return refusedRefresh(outcome.error, outcome.answer, this.#parts.clock.now(), shape?.dead_refresh_token)
    }
    const { response } = outcome
    const otherType = tokenTypeFailure(profile, response)
    const isDoubtful = current.refusedRefreshToken?.reason === 'answer_invalid'
    const isJudged = isDoubtful || (response.idToken !== null && asksForIdToken(profile))
    if (isJudged || otherType !== undefined) await keep(response.refreshToken)
    if (otherType !== undefined) {
      return { outcome: 'retry_later', error: otherType.of(profile.name), retryAfterSeconds: null }
    }
    try {
      const context = { grant: 'refresh_token', issuer, subject } as const
      const accepted = await this.#accepted(profile, server, response, context)
      if (isDoubtful) requireProof(profile, accepted)
      return { outcome: 'refreshed', response: accepted }
    } catch (error) {
      // The new tokens may belong to somebody else.
      return { outcome: 'reauthorize', error: asCatchdError(error).of(profile.name) }
    }
  }

  /** The response with the validated id_token. @throws CatchdError if one of the tokens cannot be used */
  async #accepted(
    profile: Profile,
    server: ServerMetadata,
    response: TokenResponse,
    context: IdTokenContext,
  ): Promise<TokenResponse> {
    requireTokenType(profile, response)
    const issued = { ...response, server: boundServer(profile, server) }
    if (!asksForIdToken(profile)) return withoutIdToken(issued)
    return this.#idTokens.validate(profile, server, issued, context)
  }

  /** The metadata for a token request: the token endpoint, and for an id_token also its keys and algorithms. */
  #server(profile: Profile): Promise<ServerMetadata> {
    const needsKeys = asksForIdToken(profile) || isSigned(profile)
    return needsKeys ? this.#parts.metadata.of(profile) : this.#parts.metadata.of(profile, 'token_endpoint')
  }

  async #tokens(request: TokenRequest): Promise<TokenResponse> {
    const outcome = await requestTokens(this.#parts, request)
    if ('error' in outcome) throw outcome.error
    return outcome.response
  }
}

/** RFC 7636 §4.5. */
function verifierOf(codeVerifier: Secret | null | undefined): { readonly code_verifier?: string } {
  return codeVerifier == null ? {} : { code_verifier: codeVerifier.reveal() }
}

/** An id_token that was not validated is not stored. */
function withoutIdToken(response: TokenResponse): TokenResponse {
  return { ...response, idToken: null }
}

/**
 * A token of another type than `DPoP` is not bound to a key, and a token of that type is useless without its key
 * (RFC 6749 §7.1, RFC 9449 §5).
 */
function tokenTypeFailure({ dpop }: Profile, { tokenType }: TokenResponse): CatchdError | undefined {
  if ((tokenType === 'DPoP') === dpop) return undefined
  return new CatchdError('provider_answer_invalid', {
    detail: dpop
      ? `The server gave a token of type ${tokenType}, which is not bound to the key of the profile (dpop).`
      : 'The server binds its tokens to a key of the client (DPoP, RFC 9449). Set dpop to true in the profile.',
    evidence: { tokenType },
  })
}

/** @throws CatchdError `provider_answer_invalid` */
function requireTokenType(profile: Profile, response: TokenResponse): void {
  const failure = tokenTypeFailure(profile, response)
  if (failure !== undefined) throw failure
}

/** The refresh token came with an id_token that is not valid. Only a valid one shows that its tokens are for the same person. */
function requireProof(profile: Profile, { idToken }: TokenResponse): void {
  if (!asksForIdToken(profile) || idToken !== null) return
  throw new CatchdError(
    'provider_answer_invalid',
    'The refresh token came with an id_token that is not valid, and the new answer has no id_token that shows whose tokens they are.',
  )
}
