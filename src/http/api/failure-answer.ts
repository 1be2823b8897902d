/** A failure as a member of an answer, beside the problem details (RFC 9457) of a call that failed itself. Pure. */
import * as z from 'zod'
import { type CatchdError, type FailureCode as Code, FAILURES } from '../../failures.js'

export const FailureCode = z
  .enum(Object.keys(FAILURES) as [Code, ...Code[]])
  .meta({ id: 'FailureCode', description: 'Listed in the reference of errors' })

export const FailureAnswer = z
  .object({
    code: FailureCode,
    detail: z.string().nullable(),
    error: z.string().nullable().describe('error of the authorization server'),
    error_description: z.string().nullable(),
  })
  .meta({ id: 'Failure' })

export function failureAnswer({ code, detail, error, errorDescription }: CatchdError) {
  return {
    code,
    detail: detail ?? null,
    error: error ?? null,
    error_description: errorDescription ?? null,
  }
}
