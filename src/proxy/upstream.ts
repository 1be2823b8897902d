/**
 * One exchange with the upstream of the proxy. Whatever the upstream sends, the exchange ends as an answer or as
 * {@link UpstreamFailure}; no error of a connection is left without a listener.
 *
 * Not undici: an answer without a length that ends while its reader is slow makes undici 7 throw where nobody can catch it.
 */
import * as http from 'node:http'
import * as https from 'node:https'
import { type Duplex, pipeline, type Readable } from 'node:stream'
import { urlToHttpOptions } from 'node:url'
import { type Field, fieldsOf } from '../http/end-to-end.js'

/** The time limit for the head of an answer. Its body has no time limit (server-sent events). */
const HEAD_WITHIN_MS = 300_000
const MOST_HEADER_BYTES = 64 * 1024
/** A connection without a request is closed after this time. Most servers keep it longer. */
const IDLE_MS = 4_000

/** With these, a request without a body has no Content-Length (RFC 9110 §8.6). */
const WITHOUT_BODY = ['GET', 'HEAD', 'DELETE', 'OPTIONS']
/** May be sent again if their connection ended without an answer (RFC 9110 §9.2.2). */
const SAFE = ['GET', 'HEAD', 'OPTIONS']

export interface UpstreamCall {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly fields: readonly Field[]
  readonly body: Buffer | Readable | null
  /** The trailer section of a streamed body; called when that has ended (RFC 9110 §6.5). */
  readonly trailers: () => [name: string, value: string][]
  /** Gets the informational answers before the final one, except 101 (RFC 9110 §15.2). */
  readonly onInformation: (information: {
    readonly status: number
    readonly fields: readonly Field[]
  }) => void
  /** The protocol to change to (RFC 9110 §7.8); `null` for a usual request. */
  readonly upgrade: string | null
}

export interface UpstreamAnswer {
  readonly status: number
  /** All of them, also hop-by-hop ones. */
  readonly fields: readonly Field[]
  /** Has to be read or destroyed; after a 101 it is empty. */
  readonly body: http.IncomingMessage
  /** The connection with the new protocol, after a 101. */
  readonly connection: Duplex | null
}

/** There was no usable answer. The text never quotes the upstream. */
export class UpstreamFailure extends Error {
  override readonly name = 'UpstreamFailure'
  readonly isTimeout: boolean

  constructor(cause: unknown) {
    const code = (cause as { readonly code?: unknown } | undefined)?.code
    super(typeof code === 'string' ? `No valid HTTP answer (${code}).` : 'No valid HTTP answer.', { cause })
    this.isTimeout = code === 'ETIMEDOUT'
  }
}

export class Upstream {
  readonly #url: URL
  readonly #http: typeof http | typeof https
  readonly #agent: http.Agent

  /** @param url - http or https. Only its origin is used. */
  constructor(url: URL) {
    this.#url = url
    this.#http = url.protocol === 'https:' ? https : http
    this.#agent = new this.#http.Agent({ keepAlive: true, timeout: IDLE_MS })
  }

  /**
   * @param signal - Aborts when the caller is gone. The exchange and its connection end then.
   * @returns Resolves with the head of the answer.
   * @throws UpstreamFailure
   */
  async send(call: UpstreamCall, signal: AbortSignal): Promise<UpstreamAnswer> {
    const first = this.#request(call)
    try {
      return await answerOf(first, call, signal)
    } catch (failure) {
      // The upstream closed an idle connection at this moment. It has not seen the request.
      const mayRepeat = first.reusedSocket && SAFE.includes(call.method) && call.body === null
      if (!mayRepeat || signal.aborted || (failure as UpstreamFailure).isTimeout) throw failure
      return answerOf(this.#request(call, false), call, signal)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #request({ method, path, fields, body, upgrade }: UpstreamCall, agent: false | undefined = undefined) {
    const own: Field[] = [['Host', this.#url.host]]
    const hasLength = fields.some(([name]) => name.toLowerCase() === 'content-length')
    if (upgrade !== null) own.push(['Connection', 'Upgrade'], ['Upgrade', upgrade])
    if (!hasLength && body !== null) own.push(['Transfer-Encoding', 'chunked'])
    if (!hasLength && body === null && !WITHOUT_BODY.includes(method)) own.push(['Content-Length', '0'])
    return this.#http.request({
      ...urlToHttpOptions(new URL(this.#url.origin)),
      method,
      path,
      headers: [...own, ...fields].flat(),
      agent: upgrade === null ? (agent ?? this.#agent) : false,
      maxHeaderSize: MOST_HEADER_BYTES,
    })
  }
}

/** Sends the body. @throws UpstreamFailure */
function answerOf(
  request: http.ClientRequest,
  { body, trailers, upgrade, onInformation }: UpstreamCall,
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  return new Promise((resolve, reject) => {
    const end = (cause: Error) => void request.destroy(cause)
    const leave = () => end(new Error('The caller is gone.'))
    const late = setTimeout(
      () => end(Object.assign(new Error('Too late.'), { code: 'ETIMEDOUT' })),
      HEAD_WITHIN_MS,
    )
    request.on('response', (body) => {
      clearTimeout(late)
      body.on('error', () => {}) // can come before the answer is passed on; passing on sees it too
      const { statusCode: status = 0 } = body
      if (status < 200) end(new Error('It sent an invalid status.'))
      else resolve({ status, fields: fieldsOf(body.rawHeaders), body, connection: null })
    })
    request.on('upgrade', (answer, connection, head) => {
      clearTimeout(late)
      connection.on('error', () => {}) // the tunnel notices that it closes
      if (head.length > 0) connection.unshift(head)
      if (upgrade === null) connection.destroy()
      else resolve({ status: 101, fields: fieldsOf(answer.rawHeaders), body: answer, connection })
    })
    request.on('information', ({ statusCode: status, rawHeaders }) => {
      if (status === 101) end(new Error('It changed the protocol without saying to which.'))
      else onInformation({ status, fields: fieldsOf(rawHeaders) })
    })
    request.on('error', (error) => reject(new UpstreamFailure(error)))
    request.on('close', () => {
      clearTimeout(late)
      signal.removeEventListener('abort', leave)
      reject(new UpstreamFailure(undefined)) // after an answer or an error, this does nothing
    })
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    if (body === null || Buffer.isBuffer(body)) request.end(body ?? undefined)
    else {
      body.once('end', () => request.addTrailers(trailers()))
      pipeline(body, request, () => {})
    }
  })
}
