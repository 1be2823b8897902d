/**
 * Problem details (RFC 9457) for requests that the listener or Node's parser refuses before the app gets them. Not in
 * problems.ts, because the listener opens before the app is loaded.
 */
import { CatchdError, toProblem } from '../../failures.js'
import type { UnreadAnswer } from '../http-listener.js'

const RULES: Readonly<Record<number, string>> = {
  408: 'The request did not arrive in time.',
  417: 'The only supported expectation is 100-continue.',
  431: 'The headers are longer than 16 KiB, or there are more than 255 of them.',
}

export function unreadProblem(status: number): UnreadAnswer {
  const rule =
    RULES[status] ?? 'The request must be HTTP/1.1 with one Host header and a target that begins with /.'
  const problem = { ...toProblem(new CatchdError('request_invalid', rule)), status }
  return { contentType: 'application/problem+json', body: JSON.stringify(problem) }
}
