/**
 * One HTTP exchange with an authorization server.
 *
 * The one place for the deadline, the cap on answers, the private CA and "no redirects are followed": a 307
 * would post code and verifier again, elsewhere. node:http(s) rather than the global fetch, which takes no CA
 * and costs 90 ms to load.
 */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { isLoopbackHost } from '../config/loopback.js'
import { CatchdError } from '../failures.js'

/** A server that answers later than this is given up. */
export const DEADLINE_MS = 10_000
/** Decoded; a token response has a few kilobytes. */
const MOST_BYTES = 1024 * 1024

export interface ServerRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

export interface ServerAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

export class ServerConnections {
  readonly #deadlineMs: number
  readonly #http = new HttpAgent({ keepAlive: true, maxFreeSockets: 4 })
  /** By CA file; the profiles' number bounds it. */
  readonly #https = new Map<string, HttpsAgent>()

  constructor(deadlineMs = DEADLINE_MS) {
    this.#deadlineMs = deadlineMs
  }

  /**
   * @throws CatchdError `provider_unreachable` when nothing was answered in time, `provider_answer_invalid` for
   *   an answer beyond 1 MiB or a redirect, `profile_invalid` for plain http beyond loopback or an unreadable CA
   */
  async exchange(text: string, request: ServerRequest, caFile: string | undefined): Promise<ServerAnswer> {
    const url = requireSafeUrl(text)
    const agent = url.protocol === 'https:' ? await this.#agentFor(caFile) : this.#http
    const signal = AbortSignal.timeout(this.#deadlineMs)
    const incoming = await open(url, request, agent, signal)
    const status = incoming.statusCode ?? 0
    if (status >= 300 && status < 400) {
      incoming.destroy()
      throw new CatchdError(
        'provider_answer_invalid',
        `${url.host} answered with a redirect (${status}), which is not followed.`,
      )
    }
    const body = decode(await readAll(incoming, url, signal), incoming.headers['content-encoding'], url)
    return { status, headers: new Headers(headersOf(incoming)), body }
  }

  close(): void {
    this.#http.destroy()
    for (const agent of this.#https.values()) agent.destroy()
  }

  async #agentFor(caFile: string | undefined): Promise<HttpsAgent> {
    const known = this.#https.get(caFile ?? '')
    if (known !== undefined) return known
    const ca = caFile === undefined ? {} : { ca: [...rootCertificates, await readCa(caFile)] }
    const agent = new HttpsAgent({ keepAlive: true, maxFreeSockets: 4, ...ca })
    this.#https.set(caFile ?? '', agent)
    return agent
  }
}

function requireSafeUrl(text: string): URL {
  const url = new URL(text)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) return url
  throw new CatchdError('profile_invalid', `${url.origin} is not https; plain http is for loopback only.`)
}

async function readCa(caFile: string): Promise<string> {
  try {
    const pem = await readFile(caFile, 'utf8')
    new X509Certificate(pem) // node:tls would ignore what is no certificate, and every connection would fail
    return pem
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    const why = /^E[A-Z]+$/.test(code) ? `cannot be read (${code})` : 'holds no certificate'
    throw new CatchdError('profile_invalid', `ca_file ${caFile} ${why}.`)
  }
}

function open(
  url: URL,
  sent: ServerRequest,
  agent: HttpAgent,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest
  const length = sent.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent.body)) }
  return new Promise((resolve, reject) => {
    const outgoing = start(url, {
      method: sent.method,
      headers: { ...sent.headers, ...length },
      agent,
      signal,
    })
    outgoing.on('response', resolve)
    outgoing.on('error', (error) => reject(unreachable(error, url)))
    outgoing.end(sent.body)
  })
}

async function readAll(incoming: IncomingMessage, url: URL, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MOST_BYTES) throw tooLarge(url)
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof CatchdError) throw error
    if (signal.aborted) throw unreachable({ name: 'AbortError' }, url)
    throw new CatchdError('provider_answer_invalid', `The answer of ${url.host} broke off.`)
  }
  return Buffer.concat(chunks)
}

function decode(body: Buffer, encoding: string | undefined, url: URL): string {
  const limit = { maxOutputLength: MOST_BYTES }
  try {
    if (encoding === 'gzip') return gunzipSync(body, limit).toString('utf8')
    if (encoding === 'deflate') return inflateSync(body, limit).toString('utf8')
    if (encoding === 'br') return brotliDecompressSync(body, limit).toString('utf8')
    return body.toString('utf8')
  } catch {
    throw tooLarge(url)
  }
}

function tooLarge(url: URL): CatchdError {
  return new CatchdError(
    'provider_answer_invalid',
    `The answer of ${url.host} is over 1 MiB or cannot be decoded.`,
  )
}

function headersOf(incoming: IncomingMessage): [string, string][] {
  return Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])
}

const PRIVATE_CA = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])

function unreachable(error: { name?: string; code?: string }, url: URL): CatchdError {
  const { code = '' } = error
  const reason = reasonFor(error.name === 'AbortError' ? 'TIMEOUT' : code)
  return new CatchdError('provider_unreachable', `${url.host} cannot be reached: ${reason}.`)
}

function reasonFor(code: string): string {
  if (PRIVATE_CA.has(code)) {
    return `its certificate is signed by a CA that this machine does not know (${code}); name the CA with ca_file`
  }
  switch (code) {
    case 'TIMEOUT':
      return `it did not answer within ${DEADLINE_MS / 1000} seconds`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name cannot be resolved'
    case 'ECONNREFUSED':
      return 'nothing listens there'
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'its certificate is for another name'
    default:
      return code === '' ? 'the connection failed' : `the connection failed (${code})`
  }
}
