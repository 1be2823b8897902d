/**
 * From the choice in the environment to a vault. Opening is quick and touches no keychain: whatever takes time
 * or can fail happens at first use.
 */
import { DecidingVault } from './deciding-vault.js'
import { FirstUsableEngine } from './first-usable-engine.js'
import type { KeychainEngine } from './keychain-engine.js'
import { KeychainVault } from './keychain-vault.js'
import { KeytarEngine } from './keytar-engine.js'
import { MemoryVault } from './memory-vault.js'
import { SealedFileVault } from './sealed-file-vault.js'
import { askSecretService } from './secret-service.js'
import { SecretToolEngine } from './secret-tool-engine.js'
import type { Vault } from './vault.js'
import { rememberedVault, rememberVault, vaultFiles } from './vault-choice.js'
import { VAULT_KINDS, type VaultChoice, type VaultKind } from './vault-kinds.js'

export interface OpenVaultOptions {
  readonly choice: VaultChoice
  readonly stateFolder: string
  /** Keychain items belong to one home: `catchd`, or `catchd:HASH`. */
  readonly service: string
  readonly passphraseFile: string | null
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
 * A keychain that is locked or gone is told by the vault's calls and its health, not here.
 *
 * @throws CatchdError `vault_unavailable` when it cannot be read what `auto` decided before
 */
export async function openVault(options: OpenVaultOptions): Promise<Vault> {
  const { choice, stateFolder } = options
  const kind = choice === 'auto' ? await rememberedVault(stateFolder) : choice
  if (kind !== undefined) return OPEN[kind](options)
  return new DecidingVault({
    keychain: keychainVault(options),
    file: sealedFileVault(options),
    remember: (decision) => rememberVault(stateFolder, decision),
  })
}

/** Where tokens are, in words for a person. */
export function describeVault(vault: Pick<Vault, 'kind'>, service: string): string {
  return VAULT_KINDS[vault.kind].words(service)
}

function sealedFileVault({ stateFolder, passphraseFile }: OpenVaultOptions): SealedFileVault {
  return SealedFileVault.open({
    file: vaultFiles.sealed(stateFolder),
    keyFile: vaultFiles.key(stateFolder),
    passphraseFile,
  })
}

function keychainVault(options: OpenVaultOptions): KeychainVault {
  const { platform = process.platform, env = process.env, service, stateFolder } = options
  return new KeychainVault({
    engine: keychainEngine(platform, env),
    service,
    indexFile: vaultFiles.index(stateFolder),
    platform,
    ...(platform === 'linux' ? { lockState: (limitMs?: number) => askSecretService(env, limitMs) } : {}),
  })
}

function keychainEngine(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): KeychainEngine {
  const keytar = new KeytarEngine({ platform, env })
  return platform === 'linux' ? new FirstUsableEngine(keytar, new SecretToolEngine({ env })) : keytar
}
