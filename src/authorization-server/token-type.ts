/** Checks that a token has the requested type (RFC 6749 §7.1, RFC 9449 §5). Pure. */
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { TokenResponse } from './issued-tokens.js'

/** The server bound the token to a key although it was not asked to, or did not bind it although it was. */
export class WrongTokenType extends CatchdError {}

/**
 * A token of another type than `DPoP` is not bound to a key, and a token of that type is useless without its key.
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
