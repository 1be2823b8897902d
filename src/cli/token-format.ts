/** The four forms in which `catchd token` prints an access token. Pure and light: the hot path loads it. */
import type { TokenAnswer } from '../client/wire.js'

export const TOKEN_FORMATS = ['raw', 'json', 'header', 'env'] as const
export type TokenFormat = (typeof TOKEN_FORMATS)[number]

export function isTokenFormat(text: string): text is TokenFormat {
  return (TOKEN_FORMATS as readonly string[]).includes(text)
}

/** @returns What goes to stdout, with its line ends. `env` is quoted for a POSIX shell's `eval` and for `.env` files. */
export function tokenText(answer: TokenAnswer, format: TokenFormat): string {
  switch (format) {
    case 'raw':
      return `${answer.access_token}\n`
    case 'json':
      return `${JSON.stringify(answer)}\n`
    case 'header':
      return `Authorization: ${answer.token_type} ${answer.access_token}\n`
    case 'env':
      return [
        `ACCESS_TOKEN=${shellQuoted(answer.access_token)}\n`,
        ...(answer.expires_at === null
          ? []
          : [`ACCESS_TOKEN_EXPIRES_AT=${shellQuoted(answer.expires_at)}\n`]),
      ].join('')
  }
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
