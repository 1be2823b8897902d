/**
 * The checks that every request must pass before anything else of it is read (SECURITY.md#nobody-else-gets-in).
 *
 * In this order: the Host header must match exactly (DNS rebinding, 0.0.0.0). There must be no sign of a web page
 * (Origin, Referer, Fetch Metadata, preflight, upgrade). Over TCP an API key is required; over the socket a key is
 * checked only if one is sent. A session of the dashboard can replace the key and has its own checks
 * (session-checks.ts). The checks change nothing. permission.ts says what the key allows.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { CatchdError } from '../../failures.js'
import type { ApiKeys } from './api-keys.js'
import { kindOfConnection } from './connection-kind.js'
import { owner, type Principal } from './principal.js'
import { admitSession } from './session-checks.js'
import { sessionIds } from './session-cookie.js'
import type { DashboardSessions } from './sessions.js'

/** The parts of a request that the checks use. */
export interface IncomingCall {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket
}

export interface Gate {
  readonly keys: ApiKeys
  /** The allowed Host headers on the TCP listener. */
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

/** Used only if no key was sent: a request with a key does not come from a web page, even if it has a cookie. */
function findSession(call: IncomingCall, { sessions }: Gate): Principal | undefined {
  const { cookie, authorization, host = '' } = call.headers
  if (cookie === undefined || authorization !== undefined) return undefined
  if (kindOfConnection(call.socket) === 'socket') return undefined
  const ids = sessionIds(cookie, host)
  return ids.length === 0 ? undefined : { ...owner('dashboard'), session: admitSession(call, ids, sessions) }
}

/** No web page can reach the socket, so its Host header only has to be harmless. */
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
 * Tools send none of these headers; browsers send at least one with every request that a page can cause. A
 * Sec-Fetch-Mode of `cors` is allowed, because the fetch of Node.js sends it too.
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
    throw new CatchdError('origin_refused', 'The API uses HTTP/1.1 and does not support upgrades.')
  }
}

function authenticate({ headers: { authorization }, socket }: IncomingCall, { keys }: Gate): Principal {
  if (authorization === undefined && kindOfConnection(socket) === 'socket') return owner('socket')
  const principal = keys.authenticate(authorization, socket)
  if (principal !== undefined) return principal
  throw new CatchdError('unauthorized', {
    detail:
      authorization === undefined
        ? 'Over TCP every request needs `Authorization: Bearer KEY`. The admin key is in admin.key in the state folder.'
        : 'The API key is unknown or has expired.',
  })
}
