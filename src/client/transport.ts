/**
 * One HTTP exchange with the daemon, over its unix socket or over TCP with an API key.
 *
 * Owns deadlines, cancelling, the cap on answers and the translation of socket errors into {@link CatchdError}. What the
 * calls mean is client.ts. Light on purpose: node:http and nothing else.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
} from 'node:http'
import type { Agent as HttpsAgent, RequestOptions } from 'node:https'
import { CatchdError } from '../failures.js'
import { NothingListens, problemToError } from './daemon-error.js'

/** The daemon gives up on a server after 10 s, and one call may need several of its answers. */
const DEFAULT_TIMEOUT_MS = 60_000
const LARGEST_ANSWER_BYTES = 8 * 1024 * 1024

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface Exchange {
  readonly method: Method
  /** Path and query, encoded. */
  readonly path: string
  readonly body?: unknown
  /** How long the daemon itself was asked to wait, on top of the time any call may take. */
  readonly waitSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Answer {
  readonly status: number
  /** Parsed JSON; `undefined` for an empty answer. */
  readonly json: unknown
  readonly headers: IncomingHttpHeaders
}

export interface Address {
  /** Used where there is no `url`. */
  readonly socketPath: string
  readonly url: string | undefined
  readonly apiKey: string | undefined
  readonly timeoutMs: number | undefined
}

/** ENOTDIR: a folder on the socket's path is a file; a start of the daemon then says so. */
const NOTHING_THERE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'ENOTSOCK'])

export class Transport {
  readonly #address: Address
  /** Idle connections do not keep the process alive. */
  readonly #agent = new HttpAgent({ keepAlive: true })
  #secureAgent: HttpsAgent | undefined

  constructor(address: Address) {
    this.#address = address
  }

  /** For messages. */
  get where(): string {
    return this.#address.url ?? this.#address.socketPath
  }

  /**
   * @throws CatchdError the daemon's own, from its problem details; `daemon_unreachable` when it is not there,
   *   is something else, or does not answer in time. What `signal` was aborted with, when it was.
   */
  async exchange(call: Exchange): Promise<Answer> {
    call.signal?.throwIfAborted()
    try {
      return await this.#attempt(call)
    } catch (error) {
      // The daemon closed an idle connection just as it was used again (node:http documents the race). A POST
      // may have arrived all the same, and is not repeated.
      if (!(error instanceof IdleConnectionClosed)) throw error
      if (call.method === 'POST') throw this.#unreachable('The connection was closed.')
      return await this.#attempt(call)
    }
  }

  /**
   * An answer that goes on: resolves when it begins, and is the caller's to read and to end.
   *
   * @throws as {@link exchange} does
   */
  async stream(path: string, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    signal?.throwIfAborted()
    const call = { method: 'GET', path, signal } as const
    const { start, options } = await this.#prepare(call)
    const timeoutMs = this.#address.timeoutMs ?? DEFAULT_TIMEOUT_MS
    return new Promise((resolve, reject) => {
      const outgoing = start({ ...options, agent: false, ...(signal === undefined ? {} : { signal }) })
      const timer = setTimeout(() => outgoing.destroy(new Error('late')), timeoutMs)
      outgoing.on('error', (error) => {
        clearTimeout(timer)
        reject(this.#translate(error, outgoing, call))
      })
      outgoing.on('response', (incoming) => {
        clearTimeout(timer)
        if (incoming.statusCode === 200) return resolve(incoming)
        readText(incoming)
          .then((text) => this.#read(incoming, text))
          .then(() => reject(this.#notOurs()), reject)
      })
      outgoing.end()
    })
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy()
    this.#secureAgent?.destroy()
  }

  /** @throws CatchdError `daemon_unreachable` when the answer has no content although the call asks for some. */
  contentOf(answer: Answer): unknown {
    if (answer.json === undefined) throw this.#notOurs()
    return answer.json
  }

  async #attempt(call: Exchange): Promise<Answer> {
    const timeoutMs = (this.#address.timeoutMs ?? DEFAULT_TIMEOUT_MS) + (call.waitSeconds ?? 0) * 1000
    const { start, options } = await this.#prepare(call)
    return new Promise((resolve, reject) => {
      const outgoing = start(options)
      const timer = setTimeout(() => {
        outgoing.destroy()
        reject(this.#unreachable(`It did not answer within ${timeoutMs / 1000} s.`))
      }, timeoutMs)
      const abort = () => {
        outgoing.destroy()
        reject(call.signal?.reason)
      }
      const settle = (end: () => void) => {
        clearTimeout(timer)
        call.signal?.removeEventListener('abort', abort)
        end()
      }
      call.signal?.addEventListener('abort', abort, { once: true })
      outgoing.on('error', (error) => settle(() => reject(this.#translate(error, outgoing, call))))
      outgoing.on('response', (incoming) => {
        readText(incoming)
          .catch(() => {
            throw this.#unreachable('Its answer broke off.')
          })
          .then((text) => this.#read(incoming, text))
          .then(
            (answer) => settle(() => resolve(answer)),
            (error: unknown) => settle(() => reject(error)),
          )
      })
      outgoing.end(call.body === undefined ? undefined : JSON.stringify(call.body))
    })
  }

  async #prepare(call: Exchange): Promise<{
    start: (options: RequestOptions) => ClientRequest
    options: RequestOptions
  }> {
    const { url, socketPath, apiKey } = this.#address
    const headers = {
      accept: 'application/json',
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      // The socket needs no key, and a key is not shown to where it is not needed.
      ...(url === undefined || apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    }
    const common = { method: call.method, path: call.path, headers }
    if (url === undefined) {
      return { start: request, options: { ...common, socketPath, host: 'localhost', agent: this.#agent } }
    }
    const { protocol, hostname, port } = new URL(url)
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const target = { ...common, host, ...(port === '' ? {} : { port }) }
    if (protocol !== 'https:') return { start: request, options: { ...target, agent: this.#agent } }
    const https = await import('node:https')
    this.#secureAgent ??= new https.Agent({ keepAlive: true })
    return { start: https.request, options: { ...target, agent: this.#secureAgent } }
  }

  /** @throws CatchdError what the answer tells of */
  #read(incoming: IncomingMessage, text: string): Answer {
    const status = incoming.statusCode ?? 0
    const json = parseJson(text)
    if (status >= 400) throw problemToError(json) ?? this.#notOurs()
    if (status < 200 || status >= 300 || (json === undefined && text !== '')) throw this.#notOurs()
    return { status, json, headers: incoming.headers }
  }

  #translate(error: NodeJS.ErrnoException, outgoing: ClientRequest, call: Exchange): unknown {
    if (call.signal?.aborted) return call.signal.reason
    const { code = 'unknown' } = error
    if (NOTHING_THERE.has(code)) {
      return new NothingListens('daemon_unreachable', {
        detail: `No daemon listens at ${this.where}.`,
        next: 'catchd daemon start',
      })
    }
    if (outgoing.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE'))
      return new IdleConnectionClosed()
    if (code === 'EACCES' || code === 'EPERM') {
      return this.#unreachable(`This user may not connect to it (${code}).`)
    }
    if (code.startsWith('HPE_')) return this.#notOurs()
    return this.#unreachable(`The connection failed (${code}).`)
  }

  #notOurs(): CatchdError {
    return this.#unreachable('What answers there is not catchd.')
  }

  #unreachable(why: string): CatchdError {
    return new CatchdError('daemon_unreachable', `${this.where}: ${why}`)
  }
}

class IdleConnectionClosed extends Error {}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LARGEST_ANSWER_BYTES) throw new Error('answer too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
