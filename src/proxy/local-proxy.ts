/**
 * The local reverse proxy: adds the Authorization header of a profile to every request on its way to one upstream,
 * streaming both ways (large bodies, server-sent events, WebSockets and other upgrades).
 *
 * After a 401 of the upstream, the request is sent once more with a new token, if that is possible: it has no body, or a
 * body small enough to keep. The caller's own Authorization header never reaches the upstream. With a token that is bound
 * to a key, each request has a proof (request-proofs.ts). No answer of the upstream ends the proxy
 * (SECURITY.md#everything-bounded): upstream.ts receives it, http/end-to-end.ts filters its header.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import { type Duplex, PassThrough, pipeline, type Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { TokenAnswer } from '../client/api-types.js'
import { asCatchdError, CatchdError, toProblem } from '../failures.js'
import { endToEnd, type Field, fieldsOf } from '../http/end-to-end.js'
import { type Address, HttpListener, type OpenAddress, type Upgrade } from '../http/http-listener.js'
import type { CachedToken } from './cached-token.js'
import { RequestProofs } from './request-proofs.js'
import { Upstream, type UpstreamAnswer, type UpstreamCall, UpstreamFailure } from './upstream.js'
import { UpstreamPath } from './upstream-path.js'

export interface ProxyParts {
  /** http or https. If it has a path, that path goes before the caller's path. */
  readonly upstream: URL
  /** The first segment that every path must have; `''`: none. */
  readonly secret: string
  readonly token: CachedToken
}

/** A body up to this size is kept for a second attempt. A larger body, or one of unknown length, is streamed. */
const MOST_KEPT_BYTES = 64 * 1024

const LIMITS = {
  maxHeaderBytes: 16 * 1024,
  mostConnections: 4_000,
  keepAliveMs: 72_000,
  requestMs: 0, // an upload can take hours
  acceptsUpgrades: true,
} as const

/** Fields that the caller must not set, and `host`, which is the upstream's. Node.js has answered `expect`. */
const NOT_FROM_CALLER = ['authorization', 'dpop', 'cookie2', 'origin', 'referer', 'host', 'expect']

/** For the last bytes of answers when the proxy ends. */
const DRAIN_MS = 1_000

export class LocalProxy {
  readonly #parts: ProxyParts
  readonly #upstream: Upstream
  readonly #paths: UpstreamPath
  readonly #proofs: RequestProofs
  #open: OpenAddress | undefined
  /** The allowed Host headers; `undefined` on a unix socket, which web pages cannot reach. */
  #authorities: ReadonlySet<string> | undefined

  constructor(parts: ProxyParts) {
    this.#parts = parts
    this.#upstream = new Upstream(parts.upstream)
    this.#paths = new UpstreamPath(parts.secret, parts.upstream)
    this.#proofs = new RequestProofs(parts.token, parts.upstream.origin)
  }

