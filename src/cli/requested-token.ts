/** `--id-token`, the same for every command that lends tokens, and which call it makes of a question for a token. */
import { Option } from 'commander'
import type { CatchdClient } from '../client/client.js'
import type { TokenOptions } from '../client/options.js'
import type { AnyTokenAnswer } from './token-format.js'

export interface IdTokenChoice {
  readonly idToken?: true
}

/** @param only - For whom it is, where a command serves others, too. */
export function idTokenOption(only = ''): Option {
  return new Option('--id-token', `${only}the id_token of the login instead of the access token`)
}

/** @throws CatchdError `login_required`, …; `profile_invalid` where there is no id_token */
export function requestToken(
  client: CatchdClient,
  name: string,
  { idToken }: IdTokenChoice,
  options: TokenOptions = {},
): Promise<AnyTokenAnswer> {
  return idToken ? client.idToken(name, options) : client.token(name, options)
}
