/**
 * The key of the sealed file: made from the passphrase in a file (scrypt, RFC 7914), or random in a key file of mode
 * 0600 beside the vault.
 *
 * The header of the sealed file says which. A missing key file is not replaced by a new one as long as something is
 * sealed with it. sealed-format.ts uses the key.
 */
import { randomBytes, type ScryptOptions, scrypt } from 'node:crypto'
import { lstat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { CatchdError } from '../failures.js'
import { readSecretFile } from '../files/named-file.js'
import { createFile, readChecked, syncFolder, systemCode } from '../files/whole-files.js'
import { shellWord } from '../text/shell-word.js'
import { refuseForeign, unavailable } from './durable-file.js'
import type { KeyRecipe, PassphraseRecipe } from './sealed-format.js'

const KEY_BYTES = 32
/** Takes 64 MiB and about a fifth of a second, once per start. */
const SCRYPT = { kdf: 'scrypt', N: 2 ** 16, r: 8, p: 1 } as const

export function newPassphraseRecipe(): PassphraseRecipe {
  return { kind: 'passphrase', ...SCRYPT, salt: randomBytes(16).toString('base64url') }
}

/** @returns 32 bytes. Takes a fifth of a second in another thread. */
export function keyFromPassphrase(passphrase: string, { salt, N, r, p }: PassphraseRecipe): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)
  // OpenSSL wants a little more than 128 N r bytes.
  return derive(passphrase, Buffer.from(salt, 'base64url'), KEY_BYTES, { N, r, p, maxmem: 256 * N * r })
}

export interface SealingKeyFiles {
  /** Made when there is none. */
  readonly keyFile: string
  /** Its content without one closing newline is the passphrase; `null`: the key file is used. */
  readonly passphraseFile: string | null
}

export class SealingKeys {
  readonly #files: SealingKeyFiles
  readonly #made = new Map<string, Promise<Buffer>>()
  #recipe: KeyRecipe | undefined
  #acceptsKeyFile = false

  constructor(files: SealingKeyFiles) {
    this.#files = files
  }

  /**
   * With a passphrase configured, what the key file seals is not simply used: a program that can write the two files could
   * put its own items in the place of the user's (SECURITY.md#vault-never-downgrades).
   *
   * @throws CatchdError `vault_locked` without the passphrase, `vault_unavailable` without the key file
   */
  async toUnseal(recipe: KeyRecipe): Promise<Buffer> {
    if (recipe.kind === 'key_file' && this.#wantedKind === 'passphrase' && !this.#acceptsKeyFile) {
      throw new CatchdError('vault_unavailable', {
        detail: `The sealed file vault can be opened with ${this.#files.keyFile}, without the passphrase of CATCHD_VAULT_PASSPHRASE_FILE. Nothing was changed. Seal it with the passphrase first.`,
        next: 'catchd vault migrate --to file',
      })
    }
    const key = await this.#once(recipe)
    // The next write keeps the salt, so that it needs no second derivation.
    if (recipe.kind === this.#wantedKind) this.#recipe = recipe
    return key
  }

  /** @throws CatchdError `vault_locked`, `vault_unavailable` */
  async toSeal(): Promise<{ recipe: KeyRecipe; key: Buffer }> {
    this.#recipe ??= this.#wantedKind === 'key_file' ? { kind: 'key_file' } : newPassphraseRecipe()
    const recipe = this.#recipe
    if (recipe.kind === 'key_file') await this.#ensureKeyFile()
    return { recipe, key: await this.#once(recipe) }
  }

  /** The user wants what the key file seals. @returns `false` if there is no passphrase to seal it with. */
  async acceptKeyFile(): Promise<boolean> {
    this.#acceptsKeyFile = this.#wantedKind === 'passphrase' && (await this.hasKeyFile())
    return this.#acceptsKeyFile
  }

  hasKeyFile(): Promise<boolean> {
    return lstat(this.#files.keyFile).then(
      () => true,
      () => false,
    )
  }

  /** It opens nothing any more. If this fails, the next write tries again. */
  async removeKeyFile(): Promise<void> {
    const { keyFile } = this.#files
    await unlink(keyFile)
      .then(() => syncFolder(dirname(keyFile)))
      .catch(() => {})
  }

  /** For a key that is not the one the file was sealed with. */
  wrongKey(recipe: KeyRecipe): CatchdError {
    this.#made.clear()
    if (recipe.kind === 'key_file') {
      return new CatchdError('vault_unavailable', {
        detail: `${this.#files.keyFile} is not the key of the sealed file vault. Nothing was changed. Restore the right key file.`,
      })
    }
    const file = this.#files.passphraseFile ?? ''
    return new CatchdError('vault_locked', {
      detail: `The sealed file cannot be opened: wrong passphrase in ${file}. Nothing was changed.`,
      next: editCommand(file),
    })
  }

  get #wantedKind(): KeyRecipe['kind'] {
    return this.#files.passphraseFile === null ? 'key_file' : 'passphrase'
  }

  #once(recipe: KeyRecipe): Promise<Buffer> {
    const id = JSON.stringify(recipe)
    const made =
      this.#made.get(id) ??
      (recipe.kind === 'key_file' ? readKeyFile(this.#files.keyFile) : this.#fromPassphrase(recipe))
    this.#made.set(id, made)
    made.catch(() => this.#made.delete(id))
    return made
  }

  async #fromPassphrase(recipe: PassphraseRecipe): Promise<Buffer> {
    return keyFromPassphrase(await readPassphrase(this.#files.passphraseFile), recipe)
  }

  async #ensureKeyFile(): Promise<void> {
    const { keyFile } = this.#files
    await createFile(keyFile, `${randomBytes(KEY_BYTES).toString('base64url')}\n`).catch((error: unknown) => {
      throw unavailable(keyFile, 'cannot be made', error)
    })
  }
}

function editCommand(file: string): string {
  const editor = process.platform === 'win32' ? 'notepad' : `"\${EDITOR:-vi}"`
  return `${editor} ${shellWord(file)}`
}

async function readKeyFile(path: string): Promise<Buffer> {
  try {
    const content = await readChecked(path, (stats) => refuseForeign(path, stats))
    const key = Buffer.from(content.toString('utf8').trim(), 'base64url')
    if (key.length === KEY_BYTES) return key
    throw new CatchdError('vault_unavailable', {
      detail: `${path} contains no key. Nothing was changed. Restore the right key file.`,
    })
  } catch (error) {
    if (error instanceof CatchdError) throw error
    if (systemCode(error) !== 'ENOENT') throw unavailable(path, 'cannot be read', error)
    throw new CatchdError('vault_unavailable', {
      detail: `The key file ${path} of the sealed file vault is missing. Restore it: catchd cannot read the stored items without it.`,
    })
  }
}

async function readPassphrase(path: string | null): Promise<string> {
  if (path === null) {
    throw locked(
      'is sealed with a passphrase. Set CATCHD_VAULT_PASSPHRASE_FILE to the file with the passphrase.',
    )
  }
  return readSecretFile(path, ({ cause, fix }) => locked(`needs its passphrase, but ${path} ${cause}`, fix))
}

function locked(why: string, next?: string): CatchdError {
  return new CatchdError('vault_locked', {
    detail: `The sealed file vault ${why}${next === undefined ? ' Nothing was changed.' : ''}`,
    next,
  })
}
