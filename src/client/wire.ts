/**
 * The JSON of the API, version 1, as the library hands it out: names and spelling are the wire's.
 *
 * Types only, and of no other package: api-types.ts is written from the schemas that the daemon validates with, so
 * that the two cannot drift apart. Instants are RFC 3339 UTC strings, durations integer seconds; what is unknown is
 * `null`.
 */
import type { ProfileAnswer, SettledLoginAnswer, StartedLoginAnswer } from './api-types.js'

export type * from './api-types.js'

export type ProfileStatusName = ProfileAnswer['status']

/** A login as it was begun, or as it stands. */
export type LoginAnswer = StartedLoginAnswer &
  Partial<Pick<SettledLoginAnswer, 'error' | 'stored' | 'response' | 'report'>>

/** What a logout did at the authorization server; the tokens are forgotten here either way. */
export interface LogoutAnswer {
  /** false where there was nothing to revoke, too. */
  readonly revoked: boolean
  /** Why the server still knows the tokens. */
  readonly not_revoked: string | null
}

export type LoginStatus = LoginAnswer['status']
/** What a succeeded login put into the vault. */
export type StoredTokenSet = NonNullable<LoginAnswer['stored']>
/** What was sent and answered in a login, without secrets, and the likely causes of its end. */
export type LoginReport = NonNullable<LoginAnswer['report']>
