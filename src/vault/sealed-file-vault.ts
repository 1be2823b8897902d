/**
 * The vault in one sealed file, for machines without a keychain: AES-256-GCM, whole generations, nothing in the
 * clear on the disk.
 *
 * Read at first use. A damaged file is set aside and the previous generation used; a wrong passphrase touches
 * nothing. Concurrent changes share a write. The bytes are sealed-format.ts, the key sealing-key.ts, crashes
 * durable-file.ts.
 */
import { asCatchdError } from '../failures.js'
import type { FileSystem } from '../files.js'
import type { Secret } from '../secret.js'
import { DurableFile } from './durable-file.js'
import { DurableMap } from './durable-map.js'
import { type Items, seal, unseal } from './sealed-format.js'
import { SealingKeys } from './sealing-key.js'
import type { Vault, VaultHealth } from './vault.js'

export interface SealedFileVaultOptions {
  /** `vault.sealed` in the state folder. */
  readonly file: string
  /** `vault.key` beside it; made at the first write unless a passphrase is used. */
  readonly keyFile: string
  readonly passphraseFile?: string | null
  readonly files?: FileSystem
}

export class SealedFileVault implements Vault {
  readonly kind = 'file'
  readonly engine = 'sealed-file'
  readonly #file: DurableFile
  readonly #keys: SealingKeys
  readonly #items: DurableMap<Secret>
  #lastWriteFailed = false

  private constructor({ file, keyFile, passphraseFile = null, files }: SealedFileVaultOptions) {
    this.#file = new DurableFile(file, files)
    this.#keys = new SealingKeys({ keyFile, passphraseFile })
    this.#items = new DurableMap({ load: () => this.#load(), save: (items) => this.#save(items) })
  }

  /** Touches no file yet. */
  static open(options: SealedFileVaultOptions): SealedFileVault {
    return new SealedFileVault(options)
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

  async health(): Promise<VaultHealth> {
    try {
      await this.#items.read()
      return this.#lastWriteFailed ? 'unavailable' : 'ok'
    } catch (error) {
      return asCatchdError(error).code === 'vault_locked' ? 'locked' : 'unavailable'
    }
  }

  async close(): Promise<void> {}

  async #load(): Promise<Map<string, Secret>> {
    const items = await this.#file.load((content) =>
      unseal(
        content,
        (recipe) => this.#keys.toUnseal(recipe),
        (recipe) => this.#keys.wrongKey(recipe),
      ),
    )
    return items ?? new Map()
  }

  async #save(items: Items): Promise<void> {
    this.#lastWriteFailed = true
    const { recipe, key } = await this.#keys.toSeal()
    await this.#file.replace(seal(items, recipe, key))
    this.#lastWriteFailed = false
  }
}
