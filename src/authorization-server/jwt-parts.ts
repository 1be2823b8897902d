/** Reading a JWT (RFC 7519 §3) without judging it. Pure. */
import * as z from 'zod'
import type { Secret } from '../secret.js'

const JsonObject = z.record(z.string(), z.unknown())

/** The two readable parts of a JWT (RFC 7519 §3); its signature was checked when it came. */
export function jwtParts(token: Secret | null) {
  const [header = '', claims = ''] = token?.reveal().split('.') ?? []
  try {
    const part = (text: string) => JsonObject.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return { header: part(header), claims: part(claims) }
  } catch {
    return null
  }
}
