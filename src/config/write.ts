/**
 * Writes files of the configuration folder. After a crash, a file has either the old text or the new one. A symbolic link
 * is followed, because many users keep their configuration in a repository of dotfiles.
 */
import { readlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { CatchdError } from '../failures.js'
import { replaceFile, systemCode } from '../files/whole-files.js'

const LONGEST_LINK_CHAIN = 16

/**
 * @throws CatchdError `config_invalid` with the system's reason when the file cannot be written; the old text is
 *   then still there.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  await writeUnlessChanged(path, text)
}

/**
 * The same for a file that others write too.
 *
 * @param isCurrent - Whether the file is still the one that `text` was made from.
 * @returns Whether it was written.
 * @throws CatchdError `config_invalid`
 */
export async function writeUnlessChanged(
  path: string,
  text: string,
  isCurrent?: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return await replaceFile(await targetOf(path), text, isCurrent)
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
