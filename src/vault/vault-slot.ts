/**
 * The vault in use. If `auto` has not chosen one yet, it chooses at the first use. The vault can be replaced while the
 * daemon runs, because `catchd vault migrate` moves every item and then switches to the new vault. It can also be locked:
 * then nothing of it is in memory, and every call fails with `locked` until it is opened again.
 *
 * last-known-health.ts reports its health at once, also while the vault does not answer.
 */
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { ClosedVault } from './closed-vault.js'
import { LastKnownHealth } from './last-known-health.js'
import { MemoryVault } from './memory-vault.js'
import { migrateVault } from './migrate.js'
import { type Items, seal, unseal } from './sealed-format.js'
import { troubleOf, type Vault } from './vault.js'
import { VAULT_KINDS, type VaultEngine, type VaultKind } from './vault-kinds.js'

type Unlocking = (key: Buffer | null) => Promise<{
  readonly vault: Vault
  readonly decide?: () => Promise<Vault>
}>

export class VaultSlot implements Vault {
  #current: Vault
  #health: LastKnownHealth
  /** `undefined` when the vault is decided. */
  #decide: (() => Promise<Vault>) | undefined
  #deciding: Promise<void> | undefined
  /** Changes wait while the items move. Otherwise one could land in the old vault. */
  #moving: Promise<unknown> | undefined
  readonly #changing = new Set<Promise<unknown>>()

  readonly #reopen: (kind: VaultKind) => Vault
  /** What brings the vault back; `undefined` when it is not locked. */
  #locked: Unlocking | undefined

  /**
   * @param vault - Until `decide` has decided, it gives only its kind and engine.
   * @param reopen - Opens the vault again after a lock.
   * @param decide - Called at the first use, and again while it throws.
   */
  constructor(vault: Vault, reopen: (kind: VaultKind) => Vault, decide?: () => Promise<Vault>) {
    this.#current = vault
    this.#decide = decide
    this.#reopen = reopen
    this.#health = new LastKnownHealth(() => this.#askTrouble())
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

  /**
   * Waits for changes under way and closes the vault: nothing that it read stays in memory. Items that are in memory only
   * are sealed with the key.
   *
   * @param key - 32 bytes; `null` is allowed when no item is in memory only.
   */
  async lock(key: Buffer | null): Promise<void> {
    await Promise.allSettled([this.#moving, ...this.#changing])
    const open = this.#current
    const { kind } = open
    if (this.#decide !== undefined) {
      this.#locked = asBefore(open, this.#decide) // nothing was read from it
    } else {
      const sealed = VAULT_KINDS[kind].lasts ? undefined : sealItems(await itemsOf(open), key)
      this.#locked = sealed === undefined ? reopening(() => this.#reopen(kind)) : unsealing(sealed)
      await open.close()
    }
    this.#install(new ClosedVault(open))
  }

  /** @param key - The one it was locked with. */
  async unlock(key: Buffer | null): Promise<void> {
    if (this.#locked === undefined) return
    const { vault, decide } = await this.#locked(key)
    this.#locked = undefined
    this.#install(vault, decide)
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

  /** What was known last when the vault does not answer at once. Only the first call waits for the answer. */
  findTrouble(): Promise<CatchdError | undefined> {
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
        this.#install(to)
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

  #install(vault: Vault, decide?: () => Promise<Vault>): void {
    this.#current = vault
    this.#decide = decide
    this.#health = new LastKnownHealth(() => this.#askTrouble())
  }

  async #askTrouble(): Promise<CatchdError | undefined> {
    let trouble: CatchdError | undefined
    const undecided = await troubleOf(async () => {
      trouble = await (await this.#decided()).findTrouble()
    })
    return undecided ?? trouble
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

// Each is a function of its own: a closure made in `lock` would keep the open vault, with its items, in memory.

function asBefore(vault: Vault, decide: () => Promise<Vault>): Unlocking {
  return async () => ({ vault, decide })
}

function reopening(reopen: () => Vault): Unlocking {
  return async () => ({ vault: reopen() })
}

function unsealing(sealed: Buffer): Unlocking {
  const wrong = () => new CatchdError('locked', 'This key does not open what is in memory.')
  return async (key) => {
    if (key === null) throw wrong()
    return { vault: new MemoryVault(await unseal(sealed, { toUnseal: async () => key, wrongKey: wrong })) }
  }
}

function sealItems(items: Items, key: Buffer | null): Buffer | undefined {
  if (items.size === 0) return undefined
  if (key === null) throw new CatchdError('internal', 'Items in memory cannot be locked without a key.')
  return seal(items, { kind: 'key_file' }, key)
}

async function itemsOf(vault: Vault): Promise<Items> {
  const items = new Map<string, Secret>()
  for (const name of await vault.names()) {
    const value = await vault.get(name)
    if (value !== undefined) items.set(name, value)
  }
  return items
}
