/**
 * What all answers of the API, version 1, have in common. Each resource declares its own JSON beside its routes: schemas
 * that the routes validate with and OpenAPI is generated from.
 *
 * Names are snake_case, instants RFC 3339 UTC strings, durations integer seconds, and what is unknown is `null`. A
 * refresh token has no member anywhere: an answer cannot hold one.
 */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import { FailureCode } from './failure-answer.js'

export const Instant = z.string().meta({ format: 'date-time', description: 'RFC 3339, UTC' })

export function instantOrNull(ms: number | null): string | null {
  return ms === null ? null : toInstant(ms)
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
    login_id: z.string().optional().describe('With login_required: the login that was started or waited for'),
    authorization_url: z.string().optional().describe('With login_required: where that login goes on'),
    errors: z
      .array(z.object({ in: z.string(), name: z.string(), detail: z.string() }))
      .optional()
      .describe('With request_invalid: in `body`, `query` or `path`, which member breaks which rule'),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457)' })
