/**
 * One HTTP exchange with an authorization server. Loaded with the first exchange (server-connections.ts).
 *
 * Only this file has the time limit (everything from reading the CAs to the last byte of the answer), the size limit for
 * answers, the rule that plain http is only for loopback, and the rule that redirects are not followed: a 307 would send
 * code and verifier to another address. It uses node:http(s), because the global fetch does not support our own CAs, also
 * not through a proxy (proxy-tunnel.ts). Every exchange has its own connection. If the server has just closed an idle
 * connection, a request fails after it was written, and it would be unknown whether the code was used.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { isTlsOrLoopback } from '../config/loopback.js'
import { CatchdError } from '../failures.js'
import { CertificateAuthorities, EITHER_FAMILY } from './certificate-authorities.js'
import {
  closedConnection,
  connectionFailure,
  isReset,
  proxyFailure,
  proxySilence,
  silence,
} from './connection-failure.js'
import { decoded } from './content-coding.js'
import { type HttpProxy, proxyFor } from './proxy-choice.js'
import { openTunnel, secureTunnel } from './proxy-tunnel.js'

/** Limit for a decoded answer. A token response has a few kilobytes. */
const MOST_BYTES = 1024 * 1024

export interface ServerRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** Does not wait for the answer's body, which may be an endless stream. */
  readonly headOnly?: boolean
  /** The client certificate, if the server asks for one (RFC 8705); both parts in PEM format. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined
}

export interface ServerAnswer {
  readonly status: number
  /** The names are in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty for a redirect, which is not followed, and if only the head was requested. */
  readonly body: string
}

export class ServerExchanges {
  readonly #deadlineMs: number
  readonly #http = new HttpAgent({ keepAlive: false, ...EITHER_FAMILY })
  readonly #env: NodeJS.ProcessEnv
  readonly #authorities: CertificateAuthorities
  readonly #underWay = new Set<AbortController>()

  constructor(deadlineMs: number, env: NodeJS.ProcessEnv) {
    this.#deadlineMs = deadlineMs
    this.#env = env
    this.#authorities = new CertificateAuthorities(env)
  }

