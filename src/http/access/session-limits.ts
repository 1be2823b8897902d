/**
 * What a session of the dashboard may call, all of it in one place: what is not in this list is refused, so that a new
 * route gives nothing away by being new.
 *
 * Missing are the calls whose answer holds a token, a code or a proof, those that would outlast the session (another
 * link, an admin's key), and those that are the command line's own.
 */
import { isDeepStrictEqual } from 'node:util'
import type { FastifyRequest, RouteOptions } from 'fastify'
import { ProfileEntry } from '../../config/profile.js'
import { profileKey } from '../../config/profile-key.js'
import { CatchdError } from '../../failures.js'

const CALLS: ReadonlySet<string> = new Set([
  'GET /v1/status',
  'GET /v1/events',
  'GET /v1/profiles',
  'POST /v1/profiles',
  'GET /v1/profiles/:profile',
  'PUT /v1/profiles/:profile',
  'DELETE /v1/profiles/:profile',
  'DELETE /v1/tokens/:profile',
  'POST /v1/logins',
  'DELETE /v1/logins/:id',
  'GET /v1/clients',
  'POST /v1/clients',
  'GET /v1/clients/:client',
  'DELETE /v1/clients/:client',
  'GET /openapi.json',
  'GET /dashboard/panels',
  'GET /dashboard/logins/:login',
  'POST /dashboard/profiles/:profile/refresh',
  'POST /dashboard/leave',
])

/** @throws CatchdError `forbidden` */
export function requireCallOfSession(
  method: string,
  { config, url = '' }: FastifyRequest['routeOptions'],
): void {
  if (config.allow !== undefined || CALLS.has(`${method} ${url}`)) return
  throw new CatchdError('forbidden', {
    detail: 'A session of the dashboard may not call this: it gets no token, and nothing that outlasts it.',
    next: 'catchd status',
  })
}

/** The profiles as they are configured. */
interface Profiles {
  list(): Promise<readonly { readonly name: string; readonly entry: ProfileEntry }[]>
}

type BodyCheck = (body: unknown, request: FastifyRequest) => Promise<void> | void

/** Limits that show in the body; checked when it has been validated. */
export function bodyCheckOf(route: RouteOptions, profiles: Profiles): BodyCheck | undefined {
  const { url, method } = route
  if (url === '/v1/clients' && method === 'POST') return refuseAdminKey
  if (url === '/v1/logins' && method === 'POST') return refuseForeignLogin
  if (url === '/v1/profiles/:profile' && method === 'PUT') {
    return (body, request) => refuseNewSource(body, (request.params as { profile: string }).profile, profiles)
  }
  return undefined
}

function refuseAdminKey(body: unknown): void {
  const { actions } = body as { readonly actions: readonly string[] }
  if (!actions.includes('admin')) return
  throw new CatchdError('forbidden', {
    detail: 'A key with the action `admin` would outlast the session. Make it on the command line.',
    next: 'catchd client add NAME --actions admin --profiles NAMES',
  })
}

/** A page must not be a way to run programs, nor to have a file of this machine sent to a server that it names. */
async function refuseNewSource(body: unknown, name: string, profiles: Profiles): Promise<void> {
  const entry = body as Readonly<Record<string, unknown>>
  const sources = Object.keys(entry).filter((key) => mayBeSource(key) && readsThisMachine(entry[key]))
  if (sources.length === 0) return
  const before = (await profiles.list()).find((profile) => profile.name === name)?.entry
  const named = sources.find((key) => !isDeepStrictEqual(before?.[key as keyof ProfileEntry], entry[key]))
  if (named === undefined) return
  throw new CatchdError('forbidden', {
    detail: `A command or a file that ${named} is read from is written into the configuration file, not into a page.`,
    next: `catchd profile edit ${name}`,
  })
}

/** Parameters may have any name. */
function mayBeSource(key: string): boolean {
  return profileKey(ProfileEntry.shape, key)?.role !== 'parameters'
}

function readsThisMachine(source: unknown): boolean {
  return (
    typeof source === 'object' &&
    source !== null &&
    ('command' in source || 'file' in source || 'env' in source)
  )
}

/** Requests that another tool built, and responses that are for another tool, are no business of a page. */
function refuseForeignLogin(body: unknown): void {
  const { state, redirect_uri: redirectUri } = body as Readonly<Record<string, unknown>>
  if (state === undefined && redirectUri === undefined) return
  throw new CatchdError('forbidden', {
    detail: 'A session of the dashboard begins logins of profiles, and nothing for another tool.',
    next: 'catchd catch --help',
  })
}
