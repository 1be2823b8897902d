/**
 * The id_token of a token set: when it expires and which user it is for (OpenID Connect Core §2), and why there may be
 * none.
 *
 * Pure. It was validated when it arrived (src/authorization-server/id-token.ts); here it is only read.
 */
import * as z from 'zod'
import { jwtParts } from '../authorization-server/json-object.js'
import type { Secret } from '../secret.js'
import type { TokenSet } from './token-set.js'

export interface IdToken {
  readonly token: Secret
  readonly issuer: string
  readonly subject: string
  readonly expiresAtMs: number
}

/** Why the id_token did not change with the last refresh. */
export const IdTokenStay = z.enum([
  /** The refresh brought none, or the same one. Another refresh would bring no other. */
  'not_given',
  /** The server's keys could not be loaded at that moment, or the clock of this machine is wrong. */
  'not_checkable',
])
export type IdTokenStay = z.infer<typeof IdTokenStay>

/** No token is valid for longer than dates go. */
const LAST_SECOND = 253_402_300_799

const Claims = z.looseObject({ iss: z.string(), sub: z.string(), exp: z.number() })

/** @returns `null` when the set has none. */
export function idTokenOf({ idToken: token }: Pick<TokenSet, 'idToken'>): IdToken | null {
  const claims = Claims.safeParse(jwtParts(token)?.claims).data
  if (token === null || claims === undefined) return null
  return {
    token,
    issuer: claims.iss,
    subject: claims.sub,
    expiresAtMs: Math.min(claims.exp, LAST_SECOND) * 1000,
  }
}

/** Why a valid id_token needs a login, for a set whose refresh token was not refused. */
export function whyIdTokenNeedsLogin({ idToken, idTokenStays, refreshToken }: TokenSet): string {
  if (idToken === null) return 'The stored tokens were issued without an id_token.'
  if (idTokenStays === 'not_given') {
    return 'The id_token has expired. The authorization server issues one only at a login; the refresh brought no new one.'
  }
  if (refreshToken === null) {
    return 'The id_token has expired, and the authorization server issued no refresh token to get a new one.'
  }
  return 'The id_token has expired.'
}
