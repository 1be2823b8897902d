/**
 * The vault in use, exchangeable while the daemon runs: `catchd vault migrate` moves every item and then puts
 * the new vault in the place of the old one.
 */
import type { Secret } from '../secret.js'
import type { Vault, VaultEngine, VaultHealth, VaultKind } from './vault.js'

export class VaultSlot implements Vault {
  #current: Vault

  constructor(vault: Vault) {
    this.#current = vault
  }

  get current(): Vault {
    return this.#current
  }

  /** @returns The vault that was in use, for the caller to close. */
  replace(vault: Vault): Vault {
    const before = this.#current
    this.#current = vault
    return before
  }

  get kind(): VaultKind {
    return this.#current.kind
  }

  get engine(): VaultEngine {
    return this.#current.engine
  }

  get(name: string): Promise<Secret | undefined> {
    return this.#current.get(name)
  }

  set(name: string, value: Secret): Promise<void> {
    return this.#current.set(name, value)
  }

  delete(name: string): Promise<boolean> {
    return this.#current.delete(name)
  }

  names(): Promise<string[]> {
    return this.#current.names()
  }

  health(): Promise<VaultHealth> {
    return this.#current.health()
  }

  close(): Promise<void> {
    return this.#current.close()
  }
}
