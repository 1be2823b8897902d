/**
 * The names of our keychain items and the accounts of their chunks, in a file: a keychain is never enumerated.
 * Names are not secret. A name may outlive its item for a moment, never the other way round.
 */
import * as z from 'zod'
import type { FileSystem } from '../files.js'
import { CorruptContent, DurableFile } from './durable-file.js'
import { DurableMap } from './durable-map.js'

/** Accounts of every chunk that may exist for the item, of whatever generation. */
type ChunkAccounts = readonly string[]

const IndexFile = z.object({
  version: z.literal(1),
  items: z.array(z.object({ name: z.string(), chunks: z.array(z.string()) })),
})

export type KeychainIndex = DurableMap<ChunkAccounts>

/** Touches no file yet. */
export function openKeychainIndex(path: string, files?: FileSystem): KeychainIndex {
  const file = new DurableFile(path, files)
  return new DurableMap<ChunkAccounts>({
    load: async () => (await file.load(parse)) ?? new Map(),
    async save(map) {
      const items = [...map].map(([name, chunks]) => ({ name, chunks }))
      await file.replace(`${JSON.stringify({ version: 1, items })}\n`)
    },
  })
}

function parse(content: Buffer): Map<string, ChunkAccounts> {
  try {
    const { items } = IndexFile.parse(JSON.parse(content.toString('utf8')))
    return new Map(items.map(({ name, chunks }) => [name, chunks]))
  } catch {
    throw new CorruptContent()
  }
}
