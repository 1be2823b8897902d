/**
 * Keys that a profile has for nothing, because only another grant sends them. Pure.
 *
 * They are warnings and not refusals: earlier versions accepted such a profile, and a refusal would stop all the others.
 */
import { TOKEN_EXCHANGE } from './grants.js'

/** Only a token exchange sends them (RFC 8693 §2.1). */
const EXCHANGE_KEYS = ['audience', 'requested_token_type'] as const
type ExchangeKey = (typeof EXCHANGE_KEYS)[number]

export function unusedKeys(
  profile: {
    readonly [Key in ExchangeKey | 'grant']?: unknown
  },
): readonly ExchangeKey[] {
  return profile.grant === TOKEN_EXCHANGE ? [] : EXCHANGE_KEYS.filter((key) => profile[key] !== undefined)
}

/** @param subject - The beginning of the sentence. */
export function unusedInWords(key: ExchangeKey, subject: string): string {
  const rule = `${subject} is not sent, because only a token exchange uses it.`
  return key === 'audience'
    ? `${rule} If the server expects an audience at the login, put it into authorization_parameters.`
    : rule
}
