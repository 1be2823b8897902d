/**
 * Which header fields an intermediary passes on. Hop-by-hop fields are for one connection only: Connection, every field
 * that it names, and the fixed ones (RFC 9110 §7.6.1). Used in both directions by the proxy and by the relay.
 */
import { validateHeaderName, validateHeaderValue } from 'node:http'

export type Field = readonly [name: string, value: string]

const HOP_BY_HOP = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** @param rawHeaders - Of a message of Node.js: names and values in turn. */
export function fieldsOf(rawHeaders: readonly string[]): Field[] {
  const names = rawHeaders.filter((_text, index) => index % 2 === 0)
  return names.map((name, index) => [name, rawHeaders[index * 2 + 1] ?? ''])
}

/** @param others - More fields to leave out, in lower case. Fields that Node.js would refuse to send are left out too. */
export function endToEnd(fields: readonly Field[], others: readonly string[] = []): Field[] {
  const dropped = new Set(HOP_BY_HOP)
  for (const [name, value] of fields) {
    if (name.toLowerCase() !== 'connection') continue
    for (const named of value.split(',')) dropped.add(named.trim().toLowerCase())
  }
  dropped.delete('content-length') // the length by which the body was read
  for (const other of others) dropped.add(other)
  return fields.filter((field) => !dropped.has(field[0].toLowerCase()) && canBeSent(field))
}

function canBeSent([name, value]: Field): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
