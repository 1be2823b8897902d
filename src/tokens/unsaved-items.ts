/**
 * Writes of token sets to the vault. Writes of one profile happen one after the other. A write that fails is tried again
 * until it succeeds, in the same vault (SECURITY.md#vault-never-downgrades).
 */
import type { Clock } from '../clock.js'
import { asCatchdError, type CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { itemName, type Vault } from '../vault/vault.js'

const FIRST_RETRY_MS = 2_000
const LONGEST_RETRY_MS = 60_000

export class UnsavedItems {
  readonly #clock: Clock
  readonly #vault: Vault
  readonly #onSaved: (profile: string) => void
  readonly #waiting = new Map<string, Secret>()
  readonly #writing = new Map<string, Promise<unknown>>()
  #cancelRetry: (() => void) | null = null
  #pauseMs = FIRST_RETRY_MS

  constructor(clock: Clock, vault: Vault, onSaved: (profile: string) => void) {
    this.#clock = clock
    this.#vault = vault
    this.#onSaved = onSaved
  }

  profiles(): string[] {
    return [...this.#waiting.keys()]
  }

  /** @returns Why it could not be stored (it will be tried again), or `null` when it is stored. */
  store(profile: string, item: Secret): Promise<CatchdError | null> {
    return this.#inTurn(profile, () => this.#write(profile, item))
  }

  /** Deletes the stored token set after every write before it. @throws the vault's codes */
  remove(profile: string): Promise<void> {
    return this.#inTurn(profile, async () => {
      this.#waiting.delete(profile)
      await this.#vault.delete(itemName.tokenSet(profile))
    })
  }

  /** Tries once more, and waits for every write under way. */
  async flush(): Promise<void> {
    await this.#retry()
    await Promise.allSettled([...this.#writing.values()])
  }

  /** Tries once more, waits for every write under way, and stops trying. */
  async drain(): Promise<void> {
    await this.flush()
    this.#cancelRetry?.()
    this.#cancelRetry = null
  }

  async #inTurn<T>(profile: string, act: () => Promise<T>): Promise<T> {
    const before = this.#writing.get(profile)
    const turn = (async () => {
      await before?.catch(() => {})
      return act()
    })()
    this.#writing.set(profile, turn)
    try {
      return await turn
    } finally {
      if (this.#writing.get(profile) === turn) this.#writing.delete(profile)
    }
  }

  async #write(profile: string, item: Secret): Promise<CatchdError | null> {
    try {
      await this.#vault.set(itemName.tokenSet(profile), item)
    } catch (error) {
      this.#waiting.set(profile, item)
      this.#retryLater()
      return asCatchdError(error)
    }
    if (this.#waiting.delete(profile)) this.#onSaved(profile)
    return null
  }

  #retryLater(): void {
    if (this.#cancelRetry !== null) return
    this.#cancelRetry = this.#clock.after(this.#pauseMs, () => {
      this.#cancelRetry = null
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_RETRY_MS)
      void this.#retry().then(() => {
        if (this.#waiting.size === 0) this.#pauseMs = FIRST_RETRY_MS
      })
    })
  }

  async #retry(): Promise<void> {
    await Promise.all([...this.#waiting].map(([profile, item]) => this.store(profile, item)))
  }
}
