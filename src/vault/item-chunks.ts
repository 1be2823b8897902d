/**
 * Splits values that do not fit into one keychain item into chunks: too long for the platform, empty, or with a NUL.
 * Pure; keychain-vault.ts stores the chunks.
 *
 * The item itself then contains a head, which names one generation of chunks and their digest. Chunks of a new
 * generation are written first and the head last, so that a reader gets either the old value or the new one.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'

const MARK = 'catchd-chunks:'

const Head = z.object({
  version: z.literal(1),
  generation: z.string(),
  chunks: z.int().min(0).max(100_000),
  sha256: z.string(),
})
export type Head = z.infer<typeof Head>

/** @param maxBytes - Longest plain value in bytes of UTF-8. */
export function needsChunks(value: string, maxBytes: number): boolean {
  return value === '' || value.includes('\0') || value.startsWith(MARK) || Buffer.byteLength(value) > maxBytes
}

/** @param generation - Never used before for this item. @param maxBytes - Longest chunk, which is ASCII. */
export function cut(value: string, generation: string, maxBytes: number): { head: string; chunks: string[] } {
  const encoded = Buffer.from(value).toString('base64')
  const size = Math.min(maxBytes, encoded.length)
  const chunks: string[] = []
  for (let at = 0; at < encoded.length; at += size) chunks.push(encoded.slice(at, at + size))
  const head: Head = { version: 1, generation, chunks: chunks.length, sha256: digest(value) }
  return { head: MARK + JSON.stringify(head), chunks }
}

/** @returns `'plain'` for a value that is no head, `'torn'` for a head that cannot be read. */
export function parseHead(stored: string): Head | 'plain' | 'torn' {
  if (!stored.startsWith(MARK)) return 'plain'
  try {
    return Head.parse(JSON.parse(stored.slice(MARK.length)))
  } catch {
    return 'torn'
  }
}

/** @returns `undefined` when the chunks are not those of the head. */
export function join(head: Head, chunks: readonly string[]): string | undefined {
  const value = Buffer.from(chunks.join(''), 'base64').toString('utf8')
  return chunks.length === head.chunks && digest(value) === head.sha256 ? value : undefined
}

/** Accounts of a generation's chunks; item names hold no `#`. */
export function chunkAccounts(
  name: string,
  { generation, chunks }: Pick<Head, 'generation' | 'chunks'>,
): string[] {
  return Array.from({ length: chunks }, (_, index) => `${name}#${generation}.${index}`)
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}
