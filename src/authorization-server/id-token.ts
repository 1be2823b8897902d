/**
 * Validates the id_token of a token response (OpenID Connect Core §3.1.3.7, §12.2): issuer, audience, times, nonce,
 * algorithm and signature. oauth4webapi does this with the server's keys (key-sets.ts), id-token-mac.ts with the client
 * secret.
 *
 * If an id_token is invalid, nothing of the response is stored.
 */
import type { IDToken } from 'oauth4webapi'
import type { ClientSecrets } from '../config/client-secret.js'
import { needsNoPerson } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { scopesOf } from './authorization-request.js'
import { isMac, requireMac, requireMacAllowed } from './id-token-mac.js'
import type { TokenResponse } from './issued-tokens.js'
import { jwtParts } from './json-object.js'
import { type KeySets, NotCheckable, type PublicKey } from './key-sets.js'
import type { ServerMetadata } from './metadata-document.js'

/** The values that an id_token must match. */
export type IdTokenContext =
  /** `nonce` is `null` if another tool built the authorization request and only that tool knows the nonce. */
  | { readonly grant: 'authorization_code'; readonly nonce: Secret | null }
  | { readonly grant: 'refresh_token'; readonly issuer: string | null; readonly subject: string | null }

export class IdTokens {
  readonly #keys: KeySets
  readonly #clientSecrets: ClientSecrets

  constructor(keys: KeySets, clientSecrets: ClientSecrets) {
    this.#keys = keys
    this.#clientSecrets = clientSecrets
  }

  /**
   * @param server - Published metadata of the profile's issuer ({@link asksForIdToken}).
   * @returns The response with `issuer` and `subject` of the validated id_token. After a refresh the id_token may be
   *   missing (§12.2). It is dropped if its keys cannot be fetched now, or if its times do not match this clock: the
   *   other tokens came over TLS from the token endpoint, and losing a rotated refresh token would end the session.
   * @throws CatchdError `provider_answer_invalid`, `provider_unreachable` (the JWKS)
   */
  async validate(
    profile: Profile,
    server: ServerMetadata,
    response: TokenResponse,
    context: IdTokenContext,
  ): Promise<TokenResponse> {
    if (response.idToken === null) {
      if (context.grant === 'refresh_token' || !isOpenid(response)) return response
      throw new CatchdError(
        'provider_answer_invalid',
        'The scope contains openid, but the token response has no id_token.',
      )
    }
    try {
      const claims = await this.#claims(profile, server, response.idToken, context)
      return { ...response, issuer: claims.iss, subject: claims.sub }
    } catch (error) {
      const isUnverifiable = error instanceof NotCheckable && context.grant === 'refresh_token'
      if (isUnverifiable) return { ...response, idToken: null, isIdTokenUncheckable: true }
      throw error
    }
  }

  async #claims(
    profile: Profile,
    server: ServerMetadata,
    idToken: Secret,
    context: IdTokenContext,
  ): Promise<IDToken> {
    const oauth = await import('oauth4webapi')
    const client = { client_id: profile.client_id }
    const { header = {} } = jwtParts(idToken) ?? {}
    // Only the id_token has to be validated. The rest of the answer has already been read.
    const standard = Response.json({
      access_token: 'unused',
      token_type: 'bearer',
      id_token: idToken.reveal(),
    })
    if (isMac(header)) requireMacAllowed(profile, server, header)
    const signing = { ...server, id_token_signing_alg_values_supported: algorithmsOf(server) }
    try {
      const processed =
        context.grant === 'authorization_code' && context.nonce !== null
          ? await oauth.processAuthorizationCodeResponse(signing, client, standard, {
              expectedNonce: context.nonce.reveal(),
              requireIdToken: true,
            })
          : await oauth.processGenericTokenEndpointResponse(signing, client, standard)
      const claims = oauth.getValidatedIdTokenClaims(processed)
      if (claims === undefined) throw invalid('it has no claims')
      requireIdToken(idToken)
      requireParty(claims, profile)
      if (context.grant === 'refresh_token') requireSamePerson(claims, context)
      if (isMac(header)) {
        requireMac(idToken, header, await this.#clientSecrets(profile))
        return claims
      }
      if (server.jwks_uri === undefined)
        throw invalid('the server publishes no jwks_uri, so it cannot be checked')
      await this.#keys.verify(profile, server.jwks_uri, header, (key) =>
        oauth.validateApplicationLevelSignature({ ...server }, standard, keyOptions(oauth, key)),
      )
      return claims
    } catch (error) {
      throw translated(error)
    }
  }
}

