/**
 * The vault in one sealed file, for machines without a keychain: AES-256-GCM, written as a whole, no plain text on the
 * disk.
 *
 * Read at first use. A damaged file is renamed and the previous generation is used. A wrong passphrase changes nothing.
 * Concurrent changes share a write. sealed-format.ts has the format, sealing-key.ts the key, and durable-file.ts the
 * protection against crashes.
 */
import { CatchdError } from '../failures.js'
import { type FileSystem, NO_FOLLOW, readChecked, systemCode } from '../files/whole-files.js'
import type { Secret } from '../secret.js'
import { CorruptContent, DurableFile, type OnSetAside, refuseForeign, unavailable } from './durable-file.js'
import { DurableMap } from './durable-map.js'
import { type Items, type KeyRecipe, seal, unseal } from './sealed-format.js'
import { type SealingKeyFiles, SealingKeys } from './sealing-key.js'
import { troubleOf, type Vault } from './vault.js'

export interface SealedFileVaultOptions {
  /** `vault.sealed` in the state folder. */
  readonly file: string
  /** `vault.key` beside it; made at the first write unless a passphrase is used. */
  readonly keyFile: string
  readonly passphraseFile?: string | null
  readonly onSetAside?: OnSetAside | undefined
  readonly files?: FileSystem
}

export class SealedFileVault implements Vault {
  readonly kind = 'file'
  readonly engine = 'sealed-file'
  readonly #file: DurableFile
  readonly #keys: SealingKeys
  readonly #items: DurableMap<Secret>
  /** Why the last write failed; `undefined` if it did not. */
  #failedWrite: unknown

  /** Touches no file yet. */
  constructor({ file, keyFile, passphraseFile = null, onSetAside, files }: SealedFileVaultOptions) {
    this.#file = new DurableFile(file, onSetAside, files)
    this.#keys = new SealingKeys({ keyFile, passphraseFile })
    this.#items = new DurableMap({ load: () => this.#load(), save: (items) => this.#save(items) })
  }

  async get(name: string): Promise<Secret | undefined> {
    return (await this.#items.read()).get(name)
  }

  async set(name: string, value: Secret): Promise<void> {
    await this.#items.set(name, value)
  }

  async delete(name: string): Promise<boolean> {
    return this.#items.delete(name)
  }

  async names(): Promise<string[]> {
    return [...(await this.#items.read()).keys()].sort()
  }

  findTrouble(): Promise<CatchdError | undefined> {
    return troubleOf(async () => {
      await this.#items.read()
      if (this.#failedWrite !== undefined) throw this.#failedWrite
    })
  }

  async close(): Promise<void> {}

  async #load(): Promise<Map<string, Secret>> {
    return (await this.#file.load((content) => unseal(content, this.#keys))) ?? new Map()
  }

  async sealAgain(): Promise<number> {
    if (!(await this.#keys.acceptKeyFile())) return 0
    await this.#items.rewrite()
    return (await this.#items.read()).size
  }

  async #write(items: Items): Promise<{ recipe: KeyRecipe; key: Buffer }> {
    try {
      const made = await this.#keys.toSeal()
      await this.#file.replace(seal(items, made.recipe, made.key))
      this.#failedWrite = undefined
      return made
    } catch (error) {
      this.#failedWrite = error
      throw error
    }
  }

  async #save(items: Items): Promise<void> {
    const { recipe, key } = await this.#write(items)
    if (recipe.kind === 'key_file' || !(await this.#keys.hasKeyFile())) return
    // The key file could still open the previous generation, so this one takes its place, too.
    await this.#file.replace(seal(items, recipe, key))
    await this.#keys.removeKeyFile()
  }
}

const readOwn = (file: string) =>
  readChecked(file, (stats) => refuseForeign(file, stats), { flags: NO_FOLLOW })

/**
 * Reads a sealed file without changing anything, for `catchd doctor`. The vault itself renames a damaged file.
 *
 * @returns The number of items in it; `undefined` if there is no such file.
 * @throws CatchdError `vault_locked` without the right passphrase, `vault_unavailable` for every other reason
 */
export async function countSealedItems(file: string, keyFiles: SealingKeyFiles): Promise<number | undefined> {
  try {
    return (await unseal(await readOwn(file), new SealingKeys(keyFiles))).size
  } catch (error) {
    if (error instanceof CorruptContent) {
      throw new CatchdError('vault_unavailable', {
        detail: `${file} is damaged. When the daemon reads it, it renames the file and uses the previous generation, ${file}.previous.`,
        next: 'catchd daemon restart',
      })
    }
    if (systemCode(error) === 'ENOENT') return undefined
    throw error instanceof CatchdError ? error : unavailable(file, 'cannot be read', error)
  }
}
