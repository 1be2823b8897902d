/**
 * `/v1/tokens/{profile}/inspection`: the data about the tokens of a profile, without the tokens. It shows the
 * account, so a key that may only get tokens cannot call it.
 */
import * as z from 'zod'
import type { Inspection, Report } from '../../authorization-server/port.js'
import { toInstant } from '../../clock.js'
import { secondsLeft, type TokenSet } from '../../tokens/token-set.js'
import { type ApiScope, answers, ProfilePath, type RouteParts } from './scope.js'
import { TokenContext } from './token-answer.js'
import { FailureAnswer, failureAnswer, Instant, instantOrNull } from './wire.js'

const Members = z.record(z.string(), z.unknown())

const ReportAnswer = z
  .object({
    answer: Members.nullable().describe('The answer of the server, with tokens replaced'),
    error: FailureAnswer.nullable().describe('Why there is no answer'),
  })
  .nullable()

export const InspectionAnswer = z
  .object({
    profile: z.string(),
    issuer: z.string().nullable().describe('`iss` of the id_token'),
    subject: z.string().nullable().describe('`sub` of the id_token'),
    client_id: z.string(),
    access_token: z.object({
      token_type: z.string(),
      scope: z.string().nullable(),
      obtained_at: Instant,
      expires_at: Instant.nullable(),
      expires_in: z.int().nullable().describe('Seconds left; null when the server did not say'),
    }),
    refresh_token: z
      .object({
        expires_at: Instant.nullable().describe('null when the server did not say'),
        refused: z.string().nullable().describe('Why the refresh token is no longer valid'),
      })
      .nullable(),
    context: TokenContext,
    left_out: z
      .array(z.string())
      .describe('Names of members that are too large for `context`, or nested too deeply'),
    id_token: z.object({ header: Members, claims: Members }).nullable(),
    introspection: ReportAnswer.describe('RFC 7662; null when no endpoint is known'),
    userinfo: ReportAnswer.describe('OpenID Connect Core §5.3; null when no endpoint is known'),
  })
  .meta({ id: 'Inspection' })
export type InspectionAnswer = z.infer<typeof InspectionAnswer>

export function inspectionRoutes(app: ApiScope, { services, clock }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/tokens/:profile/inspection',
    config: { needs: 'login' },
    schema: {
      operationId: 'inspectToken',
      summary: 'The data about the tokens, here and at the server, without the tokens',
      params: ProfilePath,
      response: answers({ 200: InspectionAnswer }),
    },
    handler: async (request) => {
      const { profile } = request.params
      const { set, inspection } = await services.tokens.inspect(profile)
      return inspectionAnswer(profile, set, inspection, clock.now())
    },
  })
}

function inspectionAnswer(
  profile: string,
  set: TokenSet,
  { idToken, introspection, userinfo }: Inspection,
  nowMs: number,
): InspectionAnswer {
  const { refusedRefreshToken: refused } = set
  return {
    profile,
    issuer: set.issuer,
    subject: set.subject,
    client_id: set.clientId,
    access_token: {
      token_type: set.tokenType,
      scope: set.scope,
      obtained_at: toInstant(set.obtainedAtMs),
      expires_at: instantOrNull(set.expiresAtMs),
      expires_in: secondsLeft(set, nowMs),
    },
    refresh_token:
      set.refreshToken === null
        ? null
        : {
            expires_at: instantOrNull(set.refreshTokenExpiresAtMs),
            refused: refused === null ? null : (refused.error ?? refused.reason),
          },
    context: set.parameters,
    left_out: [...(set.leftOut ?? [])],
    id_token: idToken === null ? null : { header: { ...idToken.header }, claims: { ...idToken.claims } },
    introspection: reportAnswer(introspection),
    userinfo: reportAnswer(userinfo),
  }
}

function reportAnswer(report: Report): z.infer<typeof ReportAnswer> {
  if (report.outcome === 'not_asked') return null
  if (report.outcome === 'answered') return { answer: { ...report.members }, error: null }
  return { answer: null, error: failureAnswer(report.error) }
}
