/**
 * The first keychain engine that is installed: keytar, then secret-tool. They read and write the same items, so
 * catchd does not have to remember which one it used.
 */
import { type KeychainEngine, KeychainFailure } from './keychain-engine.js'

/** @param others - Used when the engine before is not installed. */
export function firstUsableEngine(
  first: KeychainEngine,
  ...others: readonly KeychainEngine[]
): KeychainEngine {
  const engines = [first, ...others]
  let current = first

  async function use<T>(call: (engine: KeychainEngine) => Promise<T>): Promise<T> {
    const engine = current
    try {
      return await call(engine)
    } catch (error) {
      const next = engines[engines.indexOf(engine) + 1]
      if (!(error instanceof KeychainFailure) || error.trouble !== 'no_engine' || next === undefined)
        throw error
      // Another call may have moved on already.
      if (current === engine) current = next
      return use(call)
    }
  }

  return {
    get name() {
      return current.name
    },
    get maxValueBytes() {
      return current.maxValueBytes
    },
    get: (service, account) => use((engine) => engine.get(service, account)),
    set: (service, account, value) => use((engine) => engine.set(service, account, value)),
    delete: (service, account) => use((engine) => engine.delete(service, account)),
    async close() {
      await Promise.all(engines.map((engine) => engine.close()))
    },
  }
}
