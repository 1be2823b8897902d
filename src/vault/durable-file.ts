/**
 * One file of ours that survives crashes: replaced as a whole, with the generation before it kept beside it.
 *
 * A reader finds the old content or the new one. The order is: temporary file, fsync, the current generation
 * linked to `.previous`, rename, fsync of the folder; when a step fails, the old content is still current.
 * Only files that nobody else can read or change are read (THREATS: vault and disk). What the bytes mean is
 * said by the caller's `parse`.
 */
import { constants } from 'node:fs'
import * as nodeFiles from 'node:fs/promises'
import { dirname } from 'node:path'
import { CatchdError } from '../failures.js'

/** What is used of the file system; tests let single steps fail. */
export type FileSystem = Pick<typeof nodeFiles, 'open' | 'rename' | 'link' | 'copyFile' | 'unlink'>

/** Far more than the token sets of a person; a file beyond it is not ours. */
const LARGEST_FILE_BYTES = 64 * 1024 * 1024

/** Thrown by a `parse` for bytes that cannot be what was written; the file is then set aside. */
export class CorruptContent extends Error {
  override readonly name = 'CorruptContent'
}

export class DurableFile {
  readonly path: string
  readonly #files: FileSystem

  constructor(path: string, files: FileSystem = nodeFiles) {
    this.path = path
    this.#files = files
  }

  get #previousPath(): string {
    return `${this.path}.previous`
  }

  /**
   * The current generation, or the previous one when the current is missing or corrupt. A corrupt file is
   * renamed to `NAME.corrupt-INSTANT`, never deleted.
   *
   * @param parse - Throws {@link CorruptContent}; any other error leaves every file as it is and passes through.
   * @returns `undefined` when no generation can be read.
   * @throws CatchdError `vault_unavailable` when a file belongs to others or cannot be read
   */
  async load<T>(parse: (content: Buffer) => T | Promise<T>): Promise<T | undefined> {
    const current = await this.#parsed(this.path, parse)
    if (current !== 'missing' && current !== 'corrupt') return current.value
    const previous = await this.#parsed(this.#previousPath, parse)
    if (current === 'corrupt') await this.#setAside()
    return previous === 'missing' || previous === 'corrupt' ? undefined : previous.value
  }

  /** @throws CatchdError `vault_unavailable`; the old content is then still current. */
  async replace(content: Uint8Array | string): Promise<void> {
    const temporary = `${this.path}.new`
    try {
      await this.#write(temporary, content)
      const hasPrevious = await this.#keepPrevious()
      await this.#files.rename(temporary, this.path)
      await this.#syncFolder().catch(async (error: unknown) => {
        await this.#rollBack(hasPrevious)
        throw error
      })
    } catch (error) {
      await this.#files.unlink(temporary).catch(() => {})
      throw unavailable(this.path, 'cannot be written', error)
    }
  }

  async #parsed<T>(
    path: string,
    parse: (content: Buffer) => T | Promise<T>,
  ): Promise<{ value: T } | 'missing' | 'corrupt'> {
    const content = await this.#read(path)
    if (content === undefined) return 'missing'
    try {
      return { value: await parse(content) }
    } catch (error) {
      if (error instanceof CorruptContent) return 'corrupt'
      throw error
    }
  }

  async #read(path: string): Promise<Buffer | undefined> {
    try {
      const file = await this.#files.open(path, constants.O_RDONLY | noFollow)
      try {
        refuseForeign(path, await file.stat())
        return await file.readFile()
      } finally {
        await file.close()
      }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      if (error instanceof CatchdError) throw error
      throw unavailable(path, 'cannot be read', error)
    }
  }

  async #write(path: string, content: Uint8Array | string): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | noFollow
    const file = await this.#files.open(path, flags, 0o600)
    try {
      await file.chmod(0o600)
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** A hard link, so that there is never a moment without a current generation; a copy where links are refused. */
  async #keepPrevious(): Promise<boolean> {
    const temporary = `${this.#previousPath}.new`
    await this.#files.unlink(temporary).catch(() => {})
    try {
      await this.#linkOrCopy(this.path, temporary)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false
      throw error
    }
    await this.#files.rename(temporary, this.#previousPath)
    return true
  }

  async #linkOrCopy(from: string, to: string): Promise<void> {
    try {
      await this.#files.link(from, to)
    } catch (error) {
      if (!NO_HARD_LINKS.has(systemCode(error))) throw error
      await this.#files.copyFile(from, to)
    }
  }

  /** The caller is told that nothing was stored, so the next start must not find it either. */
  async #rollBack(hasPrevious: boolean): Promise<void> {
    const temporary = `${this.path}.new`
    try {
      if (!hasPrevious) return await this.#files.unlink(this.path)
      await this.#files.copyFile(this.#previousPath, temporary)
      await this.#files.rename(temporary, this.path)
    } catch {
      // A disk that refuses this too: old or new, the file is whole.
    }
  }

  async #syncFolder(): Promise<void> {
    // Windows opens no folder as a file, and orders renames itself.
    if (process.platform === 'win32') return
    const folder = await this.#files.open(dirname(this.path), 'r')
    try {
      await folder.sync()
    } catch (error) {
      // Some network file systems have no such call for folders.
      if (systemCode(error) !== 'EINVAL' && systemCode(error) !== 'ENOTSUP') throw error
    } finally {
      await folder.close()
    }
  }

  async #setAside(): Promise<void> {
    const instant = new Date().toISOString().replaceAll(/[-:.]/g, '')
    try {
      await this.#files.rename(this.path, `${this.path}.corrupt-${instant}`)
    } catch (error) {
      throw unavailable(this.path, 'is corrupt and cannot be set aside', error)
    }
  }
}

const NO_HARD_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EACCES'])

/** Not defined on Windows. */
const noFollow = constants.O_NOFOLLOW ?? 0

/** @throws CatchdError `vault_unavailable` for a file that others own, read or write, naming the fix */
export function refuseForeign(
  path: string,
  stat: { isFile(): boolean; uid: number; mode: number; size: number },
): void {
  if (!stat.isFile()) throw unsafe(`${path} is not a regular file. Move it away.`)
  if (stat.size > LARGEST_FILE_BYTES) throw unsafe(`${path} is larger than 64 MiB. Move it away.`)
  const user = process.getuid?.()
  // Windows keeps the user's own folders private by their access control lists.
  if (user === undefined) return
  if (stat.uid !== user) throw unsafe(`${path} belongs to another user. Move it away.`)
  if ((stat.mode & 0o077) !== 0) {
    throw unsafe(
      `Other users can reach ${path}. Consider what is in it as seen by them, then run: chmod 600 '${path}'`,
    )
  }
}

function unsafe(detail: string): CatchdError {
  return new CatchdError('vault_unavailable', { detail, next: 'catchd doctor' })
}

const WHAT_TO_DO: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space.',
  EDQUOT: 'The disk quota is used up: free some space.',
  EROFS: 'The file system is read-only.',
  EIO: 'The disk reports an error.',
  EACCES: 'The permissions do not allow it.',
}

export function unavailable(path: string, what: string, error: unknown): CatchdError {
  const code = systemCode(error)
  const advice = WHAT_TO_DO[code]
  return new CatchdError('vault_unavailable', {
    detail: `${path} ${what} (${code}); what was stored before is unchanged.${advice === undefined ? '' : ` ${advice}`}`,
  })
}

/** `ENOENT` and the like; safe to show. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
