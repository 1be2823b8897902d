/**
 * The checks for requests of a browser, by their kind (SECURITY.md#nobody-else-gets-in).
 *
 * - A call of the dashboard's page (`/v1/…`, `/dashboard/…`) needs Fetch Metadata of our own page, our own Origin (a GET
 *   has none), no foreign Referer, the session's cookie, and the session's key in a header. No other origin can read or
 *   send that key.
 * - A page (`/`, `/enter`) needs a navigation. Its session is used only if the navigation does not come from another site.
 * - A part of a page (`/assets/…`) must be requested by our own page.
 *
 * The Host header is checked before all of these.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { CatchdError } from '../../failures.js'
import type { IncomingCall } from './admission.js'
import { kindOfConnection } from './connection-kind.js'
import { sessionIds } from './session-cookie.js'
import type { DashboardSessions, Session } from './sessions.js'

/** Header in which the page sends the session's key. */
export const PAGE_KEY_HEADER = 'catchd-page-key'

/** What a route serves to a browser, with or without a session. */
export type PageKind = 'document' | 'part'

/** Pages are served only at 127.0.0.1: on the other address family, `localhost` can belong to another program. */
const OWN_HOST = /^127\.0\.0\.1:\d+$/

/**
 * Checks a call with a session's cookie and without an API key.
 *
 * @throws CatchdError `origin_refused`, `unauthorized`
 */
export function admitSession(
  { method, headers }: IncomingCall,
  ids: readonly string[],
  sessions: DashboardSessions,
): Session {
  const { origin } = headers
  const isOwn =
    isOwnPage(headers) &&
    !isPreflightOrUpgrade(headers) &&
    headers['sec-fetch-site'] === 'same-origin' &&
    (headers['sec-fetch-dest'] ?? 'empty') === 'empty' &&
    headers['sec-fetch-mode'] !== 'navigate' &&
    (origin !== undefined || method === 'GET')
  if (!isOwn) throw new CatchdError('origin_refused')
  const session = sessions.find(ids)
  if (session === undefined) throw sessionEnded()
  if (!session.holds(headers[PAGE_KEY_HEADER])) {
    throw new CatchdError('origin_refused', {
      detail: 'A call of the dashboard needs the key of its page in addition to the cookie.',
      next: 'catchd dashboard',
    })
  }
  // An open page sends GET requests automatically. All other requests come from the user.
  if (method !== 'GET') session.used()
  return session
}

/** @throws CatchdError `route_unknown` on the socket, `origin_refused` */
export function admitPage({ method, headers, socket }: IncomingCall, kind: PageKind): void {
  if (kindOfConnection(socket) === 'socket') throw new CatchdError('route_unknown')
  const isPrefetch = headers['sec-purpose'] !== undefined || headers['purpose'] !== undefined
  const isAllowed = kind === 'document' ? isNavigation(headers) : isPart(headers)
  if (method !== 'GET' || isPrefetch || isPreflightOrUpgrade(headers) || !isAllowed)
    throw new CatchdError('origin_refused')
}

/** The session of a navigation. A navigation that another site started has none. */
export function sessionOfNavigation(headers: IncomingHttpHeaders, sessions: DashboardSessions) {
  if (!isOwnPage(headers) || isFromElsewhere(headers)) return undefined
  return sessions.find(sessionIds(headers.cookie, headers.host ?? ''))
}

/** Whether the navigation comes from another site or another port of this machine. */
export function isFromElsewhere(headers: IncomingHttpHeaders): boolean {
  const { 'sec-fetch-site': site } = headers
  return (site !== undefined && site !== 'none' && site !== 'same-origin') || !hasOwnReferer(headers)
}

export function sessionEnded(): CatchdError {
  return new CatchdError('unauthorized', {
    detail: 'The session of the dashboard has ended.',
    next: 'catchd dashboard',
  })
}

function isPreflightOrUpgrade(headers: IncomingHttpHeaders): boolean {
  return headers['access-control-request-method'] !== undefined || headers.upgrade !== undefined
}

/** A top-level GET navigation has no Origin header. */
function isNavigation(headers: IncomingHttpHeaders): boolean {
  return (
    headers.origin === undefined &&
    (headers['sec-fetch-dest'] ?? 'document') === 'document' &&
    (headers['sec-fetch-mode'] ?? 'navigate') === 'navigate'
  )
}

function isPart(headers: IncomingHttpHeaders): boolean {
  return isOwnPage(headers) && (headers['sec-fetch-site'] ?? 'same-origin') === 'same-origin'
}

function isOwnPage(headers: IncomingHttpHeaders): boolean {
  const { host = '', origin } = headers
  return (
    OWN_HOST.test(host) && (origin === undefined || origin === `http://${host}`) && hasOwnReferer(headers)
  )
}

function hasOwnReferer({ host, referer }: IncomingHttpHeaders): boolean {
  return referer === undefined || referer.startsWith(`http://${host}/`)
}
