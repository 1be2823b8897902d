/**
 * The connection to the daemon, over its unix socket, or over TCP with an API key. It owns the time limits, cancelling,
 * the largest size of an answer, and the start of a daemon that is not running. It translates errors of the socket into
 * {@link CatchdError}. client.ts defines the calls.
 *
 * Internal: the command line has its own way to start the daemon. This file loads only node:http, so that it loads
 * fast.
 */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import { addAbortSignal } from 'node:stream'
import { ASKER_HEADER } from '../asker-header.js'
import { CatchdError } from '../failures.js'
import { findSocketPath } from '../listener/socket-path.js'
import { type DaemonAddress, DaemonAgent } from './daemon-agent.js'
import { NothingListens, parseJson, problemToError } from './daemon-error.js'
import type { CatchdClientOptions } from './options.js'

/** The daemon waits up to 10 s for an authorization server, and one call may need several of its answers. */
const DEFAULT_TIMEOUT_MS = 60_000
const LARGEST_ANSWER_BYTES = 8 * 1024 * 1024

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export interface Call {
  readonly method: Method
  /** Path and query, encoded. */
  readonly path: string
  readonly body?: unknown
  /** See {@link ASKER_HEADER}. */
  readonly asker?: string | undefined
  /** The time that the daemon is asked to wait. It is added to the time limit of the call. */
  readonly waitSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
}

interface Answer {
  /** `undefined` for an answer without content. */
  readonly json: unknown
  readonly headers: IncomingHttpHeaders
}

export interface ConnectionOptions extends Omit<CatchdClientOptions, 'start'> {
  /** Called if nothing listens and nothing was sent. When it resolves, the call is made once more. */
  readonly onNothingListens?: (() => Promise<void>) | undefined
}

/** ENOTDIR: a folder on the path of the socket is a file. The start of a daemon then reports it. */
const NOTHING_THERE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'ENOTSOCK'])

