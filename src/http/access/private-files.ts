/**
 * Files of the state folder that only their owner may read: `admin.key` and the keys of clients.
 *
 * A file that another user owns or can read is refused, and so is a link in its place. Nothing is repaired: others may
 * know or may have made what is in it.
 */
import { CatchdError } from '../../failures.js'
import { createFile, NO_FOLLOW, privacyTrouble, readChecked, systemCode } from '../../files.js'

/** Far more than any of these files holds. */
const LARGEST_MIB = 4

/**
 * @returns The text, or `undefined` when there is no such file.
 * @throws CatchdError `config_invalid` when it is not a file of this user's alone, naming the fix.
 */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  const refuseOthers = (stats: Parameters<typeof privacyTrouble>[1]) => {
    const trouble = privacyTrouble(path, stats, LARGEST_MIB)
    if (trouble !== undefined) throw unsafe(trouble)
  }
  try {
    return (await readChecked(path, refuseOthers, { flags: NO_FOLLOW })).toString('utf8')
  } catch (error) {
    if (error instanceof CatchdError) throw error
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw unsafe(`${path} is a symbolic link. Look at where it leads, then remove it.`)
    throw unsafe(`${path} cannot be read (${code}).`)
  }
}

/**
 * Writes a file that must not be there yet. It appears whole or not at all.
 *
 * @returns Whether it was written; `false` when another process was first.
 * @throws CatchdError `config_invalid` with the system's reason.
 */
export async function createPrivateFile(path: string, text: string): Promise<boolean> {
  return createFile(path, text).catch((error: unknown) => {
    throw unsafe(`${path} cannot be written (${systemCode(error)}).`)
  })
}

function unsafe(detail: string): CatchdError {
  return new CatchdError('config_invalid', { detail, next: 'catchd doctor' })
}
