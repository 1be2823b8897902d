/**
 * Whether a URL answers requests without a token. Asked only after nothing was published for it: then either the server
 * wants no authorization, or it wants one and does not say from where.
 */
import { VERSION } from '../version.js'
import type { ServerConnections } from './server-connections.js'
import type { ServerRequest } from './server-exchanges.js'

/** Web applications move `/mcp` to `/mcp/`. */
const MOST_REDIRECTS = 2

const COMMON = { accept: 'application/json, text/event-stream', 'user-agent': `catchd/${VERSION}` }

/** As a tool reads a resource, and as an MCP client begins: some servers ask for a token only there. */
const REQUESTS: readonly ServerRequest[] = [
  { method: 'GET', headers: COMMON, headOnly: true },
  {
    method: 'POST',
    headers: { ...COMMON, 'content-type': 'application/json' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'catchd', version: VERSION },
      },
    }),
    headOnly: true,
  },
]

/** @returns true only if every request was answered, and no answer says or hides that a token is needed. Never throws. */
export async function isOpen(
  connections: ServerConnections,
  url: string,
  caFile: string | undefined,
): Promise<boolean> {
  try {
    const statuses = await Promise.all(REQUESTS.map((request) => statusOf(connections, url, request, caFile)))
    return statuses.every(saysNothingOfTokens)
  } catch {
    return false
  }
}

/** 401 and 403 ask for a token, 407 and 511 are of a proxy or a network, 429 and 5xx say nothing about the resource. */
function saysNothingOfTokens(status: number): boolean {
  return status < 500 && (status < 300 || status >= 400) && ![401, 403, 407, 429].includes(status)
}

async function statusOf(
  connections: ServerConnections,
  url: string,
  request: ServerRequest,
  caFile: string | undefined,
  redirects = 0,
): Promise<number> {
  const { status, headers } = await connections.exchange(url, request, caFile)
  const { location = '' } = headers
  if ((status !== 307 && status !== 308) || redirects === MOST_REDIRECTS || !URL.canParse(location, url))
    return status
  const next = new URL(location, url)
  if (next.origin !== new URL(url).origin) return status
  return statusOf(connections, next.href, request, caFile, redirects + 1)
}
