/**
 * Reads the configuration file, as it is on the disk now.
 *
 * A missing file is an empty one. Commands in a profile run as the user, so a file that others can change is refused. A
 * file that is not UTF-8 is refused too: an edit would change its other bytes.
 */
import { isUtf8 } from 'node:buffer'
import { CatchdError } from '../failures.js'
import { type FileTrouble, readNamedFile } from '../files/named-file.js'
import { LARGEST_FILE_BYTES } from './jsonc.js'

/** @throws CatchdError `config_invalid` when it cannot be read, is no file, too large, or others can change it. */
export async function readSnapshot(path: string): Promise<string> {
  const rule = { largestKiB: LARGEST_FILE_BYTES / 1024, others: 'read' } as const
  let isMissing = false
  const bytes = await readNamedFile(path, rule, (trouble) => {
    isMissing = trouble.code === 'ENOENT'
    return refused(path, trouble)
  }).catch((error: unknown) => {
    if (isMissing) return Buffer.alloc(0)
    throw error
  })
  if (isUtf8(bytes)) return bytes.toString('utf8')
  throw refused(`${path}:${firstBadLine(bytes)}`, { cause: 'is not valid UTF-8.' })
}

function firstBadLine(bytes: Buffer): number {
  return bytes.toString('utf8').split('\uFFFD', 1)[0]?.split('\n').length ?? 1
}

function refused(path: string, { cause, fix }: FileTrouble): CatchdError {
  return new CatchdError('config_invalid', { detail: `${path} ${cause}`, next: fix ?? 'catchd doctor' })
}
