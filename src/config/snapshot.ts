/**
 * The configuration file as it stands on the disk at one moment, with a signature that changes when it does.
 *
 * A missing file is an empty one. Commands in a profile run as the user, so a file that belongs to somebody else
 * is refused; so is one that is not UTF-8, of which an edit would keep something else than what stands there.
 */
import { isUtf8 } from 'node:buffer'
import { constants, open, stat } from 'node:fs/promises'
import { CatchdError } from '../failures.js'
import { LARGEST_FILE_BYTES } from './jsonc.js'
import { systemCode } from './write.js'

export interface Snapshot {
  readonly text: string
  readonly signature: string
  readonly warnings: readonly string[]
}

const MISSING: Snapshot = { text: '', signature: 'missing', warnings: [] }

/** @throws CatchdError `config_invalid` when it cannot be read, is no file, too large, or somebody else's. */
export async function readSnapshot(path: string): Promise<Snapshot> {
  try {
    // A named pipe in its place would otherwise block the call for ever.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const before = await file.stat({ bigint: true })
      if (!before.isFile()) throw refused(path, 'is not a file.')
      if (before.size > BigInt(LARGEST_FILE_BYTES)) throw refused(path, 'is larger than 1 MiB.')
      const user = process.getuid?.()
      if (user !== undefined && before.uid !== BigInt(user) && before.uid !== 0n)
        throw refused(path, 'belongs to another user. Copy it into a file of your own.')
      const bytes = await file.readFile()
      if (!isUtf8(bytes)) throw refused(`${path}:${firstBadLine(bytes)}`, 'has bytes that are not UTF-8.')
      return {
        text: bytes.toString('utf8'),
        signature: signatureOf(before),
        warnings: warningsOf(path, before),
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof CatchdError) throw error
    if (systemCode(error) === 'ENOENT') return MISSING
    throw refused(path, `cannot be read (${systemCode(error)}).`)
  }
}

function firstBadLine(bytes: Buffer): number {
  return bytes.toString('utf8').split('\uFFFD', 1)[0]?.split('\n').length ?? 1
}

/** Cheap: no content is read. Never throws. */
export async function currentSignature(path: string): Promise<string> {
  try {
    return signatureOf(await stat(path, { bigint: true }))
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? MISSING.signature : `unreadable ${systemCode(error)}`
  }
}

interface Stat {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mode: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

function signatureOf({ dev, ino, size, mode, mtimeNs, ctimeNs }: Stat): string {
  return [dev, ino, size, mode, mtimeNs, ctimeNs].join(' ')
}

function warningsOf(path: string, { mode }: Stat): string[] {
  if (process.getuid === undefined || (mode & 0o022n) === 0n) return []
  return [`${path} can be written by other users. Run: chmod 600 '${path}'`]
}

function refused(path: string, rule: string): CatchdError {
  return new CatchdError('config_invalid', { detail: `${path} ${rule}`, next: 'catchd doctor' })
}
