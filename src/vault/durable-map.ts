/**
 * A map that is stored as a whole. It is read at the first use. A change takes effect only after it is written.
 *
 * Changes that arrive during a write go into the next one together (group commit), so that a thousand changes cost a
 * few fsyncs. A failed write rejects its changes and leaves the map as it was. The owner stores the map
 * (sealed-file-vault.ts, keychain-index.ts).
 */

export interface WholeStorage<V> {
  load(): Promise<Map<string, V>>
  /** Durable when it resolves; when it rejects, the old whole is still stored. */
  save(map: ReadonlyMap<string, V>): Promise<void>
}

interface Batch<V> {
  /** `undefined` removes. */
  readonly changes: Map<string, V | undefined>
  readonly written: Promise<void>
}

export class DurableMap<V> {
  readonly #storage: WholeStorage<V>
  #stored: Promise<ReadonlyMap<string, V>> | undefined
  /** Collects changes until its write begins. */
  #open: Batch<V> | undefined
  #lastWrite: Promise<void> = Promise.resolve()
  #writes = 0

  constructor(storage: WholeStorage<V>) {
    this.#storage = storage
  }

  /** What is stored, without changes that are not written yet. After a failure the next use tries again. */
  async read(): Promise<ReadonlyMap<string, V>> {
    this.#stored ??= this.#storage.load()
    const reading = this.#stored
    try {
      return await reading
    } catch (error) {
      if (this.#stored === reading) this.#stored = undefined
      throw error
    }
  }

  /** @returns Whether there was one; nothing is written when there was not. */
  async delete(name: string): Promise<boolean> {
    const existed = (await this.read()).has(name)
    // A write that has begun may store it.
    if (existed || this.#writes > 0) await this.set(name, undefined)
    return existed
  }

  /** Resolves when it is stored. @param value - `undefined` removes it. */
  async set(name: string, value: V | undefined): Promise<void> {
    const { changes, written } = this.#nextBatch()
    changes.set(name, value)
    await written
  }

  /** Writes the whole once more, as it is. */
  rewrite(): Promise<void> {
    return this.#nextBatch().written
  }

  #nextBatch(): Batch<V> {
    if (this.#open !== undefined) return this.#open
    const changes = new Map<string, V | undefined>()
    this.#writes += 1
    const written = this.#writeAfter(this.#lastWrite, changes).finally(() => {
      this.#writes -= 1
    })
    this.#open = { changes, written }
    this.#lastWrite = written.catch(() => {})
    return this.#open
  }

  async #writeAfter(before: Promise<void>, changes: ReadonlyMap<string, V | undefined>): Promise<void> {
    await before
    const stored = await this.read().finally(() => {
      // From here on changes belong to the next write.
      this.#open = undefined
    })
    const next = new Map(stored)
    for (const [name, value] of changes) {
      if (value === undefined) next.delete(name)
      else next.set(name, value)
    }
    await this.#storage.save(next)
    this.#stored = Promise.resolve(next)
  }
}
