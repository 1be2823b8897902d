/** A vault in memory whose troubles a test switches on and off. */
import { CatchdError, type FailureCode } from '../../src/failures.js'
import type { Secret } from '../../src/secret.js'
import type { Vault } from '../../src/vault/vault.js'
import type { VaultKind } from '../../src/vault/vault-kinds.js'

export class FakeVault implements Vault {
  kind: VaultKind = 'memory'
  readonly engine = 'memory'
  readonly items = new Map<string, Secret>()
  /** Every name that was written, in order. */
  readonly writes: string[] = []
  trouble: FailureCode | null = null
  /** Holds every write back until it resolves. */
  writeGate: Promise<void> = Promise.resolve()

  async get(name: string): Promise<Secret | undefined> {
    this.#fail()
    return this.items.get(name)
  }

  async set(name: string, value: Secret): Promise<void> {
    await this.writeGate
    this.#fail()
    this.items.set(name, value)
    this.writes.push(name)
  }

  async delete(name: string): Promise<boolean> {
    this.#fail()
    return this.items.delete(name)
  }

  async names(): Promise<string[]> {
    this.#fail()
    return [...this.items.keys()].sort()
  }

  /** How often it was asked how it is. */
  asked = 0

  async findTrouble(): Promise<CatchdError | undefined> {
    this.asked += 1
    return this.trouble === null ? undefined : new CatchdError('vault_locked')
  }

  async close(): Promise<void> {}

  #fail(): void {
    if (this.trouble !== null) throw new CatchdError(this.trouble)
  }
}
