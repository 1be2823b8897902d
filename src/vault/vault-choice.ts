/**
 * What `auto` decided, remembered in `vault.json` of the state folder: decided once, so that tokens never move
 * or disappear because a keychain is away for a day.
 *
 * Where the file is missing, the vault that already holds something counts as the choice.
 */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { CorruptContent, DurableFile } from './durable-file.js'
import { LASTING_VAULTS, type LastingVault } from './vault-kinds.js'

const ChoiceFile = z.object({ version: z.literal(1), vault: z.enum(LASTING_VAULTS) })

/** Files of the vaults in the state folder. */
export const vaultFiles = {
  choice: (stateFolder: string) => join(stateFolder, 'vault.json'),
  sealed: (stateFolder: string) => join(stateFolder, 'vault.sealed'),
  key: (stateFolder: string) => join(stateFolder, 'vault.key'),
  index: (stateFolder: string) => join(stateFolder, 'keychain-index.json'),
} as const

/** @throws CatchdError `vault_unavailable` when the file cannot be read */
export async function rememberedVault(stateFolder: string): Promise<LastingVault | undefined> {
  const choice = await choiceFile(stateFolder).load((content) => parse(content))
  return choice ?? findRememberedVault(stateFolder)
}

async function findRememberedVault(stateFolder: string): Promise<LastingVault | undefined> {
  if (await exists(vaultFiles.sealed(stateFolder))) return 'file'
  return (await exists(vaultFiles.index(stateFolder))) ? 'keychain' : undefined
}

/** The same for looking only: nothing is set aside, and what cannot be read counts as not decided. Never throws. */
export async function glimpseRememberedVault(stateFolder: string): Promise<LastingVault | undefined> {
  try {
    return parse(await readFile(vaultFiles.choice(stateFolder)))
  } catch {
    return findRememberedVault(stateFolder)
  }
}

/**
 * From now on `auto` means this vault: after a decision, and after a migration before its source is emptied.
 *
 * @throws CatchdError `vault_unavailable`
 */
export async function rememberVault(stateFolder: string, vault: LastingVault): Promise<void> {
  await choiceFile(stateFolder).replace(`${JSON.stringify({ version: 1, vault })}\n`)
}

function choiceFile(stateFolder: string): DurableFile {
  return new DurableFile(vaultFiles.choice(stateFolder))
}

function parse(content: Buffer): LastingVault {
  try {
    return ChoiceFile.parse(JSON.parse(content.toString('utf8'))).vault
  } catch {
    throw new CorruptContent()
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
