/** How the emulator reads requests and writes answers; what they mean is emulator.ts. */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer, Parameters, Vendor } from './vendor.js'

/** @returns `undefined` for a body in another format than the vendor documents. */
export async function readParameters(
  request: IncomingMessage,
  format: Vendor['body'],
): Promise<Parameters | undefined> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const type = request.headers['content-type'] ?? ''
  if (format === 'json') {
    return type.startsWith('application/json') ? (JSON.parse(text) as Parameters) : undefined
  }
  const isForm = type.startsWith('application/x-www-form-urlencoded')
  return isForm ? Object.fromEntries(new URLSearchParams(text)) : undefined
}

export function send(response: ServerResponse, { status = 200, body }: Answer): void {
  const isForm = typeof body === 'string'
  const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
  response.writeHead(status, { 'content-type': type }).end(isForm ? body : JSON.stringify(body))
}

export function placeOf({ origin, pathname }: URL): string {
  return `${origin}${pathname}`
}

/** RFC 6749 §2.3.1, or the pair as it is. */
export function decodeBasic(
  header: string | undefined,
  credentials: Vendor['credentials'],
): string | undefined {
  if (header === undefined) return undefined
  const pair = Buffer.from(header.replace(/^Basic /, ''), 'base64').toString()
  return credentials === 'raw basic' ? pair : decodeURIComponent(pair.replaceAll('+', ' '))
}

export function sha256(text: string, encoding: 'base64url' | 'hex' = 'base64url'): string {
  return createHash('sha256').update(text).digest(encoding)
}

export function random(kind: string): string {
  return `${kind}-${randomBytes(12).toString('hex')}`
}
