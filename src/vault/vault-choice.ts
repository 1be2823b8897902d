/**
 * The choice that `auto` made, stored in `vault.json` of the state folder. It is made once, so that tokens never move
 * or disappear because a keychain is missing for a day.
 *
 * Without the file, a vault that already contains items is the choice.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { DurableFile, type OnSetAside, parseJson } from './durable-file.js'
import { ABSENCES, type KeychainAbsence } from './keychain-engine.js'
import { LASTING_VAULTS, type LastingVault } from './vault-kinds.js'

const ChoiceFile = z.object({
  version: z.literal(1),
  vault: z.enum(LASTING_VAULTS),
  /** Why `auto` did not choose the keychain. Missing if the user chose the vault. */
  because: z.enum(ABSENCES).optional(),
})

/** Files of the vaults in the state folder. */
export const vaultFiles = {
  choice: (stateFolder: string) => join(stateFolder, 'vault.json'),
  sealed: (stateFolder: string) => join(stateFolder, 'vault.sealed'),
  key: (stateFolder: string) => join(stateFolder, 'vault.key'),
  index: (stateFolder: string) => join(stateFolder, 'keychain-index.json'),
} as const

/** @throws CatchdError `vault_unavailable` when the file cannot be read */
export async function rememberedVault(
  stateFolder: string,
  onSetAside?: OnSetAside,
): Promise<LastingVault | undefined> {
  const choice = await choiceFile(stateFolder, onSetAside).load(parse)
  return choice ?? findRememberedVault(stateFolder)
}

function findRememberedVault(stateFolder: string): LastingVault | undefined {
  if (existsSync(vaultFiles.sealed(stateFolder))) return 'file'
  return existsSync(vaultFiles.index(stateFolder)) ? 'keychain' : undefined
}

/** The same without changing a file. A file that cannot be read counts as missing. Never throws. */
export async function glimpseRememberedVault(stateFolder: string): Promise<LastingVault | undefined> {
  try {
    return parse(await readFile(vaultFiles.choice(stateFolder)))
  } catch {
    return findRememberedVault(stateFolder)
  }
}

/** Why `auto` chose the sealed file; `undefined` if it did not. Never throws. */
export async function glimpseFallback(stateFolder: string): Promise<KeychainAbsence | undefined> {
  try {
    return parseJson(await readFile(vaultFiles.choice(stateFolder)), ChoiceFile).because
  } catch {
    return undefined
  }
}

/**
 * From now on `auto` means this vault: after a decision, and after a migration before its source is emptied.
 *
 * @param because - Why it is not the keychain, when `auto` decides.
 * @throws CatchdError `vault_unavailable`
 */
export async function rememberVault(
  stateFolder: string,
  vault: LastingVault,
  because?: KeychainAbsence,
): Promise<void> {
  await choiceFile(stateFolder).replace(`${JSON.stringify({ version: 1, vault, because })}\n`)
}

function choiceFile(stateFolder: string, onSetAside?: OnSetAside): DurableFile {
  return new DurableFile(vaultFiles.choice(stateFolder), onSetAside)
}

const parse = (content: Buffer) => parseJson(content, ChoiceFile).vault
