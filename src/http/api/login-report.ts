/** The report of a login in the JSON of the API: likely causes, requests and answers. Pure. */
import * as z from 'zod'
import { CAUSES } from '../../diagnosis/facts.js'
import type { LoginReport } from '../../login/login-report.js'

const Masked = z.record(z.string(), z.string())

export const LoginReportAnswer = z
  .object({
    causes: z
      .array(
        z.object({
          cause: z.enum(CAUSES),
          detail: z.string().describe('A sentence or two'),
          fix: z
            .object({
              run: z.string().nullable().describe('A command'),
              set: z.string().nullable().describe('The key of the profile to set'),
              register: z.string().nullable().describe('A value to enter at the authorization server'),
            })
            .describe('Either a command or a value to register'),
        }),
      )
      .describe('Likely causes, the most likely first; empty if none is known'),
    exchanges: z
      .array(
        z.object({
          method: z.string(),
          endpoint: z.string().describe('Host and path'),
          sent: Masked.describe('Parameters; a value that may be secret reads [secret]'),
          authorization: z.string().nullable().describe('Scheme of the Authorization header'),
          status: z.int().nullable().describe('null when there was no answer, or only the browser got it'),
          answered: Masked.describe('The error members, or the members other than tokens'),
          trouble: z.string().nullable().describe('Why there is no answer'),
          clock_difference: z
            .int()
            .nullable()
            .describe('Seconds by which this machine is ahead of the Date header of the server'),
        }),
      )
      .describe('Requests and answers, without secrets; the authorization request first'),
  })
  .meta({ id: 'LoginReport' })
export type LoginReportAnswer = z.infer<typeof LoginReportAnswer>

export function reportAnswer(report: LoginReport | undefined): LoginReportAnswer | null {
  if (report === undefined) return null
  const { causes, exchanges } = report
  return {
    causes: causes.map(({ cause, detail, fix }) => ({ cause, detail, fix })),
    exchanges: exchanges.map(({ clockDifferenceSeconds, ...exchange }) => ({
      ...exchange,
      sent: { ...exchange.sent },
      answered: { ...exchange.answered },
      clock_difference: clockDifferenceSeconds,
    })),
  }
}
