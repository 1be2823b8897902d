/**
 * `/v1/tokens/{profile}`: the fresh access token, its refresh and the logout.
 *
 * fast-path/fresh-token-handler.ts answers calls without a query before they get here, if it can.
 */
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import { ASKER_HEADER } from '../../asker-header.js'
import { headerText, NOT_REVOKED_HEADER, REVOKED_HEADER } from '../../logout-headers.js'
import type { TokenSet } from '../../tokens/token-set.js'
import { principalOf, requirePermission } from '../access/permission.js'
import { throwEarlierFailure } from './earlier-failure.js'
import {
  AccessTokenQuery,
  type AccessTokenRequest,
  loggingInFirst,
  TokenHeaders,
  type TokenRequest,
  tokenAnswers,
} from './login-first.js'
import { type ApiScope, answers, NoBody, NoContent, ProfilePath, type RouteParts } from './scope.js'
import { TokenAnswer, tokenAnswer, tokenAnswerText } from './token-answer.js'

/** Fastify cannot describe headers beside a schema, so the generator of the description reads them here. */
const LoggedOut = NoContent.meta({
  description: 'catchd has deleted the tokens, even if the authorization server did not revoke them',
  headers: {
    [REVOKED_HEADER]: {
      type: 'string',
      enum: ['true', 'false'],
      description: 'Whether the authorization server revoked the tokens; false if there were none',
    },
    [NOT_REVOKED_HEADER]: {
      type: 'string',
      description: 'Why it did not. The tokens stay valid there until they expire',
    },
  },
})

const RefreshBody = z
  .strictObject({
    refused: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The access token or id_token that a server refused (401). If it is no longer the current one, the answer is the current one. If servers refuse two new tokens one after the other, there is no further refresh for 5 minutes, and the answer is the same token',
      ),
  })
  .nullish()

export function tokenRoutes(app: ApiScope, parts: RouteParts): void {
  const { services, clock } = parts

  app.route({
    method: 'GET',
    url: '/v1/tokens/:profile',
    config: { needs: 'token' },
    schema: {
      operationId: 'getToken',
      summary: 'The access token, refreshed first if it is due',
      params: ProfilePath,
      querystring: AccessTokenQuery,
      headers: TokenHeaders,
      response: tokenAnswers(
        'A token with at least `min_ttl` seconds left, if the server said how long it is valid',
        TokenAnswer,
        'The bare access token',
      ),
    },
    handler: (request, reply) => {
      const { min_ttl, scope } = request.query
      const isPlain = scope === undefined && request.headers[ASKER_HEADER] === undefined
      const set = isPlain ? services.tokens.peek(request.params.profile, min_ttl) : undefined
      if (set === undefined) return obtain(request, reply)
      reply.send(answerFor(set, request, reply))
      return undefined // a returned reply is awaited, which this path can do without
    },
  })

  app.route({
    method: 'POST',
    url: '/v1/tokens/:profile/refresh',
    config: { needs: 'token' },
    schema: {
      operationId: 'refreshToken',
      summary:
        'Refreshes now, even during a back-off; with `refused`, replaces a token that a server refused',
      params: ProfilePath,
      body: RefreshBody,
      response: answers({ 200: TokenAnswer }),
    },
    handler: async (request) => {
      const { profile } = request.params
      const { refused } = request.body ?? {}
      // It makes no more requests than `min_ttl` can.
      if (refused === undefined) requirePermission(request, 'login', profile)
      const set = await services.tokens.refresh(profile, refused)
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
      summary: 'Logs out: revokes the tokens if the server supports that, then deletes them',
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

  async function obtain(request: AccessTokenRequest, reply: FastifyReply): Promise<string> {
    throwEarlierFailure(request.raw)
    const { min_ttl, scope } = request.query
    const get = () => services.tokens.get(request.params.profile, min_ttl, scope)
    const textOf = ({ accessToken }: TokenSet) => accessToken.reveal()
    return answerFor(await loggingInFirst(parts, request, reply, { get, textOf, scope }), request, reply)
  }

  function answerFor(set: TokenSet, request: TokenRequest, reply: FastifyReply): string {
    services.tokenServed(principalOf(request).name, request.params.profile)
    const answer = tokenAnswerText(set, request.params.profile, request.headers.accept, clock.now())
    reply.header('content-type', answer.contentType)
    return answer.text
  }
}
