/** Reads a file that contains one secret and nothing else, each time the secret is needed. */
import type { Stats } from 'node:fs'
import { CatchdError } from '../failures.js'
import { readChecked, systemCode } from '../files.js'

export const LARGEST_SECRET_BYTES = 64 * 1024

/**
 * @param refused - Makes the failure. `cause` is the text after the path.
 * @param look - Called with the system's information about the file.
 * @throws The failure that `refused` makes. It never quotes the content.
 */
export async function readSecretFile(
  path: string,
  refused: (cause: string) => CatchdError,
  look: (stats: Stats) => void = () => {},
): Promise<string> {
  try {
    const content = await readChecked(path, (stats) => {
      if (!stats.isFile()) throw refused('is not a file.')
      if (stats.size > LARGEST_SECRET_BYTES) throw refused('is larger than 64 KiB.')
      look(stats)
    })
    const text = content.toString('utf8').replace(/\r?\n$/, '')
    if (text === '') throw refused('is empty.')
    return text
  } catch (error) {
    if (error instanceof CatchdError) throw error
    throw refused(`cannot be read (${systemCode(error)}).`)
  }
}
