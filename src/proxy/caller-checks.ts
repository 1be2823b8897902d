/**
 * The checks of callers: programs on this machine that know the proxy's address may use it, web pages may not. The Host
 * header must be the proxy's own (DNS rebinding), and requests that a browser sends for a web page are refused.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { CatchdError } from '../failures.js'

/**
 * @param authorities - The allowed Host headers; `undefined` on a unix socket, which web pages cannot reach.
 * @throws CatchdError `host_refused`, `origin_refused`
 */
export function checkCaller(
  headers: IncomingHttpHeaders,
  authorities: ReadonlySet<string> | undefined,
): void {
  if (authorities === undefined) return
  if (!authorities.has((headers.host ?? '').toLowerCase())) throw new CatchdError('host_refused')
  const { origin, 'sec-fetch-site': site } = headers
  const isOwn = typeof origin === 'string' && [...authorities].some((own) => origin === `http://${own}`)
  const isForeignPage = site !== undefined && site !== 'none' && site !== 'same-origin'
  if ((origin !== undefined && !isOwn) || isForeignPage) throw new CatchdError('origin_refused')
}
