/**
 * The id_token of a token set as it is handed out: what it says itself of its end and of whom it is about (OpenID
 * Connect Core §2), and why there may be none to hand out.
 *
 * Pure. It was validated when it came (src/authorization-server/id-token.ts); here it is only read.
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

/** Why the last refresh left the id_token of an earlier answer in place. */
export const IdTokenStay = z.enum([
  /** It brought none, or the same once more: another refresh would not do either. */
  'not_given',
  /** The keys that it is signed with could not be had just then, or this clock is wrong. */
  'not_checkable',
])
export type IdTokenStay = z.infer<typeof IdTokenStay>

const Claims = z.looseObject({ iss: z.string(), sub: z.string(), exp: z.number() })

/** @returns `null` when the set has none. */
export function idTokenOf({ idToken: token }: Pick<TokenSet, 'idToken'>): IdToken | null {
  const claims = Claims.safeParse(jwtParts(token)?.claims).data
  if (token === null || claims === undefined) return null
  return { token, issuer: claims.iss, subject: claims.sub, expiresAtMs: claims.exp * 1000 }
}

/** Why only a person can get an id_token that holds, of a set whose refresh token is not refused. */
export function whyIdTokenNeedsLogin({ idToken, idTokenStays, refreshToken }: TokenSet): string {
  if (idToken === null) return 'The stored tokens came without an id_token.'
  if (idTokenStays === 'not_given') {
    return 'The id_token is over, and the authorization server gives one at a login only: its refresh brought no new one.'
  }
  if (refreshToken === null) {
    return 'The id_token is over, and the authorization server gave no refresh token to get a new one with.'
  }
  return 'The id_token is over.'
}
