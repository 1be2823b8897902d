/** The vault in memory, which is lost when the process ends: for tests, the demo and `CATCHD_VAULT=memory`. */
import type { Secret } from '../secret.js'
import type { Vault } from './vault.js'

export class MemoryVault implements Vault {
  readonly kind = 'memory'
  readonly engine = 'memory'
  readonly #items: Map<string, Secret>

  constructor(items: ReadonlyMap<string, Secret> = new Map()) {
    this.#items = new Map(items)
  }

  async get(name: string): Promise<Secret | undefined> {
    return this.#items.get(name)
  }

  async set(name: string, value: Secret): Promise<void> {
    this.#items.set(name, value)
  }

  async delete(name: string): Promise<boolean> {
    return this.#items.delete(name)
  }

  async names(): Promise<string[]> {
    return [...this.#items.keys()].sort()
  }

  async findTrouble(): Promise<undefined> {}

  async close(): Promise<void> {}
}
