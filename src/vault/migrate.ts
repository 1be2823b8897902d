/**
 * Moves every item from one vault to another. An interruption loses nothing, and a second run finishes the move: the
 * source is emptied only after every item was read back from the target.
 */
import { CatchdError } from '../failures.js'
import type { Vault } from './vault.js'
import { VAULT_KINDS } from './vault-kinds.js'

/**
 * Nothing may write to the source meanwhile (VaultSlot.migrate ensures that).
 *
 * @param onCopied - Called when the target holds everything and before the source loses anything: the moment to
 *   make the target the vault in use.
 * @returns The number of moved items, or those that were sealed again when both are the same vault; 0 when nothing changed.
 * @throws CatchdError `vault_locked`, `vault_unavailable`
 */
export async function migrateVault(
  from: Vault,
  to: Vault,
  onCopied: () => Promise<void> = async () => {},
): Promise<number> {
  // A home has each lasting vault once, so emptying the source would empty the target.
  const isSame = from === to || (from.kind === to.kind && VAULT_KINDS[from.kind].lasts)
  if (isSame && from.sealAgain !== undefined) return from.sealAgain()
  const names = await from.names()
  await to.sealAgain?.()
  await to.names()
  if (isSame) return 0

  let copied = 0
  for (const name of names) {
    const value = await from.get(name)
    if (value === undefined) continue
    await to.set(name, value)
    if ((await to.get(name))?.reveal() !== value.reveal()) {
      throw new CatchdError('vault_unavailable', {
        detail: `An item read from the ${to.kind} vault differs from what was written. Everything is still in the ${from.kind} vault.`,
      })
    }
    copied += 1
  }
  await onCopied()
  for (const name of names) await from.delete(name)
  return copied
}
