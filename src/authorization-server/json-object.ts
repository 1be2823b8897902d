/** Reads JSON objects, and the two in a JWT (RFC 7519 §3) without validating it. Pure. */
import type { Secret } from '../secret.js'

export type Members = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * What servers send has up to three levels. Thousands of levels would overflow the stack where it is searched, stored or
 * printed.
 */
const DEEPEST = 32

/** @returns `undefined` if the text is not a JSON object, or is nested deeper than 32 levels. */
export function parseObject(text: string): Members | undefined {
  const value = parseObjectOfAnyDepth(text)
  return value !== undefined && !isDeeperThan(value, DEEPEST) ? value : undefined
}

/** Like {@link parseObject}, with members of any depth: for callers that use only known members at the top. */
export function parseObjectOfAnyDepth(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1))
}

/** The header and the claims of a JWT. Its signature was verified when it was received. */
export function jwtParts(token: Secret | null): { header: Members; claims: Members } | null {
  const [header, claims] = (token?.reveal().split('.') ?? []).map((part) =>
    parseObject(Buffer.from(part, 'base64url').toString()),
  )
  return header && claims ? { header, claims } : null
}
