/**
 * Files of the state folder that only their owner may read: `admin.key` and the files about API keys.
 *
 * A file is refused if another user owns it or can read it, or if it is a link. It is not repaired, because other users
 * may already know or have written its content.
 */
import { CatchdError } from '../../failures.js'
import { createFile, NO_FOLLOW, privacyTrouble, readChecked, systemCode } from '../../files/whole-files.js'

/** Far more than any of these files holds. */
const LARGEST_MIB = 4

/**
 * @returns The text; `undefined` if there is no such file.
 * @throws CatchdError `config_invalid` with the fix, if it is not a private file of this user.
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
    if (code === 'ELOOP') throw unsafe(`${path} is a symbolic link. Check its target, then remove the link.`)
    throw unsafe(`${path} cannot be read (${code}).`)
  }
}

/**
 * Writes a file that must not exist yet, with mode 0600 regardless of the umask. It appears completely or not at all.
 *
 * @returns Whether it was written; `false` if the file already exists.
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
