/** A scope as a set of case-sensitive names (RFC 6749 §3.3). Pure. */

/** Names that a scope can have, with single spaces between them (RFC 6749 §3.3). */
export const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

/**
 * @param scope - Names with blanks between them, or with the separator of a server that has its own.
 * @returns All names once, in the order in which they first occur.
 */
export function scopeNames(scope: string | null | undefined, separator = ' '): string[] {
  const names = (scope ?? '').split(/\s+/).flatMap((part) => part.split(separator))
  return [...new Set(names)].filter((name) => name !== '')
}

/** All names of the scopes as one scope. Strict servers refuse a repeated name. */
export function scopeSet(...scopes: readonly string[]): string {
  return scopeNames(scopes.join(' ')).join(' ')
}
