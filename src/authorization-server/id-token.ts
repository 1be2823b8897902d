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
import { RESPONSE_MODES } from '../config/response-modes.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { scopesOf } from './authorization-request.js'
import type { TokenResponse } from './issued-tokens.js'
import type { ServerMetadata } from './metadata.js'
import type { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'

/** The values that an id_token must match. */
export type IdTokenContext =
  /** `nonce` is `null` if another tool built the authorization request and only that tool knows the nonce. */
  | { readonly grant: 'authorization_code'; readonly nonce: Secret | null }
  | { readonly grant: 'refresh_token'; readonly issuer: string | null; readonly subject: string | null }

/** The cache format of oauth4webapi. */
const KEYS_GOOD_FOR_SECONDS = 300

/** The largest number of cached key sets. The least recently used one is dropped. */
const MOST_KEY_SETS = 256

export class IdTokens {
  readonly #connections: ServerConnections
  readonly #keySets = new Map<string, JWKSCacheInput>()
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
      throw new CatchdError('provider_answer_invalid', {
        profile: profile.name,
        detail: 'openid was asked for, and the token response has no id_token.',
      })
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
    const needsKeys = asksForIdToken(profile) || RESPONSE_MODES[profile.response_mode].signed
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
      if (context.grant === 'refresh_token') requireSamePerson(claims, context)
      await oauth.validateApplicationLevelSignature(server, standard, {
        [oauth.jwksCache]: await this.keySetOf(profile, server),
        [oauth.customFetch]: keysFetch(this.#connections, profile),
        [oauth.allowInsecureRequests]: true, // beyond loopback, server-exchanges.ts refuses plain http
      })
      return claims
    } catch (error) {
      throw translated(error)
    }
  }

  /** The cached keys of the server for all its signatures. oauth4webapi fills the cache. */
  async keySetOf(profile: Profile, server: ServerMetadata): Promise<JWKSCacheInput> {
    if (server.jwks_uri === undefined) throw invalid('the server publishes no jwks_uri to check it with')
    const known = this.#knownKeySet(server.jwks_uri, profile)
    await this.#fetching.get(known)
    return known
  }

  #knownKeySet(jwksUri: string, profile: Profile): JWKSCacheInput {
    const key = JSON.stringify([jwksUri, profile.ca_file])
    const known: JWKSCacheInput = this.#keySets.get(key) ?? {}
    this.#keySets.delete(key)
    this.#keySets.set(key, known)
    for (const longest of this.#keySets.keys()) {
      if (this.#keySets.size <= MOST_KEY_SETS) break
      this.#keySets.delete(longest)
    }
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
  if (needsNoPerson(profile.grant)) return 'its grant asks nobody to log in.'
  if (profile.issuer === undefined) {
    return 'it names no issuer to check one by. Add `issuer`, and `openid` to the scope, and log in again.'
  }
  return '`openid` is not in its scope. Add it and log in again.'
}

/** The user may have refused `openid`. The answer then says what was granted (RFC 6749 §5.1). */
function isOpenid({ scope }: TokenResponse): boolean {
  return scope === null || scope.split(' ').includes('openid')
}

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
export function keysFetch(connections: ServerConnections, profile: Profile): ReturnType<typeof serverFetch> {
  const fetch = serverFetch(connections, profile)
  return async (url, options) => {
    let response: Response
    try {
      response = await fetch(url, options)
    } catch (error) {
      if (!(error instanceof CatchdError)) throw error
      throw new NotCheckable(error.code, { detail: error.message, evidence: error.evidence })
    }
    const text = await response.text()
    if (response.status === 200 && isKeySet(text)) {
      return new Response(text, { headers: { 'content-type': 'application/json' } })
    }
    throw new NotCheckable('provider_answer_invalid', `The jwks_uri gave no keys (${response.status}).`)
  }
}

function isKeySet(text: string): boolean {
  try {
    return KeySet.safeParse(JSON.parse(text)).success
  } catch {
    return false
  }
}

/** RFC 7517 §5. */
const KeySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })

/** Errors of oauth4webapi have the claims and the whole token as their cause, so only their message is used. */
function translated(error: unknown): CatchdError {
  if (error instanceof CatchdError) return error
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (code === 'OAUTH_KEY_SELECTION_FAILED') {
    return new NotCheckable('provider_answer_invalid', 'The server publishes no key for the id_token.')
  }
  if (code === 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED') {
    const detail = `The id_token is not valid: ${String(message)}.`
    return new NotCheckable('provider_answer_invalid', { detail, evidence: { reason: code } })
  }
  const isTheirs = typeof code === 'string' && /^(OAUTH|ERR)_/.test(code) && typeof message === 'string'
  return invalid(isTheirs ? message : 'it cannot be read')
}

function invalid(why: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The id_token is not valid: ${why}.`)
}
