/**
 * Reads the configuration file, as it is on the disk now.
 *
 * A missing file is an empty one. Commands in a profile run as the user, so a file of another user is refused. A file
 * that is not UTF-8 is refused too: an edit would change its other bytes.
 */
import { isUtf8 } from 'node:buffer'
import type { Stats } from 'node:fs'
import { CatchdError } from '../failures.js'
import { readChecked, systemCode } from '../files.js'
import { LARGEST_FILE_BYTES } from './jsonc.js'

export interface Snapshot {
  readonly text: string
  readonly warnings: readonly string[]
}

/** @throws CatchdError `config_invalid` when it cannot be read, is no file, too large, or of another user. */
export async function readSnapshot(path: string): Promise<Snapshot> {
  try {
    const warnings: string[] = []
    const bytes = await readChecked(path, (stats) => warnings.push(...check(path, stats)))
    if (!isUtf8(bytes)) throw refused(`${path}:${firstBadLine(bytes)}`, 'is not valid UTF-8.')
    return { text: bytes.toString('utf8'), warnings }
  } catch (error) {
    if (error instanceof CatchdError) throw error
    if (systemCode(error) === 'ENOENT') return { text: '', warnings: [] }
    throw refused(path, `cannot be read (${systemCode(error)}).`)
  }
}

/** @returns Warnings. */
function check(path: string, stats: Stats): string[] {
  if (!stats.isFile()) throw refused(path, 'is not a file.')
  if (stats.size > LARGEST_FILE_BYTES) throw refused(path, 'is larger than 1 MiB.')
  const user = process.getuid?.()
  if (user === undefined) return []
  if (stats.uid !== user && stats.uid !== 0)
    throw refused(path, 'belongs to another user. Make a copy that belongs to you.')
  return (stats.mode & 0o022) === 0 ? [] : [`${path} can be written by other users. Run: chmod 600 '${path}'`]
}

function firstBadLine(bytes: Buffer): number {
  return bytes.toString('utf8').split('\uFFFD', 1)[0]?.split('\n').length ?? 1
}

function refused(path: string, rule: string): CatchdError {
  return new CatchdError('config_invalid', { detail: `${path} ${rule}`, next: 'catchd doctor' })
}
