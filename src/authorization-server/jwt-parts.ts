/** Reads a JWT (RFC 7519 §3) without validating it. Pure. */
import * as z from 'zod'
import type { Secret } from '../secret.js'

const JsonObject = z.record(z.string(), z.unknown())

/** The header and the claims of a JWT (RFC 7519 §3). Its signature was verified when it was received. */
export function jwtParts(token: Secret | null) {
  const [header = '', claims = ''] = token?.reveal().split('.') ?? []
  try {
    const part = (text: string) => JsonObject.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return { header: part(header), claims: part(claims) }
  } catch {
    return null
  }
}
