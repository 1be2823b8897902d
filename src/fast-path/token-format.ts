/** The four formats in which `catchd token` prints an access token or an id_token. Pure and small: the fast path loads it. */
import type { IdTokenAnswer, TokenAnswer } from '../client/api-types.js'
import { printableJson } from '../text/printable.js'
import { singleQuoted } from '../text/shell-word.js'

export type AnyTokenAnswer = TokenAnswer | IdTokenAnswer

export const TOKEN_FORMATS = ['raw', 'json', 'header', 'env'] as const
export type TokenFormat = (typeof TOKEN_FORMATS)[number]

export function isTokenFormat(text: string): text is TokenFormat {
  return (TOKEN_FORMATS as readonly string[]).includes(text)
}

/** @returns The output with its line ends. `env` is quoted for a POSIX shell's `eval` and for `.env` files. */
export function tokenText(answer: AnyTokenAnswer, format: TokenFormat): string {
  switch (format) {
    case 'raw':
      return `${bareToken(answer)}\n`
    case 'json':
      return `${printableJson(answer)}\n`
    case 'header':
      return `Authorization: ${tokenType(answer)} ${bareToken(answer)}\n`
    case 'env': {
      const variable = 'id_token' in answer ? 'ID_TOKEN' : 'ACCESS_TOKEN'
      return [
        `${variable}=${singleQuoted(bareToken(answer))}\n`,
        ...(answer.expires_at === null
          ? []
          : [`${variable}_EXPIRES_AT=${singleQuoted(answer.expires_at)}\n`]),
      ].join('')
    }
  }
}

export function bareToken(answer: AnyTokenAnswer): string {
  return 'id_token' in answer ? answer.id_token : answer.access_token
}

/** A service that accepts an id_token accepts it as a bearer token. */
export function tokenType(answer: AnyTokenAnswer): string {
  return 'id_token' in answer ? 'Bearer' : answer.token_type
}
