/**
 * The vault in use. If `auto` has not chosen one yet, it chooses at the first use. The vault can be replaced while the
 * daemon runs, because `catchd vault migrate` moves every item and then switches to the new vault.
 *
 * last-known-health.ts reports its health at once, also while the vault does not answer.
 */
import type { Secret } from '../secret.js'
import { LastKnownHealth } from './last-known-health.js'
import { migrateVault } from './migrate.js'
import { healthOf, type Vault, type VaultHealth } from './vault.js'
import type { VaultEngine, VaultKind } from './vault-kinds.js'

export class VaultSlot implements Vault {
  #current: Vault
  #health: LastKnownHealth
  /** `undefined` when the vault is decided. */
  #decide: (() => Promise<Vault>) | undefined
  #deciding: Promise<void> | undefined
  /** Changes wait while the items move. Otherwise one could land in the old vault. */
  #moving: Promise<unknown> | undefined
  readonly #changing = new Set<Promise<unknown>>()

  /**
   * @param vault - Until `decide` has decided, it gives only its kind and engine.
   * @param decide - Called at the first use, and again while it throws.
   */
  constructor(vault: Vault, decide?: () => Promise<Vault>) {
    this.#current = vault
    this.#decide = decide
    this.#health = new LastKnownHealth(() => this.#askHealth())
  }

  /**
   * Moves every item into `to` and uses it from then on. The old vault is closed.
   *
   * @param remember - Makes the next start use `to`; called when it holds everything and nothing is deleted yet.
   * @returns How many items moved.
   * @throws CatchdError `vault_locked`, `vault_unavailable`. Before `remember` was called, the old vault stays in use
   *   and holds everything. Afterwards the new vault is in use, and the old one may still hold some items.
   */
  async migrate(to: Vault, remember: () => Promise<void>): Promise<number> {
    const moving = Promise.allSettled([this.#moving]).then(() => this.#move(to, remember))
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
    return this.#use((vault) => vault.get(name))
  }

  set(name: string, value: Secret): Promise<void> {
    return this.#change((vault) => vault.set(name, value))
  }

  delete(name: string): Promise<boolean> {
    return this.#change((vault) => vault.delete(name))
  }

  names(): Promise<string[]> {
    return this.#use((vault) => vault.names())
  }

  /** The last known health when the vault does not answer at once. Only the first call waits for the answer. */
  health(): Promise<VaultHealth> {
    return this.#health.tell()
  }

  close(): Promise<void> {
    return this.#current.close()
  }

  async #move(to: Vault, remember: () => Promise<void>): Promise<number> {
    const from = await this.#decided()
    await Promise.allSettled(this.#changing)
    try {
      return await migrateVault(from, to, async () => {
        await remember()
        this.#current = to
        this.#health = new LastKnownHealth(() => this.#askHealth())
      })
    } finally {
      await (this.#current === to ? from : to).close()
    }
  }

  async #decided(): Promise<Vault> {
    const decide = this.#decide
    if (decide !== undefined) {
      this.#deciding ??= (async () => {
        this.#current = await decide()
        this.#decide = undefined
      })().finally(() => {
        this.#deciding = undefined
      })
      await this.#deciding
    }
    return this.#current
  }

  #askHealth(): Promise<VaultHealth> {
    return healthOf(async () => (await this.#decided()).health())
  }

  #use<T>(act: (vault: Vault) => Promise<T>): Promise<T> {
    const isDecided = this.#decide === undefined
    return this.#health.watch(isDecided ? act(this.#current) : this.#decided().then(act))
  }

  async #change<T>(act: (vault: Vault) => Promise<T>): Promise<T> {
    while (this.#moving !== undefined) await this.#moving.catch(() => {})
    const change = this.#use(act)
    this.#changing.add(change)
    try {
      return await change
    } finally {
      this.#changing.delete(change)
    }
  }
}
