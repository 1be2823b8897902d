/** Whether a token is of the type that was asked for (RFC 6749 §7.1, RFC 9449 §5). Pure. */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { TokenResponse } from './issued-tokens.js'

/** Tokens that are bound to a key differently from what was asked for. */
export class WrongTokenType extends CatchdError {}

/**
 * A token of another type than `DPoP` is bound to nothing, and one of that type is useless without a key.
 *
 * @throws WrongTokenType `provider_answer_invalid`
 */
export function requireTokenType(profile: Profile, { tokenType }: TokenResponse): void {
  if ((tokenType === 'DPoP') === profile.dpop) return
  throw new WrongTokenType(
    'provider_answer_invalid',
    profile.dpop
      ? `The server gave a token of type ${tokenType}, which is not bound to the key of the profile (dpop).`
      : 'The server binds its tokens to a key of the client: set dpop to true.',
  )
}
