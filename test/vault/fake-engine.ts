/** A keychain in memory that behaves like gnome-keyring behind keytar, and fails when a test says so. */
import {
  type KeychainEngine,
  KeychainFailure,
  type KeychainTrouble,
} from '../../src/vault/keychain-engine.js'

export class FakeEngine implements KeychainEngine {
  readonly name = 'keytar'
  readonly maxValueBytes: number
  readonly items: Map<string, string>
  /** Nothing is shown and nothing is taken, without an error on reading and deleting: as measured. */
  locked = false
  trouble: KeychainTrouble | null = null
  /** Calls that still succeed; the next one fails, and all after it, as if the program had been killed. */
  callsLeft = Number.POSITIVE_INFINITY
  calls = 0

  constructor(maxValueBytes = Number.POSITIVE_INFINITY, items = new Map<string, string>()) {
    this.maxValueBytes = maxValueBytes
    this.items = items
  }

  async get(_service: string, account: string): Promise<string | null> {
    this.#begin()
    return this.locked ? null : (this.items.get(account) ?? null)
  }

  async set(_service: string, account: string, value: string): Promise<void> {
    this.#begin()
    if (this.locked) throw new KeychainFailure('locked')
    if (Buffer.byteLength(value) > this.maxValueBytes) throw new KeychainFailure('failed', 'too long')
    if (value === '' || value.includes('\0')) throw new KeychainFailure('failed', 'not taken')
    this.items.set(account, value)
  }

  async delete(_service: string, account: string): Promise<boolean> {
    this.#begin()
    return this.locked ? false : this.items.delete(account)
  }

  async close(): Promise<void> {}

  #begin(): void {
    this.calls += 1
    if (this.trouble !== null) throw new KeychainFailure(this.trouble)
    if (this.callsLeft <= 0) throw new KeychainFailure('failed', 'killed')
    this.callsLeft -= 1
  }
}
