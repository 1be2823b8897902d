/**
 * Who gets in: the checks that every request passes before anything of it is read (DESIGN: promise 6).
 *
 * In this order: Host, exactly (DNS rebinding, 0.0.0.0); no sign of a web page (Origin, Referer, Fetch Metadata,
 * preflight, upgrade); a key, always over TCP and where one is sent over the socket too. A session of the dashboard
 * stands in for the key, and has checks of its own (dashboard/session-checks.ts). None of it has an effect. What the
 * key allows is permission.ts.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { CatchdError } from '../../failures.js'
import type { ApiKeys } from './api-keys.js'
import { kindOfConnection } from './connection-kind.js'
import { owner, type Principal } from './principal.js'
import { admitSession, principalOfSession } from './session-checks.js'
import { sessionIds } from './session-cookie.js'
import type { DashboardSessions } from './sessions.js'

/** A request as the checks see it. */
export interface IncomingCall {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket
}

export interface Gate {
  readonly keys: ApiKeys
  /** What a Host header may say on the TCP listener. */
  readonly tcpAuthority: () => ReadonlySet<string>
  readonly sessions: DashboardSessions
}

/** @throws CatchdError `host_refused`, `origin_refused`, `unauthorized` */
export function admit(call: IncomingCall, gate: Gate): Principal {
  requireHost(call, gate)
  const session = findSession(call, gate)
  if (session !== undefined) return session
  refuseWebPage(call)
  return authenticate(call, gate)
}

/** Only where no key was sent: a key never comes from a web page, whatever cookie is with it. */
function findSession(call: IncomingCall, { sessions }: Gate): Principal | undefined {
  const { cookie, authorization, host = '' } = call.headers
  if (cookie === undefined || authorization !== undefined) return undefined
  if (kindOfConnection(call.socket) === 'socket') return undefined
  const ids = sessionIds(cookie, host)
  return ids.length === 0 ? undefined : principalOfSession(admitSession(call, ids, sessions))
}

/** No page can reach the socket, so that its Host only has to be a harmless one. */
const HOST_ON_SOCKET = /^(localhost(:\d{1,5})?)?$/

/** @throws CatchdError `host_refused` */
export function requireHost(
  { headers: { host = '' }, socket }: IncomingCall,
  gate: Pick<Gate, 'tcpAuthority'>,
): void {
  const isOurs =
    kindOfConnection(socket) === 'socket' ? HOST_ON_SOCKET.test(host) : gate.tcpAuthority().has(host)
  if (!isOurs) throw new CatchdError('host_refused')
}

/**
 * Tools send none of these headers, browsers send them with every request that a page can cause. `cors` as
 * Sec-Fetch-Mode says nothing: the fetch of Node.js sends it too.
 */
function refuseWebPage({ method, headers }: IncomingCall): void {
  const site = headers['sec-fetch-site']
  const destination = headers['sec-fetch-dest']
  const isOfPage =
    headers.origin !== undefined ||
    headers.referer !== undefined ||
    (site !== undefined && site !== 'none') ||
    (destination !== undefined && destination !== 'empty') ||
    headers['sec-fetch-mode'] === 'navigate' ||
    headers['sec-fetch-mode'] === 'websocket' ||
    headers['sec-fetch-user'] !== undefined ||
    headers['access-control-request-method'] !== undefined ||
    method === 'OPTIONS'
  if (isOfPage) throw new CatchdError('origin_refused')
  if (headers.upgrade !== undefined) {
    throw new CatchdError('origin_refused', 'The API speaks HTTP/1.1 and nothing it could be upgraded to.')
  }
}

function authenticate({ headers: { authorization }, socket }: IncomingCall, { keys }: Gate): Principal {
  if (authorization === undefined && kindOfConnection(socket) === 'socket') return owner('socket')
  const principal = keys.authenticate(authorization, socket)
  if (principal !== undefined) return principal
  throw new CatchdError('unauthorized', {
    detail:
      authorization === undefined
        ? 'Over TCP every request needs `Authorization: Bearer KEY`; the admin key is in admin.key in the state folder.'
        : 'The API key is not known or has expired.',
  })
}
