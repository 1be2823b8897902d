/**
 * Writes files of the configuration folder. After a crash, a file has either the old text or the new one.
 *
 * It writes a temporary file beside the target, then fsync, then rename. A symbolic link is followed, because many
 * users keep their configuration in a repository of dotfiles.
 */
import { randomBytes } from 'node:crypto'
import { readlink, rename, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { CatchdError } from '../failures.js'
import { syncFolder, systemCode, writeSynced } from '../files.js'

const LONGEST_LINK_CHAIN = 16

/**
 * @throws CatchdError `config_invalid` with the system's reason when the file cannot be written; the old text is
 *   then still there.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  try {
    const target = await targetOf(path)
    const folder = dirname(target)
    const temporary = join(folder, `.catchd-${randomBytes(6).toString('hex')}.tmp`)
    try {
      await writeSynced(temporary, text)
      await rename(temporary, target)
    } catch (error) {
      await unlink(temporary).catch(() => {})
      throw error
    }
    // The new text is in its place, so a folder that cannot be synced is no failure.
    await syncFolder(folder).catch(() => {})
  } catch (error) {
    throw new CatchdError('config_invalid', {
      detail: `${path} cannot be written (${systemCode(error)}). Nothing was changed.`,
      next: 'catchd doctor',
    })
  }
}

/** Where a chain of symbolic links ends. There need not be a file. */
export async function targetOf(path: string): Promise<string> {
  let target = path
  for (let links = 0; links < LONGEST_LINK_CHAIN; links += 1) {
    const link = await readlink(target).catch(() => undefined)
    if (link === undefined) return target
    target = resolve(dirname(target), link)
  }
  throw Object.assign(new Error('Too many symbolic links.'), { code: 'ELOOP' })
}
