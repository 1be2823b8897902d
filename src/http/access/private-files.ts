/**
 * Files of the state folder that only their owner may read: `admin.key` and the keys of clients.
 *
 * What somebody else owns, can read or has put a link in the place of is refused, not repaired: what it holds
 * may be known or made by others.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import { systemCode } from '../../config/write.js'
import { CatchdError } from '../../failures.js'

/** Far more than any of these files holds. */
const MOST_BYTES = 4 * 1024 * 1024

/**
 * @returns The text, or `undefined` when there is no such file.
 * @throws CatchdError `config_invalid` when it is not a file of this user's alone, naming the fix.
 */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  let file: FileHandle
  try {
    // Neither a link's target nor a pipe that blocks; Windows knows neither flag.
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw unsafe(`${path} is a symbolic link. Look at where it leads, then remove it.`)
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
 * Writes a file that must not be there yet, with mode 0600 whatever the umask: it appears whole or not at all.
 *
 * @returns Whether it was written; `false` when somebody else was first.
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
    throw unsafe(`${path} is not a file of catchd. Move it away.`)
  const user = process.getuid?.()
  if (user === undefined) return // Windows: the user's own folders are private by their access control lists
  if (found.uid !== user) throw unsafe(`${path} belongs to another user. Remove it.`)
  if ((found.mode & 0o077) !== 0) {
    throw unsafe(
      `Other users can read or change ${path}. Remove it and a new one is made, or, if nobody else can have read it, run: chmod 600 '${path}'`,
    )
  }
}

function unsafe(detail: string): CatchdError {
  return new CatchdError('config_invalid', { detail, next: 'catchd doctor' })
}