  /** @returns The base URL for callers; `unix:PATH` for a socket. @throws the system's error */
  async listen(address: Address): Promise<string> {
    const listener = new HttpListener((request, response, upgrade) => {
      void this.#serve(request, response, upgrade)
    }, LIMITS)
    this.#open = await listener.open(address)
    if ('path' in address) return `unix:${address.path}`
    const { port } = this.#open
    this.#authorities = new Set([`127.0.0.1:${port}`, `localhost:${port}`])
    return `http://127.0.0.1:${port}${this.#parts.secret === '' ? '' : `/${this.#parts.secret}`}`
  }

  async close(): Promise<void> {
    await this.#open?.close(DRAIN_MS)
    this.#upstream.close()
  }

  /** Never rejects: each exchange ends by itself, with an answer or with its connection. */
  async #serve(request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      this.#checkCaller(request)
      const path = this.#paths.outward(request.url ?? '')
      if (path === undefined) {
        response.writeHead(404, { 'content-length': 0 }).end()
        return
      }
      const onInformation: UpstreamCall['onInformation'] = (information) =>
        inform(request, response, information)
      const outward = (field: Field) => this.#outward(field)
      const call = { ...(await callOf(request, path, outward, upgrade)), onInformation }
      const answer = await this.#attempt(call, await this.#parts.token.current(), gone.signal)
      const { connection } = answer
      if (upgrade === undefined || connection === null) this.#passOn(response, answer)
      else joinConnections(upgrade.take(), connection, answer)
    } catch (error) {
      if (!gone.signal.aborted) refuse(response, error)
    }
  }

  /**
   * Programs on this machine that know the proxy's address may use it, web pages may not. The Host header must be the
   * proxy's own (DNS rebinding), and requests that a browser sends for a web page are refused.
   *
   * @throws CatchdError `host_refused`, `origin_refused`, `request_invalid`
   */
  #checkCaller({ method, headers }: IncomingMessage): void {
    if (method === 'TRACE') {
      throw new CatchdError('request_invalid', {
        detail: 'The proxy does not pass on TRACE: its answer would contain the token.',
        next: 'catchd help proxy',
      })
    }
    const authorities = this.#authorities
    if (authorities === undefined) return
    if (!authorities.has((headers.host ?? '').toLowerCase())) throw new CatchdError('host_refused')
    const { origin, 'sec-fetch-site': site } = headers
    const isOwn = origin !== undefined && [...authorities].some((own) => origin === `http://${own}`)
    const isForeignPage = site !== undefined && site !== 'none' && site !== 'same-origin'
    if ((origin !== undefined && !isOwn) || isForeignPage) throw new CatchdError('origin_refused')
  }

  /** WebDAV names other resources in header fields (RFC 4918 §10.3, §10.4): as the upstream knows them. */
  #outward([name, value]: Field): Field {
    if (!/^(?:destination|if)$/i.test(name)) return [name, value]
    const authorities = [...(this.#authorities ?? ['localhost'])]
    const isOwn = (url: URL) => url.protocol === 'http:' && authorities.includes(url.host)
    const outward = value.replace(/http:\/\/[^\s<>]+/gi, (text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined
      const path =
        url !== undefined && isOwn(url) ? this.#paths.outward(text.slice(url.origin.length)) : undefined
      return path === undefined ? text : `${this.#parts.upstream.origin}${path}`
    })
    return [name, outward]
  }

  /** At most three times: with another token, and with the nonce that the upstream asked for. */
  async #attempt(call: UpstreamCall, first: TokenAnswer, gone: AbortSignal): Promise<UpstreamAnswer> {
    const isReplayable = call.body === null || Buffer.isBuffer(call.body)
    let token = first
    let hasNewToken = false
    let hasNewNonce = false
    for (;;) {
      const proven = await this.#proofs.prove(token, call)
      const fields = [...call.fields, ...proven.fields]
      const answer = await this.#upstream.send({ ...call, fields }, gone)
      const lacksNonce = this.#proofs.learnNonce(proven, answer) && !hasNewNonce
      if (answer.status !== 401) return answer
      if (!isReplayable) {
        if (!lacksNonce) void this.#parts.token.insteadOf(proven.token) // for the next request
        return answer
      }
      if (lacksNonce) hasNewNonce = true
      else {
        const better = hasNewToken ? undefined : await this.#parts.token.insteadOf(proven.token)
        if (better === undefined) return answer
        hasNewToken = true
        token = better
      }
      answer.body.destroy()
    }
  }

  #passOn(response: ServerResponse, { status, fields, body }: UpstreamAnswer): void {
    const passed = endToEnd(fields, status === 204 ? ['content-length'] : []).map(([name, value]): Field => {
      return [name, name.toLowerCase() === 'location' ? this.#paths.inward(value) : value]
    })
    response.writeHead(status, passed.flat())
    // An event stream can be silent for long after its head. A short answer comes with its head.
    setImmediate(() => response.flushHeaders())
    body.once('end', () => response.addTrailers(trailersOf(body)))
    // If the upstream breaks off, so does the answer: the caller must not take a part for the whole.
    pipeline(body, response, () => {})
  }
}

