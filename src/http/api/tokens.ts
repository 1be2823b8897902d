/**
 * `/v1/tokens/{profile}`: the fresh access token, which is what everything else is for.
 *
 * What is asked without a query is answered before the routes where that can be done (token-lane.ts). A person is asked
 * to log in only where the caller said `login=auto`.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { CatchdError } from '../../failures.js'
import type { Login } from '../../login/login.js'
import type { TokenSet } from '../../tokens/token-set.js'
import { headerText, NOT_REVOKED_HEADER, REVOKED_HEADER } from './logout-headers.js'
import { principalOf, requirePermission } from './permission.js'
import { tokenAnswerText } from './prepared-token.js'
import { Refusal } from './problems.js'
import {
  type ApiScope,
  answers,
  LONGEST_WAIT_SECONDS,
  NoBody,
  NoContent,
  ProfilePath,
  type RouteParts,
  seconds,
} from './scope.js'
import { throwFailureOfLane } from './token-lane.js'
import { TokenAnswer, tokenAnswer } from './wire.js'

/** A day: nobody's access token is asked to last longer. */
const LONGEST_MIN_TTL_SECONDS = 86_400

const TokenQuery = z.strictObject({
  min_ttl: seconds(LONGEST_MIN_TTL_SECONDS).describe('Seconds that must be left; default: the profile’s'),
  login: z
    .enum(['auto'])
    .optional()
    .describe('Start a login, or join the one that runs, where one is needed'),
  wait: seconds(LONGEST_WAIT_SECONDS).describe('Seconds to wait for that login'),
})
type TokenQuery = z.infer<typeof TokenQuery>

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
    const { profile } = request.params
    const { min_ttl, login, wait = 0 } = request.query
    throwFailureOfLane(request.raw)
    const get = () => services.tokens.get(profile, min_ttl)
    try {
      return answerFor(await get(), request, reply)
    } catch (error) {
      const needsLogin = error instanceof CatchdError && error.code === 'login_required'
      if (!needsLogin || login === undefined) throw error
    }
    requirePermission(request, 'login', profile)
    await completeSharedLogin(profile, wait, reply)
    return answerFor(await get(), request, reply)
  }

  /** Resolves when the login has succeeded. */
  async function completeSharedLogin(
    profile: string,
    waitSeconds: number,
    reply: FastifyReply,
  ): Promise<void> {
    const begun = await services.logins.beginShared(profile)
    const wait = (signal: AbortSignal) => services.logins.wait(begun.id, waitSeconds * 1000, signal)
    const login = waitSeconds === 0 ? begun : ((await parts.waits.hold(reply, wait)) ?? begun)
    if (login.status !== 'succeeded') throw unsuccessful(login, profile)
  }

  function answerFor(set: TokenSet, request: TokenRequest, reply: FastifyReply): string {
    services.tokenServed(principalOf(request).name, request.params.profile)
    const answer = tokenAnswerText(set, request.params.profile, request.headers.accept, clock.now())
    reply.header('content-type', answer.contentType)
    return answer.text
  }
}

type TokenRequest = FastifyRequest<{ Params: z.infer<typeof ProfilePath>; Querystring: TokenQuery }>

/** Why there is no token yet; a login that goes on is told of, so that the caller can send a person there. */
function unsuccessful(login: Exclude<Login, { status: 'succeeded' }>, profile: string): Error {
  if ('failure' in login) return login.failure
  const failure = new CatchdError('login_required', {
    profile,
    detail: 'A login runs for the profile and waits for a person in the browser.',
    next: `catchd login ${profile}`,
  })
  const url =
    login.status === 'pending' && login.authorizationUrl !== null
      ? { authorization_url: login.authorizationUrl }
      : {}
  return new Refusal(failure, { members: { login_id: login.id, ...url } })
}
