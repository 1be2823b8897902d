/** `/v1/logins`: begin a login, wait for it, list earlier ones, paste its response from another machine, cancel it. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { ProfileName } from '../../config/profile.js'
import { CatchdError } from '../../failures.js'
import { isSettled, type Login } from '../../login/login.js'
import { principalOf, requirePermission } from '../access/permission.js'
import { holderOf } from '../access/principal.js'
import {
  LoginAnswer,
  LoginListAnswer,
  loginAnswer,
  StartedLoginAnswer,
  startedLoginAnswer,
} from './login-answers.js'
import { loginRequest, NewLogin } from './new-login.js'
import {
  type ApiScope,
  answers,
  LONGEST_WAIT_SECONDS,
  NoBody,
  NoContent,
  type RouteParts,
  seconds,
} from './scope.js'

const PastedResponse = z
  .strictObject({ url: z.string().min(1).describe("The final URL in the browser's address bar") })
  .meta({ id: 'PastedResponse' })

/** Older ones can be found by their ids. */
const MOST_LISTED = 20

const LoginPath = z.object({ id: z.string() })

export function loginRoutes(app: ApiScope, { services, waits }: RouteParts): void {
  const { logins } = services

  /** @throws CatchdError `login_unknown`, or `forbidden` when its profile is not among the key's */
  const find = (request: FastifyRequest, id: string): Login => {
    const login = logins.find(id)
    if (login === undefined) throw new CatchdError('login_unknown')
    requireLoginPermission(request, login.profile)
    return login
  }

  /** A caught response is handed over once, so only to a caller that is still connected. */
  const answerOnce = (login: Login, reply: FastifyReply): LoginAnswer => {
    const response = 'caught' in login && !reply.raw.destroyed ? logins.takeResponse(login.id) : undefined
    return loginAnswer(login, logins.hint(login.id), response)
  }

  app.route({
    method: 'POST',
    url: '/v1/logins',
    config: { needs: 'login' },
    schema: {
      operationId: 'beginLogin',
      summary:
        'Begins a login and returns its authorization URL, adopts an authorization request of another tool, or only receives an authorization response for another tool',
      body: NewLogin,
      response: answers({ 201: StartedLoginAnswer }),
    },
    handler: async (request, reply) => {
      const { body } = request
      requireLoginPermission(request, body.profile ?? null)
      const login = await logins.begin(loginRequest(body), holderOf(principalOf(request)))
      return reply.code(201).send(startedLoginAnswer(login))
    },
  })

  app.route({
    method: 'GET',
    url: '/v1/logins',
    config: { needs: 'login' },
    schema: {
      operationId: 'listLogins',
      summary: 'The logins of a profile since the daemon started, the newest first',
      querystring: z.strictObject({ profile: ProfileName }),
      response: answers({ 200: LoginListAnswer }),
    },
    handler: async (request) => {
      const { profile } = request.query
      requirePermission(request, 'login', profile)
      return {
        logins: logins
          .ofProfile(profile)
          .slice(0, MOST_LISTED)
          .map((login) => loginAnswer(login, logins.hint(login.id))),
      }
    },
  })

  app.route({
    method: 'GET',
    url: '/v1/logins/:id',
    config: { needs: 'login' },
    schema: {
      operationId: 'getLogin',
      summary: 'The state of a login, immediately or when it is settled',
      params: LoginPath,
      querystring: z.strictObject({
        wait: seconds(LONGEST_WAIT_SECONDS).describe('Seconds to wait for the login to be settled'),
      }),
      response: answers({ 200: LoginAnswer }),
    },
    handler: async (request, reply) => {
      const login = find(request, request.params.id)
      const { wait = 0 } = request.query
      if (wait === 0 || isSettled(login)) return answerOnce(login, reply)
      const settled = await waits.hold(reply, (signal) => logins.wait(login.id, wait * 1000, signal))
      if (settled === undefined) throw new CatchdError('login_unknown')
      return answerOnce(settled, reply)
    },
  })

  app.route({
    method: 'POST',
    url: '/v1/logins/:id/response',
    config: { needs: 'login' },
    schema: {
      operationId: 'handInResponse',
      summary: 'Accepts the final URL of a browser on another machine',
      params: LoginPath,
      body: PastedResponse,
      response: answers({ 200: LoginAnswer }),
    },
    handler: async (request) => {
      const login = find(request, request.params.id)
      return loginAnswer(await logins.paste(login.id, request.body.url))
    },
  })

  app.route({
    method: 'DELETE',
    url: '/v1/logins/:id',
    config: { needs: 'login' },
    schema: {
      operationId: 'cancelLogin',
      summary: 'Cancels a login; a settled login does not change',
      params: LoginPath,
      querystring: z.strictObject({
        why: z
          .literal('timeout')
          .optional()
          .describe('The caller waits no longer: the login ends as expired instead of cancelled'),
      }),
      body: NoBody,
      response: answers({ 204: NoContent }),
    },
    handler: async (request, reply) => {
      const login = find(request, request.params.id)
      if (!logins.cancel(login.id, request.query.why)) throw new CatchdError('login_unknown')
      return reply.code(204).send()
    },
  })
}

/**
 * A catch belongs to no profile and is for admins only: a key that could catch would get the codes of any profile.
 *
 * @throws CatchdError `forbidden`
 */
function requireLoginPermission(request: FastifyRequest, profile: string | null): void {
  if (profile === null) requirePermission(request, 'admin', undefined)
  else requirePermission(request, 'login', profile)
}
