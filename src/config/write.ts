/**
 * Files of the configuration folder, written so that a crash leaves the old text or the new one.
 *
 * A temporary file beside the target, fsync, rename; mode 0600 whatever the umask. A symbolic link is followed,
 * because people keep their configuration in a repository of dotfiles.
 */
import { randomBytes } from 'node:crypto'
import { open, readlink, rename, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { CatchdError } from '../failures.js'

const LONGEST_LINK_CHAIN = 16

/**
 * @throws CatchdError `config_invalid` with the system's reason when the file cannot be written; the old text is
 *   then still there.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  try {
    await replace(await targetOf(path), text)
  } catch (error) {
    throw new CatchdError('config_invalid', {
      detail: `${path} cannot be written (${systemCode(error)}). Nothing was changed.`,
      next: 'catchd doctor',
    })
  }
}

async function replace(target: string, text: string): Promise<void> {
  const folder = dirname(target)
  const temporary = join(folder, `.catchd-${randomBytes(6).toString('hex')}.tmp`)
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.chmod(0o600)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  }
  await syncFolder(folder)
}

/** The rename itself must survive a crash; not every system lets a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    // Windows, and some network file systems.
  }
}

/** Where a chain of symbolic links ends; the end need not exist. */
export async function targetOf(path: string): Promise<string> {
  let target = path
  for (let links = 0; links < LONGEST_LINK_CHAIN; links += 1) {
    const link = await readlink(target).catch(() => undefined)
    if (link === undefined) return target
    target = resolve(dirname(target), link)
  }
  throw Object.assign(new Error('Too many symbolic links.'), { code: 'ELOOP' })
}

/** `ENOENT` and the like; safe to show. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
