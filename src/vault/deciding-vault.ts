/**
 * The vault of `auto` before anything is decided: the keychain where it works, the sealed file where there is
 * none. The first use decides and remembers.
 *
 * A keychain that is there but locked, frozen or failing decides nothing: the call throws, and the next one asks
 * again: the vault never silently downgrades.
 */
import { asCatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { KeychainFailure } from './keychain-engine.js'
import type { KeychainVault } from './keychain-vault.js'
import type { Vault, VaultHealth } from './vault.js'
import type { LastingVault, VaultEngine, VaultKind } from './vault-kinds.js'

export interface DecidingVaultParts {
  readonly keychain: KeychainVault
  readonly file: Vault
  readonly remember: (choice: LastingVault) => Promise<void>
}

export class DecidingVault implements Vault {
  readonly #parts: DecidingVaultParts
  #decided: Vault | undefined
  #deciding: Promise<Vault> | undefined

  constructor(parts: DecidingVaultParts) {
    this.#parts = parts
  }

  /** `keychain` until it is decided: that is what is waited for. */
  get kind(): VaultKind {
    return (this.#decided ?? this.#parts.keychain).kind
  }

  get engine(): VaultEngine {
    return (this.#decided ?? this.#parts.keychain).engine
  }

  async get(name: string): Promise<Secret | undefined> {
    return (await this.#vault()).get(name)
  }

  async set(name: string, value: Secret): Promise<void> {
    await (await this.#vault()).set(name, value)
  }

  async delete(name: string): Promise<boolean> {
    return (await this.#vault()).delete(name)
  }

  async names(): Promise<string[]> {
    return (await this.#vault()).names()
  }

  async health(): Promise<VaultHealth> {
    try {
      return await (await this.#vault()).health()
    } catch (error) {
      return asCatchdError(error).code === 'vault_locked' ? 'locked' : 'unavailable'
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#parts.keychain.close(), this.#parts.file.close()])
  }

  async #vault(): Promise<Vault> {
    if (this.#decided !== undefined) return this.#decided
    this.#deciding ??= this.#decide().finally(() => {
      this.#deciding = undefined
    })
    this.#decided = await this.#deciding
    return this.#decided
  }

  async #decide(): Promise<Vault> {
    const { keychain, file, remember } = this.#parts
    const choice = (await this.#hasKeychain()) ? keychain : file
    await remember(choice === keychain ? 'keychain' : 'file')
    return choice
  }

  /** @throws CatchdError `vault_locked`, `vault_unavailable` when that cannot be told now */
  async #hasKeychain(): Promise<boolean> {
    const { keychain } = this.#parts
    try {
      await keychain.prove()
      return true
    } catch (error) {
      const absent =
        error instanceof KeychainFailure && (error.trouble === 'no_keychain' || error.trouble === 'no_engine')
      if (absent) return false
      throw await keychain.translated(error)
    }
  }
}
