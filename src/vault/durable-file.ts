/**
 * A file that survives crashes: it is replaced as a whole, and the previous generation is kept beside it.
 *
 * A reader gets either the old content or the new one. The order is: temporary file, fsync, the current generation
 * linked to `.previous`, rename, fsync of the folder. When a step fails, the old content is still current.
 * Only files that nobody else can read or change are read (SECURITY.md#nobody-else-gets-in). The caller's `parse`
 * interprets the bytes.
 */
import { constants, type Stats } from 'node:fs'
import * as nodeFiles from 'node:fs/promises'
import { dirname } from 'node:path'
import type * as z from 'zod'
import { CatchdError } from '../failures.js'
import {
  type FileSystem,
  NO_FOLLOW,
  privacyTrouble,
  readChecked,
  syncFolder,
  systemCode,
  writeSynced,
} from '../files/whole-files.js'

/** Far more than the token sets of one user. */
const LARGEST_FILE_MIB = 64

/** Thrown by a `parse` for bytes that differ from what was written. The file is then renamed. */
export class CorruptContent extends Error {
  override readonly name = 'CorruptContent'
}

/** Called with the new path of a damaged file that was renamed. */
export type OnSetAside = (path: string) => void

export class DurableFile {
  readonly path: string
  readonly #onSetAside: OnSetAside
  readonly #files: FileSystem

  constructor(path: string, onSetAside: OnSetAside = () => {}, files: FileSystem = nodeFiles) {
    this.path = path
    this.#onSetAside = onSetAside
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
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | NO_FOLLOW
      await writeSynced(temporary, content, { flags, files: this.#files })
      const hasPrevious = await this.#keepPrevious()
      await this.#files.rename(temporary, this.path)
      await syncFolder(dirname(this.path), this.#files).catch(async (error: unknown) => {
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
      return await readChecked(path, (stats) => refuseForeign(path, stats), {
        flags: NO_FOLLOW,
        files: this.#files,
      })
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      if (error instanceof CatchdError) throw error
      throw unavailable(path, 'cannot be read', error)
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

  /** The caller learns that nothing was stored, so the next start must not find it either. */
  async #rollBack(hasPrevious: boolean): Promise<void> {
    const temporary = `${this.path}.new`
    try {
      if (!hasPrevious) return await this.#files.unlink(this.path)
      await this.#files.copyFile(this.#previousPath, temporary)
      await this.#files.rename(temporary, this.path)
    } catch {
      // The disk refuses this too. Old or new, the file is whole.
    }
  }

  async #setAside(): Promise<void> {
    const instant = new Date().toISOString().replaceAll(/[-:.]/g, '')
    const aside = `${this.path}.corrupt-${instant}`
    try {
      await this.#files.rename(this.path, aside)
    } catch (error) {
      throw unavailable(this.path, 'is corrupt and cannot be renamed', error)
    }
    this.#onSetAside(aside)
  }
}

const NO_HARD_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EACCES'])

/** @throws CatchdError `vault_unavailable` for a file that others own, read or write, naming the fix */
export function refuseForeign(path: string, stats: Stats): void {
  const detail = privacyTrouble(path, stats, LARGEST_FILE_MIB)
  if (detail !== undefined) throw new CatchdError('vault_unavailable', { detail, next: 'catchd doctor' })
}

const WHAT_TO_DO: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space.',
  EDQUOT: 'The disk quota is exceeded: free some space.',
  EROFS: 'The file system is read-only.',
  EIO: 'The disk reports an error.',
  EACCES: 'The permissions do not allow it.',
}

export function unavailable(path: string, what: string, error: unknown): CatchdError {
  const code = systemCode(error)
  const advice = WHAT_TO_DO[code]
  return new CatchdError('vault_unavailable', {
    detail: `${path} ${what} (${code}). The data stored before is unchanged.${advice === undefined ? '' : ` ${advice}`}`,
  })
}

/** For a `parse`. @throws CorruptContent */
export function parseJson<T>(content: Buffer, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(content.toString('utf8')))
  } catch {
    throw new CorruptContent()
  }
}
