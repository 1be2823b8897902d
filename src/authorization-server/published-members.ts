/**
 * Reads the members of documents that servers publish. A member that cannot be used counts as absent, so that one wrong
 * member does not cost the whole document. Pure.
 *
 * What is read is never laxer than what the server meant: a boolean or a list that is written as text means the same.
 */
import * as z from 'zod'

/** @returns `undefined` for everything but a boolean and its name. */
function flagOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  const text = typeof value === 'string' ? value.trim().toLowerCase() : ''
  return text === 'true' ? true : text === 'false' ? false : undefined
}

/** @returns `undefined` if nothing in it is a word. An empty list stays: it says that there is nothing. */
function wordsOf(value: unknown, longest: number, most: number): string[] | undefined {
  const items = typeof value === 'string' ? value.split(',') : value
  if (!Array.isArray(items)) return undefined
  const found = new Set<string>()
  for (const item of items) {
    for (const word of typeof item === 'string' ? item.split(/\s+/) : []) {
      if (word !== '' && word.length <= longest && found.size < most) found.add(word)
    }
  }
  return found.size === 0 && items.length > 0 ? undefined : [...found]
}

export const flag = z.unknown().transform(flagOf).optional()

/** A list of words without duplicates, in the server's order: JSON strings, or one string with commas or blanks. */
export const words = z
  .unknown()
  .transform((value) => wordsOf(value, 256, 1024))
  .optional()

/** The same for names of algorithms. */
export const algorithms = z
  .unknown()
  .transform((value) => wordsOf(value, 32, 64))
  .optional()
