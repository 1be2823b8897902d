/** Causes at the type of the tokens (RFC 6749 §7.1, RFC 9449 §5). Pure. */
import { type Cause, type Facts, set } from './facts.js'

/** The server issued tokens, and catchd does not use tokens of this type. */
export function tokenTypeCause({ profile, evidence }: Facts): Cause | undefined {
  const type = evidence?.tokenType
  if (type === undefined || type === 'DPoP') return undefined // known-refusals.ts
  if (profile.dpop && type === 'Bearer') {
    return {
      cause: 'dpop_unsupported',
      detail:
        'The profile binds tokens to a key (dpop), but the server did not bind this one. It may not support DPoP (RFC 9449), or not for this client.',
      fix: set(profile, 'dpop', false),
    }
  }
  const { token_response: shape } = profile
  const defaults = { ...shape?.defaults, token_type: profile.dpop ? 'DPoP' : 'Bearer' }
  return {
    cause: 'token_type_unknown',
    detail: `The type of the token is ${JSON.stringify(type)}, but catchd uses only tokens of the types Bearer and DPoP. If tools send this one as ${defaults.token_type} in the Authorization header, set token_type in token_response.defaults.`,
    fix: set(profile, 'token_response', { ...shape, defaults }),
  }
}
