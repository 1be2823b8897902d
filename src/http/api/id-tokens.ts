/** `/v1/tokens/{profile}/id_token`: the id_token, for callers that need to know who logged in. */
import * as z from 'zod'
import { toInstant } from '../../clock.js'
import type { IdToken } from '../../tokens/id-token.js'
import { principalOf } from '../access/permission.js'
import { prefersPlainText } from './accepted-type.js'
import { loggingInFirst, TokenHeaders, TokenQuery, tokenAnswers } from './login-first.js'
import { type ApiScope, ProfilePath, type RouteParts } from './scope.js'
import { Instant } from './wire.js'

export const IdTokenAnswer = z
  .object({
    id_token: z.string(),
    expires_in: z.int().describe('Seconds left'),
    expires_at: Instant.describe('`exp` of the id_token'),
    issuer: z.string().describe('`iss` of the id_token'),
    subject: z.string().describe('`sub` of the id_token'),
    profile: z.string(),
  })
  .meta({ id: 'IdToken' })
export type IdTokenAnswer = z.infer<typeof IdTokenAnswer>

export function idTokenRoutes(app: ApiScope, parts: RouteParts): void {
  const { services, clock } = parts

  app.route({
    method: 'GET',
    url: '/v1/tokens/:profile/id_token',
    config: { needs: 'token' },
    schema: {
      operationId: 'getIdToken',
      summary: 'The id_token, refreshed first if it is due and the server issues one at a refresh',
      params: ProfilePath,
      querystring: TokenQuery,
      headers: TokenHeaders,
      response: tokenAnswers(
        'An id_token with at least `min_ttl` seconds left, or the current one if there is no newer one',
        IdTokenAnswer,
        'The bare id_token',
      ),
    },
    handler: async (request, reply) => {
      const { profile } = request.params
      const get = () => services.tokens.idToken(profile, request.query.min_ttl)
      const textOf = ({ token }: IdToken) => token.reveal()
      const idToken = await loggingInFirst(parts, request, reply, { get, textOf })
      services.tokenServed(principalOf(request).name, profile)
      if (!prefersPlainText(request.headers.accept)) return idTokenAnswer(idToken, profile, clock.now())
      reply.header('content-type', 'text/plain; charset=utf-8')
      return idToken.token.reveal()
    },
  })
}

function idTokenAnswer(
  { token, expiresAtMs, issuer, subject }: IdToken,
  profile: string,
  nowMs: number,
): IdTokenAnswer {
  return {
    id_token: token.reveal(),
    expires_in: Math.max(0, Math.floor((expiresAtMs - nowMs) / 1000)),
    expires_at: toInstant(expiresAtMs),
    issuer,
    subject,
    profile,
  }
}