  /** {@link ServerConnections.exchange} */
  async exchange(text: string, request: ServerRequest, caFile: string | undefined): Promise<ServerAnswer> {
    const url = parseServerUrl(text)
    const proxy = proxyFor(url, this.#env)
    const ending = new AbortController()
    const { signal } = ending
    const deadline = setTimeout(() => ending.abort(), this.#deadlineMs)
    this.#underWay.add(ending)
    const progress: Progress = {
      at: proxy === undefined ? 'server' : 'proxy',
      written: false,
      answered: false,
    }
    try {
      // Not every event of node:http ends in a response or an error, so the deadline itself ends the exchange too.
      return await Promise.race([
        this.#answer({ url, proxy, request, caFile, signal, progress }),
        aborted(signal),
      ])
    } catch (error) {
      if (error instanceof CatchdError) throw error
      if (proxy !== undefined && progress.at === 'proxy') {
        throw signal.aborted ? proxySilence(proxy, url.host, this.#deadlineMs) : proxyFailure(error, proxy)
      }
      if (signal.aborted) throw silence(url.host, this.#deadlineMs, proxy)
      if (progress.answered && isReset(error)) throw unusable(`The answer of ${url.host} is incomplete.`)
      throw connectionFailure(error, url.host, proxy)
    } finally {
      clearTimeout(deadline)
      this.#underWay.delete(ending)
      ending.abort() // closes the connection with its exchange
    }
  }

  async #answer({ url, proxy, request, caFile, signal, progress }: Exchange): Promise<ServerAnswer> {
    const trust =
      url.protocol === 'https:'
        ? await this.#authorities.agentFor(caFile, request.clientCertificate)
        : undefined
    const tunnel = proxy && trust && (() => this.#openTunnel(proxy, url, trust, caFile, signal))
    const incoming = await openTwiceAtMost({
      url,
      request,
      agent: trust ?? this.#http,
      signal,
      tunnel,
      progress,
    })
    progress.answered = true
    const { statusCode: status = 0 } = incoming
    if (status < 200 || status > 599) throw unusable(`${url.host} answered with the status ${status}.`)
    if (request.headOnly) incoming.destroy()
    const body = request.headOnly ? '' : await readBody(incoming, url.host)
    return { status, headers: headersOf(incoming), body }
  }

  /** The proxy is verified with the same CAs as the server. It never gets the client certificate. */
  async #openTunnel(
    proxy: HttpProxy,
    server: URL,
    trust: HttpsAgent,
    caFile: string | undefined,
    signal: AbortSignal,
  ): Promise<() => Socket> {
    const agent = proxy.isSecure ? await this.#authorities.agentFor(caFile) : this.#http
    const socket = await openTunnel({ proxy, server, agent, signal })
    return () => secureTunnel(socket, server, trust)
  }

  /** Ends the running exchanges. */
  close(): void {
    for (const ending of this.#underWay) ending.abort()
  }
}

function parseServerUrl(text: string): URL {
  if (!URL.canParse(text)) throw new CatchdError('profile_invalid', 'An endpoint is not a valid URL.')
  const url = new URL(text)
  const isSafe = isTlsOrLoopback(url)
  if (isSafe && url.username === '' && url.password === '') return url
  throw new CatchdError(
    'profile_invalid',
    isSafe
      ? `An endpoint at ${url.host} contains a user name or password.`
      : `An endpoint at ${url.host} is not https. Plain http is allowed only for loopback addresses.`,
  )
}

/** The progress of an exchange. After a failure it decides whether the request may be repeated, and the message. */
interface Progress {
  at: 'proxy' | 'server'
  /** Whether the server may have seen the request. */
  written: boolean
  /** Whether the head of the answer has arrived. */
  answered: boolean
}

interface Exchange {
  readonly url: URL
  readonly proxy: HttpProxy | undefined
  readonly request: ServerRequest
  readonly caFile: string | undefined
  /** Aborted at the deadline, and when the exchange ends. */
  readonly signal: AbortSignal
  readonly progress: Progress
}

/** Rejects when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

interface Attempt {
  readonly url: URL
  readonly request: ServerRequest
  readonly agent: HttpAgent
  readonly signal: AbortSignal
  /** Opens a tunnel through the proxy; `undefined`: no proxy is used. */
  readonly tunnel: (() => Promise<() => Socket>) | undefined
  readonly progress: Progress
}

/**
 * Repeats the request once, at once, if the connection was closed and repeating is safe: a GET, or a request of which
 * nothing was written. A code that may have reached the server must not be sent again (RFC 6749 §4.1.2).
 */
async function openTwiceAtMost(attempt: Attempt): Promise<IncomingMessage> {
  const { request, signal, progress } = attempt
  try {
    return await open(attempt)
  } catch (error) {
    const harmless = request.method === 'GET' || !progress.written
    if (!harmless || !isReset(error) || signal.aborted) throw error
    return open(attempt)
  }
}

async function open({ url, request, agent, signal, tunnel, progress }: Attempt): Promise<IncomingMessage> {
  const { method, headers, body } = request
  if (tunnel !== undefined) progress.at = 'proxy'
  const createConnection = await tunnel?.()
  progress.at = 'server'
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const outgoing = start(url, {
      method,
      // A few hundred bytes need no compression. If a server compresses anyway, the answer is decoded.
      headers: { 'accept-encoding': 'identity', ...headers, ...length },
      ...(createConnection === undefined ? { agent } : { createConnection }),
      signal,
    })
    outgoing.on('socket', (connection: Socket) => {
      // Node sends the request only after the connection and TLS are ready.
      connection.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        progress.written = true
      })
    })
    outgoing.on('response', resolve)
    outgoing.on('upgrade', ({ statusCode: status }, socket: Socket) => {
      socket.destroy()
      reject(unusable(`${url.host} switched to another protocol (${status}), which catchd did not ask for.`))
    })
    outgoing.on('error', reject)
    outgoing.on('close', () => reject(closedConnection()))
    outgoing.end(body)
  })
}

async function readBody(incoming: IncomingMessage, host: string): Promise<string> {
  const status = incoming.statusCode ?? 0
  if (status >= 300 && status < 400) {
    incoming.destroy()
    return ''
  }
  const body = decoded(await readAll(incoming, host), incoming.headers['content-encoding'], MOST_BYTES)
  if (body === 'too_large') throw tooLarge(host)
  if (body === 'broken') throw unusable(`The answer of ${host} cannot be decompressed.`)
  // Removes a byte order mark, which JSON does not allow.
  return new TextDecoder().decode(body)
}

async function readAll(incoming: IncomingMessage, host: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MOST_BYTES) throw tooLarge(host)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(host: string): CatchdError {
  return unusable(`The answer of ${host} is larger than 1 MiB.`)
}

function unusable(detail: string): CatchdError {
  return new CatchdError('provider_answer_invalid', detail)
}

function headersOf(incoming: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
}
