/**
 * The format of the sealed file: one line of JSON (how the key is made, the nonce), the ciphertext with its tag
 * (AES-256-GCM, the line authenticated as additional data), SHA-256 over all of it.
 *
 * The digest distinguishes damage from a wrong key: a damaged file is renamed, a wrong passphrase changes nothing.
 * sealing-key.ts has the key.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { CorruptContent, parseJson } from './durable-file.js'

const DIGEST_BYTES = 32
const TAG_BYTES = 16
/** 96 bits, drawn for every write (NIST SP 800-38D §8.2.2). */
const NONCE_BYTES = 12

const base64url = z.base64url()

/** How a key is made from a passphrase. The bounds keep a forged header from asking for all the memory (RFC 7914 §2). */
export const PassphraseRecipe = z.object({
  kind: z.literal('passphrase'),
  kdf: z.literal('scrypt'),
  salt: base64url,
  N: z.literal([2 ** 15, 2 ** 16, 2 ** 17, 2 ** 18]),
  r: z.literal(8),
  p: z.literal(1),
})
export type PassphraseRecipe = z.infer<typeof PassphraseRecipe>

/** How the key is made. */
export const KeyRecipe = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('key_file') }),
  PassphraseRecipe,
])
export type KeyRecipe = z.infer<typeof KeyRecipe>

const Envelope = z.object({ format: z.literal('catchd sealed vault'), version: z.int() })
const Header = z.object({
  ...Envelope.shape,
  version: z.literal(1),
  key: KeyRecipe,
  /** Tells whether a key is the right one, and nothing else about it. */
  key_check: base64url,
  nonce: base64url,
})
const Content = z.object({ items: z.array(z.tuple([z.string(), z.string()])) })

export type Items = ReadonlyMap<string, Secret>

/** @param key - 32 bytes, made by `recipe`. */
export function seal(items: Items, recipe: KeyRecipe, key: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const header: z.infer<typeof Header> = {
    format: 'catchd sealed vault',
    version: 1,
    key: recipe,
    key_check: keyCheck(key),
    nonce: nonce.toString('base64url'),
  }
  const line = Buffer.from(`${JSON.stringify(header)}\n`)
  const cipher = createCipheriv('aes-256-gcm', derive(key, 'encryption'), nonce).setAAD(line)
  const content = { items: [...items].map(([name, value]) => [name, value.reveal()]) }
  const body = [cipher.update(JSON.stringify(content), 'utf8'), cipher.final(), cipher.getAuthTag()]
  const sealed = Buffer.concat([line, ...body])
  return Buffer.concat([sealed, digest(sealed)])
}

/** Makes the key of a recipe. */
interface Keys {
  toUnseal(recipe: KeyRecipe): Promise<Buffer>
  /** The failure for a key that is not the one the file was sealed with. */
  wrongKey(recipe: KeyRecipe): CatchdError
}

/**
 * @throws CorruptContent for damaged bytes; CatchdError of `keys`, and `vault_unavailable` when a newer version wrote
 *   the file
 */
export async function unseal(file: Buffer, keys: Keys): Promise<Map<string, Secret>> {
  const sealed = file.subarray(0, -DIGEST_BYTES)
  if (!digest(sealed).equals(file.subarray(-DIGEST_BYTES))) throw new CorruptContent()
  const lineEnd = sealed.indexOf(0x0a) + 1
  const line = sealed.subarray(0, lineEnd)
  const header = parseHeader(line)
  const key = await keys.toUnseal(header.key)
  if (!fitsKeyCheck(key, header.key_check)) throw keys.wrongKey(header.key)

  const nonce = Buffer.from(header.nonce, 'base64url')
  const ciphertext = sealed.subarray(lineEnd, -TAG_BYTES)
  try {
    const decipher = createDecipheriv('aes-256-gcm', derive(key, 'encryption'), nonce, {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(line).setAuthTag(sealed.subarray(-TAG_BYTES))
    const text = Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
    return new Map(Content.parse(JSON.parse(text)).items.map(([name, value]) => [name, new Secret(value)]))
  } catch {
    // Without the cause, because it may quote the content.
    throw new CorruptContent()
  }
}

function parseHeader(line: Buffer): z.infer<typeof Header> {
  const { version } = parseJson(line, Envelope)
  if (version > 1) {
    throw new CatchdError('vault_unavailable', {
      detail: `The sealed file vault was written by a newer catchd (format ${version}). Nothing was changed. Use that version.`,
    })
  }
  return parseJson(line, Header)
}

/** A text that tells whether a key is this one, and nothing else about it. */
export function keyCheck(key: Buffer): string {
  return derive(key, 'key check').toString('base64url')
}

export function fitsKeyCheck(key: Buffer, check: string): boolean {
  const [given, expected] = [Buffer.from(check, 'base64url'), derive(key, 'key check')]
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** Separate keys for separate uses (RFC 5869 §3.2). */
function derive(key: Buffer, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `catchd sealed vault: ${use}`, 32))
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
