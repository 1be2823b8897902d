/**
 * The common part of the calls for a token: their query, and the login that they begin or join with `login=auto`.
 * A call without it never starts a login.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { CatchdError } from '../../failures.js'
import type { Login } from '../../login/login.js'
import { principalOf, requirePermission } from '../access/permission.js'
import { holderOf } from '../access/principal.js'
import { Refusal } from './problems.js'
import { answers, LONGEST_WAIT_SECONDS, type ProfilePath, type RouteParts, seconds } from './scope.js'

/** A day. */
const LONGEST_MIN_TTL_SECONDS = 86_400

export const TokenQuery = z.strictObject({
  min_ttl: seconds(LONGEST_MIN_TTL_SECONDS).describe(
    'Seconds that must be left; default: the value of the profile',
  ),
  login: z.enum(['auto']).optional().describe('If a login is needed, start one, or join the pending one'),
  wait: seconds(LONGEST_WAIT_SECONDS).describe('Seconds to wait for that login'),
})

export type TokenRequest = FastifyRequest<{
  Params: z.infer<typeof ProfilePath>
  Querystring: z.infer<typeof TokenQuery>
}>

/** The answers of a route that sends JSON of this schema, or the bare token as text. */
export function tokenAnswers<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  bareToken: string,
) {
  return {
    ...answers({}),
    200: {
      description,
      content: {
        'application/json': { schema },
        'text/plain': { schema: z.string().describe(bareToken) },
      },
    },
  }
}

/**
 * @param get - Called again when the login has succeeded.
 * @throws what `get` throws; `login_required` with the pending login; the failure of the login
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
  const begun = await services.logins.beginShared(profile, holderOf(principalOf(reply.request)))
  const wait = (signal: AbortSignal) => services.logins.wait(begun.id, waitSeconds * 1000, signal)
  const login = waitSeconds === 0 ? begun : ((await waits.hold(reply, wait)) ?? begun)
  if (login.status !== 'succeeded') throw unsuccessful(login, profile)
}

/** Why there is no token. Names a pending login, so that the caller can send the user there. */
function unsuccessful(login: Exclude<Login, { status: 'succeeded' }>, profile: string): Error {
  if ('failure' in login) return login.failure
  const failure = new CatchdError('login_required', {
    profile,
    detail: 'A login for the profile is pending in the browser.',
  })
  const url =
    login.status === 'pending' && login.authorizationUrl !== null
      ? { authorization_url: login.authorizationUrl }
      : {}
  return new Refusal(failure, { members: { login_id: login.id, ...url } })
}
