/** For each file of routes: the app, typed by zod schemas, and the parts that routes use. */
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import * as z from 'zod'
import type { Clock } from '../../clock.js'
import type { ApiKeys } from '../access/api-keys.js'
import type { DashboardSessions } from '../access/sessions.js'
import type { ApiServices } from './services.js'
import type { Waits } from './waits.js'
import { ProblemAnswer } from './wire.js'

export type ApiScope = Parameters<FastifyPluginCallbackZod>[0]

export interface RouteParts {
  readonly services: ApiServices
  readonly keys: ApiKeys
  readonly waits: Waits
  readonly clock: Clock
  readonly sessions: DashboardSessions
  /** The Host headers that the TCP listener accepts; empty while it is closed. */
  readonly tcpAuthority: () => ReadonlySet<string>
}

/** Any string: for an unknown profile the services suggest a name. Only new names are checked by a schema. */
export const ProfilePath = z.object({ profile: z.string() })

/** A query parameter of whole seconds. */
export function seconds(most: number) {
  const digits = (value: unknown) =>
    typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value
  return z.preprocess(digits, z.int().min(0).max(most)).optional()
}

/** A login rarely takes longer, and a caller can ask again. */
export const LONGEST_WAIT_SECONDS = 600

/** For a call without a body; an empty object counts as none. */
export const NoBody = z.strictObject({}).nullish()

export const NoContent = z.undefined().describe('Done')

/** The answers of a route: its successes, and the problem details that every call may get. */
export function answers<Answers extends Record<number, z.ZodType>>(successes: Answers) {
  return {
    ...successes,
    default: {
      description: 'Problem details',
      content: { 'application/problem+json': { schema: ProblemAnswer } },
    },
  }
}
