/**
 * Files of the state folder that only their owner may read: `admin.key` and the files about API keys.
 *
 * A file is refused if another user owns it or can read it, or if it is a link. It is not repaired, because other users
 * may already know or have written its content.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import { systemCode } from '../../config/write.js'
import { CatchdError } from '../../failures.js'

/** Far larger than any of these files. */
const MOST_BYTES = 4 * 1024 * 1024

/**
 * @returns The text; `undefined` if there is no such file.
 * @throws CatchdError `config_invalid` with the fix, if it is not a private file of this user.
 */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  let file: FileHandle
  try {
    // The flags refuse a link and do not block on a pipe. Windows has neither flag.
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw unsafe(`${path} is a symbolic link. Check its target, then remove the link.`)
    throw unsafe(`${path} cannot be read (${code}).`)
  }
  try {
    await requirePrivate(path, file)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/**
 * Writes a file that must not exist yet, with mode 0600 regardless of the umask. It appears completely or not at all.
 *
 * @returns Whether it was written; `false` if the file already exists.
 * @throws CatchdError `config_invalid` with the system's reason.
 */
export async function createPrivateFile(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.chmod(0o600)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(temporary, path) // unlike a rename, it never replaces
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw unsafe(`${path} cannot be written (${systemCode(error)}).`)
  } finally {
    await unlink(temporary).catch(() => undefined)
  }
}

async function requirePrivate(path: string, file: FileHandle): Promise<void> {
  const found = await file.stat()
  if (!found.isFile() || found.size > MOST_BYTES)
    throw unsafe(`${path} is not a file that catchd made. Move it away.`)
  const user = process.getuid?.()
  if (user === undefined) return // On Windows, access control lists keep the user's folders private.
  if (found.uid !== user) throw unsafe(`${path} belongs to another user. Remove it.`)
  if ((found.mode & 0o077) !== 0) {
    throw unsafe(
      `Other users can read or change ${path}. Remove it, and catchd makes a new one. If nobody else has read it, run: chmod 600 '${path}'`,
    )
  }
}

function unsafe(detail: string): CatchdError {
  return new CatchdError('config_invalid', { detail, next: 'catchd doctor' })
}