/** Options of oauth4webapi for checking a signature with one key. It sends no request. */
export function keyOptions(oauth: typeof import('oauth4webapi'), key: PublicKey) {
  const uat = Math.floor(Date.now() / 1000) // oauth4webapi compares it with the same clock
  return { [oauth.jwksCache]: { jwks: { keys: [{ ...key }] }, uat } }
}

/** The algorithms that catchd verifies with a server's keys. */
export const ASYMMETRIC: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/**
 * The announced algorithms, never `none`. A server that announces nothing (RFC 8414 has no such member) may use any with its
 * own keys. Ed25519 has two names (RFC 9864 §2.2).
 */
function algorithmsOf({ id_token_signing_alg_values_supported: announced = [] }: ServerMetadata): string[] {
  const usable = announced.filter((alg) => ASYMMETRIC.includes(alg) || isMac({ alg }))
  if (usable.length === 0) return [...ASYMMETRIC]
  const isEdwards = usable.includes('EdDSA') || usable.includes('Ed25519')
  return isEdwards ? [...usable, 'EdDSA', 'Ed25519'] : usable
}

/**
 * Whether the profile asks for an id_token that can be validated. An id_token is dropped if the profile did not ask for
 * it, or if the profile has no issuer, because it could not be validated.
 */
export function asksForIdToken(profile: Profile): boolean {
  return profile.issuer !== undefined && scopesOf(profile).includes('openid')
}

/** @throws CatchdError `profile_invalid` with the fix, for a profile whose logins bring no id_token */
export function requireIdTokenProfile(profile: Profile): void {
  if (asksForIdToken(profile) && !needsNoPerson(profile.grant)) return
  throw new CatchdError('profile_invalid', {
    profile: profile.name,
    detail: `There is no id_token for this profile: ${whyNoIdToken(profile)}`,
  })
}

function whyNoIdToken(profile: Profile): string {
  if (needsNoPerson(profile.grant)) return 'its grant needs no login.'
  if (profile.issuer === undefined) {
    return 'it has no issuer. Set `issuer`, add `openid` to the scope, and log in again.'
  }
  return '`openid` is not in its scope. Add it and log in again.'
}

/** The user may have refused `openid`. The answer then says what was granted (RFC 6749 §5.1). */
function isOpenid({ scope }: TokenResponse): boolean {
  return scope === null || scope.split(' ').includes('openid')
}

/**
 * A JWT for another purpose names it in `typ`, which then ends in `+jwt` (RFC 8725 §3.11): `at+jwt` (RFC 9068 §4),
 * `dpop+jwt`, `logout+jwt`. An id_token needs no `typ`.
 */
function requireIdToken(idToken: Secret): void {
  const { typ = 'JWT' } = jwtParts(idToken)?.header ?? {}
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : '+jwt'
  if (/[+-]jwt$/.test(type) && type !== 'id_token+jwt') {
    throw invalid('its typ says that it is another kind of token')
  }
}

/** OpenID Connect Core §2, §3.1.3.7. oauth4webapi requires `azp` if there are several audiences. */
function requireParty({ azp, sub }: IDToken, { client_id }: Profile): void {
  if (azp !== undefined && azp !== client_id) throw invalid('its azp is another client')
  if (sub.trim() === '' || sub.length > LONGEST_SUBJECT) throw invalid('it has no usable sub')
}

const LONGEST_SUBJECT = 255

/** OpenID Connect Core §12.2: a refresh must not change the subject of the tokens. */
function requireSamePerson(
  claims: IDToken,
  before: { readonly issuer: string | null; readonly subject: string | null },
): void {
  const isSame =
    (before.issuer === null || claims.iss === before.issuer) &&
    (before.subject === null || claims.sub === before.subject)
  if (!isSame)
    throw new CatchdError('provider_answer_invalid', 'The refreshed id_token is for another subject.')
}

/** Errors of oauth4webapi have the whole token with its secrets as their cause, so only their message is used. */
export function libraryMessage(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  const isTheirs = typeof code === 'string' && /^(OAUTH|ERR)_/.test(code) && typeof message === 'string'
  return isTheirs ? message : undefined
}

function translated(error: unknown): CatchdError {
  if (error instanceof CatchdError) return error
  const message = libraryMessage(error)
  const { code } = (error ?? {}) as { code?: unknown }
  if (code === 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED') {
    const detail = `The id_token is not valid: ${message}.`
    return new NotCheckable('provider_answer_invalid', { detail, evidence: { reason: code } })
  }
  return invalid(message ?? 'it cannot be read')
}

function invalid(why: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The id_token is not valid: ${why}.`)
}
