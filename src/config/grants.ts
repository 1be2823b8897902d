/** What the values of `grant` mean to rooms that need not know the schema. Pure, without imports: the CLI loads it. */

/** RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Whether tokens come without a person, so that there is no login and a new one can be had at any time. */
export function needsNoPerson(grant: string): boolean {
  return grant === 'client_credentials' || grant === TOKEN_EXCHANGE
}
