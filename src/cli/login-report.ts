/** The report of a login for people: the exchanges with the server, line by line, without secrets. */
import type { LoginReport } from '../client/api-types.js'
import { exchangeInWords } from '../diagnosis/advice.js'
import { printable } from './printable.js'

/** What was asked, and what came. */
export function exchangeLines(exchange: LoginReport['exchanges'][number]): string[] {
  const { asked, answered } = exchangeInWords(exchange)
  return [`> ${asked}`, `< ${answered}`].map(printable)
}
