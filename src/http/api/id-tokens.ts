/** `/v1/tokens/{profile}/id_token`: the id_token, for those who want to know who logged in rather than what is allowed. */
import * as z from 'zod'
import { principalOf } from '../access/permission.js'
import { prefersPlainText } from './accepted-type.js'
import { loggingInFirst, TokenQuery } from './login-first.js'
import { type ApiScope, answers, ProfilePath, type RouteParts } from './scope.js'
import { IdTokenAnswer, idTokenAnswer } from './wire.js'

export function idTokenRoutes(app: ApiScope, parts: RouteParts): void {
  const { services, clock } = parts

  app.route({
    method: 'GET',
    url: '/v1/tokens/:profile/id_token',
    config: { needs: 'token' },
    schema: {
      operationId: 'getIdToken',
      summary: 'The id_token, refreshed first where it is due and the server gives one on a refresh',
      params: ProfilePath,
      querystring: TokenQuery,
      response: {
        ...answers({}),
        200: {
          description:
            'An id_token with at least `min_ttl` seconds left, or else what is left of the one that there is',
          content: {
            'application/json': { schema: IdTokenAnswer },
            'text/plain': { schema: z.string().describe('The bare id_token') },
          },
        },
      },
    },
    handler: async (request, reply) => {
      const { profile } = request.params
      const get = () => services.tokens.idToken(profile, request.query.min_ttl)
      const idToken = await loggingInFirst(parts, request, reply, get)
      services.tokenServed(principalOf(request).name, profile)
      if (!prefersPlainText(request.headers.accept)) return idTokenAnswer(idToken, profile, clock.now())
      reply.header('content-type', 'text/plain; charset=utf-8')
      return idToken.token.reveal()
    },
  })
}
