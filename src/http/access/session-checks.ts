/**
 * What a browser has to show, by the kind of its request (DESIGN: promise 6; "the dashboard's own session: only its
 * own origin").
 *
 * A call of the page (`/v1/…`, `/dashboard/…`): Fetch Metadata that says it is our own page, our own Origin (a GET has
 * none) and no foreign Referer, the session's cookie, and the session's key in a header, which no other origin can
 * read or send. A page (`/`, `/enter`): a navigation, whose session counts only when it does not come from another
 * site. Part of a page (`/assets/…`): asked for by our own page. Host was checked before each of them.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { CatchdError } from '../../failures.js'
import type { IncomingCall } from './admission.js'
import { kindOfConnection } from './connection-kind.js'
import { owner, type Principal } from './principal.js'
import { sessionIds } from './session-cookie.js'
import type { DashboardSessions, Session } from './sessions.js'

/** Header in which the page sends the session's key. */
export const PAGE_KEY_HEADER = 'catchd-page-key'

/** What a route serves to a browser itself, session or not. */
export type PageKind = 'document' | 'part'

/** `localhost` may be somebody else's on the other address family: pages are served at the literal alone. */
const OWN_HOST = /^127\.0\.0\.1:\d+$/

/**
 * A call that carries a session's cookie and no key of a client.
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
      detail: 'A call of the dashboard carries the key of its page beside the cookie.',
      next: 'catchd dashboard',
    })
  }
  // Reading is what an open page does by itself; everything else was a person.
  if (method !== 'GET') sessions.used(session)
  return session
}

export function principalOfSession(session: Session): Principal {
  return { ...owner('dashboard'), session }
}

/** @throws CatchdError `route_unknown` on the socket, `origin_refused` */
export function admitPage({ method, headers, socket }: IncomingCall, kind: PageKind): void {
  if (kindOfConnection(socket) === 'socket') throw new CatchdError('route_unknown')
  const isPrefetch = headers['sec-purpose'] !== undefined || headers['purpose'] !== undefined
  const isAllowed = kind === 'document' ? isNavigation(headers) : isPart(headers)
  if (method !== 'GET' || isPrefetch || isPreflightOrUpgrade(headers) || !isAllowed)
    throw new CatchdError('origin_refused')
}

/** The session of a navigation; one that another site began counts as a stranger's. */
export function sessionOfNavigation(headers: IncomingHttpHeaders, sessions: DashboardSessions) {
  if (!isOwnPage(headers) || isFromElsewhere(headers)) return undefined
  return sessions.find(sessionIds(headers.cookie, headers.host ?? ''))
}

/** A person followed a link of another site, or of another port of this machine. */
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

/** A top-level navigation has no Origin when it is a GET; one that names one is no navigation. */
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
