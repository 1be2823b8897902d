/** What one file a grant has to say: the request it sends, and what its answer has to hold beyond RFC 6749 §5.1. */
import type { Profile } from '../../config/profile.js'
import type { SubjectTokens } from '../../config/subject-token.js'
import type { Secret } from '../../secret.js'
import type { TokenResponse } from '../issued-tokens.js'

/** A list is a parameter that stands there more than once. */
export type TokenParameters = Readonly<Record<string, string | readonly string[]>>

export interface GrantRequest {
  /** Beside grant_type; those of the profile are added by token-request.ts. */
  readonly parameters: TokenParameters
  /** Those among the parameters, which no error may repeat. */
  readonly secrets: readonly Secret[]
}

/** A grant whose tokens a login brings. @typeParam Brought - What the login brought. */
export interface AttendedGrantRequest<Brought> {
  request(brought: Brought): GrantRequest
}

/** A grant whose tokens come without a person. The caller adds the scope. */
export interface UnattendedGrantRequest {
  /** @throws CatchdError where what is exchanged cannot be had */
  request(
    profile: Profile,
    parts: { readonly subjectTokens: SubjectTokens },
  ): GrantRequest | Promise<GrantRequest>
  /** @throws CatchdError `provider_answer_invalid` */
  requireAnswer?(profile: Profile, response: TokenResponse): void
}
