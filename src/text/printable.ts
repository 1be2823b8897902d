/**
 * Text of others (of servers, files, profiles) in a form that can be shown: nothing in it moves the cursor, is invisible,
 * changes the direction of the text, or looks like another host (SECURITY.md#text-of-others). Every module uses this, and
 * nothing else.
 */

/**
 * Control characters, line ends, lone surrogates, formatting characters (direction of the text, joiners, tags), and all
 * others that Unicode wants to be drawn as nothing.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
const URL_WITH_HOST = /\bhttps?:\/\/[^\s/?#\\"'<>(),;]+/giu
const ASCII_ONLY = /^[\x20-\x7e]*$/

/** @returns The text on one line. What cannot be seen becomes `\u{…}`. Hosts of URLs are in ASCII (RFC 3492). */
export function printable(text: string): string {
  if (ASCII_ONLY.test(text)) return text
  return text.replace(URL_WITH_HOST, withAsciiHost).replace(UNSEEN, escaped)
}

/** @param indent - Spaces per level. @returns JSON in which programs read the same strings, but a terminal sees no control character. */
export function printableJson(value: unknown, indent?: number): string {
  return escapedInJson(JSON.stringify(value, null, indent))
}

/** The same for text that is JSON already. Line ends between members stay. */
export function escapedInJson(json: string): string {
  return json.replace(UNSEEN, (character) => (character === '\n' ? character : unicodeEscapes(character)))
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`
}

/** RFC 8259 §7: two escapes for a character outside the Basic Multilingual Plane. */
function unicodeEscapes(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}

/** Letters of other alphabets look like ASCII ones. A host that no URL can have keeps no letter outside of ASCII. */
function withAsciiHost(beginning: string): string {
  if (ASCII_ONLY.test(beginning)) return beginning
  try {
    // Not URL.canParse: in Node 20 its compiled form says false for letters such as ü.
    return new URL(beginning).href.replace(/\/$/, '')
  } catch {
    return beginning.replace(/[^\x20-\x7e]/gu, escaped)
  }
}
