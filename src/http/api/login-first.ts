/**
 * The common part of the calls for a token: their query, and the login that they begin or join with `login=auto`, also to
 * step up (more scopes than the stored token has). A call without `login=auto` never starts a login.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { ASKER_HEADER, askerIn } from '../../asker-header.js'
import { CatchdError } from '../../failures.js'
import type { Login } from '../../login/login.js'
import { SCOPE } from '../../text/scopes.js'
import { principalOf, requirePermission } from '../access/permission.js'
import { holderOf, mayDo } from '../access/principal.js'
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

const LONGEST_SCOPE = 4 * 1024

export const AccessTokenQuery = TokenQuery.extend({
  scope: z
    .string()
    .max(LONGEST_SCOPE)
    .regex(SCOPE, 'must be scopes separated by single spaces (RFC 6749 §3.3)')
    .optional()
    .describe('Scopes that the token must cover, separated by spaces'),
})

/** No validation: what cannot be used counts as absent. */
export const TokenHeaders = z.looseObject({
  [ASKER_HEADER]: z.unknown().optional().meta({
    type: 'string',
    description:
      'For a program that asks again only after a server refused its token: 64 hexadecimal digits that name the program. If it was given the same token in the last 5 minutes, the token counts as refused, as in `refreshToken`',
  }),
})

/** A login of others may be joined first, which asks for other scopes; then one of its own. */
const MOST_LOGINS = 2

export type TokenRequest = FastifyRequest<{
  Params: z.infer<typeof ProfilePath>
  Querystring: z.infer<typeof TokenQuery>
}>

export type AccessTokenRequest = FastifyRequest<{
  Params: z.infer<typeof ProfilePath>
  Querystring: z.infer<typeof AccessTokenQuery>
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

/** How a call gets its token. */
interface Getting<Token> {
  /** Called again when a login has succeeded. */
  readonly get: () => Promise<Token>
  readonly textOf: (token: Token) => string
  /** What the token must cover: `get` throws `scope_insufficient` if it does not. */
  readonly scope?: string | undefined
}

/** @throws what `get` throws; `login_required` or `scope_insufficient` with the pending login; the failure of the login */
export async function loggingInFirst<Token>(
  parts: RouteParts,
  request: TokenRequest,
  reply: FastifyReply,
  { get, textOf, scope }: Getting<Token>,
): Promise<Token> {
  const { profile } = request.params
  const asker = askerIn(request.headers[ASKER_HEADER])
  const asked =
    asker === undefined
      ? get
      : () => {
          const name = JSON.stringify([principalOf(request).name, profile, asker])
          return parts.services.tokens.forAsker(profile, name, get, textOf)
        }
  const { login, wait = 0 } = request.query
  const untilMs = parts.clock.now() + wait * 1000
  for (let logins = 0; ; logins += 1) {
    try {
      return await asked()
    } catch (error) {
      if (login === undefined || logins === MOST_LOGINS || !needsLogin(error)) throw error
      requireLoginPermission(request, error)
      const leftMs = Math.max(0, untilMs - parts.clock.now())
      await completeSharedLogin(parts, error, leftMs, reply, scope)
    }
  }
}

function needsLogin(error: unknown): error is CatchdError {
  return (
    error instanceof CatchdError && (error.code === 'login_required' || error.code === 'scope_insufficient')
  )
}

/** A key that may start no login still hears which scopes are missing. @throws CatchdError */
function requireLoginPermission(request: TokenRequest, need: CatchdError): void {
  if (need.code === 'scope_insufficient' && !mayDo(principalOf(request), 'login')) throw need
  requirePermission(request, 'login', request.params.profile)
}

/** Resolves when a login has succeeded. @param need - Why the caller needs it. */
async function completeSharedLogin(
  { services, waits }: RouteParts,
  need: CatchdError,
  waitMs: number,
  reply: FastifyReply,
  scope: string | undefined,
): Promise<void> {
  const { profile } = (reply.request as TokenRequest).params
  const widened = scope === undefined ? undefined : await services.tokens.scopeOfStepUp(profile, scope)
  const isStepUp = need.code === 'scope_insufficient'
  if (isStepUp && widened === undefined) throw need
  const stepUp = widened === undefined ? undefined : { scope: widened, missing: need.members.missing ?? [] }
  const begun = await services.logins
    .beginShared(profile, holderOf(principalOf(reply.request)), stepUp)
    .catch((error: unknown) => {
      const mayNot = isStepUp && error instanceof CatchdError && error.code === 'login_required'
      throw mayNot ? notSteppedUp(need, error) : error
    })
  const wait = (signal: AbortSignal) => services.logins.wait(begun.id, waitMs, signal)
  const login = waitMs === 0 ? begun : ((await waits.hold(reply, wait)) ?? begun)
  if (login.status !== 'succeeded') throw unsuccessful(login, need)
}

/** There still is a token, so the failure of a step-up login is that scopes are missing, with its cause. */
function notSteppedUp(need: CatchdError, why: CatchdError): CatchdError {
  const { profile, members } = need
  return new CatchdError('scope_insufficient', {
    profile,
    detail: [need.detail, why.detail].join(' '),
    error: why.error,
    errorDescription: why.errorDescription,
    next: `catchd login ${profile}`,
    members,
  })
}

/** Why there is no such token. Names a pending login, so that the caller can send the user there. */
function unsuccessful(login: Exclude<Login, { status: 'succeeded' }>, need: CatchdError): Error {
  const { profile, members } = need
  const isStepUp = need.code === 'scope_insufficient'
  if ('failure' in login) {
    return isStepUp ? notSteppedUp(need, login.failure) : login.failure
  }
  const pending = 'A login for the profile is pending in the browser.'
  const failure = isStepUp
    ? new CatchdError('scope_insufficient', { profile, detail: `${need.detail} ${pending}`, members })
    : new CatchdError('login_required', { profile, detail: pending })
  const url =
    login.status === 'pending' && login.authorizationUrl !== null
      ? { authorization_url: login.authorizationUrl }
      : {}
  return new Refusal(failure, { members: { login_id: login.id, ...url } })
}
