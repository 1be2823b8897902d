/**
 * The vault in use, exchangeable while the daemon runs: `catchd vault migrate` moves every item and then puts
 * the new vault in the place of the old one.
 *
 * Its health is told at once, whatever the vault does: see last-known-health.ts.
 */
import type { Secret } from '../secret.js'
import { LastKnownHealth } from './last-known-health.js'
import { migrateVault } from './migrate.js'
import type { Vault, VaultHealth } from './vault.js'
import type { VaultEngine, VaultKind } from './vault-kinds.js'

export class VaultSlot implements Vault {
  #current: Vault
  #health: LastKnownHealth
  /** Changes wait while the items move, so that none lands in the vault that is being left. */
  #moving: Promise<unknown> | undefined
  readonly #changing = new Set<Promise<unknown>>()

  constructor(vault: Vault) {
    this.#current = vault
    this.#health = new LastKnownHealth(vault)
  }

  get current(): Vault {
    return this.#current
  }

  /**
   * Moves every item into `to` and uses it from then on; the vault left behind is closed.
   *
   * @param remember - Makes the next start use `to`; called when it holds everything and nothing is deleted yet.
   * @returns How many items moved.
   * @throws CatchdError `vault_locked`, `vault_unavailable`; until `remember` was called the old vault stays in
   *   use, with everything; afterwards the new one is, and items may be left over in the old
   */
  async migrate(to: Vault, remember: () => Promise<void>): Promise<number> {
    const before = this.#moving
    const moving = (async () => {
      await before?.catch(() => {})
      return this.#move(to, remember)
    })()
    this.#moving = moving
    try {
      return await moving
    } finally {
      if (this.#moving === moving) this.#moving = undefined
    }
  }

  get kind(): VaultKind {
    return this.#current.kind
  }

  get engine(): VaultEngine {
    return this.#current.engine
  }

  get(name: string): Promise<Secret | undefined> {
    return this.#health.watch(this.#current.get(name))
  }

  set(name: string, value: Secret): Promise<void> {
    return this.#change((vault) => vault.set(name, value))
  }

  delete(name: string): Promise<boolean> {
    return this.#change((vault) => vault.delete(name))
  }

  names(): Promise<string[]> {
    return this.#current.names()
  }

  /** As last known where the vault takes its time to answer; the first answer is waited for. */
  health(): Promise<VaultHealth> {
    return this.#health.tell()
  }

  close(): Promise<void> {
    return this.#current.close()
  }

  async #move(to: Vault, remember: () => Promise<void>): Promise<number> {
    const from = this.#current
    await Promise.allSettled(this.#changing)
    try {
      return await migrateVault(from, to, async () => {
        await remember()
        this.#current = to
        this.#health = new LastKnownHealth(to)
      })
    } finally {
      await (this.#current === to ? from : to).close()
    }
  }

  async #change<T>(act: (vault: Vault) => Promise<T>): Promise<T> {
    while (this.#moving !== undefined) await this.#moving.catch(() => {})
    const change = this.#health.watch(act(this.#current))
    this.#changing.add(change)
    try {
      return await change
    } finally {
      this.#changing.delete(change)
    }
  }
}
