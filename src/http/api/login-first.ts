/**
 * What the calls for a token have in common: the query that they take, and with `login=auto` the login that is begun or
 * joined where a person is needed. Nobody is asked to log in by a call that does not say so.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { CatchdError } from '../../failures.js'
import type { Login } from '../../login/login.js'
import { requirePermission } from '../access/permission.js'
import { Refusal } from './problems.js'
import { LONGEST_WAIT_SECONDS, type ProfilePath, type RouteParts, seconds } from './scope.js'

/** A day: nobody's access token is asked to last longer. */
const LONGEST_MIN_TTL_SECONDS = 86_400

export const TokenQuery = z.strictObject({
  min_ttl: seconds(LONGEST_MIN_TTL_SECONDS).describe('Seconds that must be left; default: the profile’s'),
  login: z
    .enum(['auto'])
    .optional()
    .describe('Start a login, or join the one that runs, where one is needed'),
  wait: seconds(LONGEST_WAIT_SECONDS).describe('Seconds to wait for that login'),
})

export type TokenRequest = FastifyRequest<{
  Params: z.infer<typeof ProfilePath>
  Querystring: z.infer<typeof TokenQuery>
}>

/**
 * @param get - Asked once more when the login has succeeded.
 * @throws what `get` throws; `login_required` with the login that goes on; what the login failed with
 */
export async function loggingInFirst<Token>(
  parts: RouteParts,
  request: TokenRequest,
  reply: FastifyReply,
  get: () => Promise<Token>,
): Promise<Token> {
  const { profile } = request.params
  const { login, wait = 0 } = request.query
  try {
    return await get()
  } catch (error) {
    const needsLogin = error instanceof CatchdError && error.code === 'login_required'
    if (!needsLogin || login === undefined) throw error
  }
  requirePermission(request, 'login', profile)
  await completeSharedLogin(parts, profile, wait, reply)
  return get()
}

/** Resolves when the login has succeeded. */
async function completeSharedLogin(
  { services, waits }: RouteParts,
  profile: string,
  waitSeconds: number,
  reply: FastifyReply,
): Promise<void> {
  const begun = await services.logins.beginShared(profile)
  const wait = (signal: AbortSignal) => services.logins.wait(begun.id, waitSeconds * 1000, signal)
  const login = waitSeconds === 0 ? begun : ((await waits.hold(reply, wait)) ?? begun)
  if (login.status !== 'succeeded') throw unsuccessful(login, profile)
}

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
