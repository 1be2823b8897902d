/**
 * Validates the id_token of a token response (OpenID Connect Core §3.1.3.7, §12.2): issuer, audience, times, nonce,
 * algorithm and signature. oauth4webapi does this with the server's JWKS.
 *
 * If an id_token is invalid, nothing of the response is stored. Keys are cached for five minutes. The JWKS is fetched
 * again for an unknown key at most once a minute, whatever key ids the tokens have.
 */
import type { IDToken, JWKSCacheInput } from 'oauth4webapi'
import * as z from 'zod'
import { needsNoPerson } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { isSigned, scopesOf } from './authorization-request.js'
import { fetchOptions } from './client-requests.js'
import type { TokenResponse } from './issued-tokens.js'
import { jwtParts, parseObject } from './json-object.js'
import type { ServerMetadata } from './metadata.js'
import { RecentMap } from './recent-map.js'
import { SentValues } from './sent-values.js'
import type { ServerConnections } from './server-connections.js'
import { type Fetch, serverFetch } from './server-fetch.js'

/** The values that an id_token must match. */
export type IdTokenContext =
  /** `nonce` is `null` if another tool built the authorization request and only that tool knows the nonce. */
  | { readonly grant: 'authorization_code'; readonly nonce: Secret | null }
  | { readonly grant: 'refresh_token'; readonly issuer: string | null; readonly subject: string | null }

/** The cache format of oauth4webapi. */
const KEYS_GOOD_FOR_SECONDS = 300

/** The largest number of cached key sets. */
const MOST_KEY_SETS = 256

export class IdTokens {
  readonly #connections: ServerConnections
  readonly #keySets = new RecentMap<JWKSCacheInput>(MOST_KEY_SETS)
  /** The key sets that are being fetched in advance. */
  readonly #fetching = new Map<JWKSCacheInput, Promise<void>>()

  constructor(connections: ServerConnections) {
    this.#connections = connections
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

  /**
   * Fetches the keys in advance, while the user approves. Never throws: if this fails, the keys are fetched again when an
   * id_token has to be checked.
   */
  async fetchKeysAhead(profile: Profile, server: ServerMetadata): Promise<void> {
    const needsKeys = asksForIdToken(profile) || isSigned(profile)
    if (!needsKeys || server.jwks_uri === undefined) return
    const known = this.#knownKeySet(server.jwks_uri, profile)
    const nowSeconds = Math.floor(Date.now() / 1000) // oauth4webapi compares it with the same clock
    const isRecent = 'uat' in known && nowSeconds - known.uat < KEYS_GOOD_FOR_SECONDS
    if (isRecent || this.#fetching.has(known)) return
    const headers = { accept: 'application/json, application/jwk-set+json' }
    const fetching = keysFetch(this.#connections, profile)(server.jwks_uri, { method: 'GET', headers })
      .then(async (response) => {
        Object.assign(known, { jwks: await response.json(), uat: nowSeconds })
      })
      .catch(() => {})
      .finally(() => this.#fetching.delete(known))
    this.#fetching.set(known, fetching)
    await fetching
  }

  async #claims(
    profile: Profile,
    server: ServerMetadata,
    idToken: Secret,
    context: IdTokenContext,
  ): Promise<IDToken> {
    const oauth = await import('oauth4webapi')
    const client = { client_id: profile.client_id }
    // Only the id_token has to be validated. The rest of the answer has already been read.
    const standard = Response.json({
      access_token: 'unused',
      token_type: 'bearer',
      id_token: idToken.reveal(),
    })
    try {
      const processed =
        context.grant === 'authorization_code' && context.nonce !== null
          ? await oauth.processAuthorizationCodeResponse(server, client, standard, {
              expectedNonce: context.nonce.reveal(),
              requireIdToken: true,
            })
          : await oauth.processGenericTokenEndpointResponse(server, client, standard)
      const claims = oauth.getValidatedIdTokenClaims(processed)
      if (claims === undefined) throw invalid('it has no claims')
      requireIdToken(idToken)
      requireParty(claims, profile)
      if (context.grant === 'refresh_token') requireSamePerson(claims, context)
      const options = await this.signatureOptions(oauth, profile, server)
      await oauth.validateApplicationLevelSignature(server, standard, options)
      return claims
    } catch (error) {
      throw translated(error)
    }
  }

  /** Options of oauth4webapi for checking a signature of the server. It fills the cache of keys. */
  async signatureOptions(oauth: typeof import('oauth4webapi'), profile: Profile, server: ServerMetadata) {
    if (server.jwks_uri === undefined)
      throw invalid('the server publishes no jwks_uri, so it cannot be checked')
    const known = this.#knownKeySet(server.jwks_uri, profile)
    await this.#fetching.get(known)
    return {
      ...fetchOptions(oauth, keysFetch(this.#connections, profile)),
      [oauth.jwksCache]: known,
    } as const
  }

  #knownKeySet(jwksUri: string, profile: Profile): JWKSCacheInput {
    const key = JSON.stringify([jwksUri, profile.ca_file])
    const known: JWKSCacheInput = this.#keySets.get(key) ?? {}
    this.#keySets.set(key, known)
    return known
  }
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

/** The id_token may be valid, but its key cannot be fetched now, or this machine's clock is wrong. */
class NotCheckable extends CatchdError {}

/** Fetches a JWKS. Its failures are distinguished from an invalid id_token. */
function keysFetch(connections: ServerConnections, profile: Profile): Fetch {
  const fetch = serverFetch(connections, profile, new SentValues())
  return async (url, options) => {
    let response: Response
    try {
      response = await fetch(url, options)
    } catch (error) {
      if (!(error instanceof CatchdError)) throw error
      throw new NotCheckable(error.code, { detail: error.message, evidence: error.evidence })
    }
    const text = await response.text()
    const keys = response.status === 200 ? KeySet.safeParse(parseObject(text)).data : undefined
    if (keys !== undefined) return Response.json(keys)
    throw new NotCheckable('provider_answer_invalid', `The jwks_uri gave no keys (${response.status}).`)
  }
}

/** RFC 7517 §5. */
const KeySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })

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
  if (code === 'OAUTH_KEY_SELECTION_FAILED') {
    return new NotCheckable('provider_answer_invalid', 'The server publishes no key that fits the id_token.')
  }
  if (code === 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED') {
    const detail = `The id_token is not valid: ${message}.`
    return new NotCheckable('provider_answer_invalid', { detail, evidence: { reason: code } })
  }
  return invalid(message ?? 'it cannot be read')
}

function invalid(why: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The id_token is not valid: ${why}.`)
}
