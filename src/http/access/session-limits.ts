/**
 * The calls that a session of the dashboard may make. All other calls are refused, so a new route is not open to
 * sessions by mistake (SECURITY.md#no-token-in-the-browser).
 *
 * The list leaves out calls whose answer contains a token, a code or a proof, calls that would give access after the
 * session ends (another link, an admin key), and calls that only the command line uses.
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
  'POST /v1/lock',
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
  throw forbidden(
    'A session of the dashboard may not make this call. It gets no token, and no access that lasts longer than the session.',
    'catchd status',
  )
}

/** The profiles as they are configured. */
interface Profiles {
  list(): Promise<readonly { readonly name: string; readonly entry: ProfileEntry }[]>
}

type BodyCheck = (body: unknown, request: FastifyRequest) => Promise<void> | void

/** Checks that need the request's body. They run after the body has been validated. */
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
  throw forbidden(
    'A key with the action `admin` would be valid longer than the session. Make it on the command line.',
    'catchd client add NAME --actions admin --profiles NAMES',
  )
}

/** A page must not be able to run programs, or to send a file of this machine to a server of its choice. */
async function refuseNewSource(body: unknown, name: string, profiles: Profiles): Promise<void> {
  const entry = body as Readonly<Record<string, unknown>>
  const sources = Object.keys(entry).filter((key) => mayBeSource(key) && readsThisMachine(entry[key]))
  if (sources.length === 0) return
  const before = (await profiles.list()).find((profile) => profile.name === name)?.entry
  const named = sources.find((key) => !isDeepStrictEqual(before?.[key as keyof ProfileEntry], entry[key]))
  if (named === undefined) return
  throw forbidden(
    `The dashboard cannot set ${named} to a command, a file or a variable. Edit the configuration file instead.`,
    `catchd profile edit ${name}`,
  )
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

/** A page must not start logins with a request or a response of another tool. */
function refuseForeignLogin(body: unknown): void {
  const { state, redirect_uri: redirectUri } = body as Readonly<Record<string, unknown>>
  if (state === undefined && redirectUri === undefined) return
  throw forbidden(
    'A session of the dashboard can start only logins of profiles, not a login for another tool.',
    'catchd catch --help',
  )
}

function forbidden(detail: string, next: string): CatchdError {
  return new CatchdError('forbidden', { detail, next })
}
