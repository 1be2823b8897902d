/**
 * The file of API keys: `clients.json` in the state folder. It contains hashes of keys, no keys.
 *
 * The file has a version and is parsed like any other input. principal.ts says what a key allows; api-keys.ts compares
 * keys.
 */
import * as z from 'zod'
import { ProfileName } from '../../config/profile.js'
import { writeDurably } from '../../config/write.js'
import { CatchdError } from '../../failures.js'
import { KeyAction } from './principal.js'
import { readPrivateFile } from './private-files.js'

/** One API key of a local tool, without the key. */
export interface ApiKey {
  readonly name: string
  /** SHA-256 of the key. A key has 256 random bits, so it needs no salt and no slow hash. */
  readonly hash: Buffer
  readonly profiles: readonly string[]
  readonly actions: readonly KeyAction[]
  readonly createdAtMs: number
  /** `null`: never. */
  readonly expiresAtMs: number | null
}

const ClientsFile = z.object({
  version: z.literal(1),
  clients: z.array(
    z.object({
      client: ProfileName,
      key_sha256: z.string().regex(/^[0-9a-f]{64}$/),
      profiles: z.array(ProfileName),
      actions: z.array(KeyAction),
      created_at_ms: z.number(),
      expires_at_ms: z.number().nullable(),
    }),
  ),
})

/** @throws CatchdError `config_invalid` if the file has another version or is not private. */
export async function readApiKeys(path: string): Promise<ApiKey[]> {
  const text = await readPrivateFile(path)
  if (text === undefined) return []
  return parse(text, path).clients.map((record) => ({
    name: record.client,
    hash: Buffer.from(record.key_sha256, 'hex'),
    profiles: record.profiles,
    actions: record.actions,
    createdAtMs: record.created_at_ms,
    expiresAtMs: record.expires_at_ms,
  }))
}

/** @throws CatchdError `config_invalid` if the file cannot be written; it is then unchanged. */
export async function writeApiKeys(path: string, keys: Iterable<ApiKey>): Promise<void> {
  const file: z.infer<typeof ClientsFile> = {
    version: 1,
    clients: [...keys].map((key) => ({
      client: key.name,
      key_sha256: key.hash.toString('hex'),
      profiles: [...key.profiles],
      actions: [...key.actions],
      created_at_ms: key.createdAtMs,
      expires_at_ms: key.expiresAtMs,
    })),
  }
  await writeDurably(path, `${JSON.stringify(file, null, 2)}\n`)
}

function parse(text: string, path: string): z.infer<typeof ClientsFile> {
  try {
    return ClientsFile.parse(JSON.parse(text))
  } catch {
    throw new CatchdError('config_invalid', {
      detail: `${path} is not a file of API keys of this version of catchd. Move it away and add the keys again.`,
      next: 'catchd doctor',
    })
  }
}
