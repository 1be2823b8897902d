/**
 * The known data about a profile's tokens: the claims of the id_token, and the server's answers about the tokens
 * (RFC 7662, OpenID Connect Core §5.3). Types only; inspection.ts sends the requests.
 */
import type { CatchdError } from '../failures.js'

/** The members of the server's JSON object. Tokens are replaced by a marker. */
export type Members = Readonly<Record<string, unknown>>

/** One request to the server. Its failure is reported together with the answers to the others. */
export type Report =
  | { readonly outcome: 'answered'; readonly members: Members }
  | { readonly outcome: 'failed'; readonly error: CatchdError }
  /** No endpoint for it is known. */
  | { readonly outcome: 'not_asked' }

export interface Inspection {
  /** Validated when it was received; `null` when there is none. */
  readonly idToken: { readonly header: Members; readonly claims: Members } | null
  readonly introspection: Report
  readonly userinfo: Report
}
