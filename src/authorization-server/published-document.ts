/**
 * A JSON document that a server publishes under a well-known address (RFC 8615), and which addresses such a document
 * may lead to.
 */
import { isLoopbackHost } from '../config/loopback.js'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import type { ServerConnections } from './server-connections.js'

/**
 * @param addresses - Tried in this order.
 * @returns The first JSON object that is answered with 200; `undefined` where the server answers and publishes nothing:
 *   the page that a web application gives for every address is no document.
 * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, also when nothing was found and an answer was
 *   429 or 5xx
 */
export async function readPublished(
  connections: ServerConnections,
  addresses: readonly string[],
  caFile: string | undefined,
): Promise<object | undefined> {
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

export function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether what `from` publishes may send us to `to`. It decides what a browser opens and where a code goes: https,
 * and only a server on loopback may name loopback addresses, or it could aim our requests at other services of this
 * machine.
 */
export function mayLeadTo(from: string, to: string): boolean {
  const url = URL.canParse(to) ? new URL(to) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username + url.password !== '') return false
  return isLoopbackHost(url.hostname) ? isLoopbackHost(new URL(from).hostname) : url.protocol === 'https:'
}

function busy(address: string, status: number): CatchdError {
  return new CatchdError(
    'provider_answer_invalid',
    `${new URL(address).origin} answered ${status} when asked for its metadata.`,
  )
}