async function callOf(
  request: IncomingMessage,
  path: string,
  outward: (field: Field) => Field,
  upgrade: Upgrade | undefined,
): Promise<Omit<UpstreamCall, 'onInformation'>> {
  const { method = '', rawHeaders } = request
  const fields = endToEnd(fieldsOf(rawHeaders), NOT_FROM_CALLER).map(outward)
  const body = await bodyOf(request, upgrade !== undefined)
  const trailers = () => trailersOf(request, NOT_FROM_CALLER)
  return { method, path, fields, body, trailers, upgrade: upgrade === undefined ? null : protocolOf(request) }
}

/** Known when the body has ended. Node.js sends them only after a body without a length (RFC 9112 §7.1.2). */
function trailersOf({ rawTrailers }: IncomingMessage, others: readonly string[] = []): [string, string][] {
  return endToEnd(fieldsOf(rawTrailers), others).map(([name, value]) => [name, value])
}

/**
 * Passes on an informational answer, such as 103 Early Hints. Node.js has no function for all of them. A caller may ignore
 * them, so one that does not read its connection gets no more.
 */
function inform(
  { httpVersion }: IncomingMessage,
  response: ServerResponse,
  { status, fields }: Parameters<UpstreamCall['onInformation']>[0],
): void {
  // Without a socket, the answer to an earlier request of the same connection comes first.
  const { socket, headersSent } = response
  if (httpVersion === '1.0' || headersSent || socket === null || socket.writableNeedDrain) return
  const lines = endToEnd(fields, ['content-length']).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`, 'latin1')
}

/** HTTP/2 without TLS is not passed on; its callers continue with HTTP/1.1 (RFC 9113 §3.1). */
function protocolOf({ headers: { upgrade = '' } }: IncomingMessage): string | null {
  return /\bh2c\b/i.test(upgrade) ? null : upgrade
}

/** @throws CatchdError `request_invalid`; an error if the caller breaks off */
async function bodyOf(request: IncomingMessage, isUpgrade: boolean): Promise<Buffer | Readable | null> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && Number(length ?? 0) === 0) return null
  if (isUpgrade) {
    throw new CatchdError('request_invalid', {
      detail: 'A request for another protocol cannot have a body.',
      next: 'catchd help proxy',
    })
  }
  if (Number(length ?? Number.NaN) <= MOST_KEPT_BYTES) return buffer(request)
  // Not the request itself: to destroy it closes the connection, and so does a connection with unread bytes. An answer
  // that comes before the end of the body would be lost.
  const body = new PassThrough()
  request.once('error', (error) => body.destroy(error))
  body.once('close', () => request.resume())
  return request.pipe(body)
}

/** From now on the bytes of both sides are passed on as they are. */
function joinConnections(caller: Duplex, upstream: Duplex, { fields }: UpstreamAnswer): void {
  const chosen = fields.filter(([name, value]) => /^upgrade$/i.test(name) && /^[\x21-\x7e]+$/.test(value))
  const answered: Field[] = [['Connection', 'Upgrade'], ...chosen, ...endToEnd(fields)]
  const lines = answered.map(([name, value]) => `${name}: ${value}\r\n`)
  caller.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`, 'latin1')
  pipeline(caller, upstream, () => {})
  pipeline(upstream, caller, () => {})
}

/** Sends problem details, as the API does: the upstream gave no answer, or there is no token for it. */
function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const problem = error instanceof UpstreamFailure ? problemOf(error) : toProblem(asCatchdError(error))
  response
    .writeHead(problem.status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    .end(JSON.stringify(problem))
}

/** The failure is not catchd's, so it has no code of it. */
function problemOf({ message: detail, isTimeout }: UpstreamFailure) {
  const title = 'The upstream did not answer.'
  return { type: 'about:blank', title, status: isTimeout ? 504 : 502, detail }
}
