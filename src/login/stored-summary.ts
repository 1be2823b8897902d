/** What the pages and the command line say about a token set that was stored. Pure. */
import type { TokenSet } from '../tokens/token-set.js'
import type { StoredSummary } from './login.js'

/** @param storedIn - In words: `the login keychain (service catchd)`. */
export function summaryOf(set: TokenSet, storedIn: string): StoredSummary {
  return {
    storedIn,
    scope: set.scope,
    accessTokenExpiresAtMs: set.expiresAtMs,
    hasRefreshToken: set.refreshToken !== null,
    subject: set.subject,
  }
}
