/**
 * Who may use the proxy: programs of this machine that know its address, no web page. The Host must be the proxy's
 * own (DNS rebinding), and a browser must not send a page's request here.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { CatchdError } from '../failures.js'

/**
 * @param authorities - What Host may say; `undefined` on a unix socket, which no web page reaches.
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
