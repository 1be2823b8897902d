/** A token for another token: the request and what its answer has to say (RFC 8693 §2.1, §2.2.1). */
import type { Profile } from '../../config/profile.js'
import { CatchdError } from '../../failures.js'
import type { Secret } from '../../secret.js'
import type { TokenResponse } from '../issued-tokens.js'
import type { TokenParameters, UnattendedGrantRequest } from './grant-request.js'

const TYPE = 'urn:ietf:params:oauth:token-type:'

export const tokenExchange: UnattendedGrantRequest = {
  async request(profile, { subjectTokens }) {
    const subjectToken = await subjectTokens(profile)
    return { parameters: exchangeParameters(profile, subjectToken), secrets: [subjectToken] }
  },
  requireAnswer: requireIssuedType,
}

/** `resource` is added to every token request (RFC 8707). */
function exchangeParameters(profile: Profile, subjectToken: Secret): TokenParameters {
  const { audience, requested_token_type: requested } = profile
  return {
    subject_token: subjectToken.reveal(),
    subject_token_type: profile.subject_token_type ?? TYPE + kindOf(profile),
    ...(requested === undefined ? {} : { requested_token_type: requested }),
    ...(audience === undefined ? {} : { audience }),
  }
}

function kindOf({ subject_token: source }: Profile): string {
  if (source !== undefined && 'profile' in source) return source.token ?? 'access_token'
  return 'jwt'
}

/**
 * What was asked for is what is used: an id_token in `access_token` would go to servers that should not see it.
 *
 * @throws CatchdError `provider_answer_invalid`
 */
function requireIssuedType(profile: Profile, { parameters }: TokenResponse): void {
  const issued = parameters['issued_token_type']
  const expected = profile.requested_token_type
  if (expected === undefined || issued === undefined || issued === expected) return
  throw new CatchdError('provider_answer_invalid', {
    profile: profile.name,
    detail: `The token exchange gave another type of token than the requested_token_type ${expected}.`,
  })
}
