/** Scopes as a set (RFC 6749 §3.3). Pure. */

/**
 * @param scopes - Each is one scope, or several with spaces between them.
 * @returns All of them once, in the order in which they first occur, separated by spaces. Strict servers refuse a
 *   repeated one.
 */
export function scopeSet(...scopes: readonly string[]): string {
  return [...new Set(scopes.flatMap((scope) => scope.split(' ')))].filter((name) => name !== '').join(' ')
}
