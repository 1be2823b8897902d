/**
 * Reads and writes whole files, for all modules.
 *
 * A file is checked after it was opened and before it is read. A named pipe in its place does not block the program. A
 * written file has mode 0600, whatever the umask is, and is on the disk when the call ends. Errors of the file system
 * are not changed: each module translates them into its own failures. named-file.ts reads the files that the user names.
 */
import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import * as nodeFiles from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { shellWord } from '../text/shell-word.js'

/** The calls of the file system that are used. Tests let single ones fail. */
export type FileSystem = Pick<typeof nodeFiles, 'open' | 'rename' | 'link' | 'copyFile' | 'unlink'>

/** A flag of `open`: a symbolic link is an error (ELOOP). Windows does not have it. */
export const NO_FOLLOW = constants.O_NOFOLLOW ?? 0

/**
 * @param check - Throws for a file that must not be read.
 * @param flags - More flags of `open`.
 */
export async function readChecked(
  path: string,
  check: (stats: Stats) => void | Promise<void>,
  { flags = 0, files = nodeFiles }: { readonly flags?: number; readonly files?: FileSystem } = {},
): Promise<Buffer> {
  const file = await files.open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | flags)
  try {
    await check(await file.stat())
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/** @param flags - Of `open`; by default the file must not exist. */
export async function writeSynced(
  path: string,
  content: Uint8Array | string,
  { flags = 'wx', files = nodeFiles }: { readonly flags?: string | number; readonly files?: FileSystem } = {},
): Promise<void> {
  const file = await files.open(path, flags, 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes a file that appears whole or not at all. @returns `false` when there is one already, which stays. */
export async function createFile(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeSynced(temporary, content)
    // Unlike a rename, a link never replaces a file.
    await nodeFiles.link(temporary, path)
    await syncFolder(dirname(path))
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  } finally {
    await nodeFiles.unlink(temporary).catch(() => {})
  }
}

/**
 * Replaces a file as a whole: a reader gets the old content or the new. A link at this path is replaced, not followed.
 *
 * @param isCurrent - Asked at the last moment. `false`: the file is left as it is.
 * @returns Whether it was replaced.
 */
export async function replaceFile(
  path: string,
  content: string,
  isCurrent: () => Promise<boolean> = async () => true,
): Promise<boolean> {
  const folder = dirname(path)
  const temporary = join(folder, `.catchd-${randomBytes(6).toString('hex')}.tmp`)
  try {
    await writeSynced(temporary, content)
    if (!(await isCurrent())) {
      await nodeFiles.unlink(temporary)
      return false
    }
    await nodeFiles.rename(temporary, path)
  } catch (error) {
    await nodeFiles.unlink(temporary).catch(() => {})
    throw error
  }
  // The new content is in its place, so a folder that cannot be synced is no failure.
  await syncFolder(folder).catch(() => {})
  return true
}

/** After this a rename in the folder survives a power cut. */
export async function syncFolder(path: string, files: FileSystem = nodeFiles): Promise<void> {
  // Windows opens no folder as a file, and orders renames itself.
  if (process.platform === 'win32') return
  const folder = await files.open(path, 'r')
  try {
    await folder.sync()
  } catch (error) {
    // Some network file systems have no such call for folders.
    if (systemCode(error) !== 'EINVAL' && systemCode(error) !== 'ENOTSUP') throw error
  } finally {
    await folder.close()
  }
}

/** @returns Why a file cannot be trusted, as a sentence with the fix; `undefined` when only this user can use it. */
export function privacyTrouble(path: string, stats: Stats, largestMiB: number): string | undefined {
  if (!stats.isFile() || stats.size > largestMiB * 1024 * 1024)
    return `${path} is not a file of catchd: it has to be a regular file of at most ${largestMiB} MiB. Move it away.`
  const user = process.getuid?.()
  // Windows keeps the user's own folders private by their access control lists.
  if (user === undefined) return undefined
  if (stats.uid !== user) return `${path} belongs to another user. Move it away.`
  if ((stats.mode & 0o077) === 0) return undefined
  return `Other users can read or change ${path}. If nobody has, run: chmod 600 ${shellWord(path)} (otherwise move it away).`
}

/** `ENOENT` and the like; safe to show. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
