/**
 * One HTTP exchange with an authorization server.
 *
 * The one place for the deadline, the cap on answers, the loopback rule for plain http and "no redirects are
 * followed": a 307 would post code and verifier again, elsewhere. node:http(s) rather than the global fetch,
 * which takes no CA of our own. Every exchange has a connection of its own: an idle one that the server has just
 * closed fails after the request was written, and then nobody knows whether the code was used up.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'
import { isLoopbackHost } from '../config/loopback.js'
import { CatchdError } from '../failures.js'
import { CertificateAuthorities, EITHER_FAMILY } from './certificate-authorities.js'
import { connectionFailure, isReset, silence } from './connection-failure.js'

/** A server that answers later than this is given up. */
export const DEADLINE_MS = 10_000
/** Decoded; a token response has a few kilobytes. */
const MOST_BYTES = 1024 * 1024

export interface ServerRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** The answer's body is not waited for: it may be a stream without an end. */
  readonly headOnly?: boolean
  /** What is presented where the server asks for a certificate (RFC 8705); both in PEM form. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined
}

export interface ServerAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty for a redirect, which nobody follows, and where only the head was asked for. */
  readonly body: string
}

export class ServerConnections {
  readonly #deadlineMs: number
  readonly #http = new HttpAgent({ keepAlive: false, ...EITHER_FAMILY })
  readonly #authorities: CertificateAuthorities

  /** @param env - Names CAs beyond Node's (`SSL_CERT_FILE`). */
  constructor(deadlineMs = DEADLINE_MS, env: NodeJS.ProcessEnv = process.env) {
    this.#deadlineMs = deadlineMs
    this.#authorities = new CertificateAuthorities(env)
  }

  /**
   * @throws CatchdError `provider_unreachable` when nothing was answered in time, `provider_answer_invalid` for an
   *   answer that is no HTTP, breaks off, cannot be decoded or is over 1 MiB, `profile_invalid` for plain http
   *   beyond loopback or an unusable `ca_file`
   */
  async exchange(text: string, request: ServerRequest, caFile: string | undefined): Promise<ServerAnswer> {
    const url = parseServerUrl(text)
    const { clientCertificate } = request
    const agent =
      url.protocol === 'https:' ? await this.#authorities.agentFor(caFile, clientCertificate) : this.#http
    const attempt = { url, request, agent, signal: AbortSignal.timeout(this.#deadlineMs) }
    let incoming: IncomingMessage | undefined
    try {
      incoming = await openTwiceAtMost(attempt)
      const { statusCode: status = 0 } = incoming
      if (status < 200 || status > 599) throw unusable(`${url.host} answered with the status ${status}.`)
      if (request.headOnly) incoming.destroy()
      const body = request.headOnly ? '' : await readBody(incoming, url.host)
      return { status, headers: headersOf(incoming), body }
    } catch (error) {
      if (error instanceof CatchdError) throw error
      if (attempt.signal.aborted) throw silence(url.host, this.#deadlineMs)
      if (incoming !== undefined && isReset(error)) throw unusable(`The answer of ${url.host} broke off.`)
      throw connectionFailure(error, url.host)
    }
  }

  /** Also ends the exchanges under way. */
  close(): void {
    this.#http.destroy()
    this.#authorities.close()
  }
}

function parseServerUrl(text: string): URL {
  if (!URL.canParse(text)) throw new CatchdError('profile_invalid', 'An endpoint is not a URL.')
  const url = new URL(text)
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))
  if (isSafe && url.username === '' && url.password === '') return url
  throw new CatchdError(
    'profile_invalid',
    isSafe
      ? `An endpoint at ${url.host} holds a user name or password.`
      : `An endpoint at ${url.host} is not https; plain http is for loopback addresses only.`,
  )
}

interface Attempt {
  readonly url: URL
  readonly request: ServerRequest
  readonly agent: HttpAgent
  readonly signal: AbortSignal
}

/**
 * Once more, at once, when the connection was cut and repeating cannot do harm: a GET, or a request of which
 * nothing was written. A code that may have reached the server must not reach it twice (RFC 6749 §4.1.2).
 */
async function openTwiceAtMost(attempt: Attempt): Promise<IncomingMessage> {
  const progress = { written: false }
  try {
    return await open(attempt, progress)
  } catch (error) {
    const harmless = attempt.request.method === 'GET' || !progress.written
    if (!harmless || !isReset(error) || attempt.signal.aborted) throw error
    return open(attempt, progress)
  }
}

function open(
  { url, request: { method, headers, body }, agent, signal }: Attempt,
  progress: { written: boolean },
): Promise<IncomingMessage> {
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const outgoing = start(url, {
      method,
      // A few hundred bytes need no compression; what a server compresses all the same is decoded.
      headers: { 'accept-encoding': 'identity', ...headers, ...length },
      agent,
      signal,
    })
    outgoing.on('socket', (socket: Socket) => {
      // Node holds the request back until the connection, TLS included, is there.
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        progress.written = true
      })
    })
    outgoing.on('response', resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function readBody(incoming: IncomingMessage, host: string): Promise<string> {
  const status = incoming.statusCode ?? 0
  if (status >= 300 && status < 400) {
    incoming.destroy()
    return ''
  }
  return decode(await readAll(incoming, host), incoming.headers['content-encoding'], host)
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

/** Stops a bomb before it is unpacked. */
const CAPPED = { maxOutputLength: MOST_BYTES }

const DECODERS = new Map<string, (body: Buffer) => Buffer>([
  ['identity', (body) => body],
  ['gzip', (body) => gunzipSync(body, CAPPED)],
  ['x-gzip', (body) => gunzipSync(body, CAPPED)],
  ['br', (body) => brotliDecompressSync(body, CAPPED)],
  // Some servers leave the zlib header out (RFC 9110 §8.4.1.2).
  ['deflate', (body) => (hasZlibHeader(body) ? inflateSync(body, CAPPED) : inflateRawSync(body, CAPPED))],
])

function hasZlibHeader(body: Buffer): boolean {
  return body.length > 1 && (body.readUInt8(0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0
}

function decode(body: Buffer, encoding: string | undefined, host: string): string {
  if (body.length === 0) return ''
  const decoder = DECODERS.get(encoding?.trim().toLowerCase() || 'identity')
  if (decoder === undefined) throw unusable(`The answer of ${host} has an unknown content encoding.`)
  try {
    // Drops a byte order mark, with which JSON may not begin.
    return new TextDecoder().decode(decoder(body))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(host)
    throw unusable(`The answer of ${host} cannot be decompressed.`)
  }
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
