/**
 * Looking at a sealed file without touching it: for `catchd doctor`. The vault itself sets a damaged file aside.
 */
import { readFile } from 'node:fs/promises'
import { CatchdError } from '../failures.js'
import { systemCode } from '../files.js'
import { CorruptContent, unavailable } from './durable-file.js'
import { unseal } from './sealed-format.js'
import { type SealingKeyFiles, SealingKeys } from './sealing-key.js'

/**
 * @returns How many items it holds; `undefined` where there is no such file.
 * @throws CatchdError `vault_locked` without the right passphrase, `vault_unavailable` for anything else that keeps
 *   it from being read
 */
export async function countSealedItems(file: string, keyFiles: SealingKeyFiles): Promise<number | undefined> {
  const keys = new SealingKeys(keyFiles)
  try {
    const content = await readFile(file)
    const items = await unseal(
      content,
      (recipe) => keys.toUnseal(recipe),
      (recipe) => keys.wrongKey(recipe),
    )
    return items.size
  } catch (error) {
    if (error instanceof CatchdError) throw error
    if (error instanceof CorruptContent) {
      throw new CatchdError('vault_unavailable', {
        detail: `${file} is damaged. The daemon sets it aside when it reads it, and uses the generation before it, ${file}.previous.`,
        next: 'catchd daemon restart',
      })
    }
    if (systemCode(error) === 'ENOENT') return undefined
    throw unavailable(file, 'cannot be read', error)
  }
}