export class DaemonConnection {
  readonly #options: ConnectionOptions
  readonly #socketPath: string
  /** Idle connections do not keep the process alive. */
  #agent: DaemonAgent | undefined
  #secureAgent: HttpsAgent | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#socketPath = options.socketPath ?? findSocketPath()
  }

  /** The signal for calls that have none. */
  get signal(): AbortSignal | undefined {
    return this.#options.signal
  }

  /**
   * Any call of the API.
   *
   * @throws CatchdError the failure that the daemon answered with; `daemon_unreachable` if the daemon is not there, does
   *   not answer in time, or is another program. If the signal is aborted, its reason.
   */
  request(call: Call): Promise<Answer> {
    return this.#startingDaemon(() => this.#exchange(call, (incoming) => this.#read(incoming)))
  }

  /** The JSON of an answer with content. @throws as {@link request} does */
  async json<Body>(call: Call): Promise<Body> {
    const { json } = await this.request(call)
    if (json === undefined) throw this.#notCatchd()
    return json as Body
  }

  /**
   * An answer without end. Resolves when it begins. The caller reads it and ends it.
   *
   * @param mayStart - Whether to start a daemon that is not running.
   * @throws as {@link request} does
   */
  stream(path: string, signal: AbortSignal | undefined, mayStart: boolean): Promise<IncomingMessage> {
    const read = async (incoming: IncomingMessage) => {
      if (incoming.statusCode === 200) return signal ? addAbortSignal(signal, incoming) : incoming
      await this.#read(incoming)
      throw this.#notCatchd()
    }
    const open = () => this.#exchange({ method: 'GET', path, signal }, read, true)
    return mayStart ? this.#startingDaemon(open) : open()
  }

  /** Closes idle connections. They do not keep the process alive. */
  close(): void {
    this.#agent?.destroy()
    this.#secureAgent?.destroy()
  }

  async #startingDaemon<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call()
    } catch (error) {
      const { onNothingListens } = this.#options
      if (!(error instanceof NothingListens) || onNothingListens === undefined) throw error
      await onNothingListens()
      return call()
    }
  }

  async #exchange<Result>(
    call: Call,
    read: (incoming: IncomingMessage) => Promise<Result>,
    isStream = false,
  ): Promise<Result> {
    try {
      return await this.#attempt(call, read, isStream)
    } catch (error) {
      // The daemon closed an idle connection at the moment when it was used again (node:http documents this race).
      // The daemon may still have received a POST, so a POST is not repeated.
      if (!(error instanceof IdleConnectionClosed)) throw error
      if (call.method === 'POST') throw this.#unreachable('The connection was closed.')
      return this.#attempt(call, read, isStream)
    }
  }

  async #attempt<Result>(
    call: Call,
    read: (incoming: IncomingMessage) => Promise<Result>,
    isStream: boolean,
  ): Promise<Result> {
    const { signal = this.signal, body } = call
    signal?.throwIfAborted()
    const timeoutMs = (this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS) + (call.waitSeconds ?? 0) * 1000
    const ending = new AbortController()
    const begin = await this.#preparation(call, ending.signal, isStream)
    const late = () =>
      ending.abort(this.#unreachable(`The daemon did not answer within ${timeoutMs / 1000} s.`))
    const timer = setTimeout(late, timeoutMs)
    const abort = () => ending.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    const outgoing = begin()
    outgoing.on('error', () => {}) // also after the answer began; reading it fails then
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    try {
      return await read(await this.#response(outgoing, ending.signal))
    } catch (error) {
      if (ending.signal.aborted) throw ending.signal.reason
      throw error instanceof CatchdError ? error : this.#translate(error as NodeJS.ErrnoException, outgoing)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Rejects when the connection ends without a response, and always when the signal is aborted. */
  #response(outgoing: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      outgoing.once('response', resolve)
      outgoing.once('upgrade', (_head, socket) => {
        socket.destroy()
        reject(this.#notCatchd())
      })
      outgoing.once('error', reject)
      outgoing.once('close', () => reject(this.#unreachable('The connection was closed.')))
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  /** A stream has a connection of its own, which ends with it. */
  async #preparation(
    { method, path, body, asker }: Call,
    signal: AbortSignal,
    isStream: boolean,
  ): Promise<() => ClientRequest> {
    const { apiKey } = this.#options
    const url = this.#options.url === undefined ? undefined : daemonUrl(this.#options.url)
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(asker === undefined ? {} : { [ASKER_HEADER]: asker }),
      // The socket needs no key, so the key is not sent there.
      ...(url === undefined || apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    }
    const common = { method, path, headers, signal }
    if (url === undefined) {
      const socketPath = this.#socketPath
      const agent = this.#agentFor({ socketPath }, isStream)
      return () => request({ ...common, agent, socketPath, host: 'localhost' })
    }
    const { protocol, hostname, port, host: authority } = url
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    const target = { ...common, host, ...(port === '' ? {} : { port }) }
    if (protocol !== 'https:') {
      const agent = this.#agentFor({ authority, apiKey }, isStream)
      return () => request({ ...target, agent })
    }
    const https = await import('node:https')
    this.#secureAgent ??= new https.Agent({ keepAlive: true })
    const agent = isStream ? false : this.#secureAgent
    return () => https.request({ ...target, agent })
  }

  #agentFor(address: DaemonAddress, isStream: boolean): DaemonAgent {
    if (isStream) return new DaemonAgent(address)
    this.#agent ??= new DaemonAgent(address, { keepAlive: true })
    return this.#agent
  }

  /** @throws CatchdError the failure in the answer */
  async #read(incoming: IncomingMessage): Promise<Answer> {
    const text = await readText(incoming).catch(() => {
      throw this.#unreachable('The answer of the daemon is incomplete or too large.')
    })
    const status = incoming.statusCode ?? 0
    const json = parseJson(text)
    if (status >= 400) throw problemToError(json) ?? this.#notCatchd()
    if (status < 200 || status >= 300 || (json === undefined && text !== '')) throw this.#notCatchd()
    return { json, headers: incoming.headers }
  }

  #translate({ code = 'unknown' }: NodeJS.ErrnoException, outgoing: ClientRequest): Error {
    if (NOTHING_THERE.has(code)) {
      return new NothingListens('daemon_unreachable', {
        detail: `No daemon listens at ${this.#options.url ?? this.#socketPath}.`,
        next: 'catchd daemon start',
      })
    }
    if (outgoing.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE'))
      return new IdleConnectionClosed()
    if (code === 'EACCES' || code === 'EPERM') {
      return this.#unreachable(`This user has no access to the socket (${code}).`)
    }
    if (code.startsWith('HPE_')) return this.#notCatchd()
    return this.#unreachable(`The connection failed (${code}).`)
  }

  #notCatchd(): CatchdError {
    return this.#unreachable('The program that answers there is not catchd.')
  }

  #unreachable(why: string): CatchdError {
    return new CatchdError('daemon_unreachable', `${this.#options.url ?? this.#socketPath}: ${why}`)
  }
}

/**
 * `localhost` is 127.0.0.1, where the API always listens. The name has a second address, and another program may listen
 * there. With https the certificate is for the name, so the name stays.
 */
function daemonUrl(text: string): URL {
  const url = new URL(text)
  if (url.protocol === 'http:' && url.hostname === 'localhost') url.hostname = '127.0.0.1'
  return url
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

/** The connection for a program's options. `CATCHD_URL` and `CATCHD_API_KEY` replace options that are not given. */
export function connectionFor({ start, ...options }: CatchdClientOptions): DaemonConnection {
  const { CATCHD_URL, CATCHD_API_KEY } = process.env
  const isDefault = options.socketPath === undefined && options.url === undefined
  const url = options.url ?? (isDefault && CATCHD_URL ? CATCHD_URL : undefined)
  return new DaemonConnection({
    ...options,
    url,
    apiKey: options.apiKey ?? (CATCHD_API_KEY || undefined),
    onNothingListens:
      start && isDefault && url === undefined
        ? async () => (await import('./program-start.js')).startDaemon()
        : undefined,
  })
}
