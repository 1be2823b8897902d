/**
 * Requests without a secret that find out what servers publish. One object is one search: it limits the requests and the
 * time of all its steps together, and remembers what was tried.
 *
 * Only these requests follow redirects, and only on the same origin: a web application may put its pages at another path,
 * but nothing may send us to another server.
 */
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import type { ServerConnections } from './server-connections.js'
import type { ServerAnswer } from './server-exchanges.js'

/** A URL and an issuer have up to twelve addresses. The others are for redirects and further authorization servers. */
const MOST_REQUESTS = 40
/** The whole search, in time limits of one exchange: no request begins later. */
const MOST_DEADLINES = 3
/** An address that does not answer costs this part of the time limit before the next one is asked too. */
const PATIENCE = 1 / 5
const MOST_REDIRECTS = 3
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** What one address did not give. */
export interface Attempt {
  readonly address: string
  /** A few words: `404`, `not JSON`. May quote the server. */
  readonly why: string
  readonly failure?: CatchdError | undefined
}

export interface PublicRequest {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly headOnly?: boolean
}

export interface PublicAnswer extends ServerAnswer {
  readonly url: string
  readonly redirects: readonly number[]
}

export class PublicRequests {
  readonly #connections: ServerConnections
  readonly #caFile: string | undefined
  readonly #begunAt = performance.now()
  #count = 0
  /** The origins that cannot be reached at all, so that each costs one attempt. */
  readonly #unreachable = new Map<string, CatchdError>()
  readonly #asked = new Set<string>()
  readonly tried: Attempt[] = []

  constructor(connections: ServerConnections, caFile: string | undefined) {
    this.#connections = connections
    this.#caFile = caFile
  }

  /**
   * @returns The answer, the URL that gave it, and the statuses of the redirects that led there.
   * @throws CatchdError what {@link ServerConnections.exchange} throws; `provider_answer_invalid` if the search already
   *   took too long
   */
  async send(url: string, request: PublicRequest): Promise<PublicAnswer> {
    let { method, body } = request
    let at = url
    const redirects: number[] = []
    while (true) {
      const headers = { 'user-agent': `catchd/${VERSION}`, ...request.headers }
      const answer = await this.#exchange(at, {
        ...{ method, headers, headOnly: request.headOnly ?? false },
        ...(body === undefined ? {} : { body }),
      })
      const next = redirects.length < MOST_REDIRECTS ? sameOriginTarget(at, answer) : undefined
      if (next === undefined) return { ...answer, url: at, redirects }
      redirects.push(answer.status)
      if (answer.status === 303) {
        method = 'GET'
        body = undefined
      }
      at = next
    }
  }

  /** @returns Whether it is the first time in this search: no document is read twice. */
  isNew(address: string): boolean {
    const isNew = !this.#asked.has(address)
    this.#asked.add(address)
    return isNew
  }

  /**
   * Runs the attempts in their order, each after the one before it failed. One that takes long is not waited for.
   *
   * @returns The first result; `undefined` if there is none. Rejects if an attempt does.
   */
  firstOf<Result>(attempts: readonly (() => Promise<Result | undefined>)[]): Promise<Result | undefined> {
    return new Promise((resolve, reject) => {
      const waiting = [...attempts]
      let running = 0
      let impatience: NodeJS.Timeout | undefined
      const begin = () => {
        clearTimeout(impatience)
        const attempt = waiting.shift()
        if (attempt === undefined) {
          if (running === 0) resolve(undefined)
          return
        }
        running += 1
        impatience = setTimeout(begin, this.#connections.deadlineMs * PATIENCE)
        void attempt().then((result) => {
          running -= 1
          if (result === undefined) return begin()
          clearTimeout(impatience)
          waiting.length = 0
          resolve(result)
        }, reject)
      }
      begin()
    })
  }

  async #exchange(url: string, request: PublicRequest): Promise<ServerAnswer> {
    const { origin, host } = new URL(url)
    const known = this.#unreachable.get(origin)
    if (known !== undefined) throw known
    this.#count += 1
    const tookMs = performance.now() - this.#begunAt
    if (this.#count > MOST_REQUESTS || tookMs > this.#connections.deadlineMs * MOST_DEADLINES) {
      throw new CatchdError(
        'provider_unreachable',
        `${host} was not asked, because the search took too long.`,
      )
    }
    try {
      return await this.#connections.exchange(url, request, this.#caFile)
    } catch (error) {
      if (error instanceof CatchdError && isAboutOrigin(error)) this.#unreachable.set(origin, error)
      throw error
    }
  }
}

/** These may concern one address: something between closes the connection, or the path does not answer. */
const ABOUT_ONE_ADDRESS: ReadonlySet<string> = new Set(['ECONNABORTED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'])

function isAboutOrigin({ code, evidence }: CatchdError): boolean {
  return code === 'provider_unreachable' && !ABOUT_ONE_ADDRESS.has(evidence?.reason ?? '')
}

/** RFC 9110 §15.4. `undefined` if the answer is no redirect, or one that is not followed. */
function sameOriginTarget(from: string, { status, headers }: ServerAnswer): string | undefined {
  const { location } = headers
  if (!REDIRECTS.has(status) || location === undefined || !URL.canParse(location, from)) return undefined
  const target = new URL(location, from)
  target.hash = ''
  const isSame = target.origin === new URL(from).origin && target.username + target.password === ''
  return isSame && target.href !== from ? target.href : undefined
}
