/** Reads JSON objects, and the two in a JWT (RFC 7519 §3) without validating it. Pure. */
import type { Secret } from '../secret.js'

export type Members = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @returns `undefined` if the text is not a JSON object. */
export function parseObject(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The header and the claims of a JWT. Its signature was verified when it was received. */
export function jwtParts(token: Secret | null): { header: Members; claims: Members } | null {
  const [header, claims] = (token?.reveal().split('.') ?? []).map((part) =>
    parseObject(Buffer.from(part, 'base64url').toString()),
  )
  return header && claims ? { header, claims } : null
}
