/**
 * `/v1/tokens/{profile}`: the fresh access token, which is what everything else is for.
 *
 * What is asked without a query is answered before the routes where that can be done (token-lane.ts). A person is asked
 * to log in only where the caller said `login=auto`.
 */
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import { headerText, NOT_REVOKED_HEADER, REVOKED_HEADER } from '../../logout-headers.js'
import type { TokenSet } from '../../tokens/token-set.js'
import { principalOf } from '../access/permission.js'
import { loggingInFirst, TokenQuery, type TokenRequest } from './login-first.js'
import { tokenAnswerText } from './prepared-token.js'
import { type ApiScope, answers, NoBody, NoContent, ProfilePath, type RouteParts } from './scope.js'
import { throwFailureOfLane } from './token-lane.js'
import { TokenAnswer, tokenAnswer } from './wire.js'

/** Fastify's description of an answer has no place for headers beside a schema; the generator reads them here. */
const LoggedOut = NoContent.meta({
  description: 'The tokens are forgotten here, whatever the authorization server was told',
  headers: {
    [REVOKED_HEADER]: {
      type: 'string',
      enum: ['true', 'false'],
      description: 'Whether the authorization server revoked the tokens; false where there were none',
    },
    [NOT_REVOKED_HEADER]: {
      type: 'string',
      description: 'Why it still knows them, where it does: they stay valid there until they expire',
    },
  },
})

export function tokenRoutes(app: ApiScope, parts: RouteParts): void {
  const { services, clock } = parts

  app.route({
    method: 'GET',
    url: '/v1/tokens/:profile',
    config: { needs: 'token' },
    schema: {
      operationId: 'getToken',
      summary: 'The access token, refreshed first where it is due',
      params: ProfilePath,
      querystring: TokenQuery,
      response: {
        ...answers({}),
        200: {
          description:
            'A token with at least `min_ttl` seconds left, where the server said how long it lives',
          content: {
            'application/json': { schema: TokenAnswer },
            'text/plain': { schema: z.string().describe('The bare access token') },
          },
        },
      },
    },
    handler: (request, reply) => {
      const set = services.tokens.peek(request.params.profile, request.query.min_ttl)
      if (set === undefined) return obtain(request, reply)
      reply.send(answerFor(set, request, reply))
      return undefined // a returned reply is awaited, which this path can do without
    },
  })

  app.route({
    method: 'POST',
    url: '/v1/tokens/:profile/refresh',
    config: { needs: 'login' },
    schema: {
      operationId: 'refreshToken',
      summary: 'A forced refresh, whatever the back-off',
      params: ProfilePath,
      body: NoBody,
      response: answers({ 200: TokenAnswer }),
    },
    handler: async (request) => {
      const { profile } = request.params
      const set = await services.tokens.refresh(profile)
      services.tokenServed(principalOf(request).name, profile)
      return tokenAnswer(set, profile, clock.now())
    },
  })

  app.route({
    method: 'DELETE',
    url: '/v1/tokens/:profile',
    config: { needs: 'admin' },
    schema: {
      operationId: 'deleteToken',
      summary: 'Logs out: revokes where the server can, then forgets',
      params: ProfilePath,
      body: NoBody,
      response: answers({ 204: LoggedOut }),
    },
    handler: async (request, reply) => {
      const { revoked, notRevoked } = await services.tokens.logout(request.params.profile)
      reply.header(REVOKED_HEADER, String(revoked))
      if (notRevoked !== null) reply.header(NOT_REVOKED_HEADER, headerText(notRevoked))
      return reply.code(204).send()
    },
  })

  async function obtain(request: TokenRequest, reply: FastifyReply): Promise<string> {
    throwFailureOfLane(request.raw)
    const get = () => services.tokens.get(request.params.profile, request.query.min_ttl)
    return answerFor(await loggingInFirst(parts, request, reply, get), request, reply)
  }

  function answerFor(set: TokenSet, request: TokenRequest, reply: FastifyReply): string {
    services.tokenServed(principalOf(request).name, request.params.profile)
    const answer = tokenAnswerText(set, request.params.profile, request.headers.accept, clock.now())
    reply.header('content-type', answer.contentType)
    return answer.text
  }
}
