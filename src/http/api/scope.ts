/** What each file of routes gets: the app, typed by zod schemas, and what routes call. */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import * as z from 'zod'
import type { Clock } from '../../clock.js'
import type { ApiKeys } from '../access/api-keys.js'
import type { DashboardSessions } from '../access/sessions.js'
import type { ApiServices } from './services.js'
import type { Waits } from './waits.js'
import { ProblemAnswer } from './wire.js'

export type ApiScope = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>

export interface RouteParts {
  readonly services: ApiServices
  readonly keys: ApiKeys
  readonly waits: Waits
  readonly clock: Clock
  readonly sessions: DashboardSessions
  /** What a Host header may say on the TCP listener; empty while there is none. */
  readonly tcpAuthority: () => ReadonlySet<string>
}

/** Which profiles exist is the services' to say, with a suggestion; whether a new name is one is the schema's. */
export const ProfilePath = z.object({ profile: z.string() })

/** A query parameter of whole seconds. */
export function seconds(most: number) {
  const digits = (value: unknown) =>
    typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value
  return z.preprocess(digits, z.int().min(0).max(most)).optional()
}

/** Longest `wait`; a login rarely takes longer, and who wants more asks again. */
export const LONGEST_WAIT_SECONDS = 600

/** A call without a body; an empty object is none. */
export const NoBody = z.strictObject({}).nullish()

/** An answer without content. */
export const NoContent = z.undefined().describe('Done')

/** For the description of a route: its successes, and the problems that any call may end in. */
export function answers<Answers extends Record<number, z.ZodType>>(successes: Answers) {
  return {
    ...successes,
    default: {
      description: 'Problem details',
      content: { 'application/problem+json': { schema: ProblemAnswer } },
    },
  }
}
