/**
 * The request header that names the program behind a call for a token, for programs that ask again only after a server
 * refused their token. The library writes it and the API reads it. A header and not a parameter, because a daemon that
 * does not know it must still answer.
 */
export const ASKER_HEADER = 'catchd-asker'

/** SHA-256 in hexadecimal digits. */
const ASKER = /^[0-9a-f]{64}$/

/** @returns `undefined` for everything that cannot be a name: it counts as absent. */
export function askerIn(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' && ASKER.test(value) ? value : undefined
}
