/**
 * Parts that the answers of the API share. Each resource declares its own JSON beside its routes: the schemas that validate
 * requests and answers, and that OpenAPI is generated from.
 *
 * Names are snake_case, times RFC 3339 UTC strings, durations integer seconds, and unknown values `null`. No answer has a
 * member for a refresh token.
 */
import * as z from 'zod'
import { type CatchdError, type FailureCode as Code, FAILURES } from '../../failures.js'

export { instantOrNull } from '../../clock.js'

export const Instant = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC' })

const FailureCode = z
  .enum(Object.keys(FAILURES) as [Code, ...Code[]])
  .meta({ id: 'FailureCode', description: 'Listed in the reference of errors' })

/** A failure as a member of an answer. */
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

export const ProblemAnswer = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: FailureCode,
    detail: z.string().optional(),
    next: z.string().describe('One command to run next'),
    profile: z.string().optional(),
    error: z.string().optional().describe('error of the authorization server'),
    error_description: z.string().optional(),
    login_id: z
      .string()
      .optional()
      .describe('With login_required and scope_insufficient: the login that was started or waited for'),
    authorization_url: z
      .string()
      .optional()
      .describe('With login_required and scope_insufficient: the URL to continue that login'),
    missing: z
      .array(z.string())
      .optional()
      .describe('With scope_insufficient: the scopes that the token does not have'),
    protected: z
      .boolean()
      .optional()
      .describe(
        'With provider_answer_invalid: false if the URL answers without a token and names no authorization server',
      ),
    errors: z
      .array(z.object({ in: z.string(), name: z.string(), detail: z.string() }))
      .optional()
      .describe(
        'With request_invalid, and for a profile that is not valid: in `body`, `query` or `path`, which member breaks which rule',
      ),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457)' })
