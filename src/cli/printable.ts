/** Text of others on our terminal: an error_description must not move the cursor or change the title. */

/**
 * @returns The text on one line: control characters, line ends and those that turn the reading direction become
 *   `\u{…}`.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
}
