/**
 * What is known about a profile's tokens beyond the tokens: the claims of the id_token, and what the server answers
 * when it is asked about them (RFC 7662, OpenID Connect Core §5.3). Types only; asking is src/authorization-server.
 */
import type { CatchdError } from '../failures.js'

/** Members of a JSON object, as the server gave them, tokens replaced by a marker. */
export type Members = Readonly<Record<string, unknown>>

/** One question to the server. Trouble with one of them is told beside the answers to the others. */
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
