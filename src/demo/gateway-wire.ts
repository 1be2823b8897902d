/**
 * Reading requests and writing answers for the demo gateway: bodies, HTTP Basic, JSON, pages, and the record
 * of what a token request looked like on the wire.
 *
 * Plain node:http. What the members mean is gateway-grants.ts and gateway-authorize.ts.
 */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** Far beyond any token request or approval form. */
const MOST_BODY_BYTES = 64 * 1024

/** A token request as it went over the wire; the Authorization header is cut down to its scheme. */
export interface RecordedTokenRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Undecoded. It holds the code and the verifier: for the demo's eyes and for tests, not for a log. */
  readonly body: string
}

/** What the next request to a token endpoint gets instead of its proper answer. */
export interface Fault {
  /** Default 500. */
  readonly status?: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Waits before answering. Alone, the proper answer comes late. */
  readonly delayMs?: number
  /** Drops the connection instead of answering. */
  readonly destroy?: boolean
  /** Serves the request first (the code is spent, the refresh token rotated), then loses the answer. */
  readonly afterServing?: boolean
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      ...headers,
    },
    body: JSON.stringify(value),
  }
}

/** An error body as RFC 6749 §5.2 has it; the gateway's vendor documents none, so this is the best guess. */
export function errorAnswer(status: number, error: string, description: string): Answer {
  const challenge = status === 401 ? { 'www-authenticate': 'Basic realm="Demo gateway"' } : {}
  return jsonAnswer(status, { error, error_description: description }, challenge)
}

export function redirectAnswer(location: URL): Answer {
  return { status: 302, headers: { location: location.href, 'cache-control': 'no-store' }, body: '' }
}

export function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': String(Buffer.byteLength(answer.body)),
  })
  response.end(answer.body)
}

/** @returns The body as text, or `undefined` when it is larger than any honest one. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Members of a JSON object or a form. `undefined` when it is neither, a value is no string or one is repeated. */
export function parseMembers(contentType: string | undefined, body: string): Map<string, string> | undefined {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/json') return parseJsonMembers(body)
  if (type === 'application/x-www-form-urlencoded') return parseFormMembers(body)
  return undefined
}

export function isJson(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('application/json') === true
}

function parseJsonMembers(body: string): Map<string, string> | undefined {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const members = new Map<string, string>()
  for (const [name, member] of Object.entries(value)) {
    if (typeof member !== 'string') return undefined
    members.set(name, member)
  }
  return members
}

/** Also for a query. @returns `undefined` when a parameter is repeated (RFC 6749 §3.1). */
export function parseFormMembers(encoded: string): Map<string, string> | undefined {
  const members = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(encoded)) {
    if (members.has(name)) return undefined
    members.set(name, value)
  }
  return members
}

/**
 * HTTP Basic as this server reads it: the credentials as they are, not form-encoded first (RFC 7617 §2, where
 * RFC 6749 §2.3.1 would encode), because its token endpoint uses its ordinary user authentication.
 */
export function parseBasic(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = header?.match(/^basic +([A-Za-z0-9+/]+={0,2})$/i)?.[1]
  if (encoded === undefined) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 0 ? undefined : { name: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}

/** Compares in constant time where the lengths agree. */
export function equalSecrets(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}

export function recordTokenRequest(
  request: IncomingMessage,
  path: string,
  body: string,
): RecordedTokenRequest {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined) continue
    const text = Array.isArray(value) ? value.join(', ') : value
    headers[name] = name === 'authorization' ? (text.split(' ', 1)[0] ?? '') : text
  }
  return { method: request.method ?? '', path, headers, body }
}
