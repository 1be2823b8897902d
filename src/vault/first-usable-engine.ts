/**
 * The first keychain engine that is installed: keytar, then secret-tool. They read and write the same items, so
 * which one it is need not be remembered.
 */
import { type KeychainEngine, KeychainFailure } from './keychain-engine.js'

export class FirstUsableEngine implements KeychainEngine {
  #current: KeychainEngine
  readonly #others: KeychainEngine[]

  constructor(first: KeychainEngine, ...others: KeychainEngine[]) {
    this.#current = first
    this.#others = others
  }

  get name(): KeychainEngine['name'] {
    return this.#current.name
  }

  get maxValueBytes(): number {
    return this.#current.maxValueBytes
  }

  get(service: string, account: string): Promise<string | null> {
    return this.#use((engine) => engine.get(service, account))
  }

  set(service: string, account: string, value: string): Promise<void> {
    return this.#use((engine) => engine.set(service, account, value))
  }

  delete(service: string, account: string): Promise<boolean> {
    return this.#use((engine) => engine.delete(service, account))
  }

  async close(): Promise<void> {
    await Promise.all([this.#current, ...this.#others].map((engine) => engine.close()))
  }

  async #use<T>(call: (engine: KeychainEngine) => Promise<T>): Promise<T> {
    const engine = this.#current
    try {
      return await call(engine)
    } catch (error) {
      if (!(error instanceof KeychainFailure) || error.trouble !== 'no_engine') throw error
      // A call beside this one may have moved on already.
      if (this.#current === engine) {
        const next = this.#others.shift()
        if (next === undefined) throw error
        this.#current = next
      }
      return this.#use(call)
    }
  }
}
