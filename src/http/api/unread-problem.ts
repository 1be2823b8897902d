/**
 * Problem details (RFC 9457) for a request that no route ever sees: what the listener or Node's parser refuses. Apart from
 * problems.ts because the listener opens before the app behind it is loaded.
 */
import { CatchdError, toProblem } from '../../failures.js'
import type { UnreadAnswer } from '../http-listener.js'

const RULES: Readonly<Record<number, string>> = {
  408: 'The request did not arrive in time.',
  417: 'No expectation but 100-continue can be met.',
  431: 'The headers are longer than 16 KiB.',
}

export function unreadProblem(status: number): UnreadAnswer {
  const rule = RULES[status] ?? 'It must be HTTP/1.1 with one Host header and a target that begins with /.'
  const problem = { ...toProblem(new CatchdError('request_invalid', rule)), status }
  return { contentType: 'application/problem+json', body: JSON.stringify(problem) }
}
