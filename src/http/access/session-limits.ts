/**
 * The calls that a session of the dashboard may make. All other calls are refused, so a new route is not open to
 * sessions by mistake (SECURITY.md#no-token-in-the-browser).
 *
 * The list leaves out calls whose answer contains a token, a code or a proof, calls that would give access after the
 * session ends (another link, an admin key), and calls that only the command line uses.
 */
import type { FastifyRequest, RouteOptions } from 'fastify'
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
  'GET /dashboard/registration',
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

type BodyCheck = (body: unknown) => void

/**
 * Checks that need the request's body. They run after the body has been validated. What a session may change in a
 * profile is in profiles/session-edits.ts.
 */
export function bodyCheckOf({ url, method }: RouteOptions): BodyCheck | undefined {
  if (url === '/v1/clients' && method === 'POST') return refuseAdminKey
  if (url === '/v1/logins' && method === 'POST') return refuseForeignLogin
  if (url === '/v1/profiles' && method === 'POST') return refuseFileAndServer
  return undefined
}

function refuseAdminKey(body: unknown): void {
  const { actions } = body as { readonly actions: readonly string[] }
  if (!actions.includes('admin')) return
  throw forbidden(
    'A key with the action `admin` would be valid longer than the session. Make it on the command line.',
    'catchd client add --help',
  )
}

/** A page must not choose a file of this machine, and not agree to another server: profiles that extend this one follow. */
function refuseFileAndServer(body: unknown): void {
  const { ca_file: caFile, issuer } = body as Readonly<Record<string, unknown>>
  if (caFile !== undefined) {
    throw forbidden('The dashboard cannot set ca_file to a file of this machine.', 'catchd login --help')
  }
  if (issuer !== undefined) {
    throw forbidden('The dashboard cannot move a profile to another server.', 'catchd login --help')
  }
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
