/**
 * The token requests of the grants without a login: client credentials (RFC 6749 §4.4.2) and token exchange
 * (RFC 8693 §2.1, §2.2.1). A new row in config/grants.ts does not compile without its entry here.
 */
import { TOKEN_EXCHANGE, type UnattendedGrant } from '../config/grants.js'
import type { Profile } from '../config/profile.js'
import type { SubjectTokens } from '../config/subject-token.js'
import { CatchdError } from '../failures.js'
import type { TokenResponse } from './issued-tokens.js'
import type { GrantParameters } from './token-request.js'

interface UnattendedGrantRequest {
  /**
   * The caller adds the scope, and token-request.ts adds `resource` (RFC 8707).
   *
   * @throws CatchdError if the token to exchange is not available
   */
  request(profile: Profile, subjectTokens: SubjectTokens): GrantParameters | Promise<GrantParameters>
  /** Requirements of this grant on the response. @throws CatchdError `provider_answer_invalid` */
  requireAnswer?(profile: Profile, response: TokenResponse): void
}

export const UNATTENDED_GRANTS: Readonly<Record<UnattendedGrant, UnattendedGrantRequest>> = {
  client_credentials: { request: () => ({}) },
  [TOKEN_EXCHANGE]: { request: exchangeRequest, requireAnswer: requireIssuedType },
}

async function exchangeRequest(profile: Profile, subjectTokens: SubjectTokens): Promise<GrantParameters> {
  const subjectToken = await subjectTokens(profile)
  const { audience, requested_token_type: requested } = profile
  return {
    subject_token: subjectToken.reveal(),
    subject_token_type:
      profile.subject_token_type ?? `urn:ietf:params:oauth:token-type:${subjectTokenKind(profile)}`,
    ...(requested === undefined ? {} : { requested_token_type: requested }),
    ...(audience === undefined ? {} : { audience }),
  }
}

function subjectTokenKind({ subject_token: source }: Profile): string {
  if (source !== undefined && 'profile' in source) return source.token ?? 'access_token'
  return 'jwt'
}

/** Another type than the requested one is refused: an id_token would go to servers that should not see it. */
function requireIssuedType(profile: Profile, { issuedTokenType: issued }: TokenResponse): void {
  const expected = profile.requested_token_type
  if (expected === undefined || issued === null || issued === expected) return
  throw new CatchdError(
    'provider_answer_invalid',
    `The token exchange gave another type of token than the requested_token_type ${expected}.`,
  )
}
