/**
 * Headers that say whether a logout revoked the tokens at the authorization server (RFC 7009). The answer is a 204
 * without content. The API writes them and the library reads them.
 */

/** `true` or `false`. */
export const REVOKED_HEADER = 'catchd-revoked'

/** Why the authorization server still knows the tokens; left out where it does not. */
export const NOT_REVOKED_HEADER = 'catchd-not-revoked'

/** A header is for one sentence, not for a page that a server sent. */
const LONGEST_TEXT = 500

/** @returns The text on one line of printable ASCII; whatever else was in it becomes `?`. */
export function headerText(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]/gu, '?')
    .trim()
    .slice(0, LONGEST_TEXT)
}
