/**
 * Asks a resource without a token, to get its challenge (RFC 9728 §5.1, RFC 6750 §3): where its metadata is, and which
 * scopes it wants.
 *
 * A GET comes first, because it changes nothing. But many MCP servers answer it with a page, a stream or 405, and challenge
 * only the request that every MCP client sends first: the POST of `initialize`. Both are without a secret.
 */
import { CatchdError } from '../failures.js'
import { tokenChallengeValues } from '../text/challenges.js'
import { VERSION } from '../version.js'
import type { PublicRequest, PublicRequests } from './public-requests.js'

export interface ResourceChallenge {
  /** The URL that answered: the resource, or where it redirects to. */
  readonly url: string
  /** The values of `resource_metadata`, as they came. */
  readonly metadata: readonly string[]
  /** The values of `scope`. */
  readonly scopes: readonly string[]
}

/** The oldest version of MCP with this way to find the authorization server; all servers know it. */
const MCP_VERSION = '2025-06-18'

const HEADERS = { accept: 'application/json, text/event-stream', 'mcp-protocol-version': MCP_VERSION }

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: MCP_VERSION,
    capabilities: {},
    clientInfo: { name: 'catchd', version: VERSION },
  },
})

const REQUESTS: readonly PublicRequest[] = [
  { method: 'GET', headers: HEADERS, headOnly: true },
  {
    method: 'POST',
    headers: { ...HEADERS, 'content-type': 'application/json' },
    body: INITIALIZE,
    headOnly: true,
  },
]

/** AWS API Gateway renames the field of its integrations. */
const FIELDS = ['www-authenticate', 'x-amzn-remapped-www-authenticate']

/** @returns What the first challenge says that names metadata, otherwise what all of them say. */
export async function askForChallenge(requests: PublicRequests, url: string): Promise<ResourceChallenge> {
  const challenges: ResourceChallenge[] = []
  const ask = async (request: PublicRequest): Promise<ResourceChallenge | undefined> => {
    try {
      const { url: at, headers } = await requests.send(url, request)
      // The status is not always 401: some servers challenge with 403, or with the page for people.
      const field = FIELDS.map((name) => headers[name]).find((value) => value !== undefined)
      const values = (name: string) => tokenChallengeValues(field, name)
      const challenge = { url: at, metadata: values('resource_metadata'), scopes: values('scope') }
      challenges.push(challenge)
      return challenge.metadata.length > 0 ? challenge : undefined
    } catch (error) {
      if (!(error instanceof CatchdError)) throw error
      requests.tried.push({ address: `${request.method} ${url}`, why: 'no answer', failure: error })
      return undefined
    }
  }
  const named = await requests.firstOf(REQUESTS.map((request) => () => ask(request)))
  if (named !== undefined) return named
  const scopes = challenges.flatMap((challenge) => challenge.scopes)
  return { url: challenges.at(-1)?.url ?? url, metadata: [], scopes }
}

/**
 * Whether the resource answers without a token. For a resource that publishes nothing: then it wants no authorization, or
 * it wants one and does not say from where. Never throws.
 *
 * @returns true only if every request was answered, and no answer says or hides that a token is needed.
 */
export async function isOpen(requests: PublicRequests, url: string): Promise<boolean> {
  try {
    const answers = await Promise.all(REQUESTS.map((request) => requests.send(url, request)))
    // Another redirect than 307 and 308 may lead to the page of a login.
    return answers.every(
      ({ status, redirects }) =>
        saysNothingOfTokens(status) && redirects.every((redirect) => redirect === 307 || redirect === 308),
    )
  } catch {
    return false
  }
}

/** 401 and 403 ask for a token, 407 and 511 are of a proxy or a network, 429 and 5xx say nothing about the resource. */
function saysNothingOfTokens(status: number): boolean {
  return status < 500 && (status < 300 || status >= 400) && ![401, 403, 407, 429].includes(status)
}
