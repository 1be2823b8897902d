/**
 * Opens the vault that the environment chooses. Opening is quick and uses no keychain. Steps that take time or can fail
 * happen at the first use.
 */
import type { OnSetAside } from './durable-file.js'
import { firstUsableEngine } from './first-usable-engine.js'
import type { KeychainAbsence, KeychainEngine } from './keychain-engine.js'
import { keychainHost } from './keychain-fix.js'
import { KeychainVault } from './keychain-vault.js'
import { KeytarEngine } from './keytar-engine.js'
import { MemoryVault } from './memory-vault.js'
import { SealedFileVault } from './sealed-file-vault.js'
import { askSecretService } from './secret-service.js'
import { SecretToolEngine } from './secret-tool-engine.js'
import type { Vault } from './vault.js'
import { rememberedVault, rememberVault, vaultFiles } from './vault-choice.js'
import { type LastingVault, VAULT_KINDS, type VaultChoice, type VaultKind } from './vault-kinds.js'
import { VaultSlot } from './vault-slot.js'

export interface OpenVaultOptions {
  readonly stateFolder: string
  /** Keychain items belong to one home: `catchd`, or `catchd:HASH`. */
  readonly service: string
  readonly passphraseFile: string | null
  readonly onSetAside?: OnSetAside
  readonly platform?: NodeJS.Platform
  /** Where the keychain's processes find the session; default is our own environment. */
  readonly env?: NodeJS.ProcessEnv
}

/** A new row of {@link VAULT_KINDS} does not compile without its entry. */
const OPEN: Readonly<Record<VaultKind, (options: OpenVaultOptions) => Vault>> = {
  keychain: keychainVault,
  file: sealedFileVault,
  memory: () => new MemoryVault(),
}

/**
 * A keychain that is locked or gone shows in the calls and the health of the vault, not here.
 *
 * @throws CatchdError `vault_unavailable` when the earlier choice of `auto` cannot be read
 */
export async function openVault(choice: VaultChoice, options: OpenVaultOptions): Promise<VaultSlot> {
  const { stateFolder } = options
  const kind = choice === 'auto' ? await rememberedVault(stateFolder, options.onSetAside) : choice
  const reopen = (again: VaultKind) => openVaultOf(again, options)
  if (kind !== undefined) return new VaultSlot(reopen(kind), reopen)
  const keychain = keychainVault(options)
  const file = sealedFileVault(options)
  const decide = () => decideVault(keychain, file, (...decision) => rememberVault(stateFolder, ...decision))
  return new VaultSlot(keychain, reopen, decide)
}

export function openVaultOf(kind: VaultKind, options: OpenVaultOptions): Vault {
  return OPEN[kind](options)
}

/**
 * `auto`: the keychain if it works, the sealed file if there is none.
 *
 * If a keychain is locked, frozen or failing, nothing is chosen, because a vault is never silently downgraded
 * (SECURITY.md#vault-never-downgrades). The call throws, and the next one asks again.
 */
export async function decideVault(
  keychain: KeychainVault,
  file: Vault,
  remember: (decision: LastingVault, because?: KeychainAbsence) => Promise<void>,
): Promise<Vault> {
  const absence = await keychain.absence()
  if (absence === undefined) await remember('keychain')
  else await remember('file', absence)
  return absence === undefined ? keychain : file
}

/** Where tokens are, in words for the user. */
export function describeVault(vault: Pick<Vault, 'kind'>, service: string): string {
  return VAULT_KINDS[vault.kind].words(service)
}

function sealedFileVault({ stateFolder, passphraseFile, onSetAside }: OpenVaultOptions): SealedFileVault {
  return new SealedFileVault({
    file: vaultFiles.sealed(stateFolder),
    keyFile: vaultFiles.key(stateFolder),
    passphraseFile,
    onSetAside,
  })
}

function keychainVault(options: OpenVaultOptions): KeychainVault {
  const { platform = process.platform, env = process.env, service, stateFolder } = options
  return new KeychainVault({
    engine: keychainEngine(platform, env),
    service,
    indexFile: vaultFiles.index(stateFolder),
    onSetAside: options.onSetAside,
    host: keychainHost(platform, env),
    ...(platform === 'linux' ? { lockState: (limitMs?: number) => askSecretService(env, limitMs) } : {}),
  })
}

function keychainEngine(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): KeychainEngine {
  const keytar = new KeytarEngine({ platform, env })
  return platform === 'linux' ? firstUsableEngine(keytar, new SecretToolEngine({ env })) : keytar
}
