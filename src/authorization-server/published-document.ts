/**
 * Reads JSON documents that servers publish at well-known addresses (RFC 8615), and decides which addresses such a
 * document may name.
 */
import { isLoopbackHost, isTlsOrLoopback, mayBeThisMachine } from '../config/loopback.js'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import { type Members, parseObject } from './json-object.js'
import type { ServerConnections } from './server-connections.js'

/**
 * @param addresses - Tried in this order.
 * @returns The first JSON object in an answer with status 200; `undefined` if the server answers but publishes nothing.
 *   Some web applications answer every address with a page.
 * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, also if nothing was found and an answer had the
 *   status 429 or 5xx
 */
export async function readPublished(
  connections: ServerConnections,
  addresses: readonly string[],
  caFile: string | undefined,
): Promise<Members | undefined> {
  let trouble: CatchdError | undefined
  for (const address of new Set(addresses)) {
    const headers = { accept: 'application/json', 'user-agent': `catchd/${VERSION}` }
    const answer = await connections.exchange(address, { method: 'GET', headers }, caFile)
    const document = answer.status === 200 ? parseObject(answer.body) : undefined
    if (document !== undefined) return document
    if (answer.status === 429 || answer.status >= 500) trouble ??= busy(address, answer.status)
  }
  if (trouble !== undefined) throw trouble
  return undefined
}

/**
 * Whether a document of `from` may name the address `to`, which a browser opens or a code is sent to. It must be https.
 * Only a server on loopback may name loopback addresses. Another one could direct our requests at the services of this
 * machine.
 */
export function mayLeadTo(from: string, to: string): boolean {
  const url = URL.canParse(to) ? new URL(to) : undefined
  if (url === undefined || !isTlsOrLoopback(url) || url.username + url.password !== '') return false
  return !mayBeThisMachine(url.hostname) || isLoopbackHost(new URL(from).hostname)
}

function busy(address: string, status: number): CatchdError {
  return new CatchdError(
    'provider_answer_invalid',
    `${new URL(address).origin} answered the request for its metadata with status ${status}.`,
  )
}
