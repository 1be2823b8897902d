/**
 * Reads requests and writes answers for the demo gateway: bodies, HTTP Basic, JSON, and the records of token requests.
 *
 * Uses only node:http. gateway-grants.ts and gateway-authorize.ts interpret the members.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseObject } from '../authorization-server/json-object.js'

/** Far beyond any token request or approval form. */
const MOST_BODY_BYTES = 64 * 1024

/** A token request as it was received. Only the scheme of its Authorization header is kept. */
export interface RecordedTokenRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Not decoded. It contains the code and the verifier, so it is for the demo and tests only, never for a log. */
  readonly body: string
}

/** What the next request to a token endpoint gets instead of its normal answer. */
export interface Fault {
  /** Default 500. */
  readonly status?: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Waits before answering. Without other members, the normal answer comes late. */
  readonly delayMs?: number
  /** Drops the connection instead of answering. */
  readonly destroy?: boolean
  /** Serves the request first (uses the code, rotates the refresh token), then drops the answer. */
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

/** An error body as in RFC 6749 §5.2. The gateway's vendor does not document its own, so this is a guess. */
export function errorAnswer(status: number, error: string, description: string): Answer {
  const challenge = status === 401 ? { 'www-authenticate': 'Basic realm="Demo gateway"' } : {}
  return jsonAnswer(status, { error, error_description: description }, challenge)
}

export function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': String(Buffer.byteLength(answer.body)),
  })
  response.end(answer.body)
}

/** @returns The body as text; `undefined` if it is too large. */
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

/** @returns The members of a JSON object or form; `undefined` for other bodies, non-string values and repeated names. */
export function parseMembers(contentType: string | undefined, body: string): Map<string, string> | undefined {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/x-www-form-urlencoded') return parseFormMembers(body)
  const object = type === 'application/json' ? parseObject(body) : undefined
  const entries = object && Object.entries(object)
  return entries?.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? new Map(entries)
    : undefined
}

export function isJson(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('application/json') === true
}

/** Also reads a query. @returns `undefined` if a parameter is repeated (RFC 6749 §3.1). */
export function parseFormMembers(encoded: string): Map<string, string> | undefined {
  const members = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(encoded)) {
    if (members.has(name)) return undefined
    members.set(name, value)
  }
  return members
}

/**
 * Reads HTTP Basic credentials without form decoding (RFC 7617 §2). RFC 6749 §2.3.1 would form-encode them, but this
 * gateway's token endpoint uses its ordinary user authentication.
 */
export function parseBasic(header: string | undefined): { name: string; password: string } | undefined {
  const encoded = header?.match(/^basic +([A-Za-z0-9+/]+={0,2})$/i)?.[1]
  if (encoded === undefined) return undefined
  const decoded = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 0 ? undefined : { name: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}

export function recordTokenRequest(
  request: IncomingMessage,
  path: string,
  body: string,
): RecordedTokenRequest {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  )
  const { authorization } = headers
  if (authorization !== undefined) headers['authorization'] = authorization.replace(/ .*/, '')
  return { method: request.method ?? '', path, headers, body }
}
