/**
 * The names of our keychain items and the accounts of their chunks, in a file, because catchd never lists a keychain.
 * Names are not secret. For a short time, a name may be in the file without its item, but never an item without its
 * name.
 */
import * as z from 'zod'
import { DurableFile, type OnSetAside, parseJson } from './durable-file.js'
import { DurableMap } from './durable-map.js'

/** Accounts of every chunk that may exist for the item, of all generations. */
type ChunkAccounts = readonly string[]

const IndexFile = z.object({
  version: z.literal(1),
  items: z.array(z.object({ name: z.string(), chunks: z.array(z.string()) })),
})

export type KeychainIndex = DurableMap<ChunkAccounts>

/** Touches no file yet. */
export function openKeychainIndex(path: string, onSetAside?: OnSetAside): KeychainIndex {
  const file = new DurableFile(path, onSetAside)
  return new DurableMap<ChunkAccounts>({
    load: async () => (await file.load(parse)) ?? new Map(),
    async save(map) {
      const items = [...map].map(([name, chunks]) => ({ name, chunks }))
      await file.replace(`${JSON.stringify({ version: 1, items })}\n`)
    },
  })
}

function parse(content: Buffer): Map<string, ChunkAccounts> {
  return new Map(parseJson(content, IndexFile).items.map(({ name, chunks }) => [name, chunks]))
}
