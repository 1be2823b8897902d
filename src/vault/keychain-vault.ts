/**
 * The vault in the keychain of the login session: one keychain item per vault item, the names are in our
 * own index, long values in chunks.
 *
 * keytar and secret-tool report "none" for every item of a locked keyring. So an item counts as missing only when the
 * keychain is known to be unlocked: first the Secret Service is asked (secret-service.ts, without a dialog), and then
 * a sentinel item is read, which is impossible in a locked keyring, as is writing it. Calls for one item happen one
 * after the other.
 */
import { randomBytes } from 'node:crypto'
import { asCatchdError, type CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import type { OnSetAside } from './durable-file.js'
import { chunkAccounts, cut, join, needsChunks, parseHead } from './item-chunks.js'
import { isAbsence, type KeychainAbsence, type KeychainEngine, KeychainFailure } from './keychain-engine.js'
import { type KeychainHost, keychainHost, translate } from './keychain-fix.js'
import { type KeychainIndex, openKeychainIndex } from './keychain-index.js'
import type { LockState } from './secret-service.js'
import { troubleOf, type Vault } from './vault.js'
import type { VaultEngine } from './vault-kinds.js'

const SENTINEL = 'vault/sentinel'
/** Added to a deadline that has passed, within the 2 seconds of a locked keychain. */
const DIALOG_CHECK_MS = 150
const SENTINEL_VALUE = 'Tells catchd whether this keychain is unlocked.'

export interface KeychainVaultOptions {
  readonly engine: KeychainEngine
  /** Keychain items belong to one home: `catchd`, or `catchd:HASH`. */
  readonly service: string
  readonly indexFile: string
  readonly onSetAside?: OnSetAside | undefined
  /** Asks without a dialog, within `limitMs`; `undefined` if there is no service to ask. */
  readonly lockState?: (limitMs?: number) => Promise<LockState>
  /** What the command depends on that a failure names. */
  readonly host?: KeychainHost
}

export class KeychainVault implements Vault {
  readonly kind = 'keychain'
  readonly #engine: KeychainEngine
  readonly #service: string
  readonly #index: KeychainIndex
  readonly #askLockState: ((limitMs?: number) => Promise<LockState>) | undefined
  readonly #host: KeychainHost
  readonly #turns = new Map<string, Promise<unknown>>()
  #asking: Promise<LockState> | undefined
  /** When a call last ended without an answer. */
  #silentAt = 0

  constructor(options: KeychainVaultOptions) {
    this.#engine = options.engine
    this.#service = options.service
    this.#index = openKeychainIndex(options.indexFile, options.onSetAside)
    this.#askLockState = options.lockState
    this.#host = options.host ?? keychainHost()
  }

  get engine(): VaultEngine {
    return this.#engine.name
  }

  get(name: string): Promise<Secret | undefined> {
    return this.#inTurn(name, async () => {
      let found = await this.#read(name)
      if (found.value === undefined) {
        await this.#seeSentinel()
        // It may have been unlocked between the two checks.
        found = await this.#read(name)
      }
      if (found.stored === null) await this.#forget(name).catch(() => {})
      return found.value === undefined ? undefined : new Secret(found.value)
    })
  }

  set(name: string, value: Secret): Promise<void> {
    return this.#inTurn(name, () => this.#write(name, value.reveal()))
  }

  delete(name: string): Promise<boolean> {
    return this.#inTurn(name, async () => {
      let stored = await this.#engine.get(this.#service, name)
      if (stored === null) {
        await this.#seeSentinel()
        stored = await this.#engine.get(this.#service, name)
      }
      if (stored !== null && !(await this.#engine.delete(this.#service, name))) await this.#seeSentinel()
      const head = stored === null ? 'plain' : parseHead(stored)
      await this.#forget(name, typeof head === 'string' ? [] : chunkAccounts(name, head))
      return stored !== null
    })
  }

  async names(): Promise<string[]> {
    return [...(await this.#index.read()).keys()].sort()
  }

  findTrouble(): Promise<CatchdError | undefined> {
    return troubleOf(() => this.#inTurn(SENTINEL, () => this.#seeSentinel()))
  }

  async close(): Promise<void> {
    // Only the sentinel may stay behind, which does no harm.
    await this.#leaveNothing().catch(() => {})
    await this.#engine.close()
  }

  /**
   * Writes, reads and deletes an item of its own.
   *
   * @returns Why there is no keychain here; `undefined` if there is one.
   * @throws CatchdError `vault_locked`, `vault_unavailable` when it does not work now
   */
  async absence(): Promise<KeychainAbsence | undefined> {
    try {
      await this.#refuseTrouble()
      const account = `probe#${randomBytes(6).toString('hex')}`
      await this.#engine.set(this.#service, account, SENTINEL_VALUE)
      const stored = await this.#engine.get(this.#service, account)
      await this.#engine.delete(this.#service, account)
      if (stored !== SENTINEL_VALUE) throw new KeychainFailure('failed', 'an item cannot be read back')
      return undefined
    } catch (error) {
      if (error instanceof KeychainFailure && isAbsence(error.trouble)) return error.trouble
      throw await this.#translated(error)
    }
  }

  /** Translates the failure of an engine to the codes of the vault, with the fix. */
  async #translated(error: unknown): Promise<CatchdError> {
    if (!(error instanceof KeychainFailure)) return asCatchdError(error)
    if (error.trouble !== 'silent') return translate(error, this.#host)
    // A dialog that waits for the user looks like a frozen keychain. The Secret Service itself still answers.
    const state = await this.#askLockState?.(DIALOG_CHECK_MS)
    const locked = state?.state === 'trouble' && state.trouble === 'locked'
    return translate(locked ? new KeychainFailure('locked') : error, this.#host)
  }

  async #read(name: string): Promise<{ stored: string | null; value: string | undefined }> {
    const stored = await this.#engine.get(this.#service, name)
    const head = stored === null ? 'torn' : parseHead(stored)
    if (stored === null || head === 'torn') return { stored, value: undefined }
    if (head === 'plain') return { stored, value: stored }
    const chunks = await Promise.all(
      chunkAccounts(name, head).map((account) => this.#engine.get(this.#service, account)),
    )
    const whole = chunks.filter((chunk) => chunk !== null)
    return { stored, value: join(head, whole) }
  }

  /**
   * A locked keychain refuses to store the sentinel. So a deleted sentinel does not look like a lock.
   *
   * @throws KeychainFailure when a missing item may only seem to be missing
   */
  async #seeSentinel(): Promise<void> {
    if ((await this.#engine.get(this.#service, SENTINEL)) !== null) return
    await this.#engine.set(this.#service, SENTINEL, SENTINEL_VALUE)
  }

  async #write(name: string, value: string): Promise<void> {
    const before = (await this.#index.read()).get(name)
    if (!needsChunks(value, this.#engine.maxValueBytes)) {
      if (before === undefined) await this.#index.set(name, [])
      await this.#engine.set(this.#service, name, value)
      if (before !== undefined) await this.#sweep(name, before, [])
      return
    }
    const generation = randomBytes(6).toString('hex')
    const { head, chunks } = cut(value, generation, this.#engine.maxValueBytes)
    const accounts = chunkAccounts(name, { generation, chunks: chunks.length })
    // Known to the index before they exist: a crash in between leaves nothing that is never deleted.
    await this.#index.set(name, [...(before ?? []), ...accounts])
    for (const [index, chunk] of chunks.entries()) {
      await this.#engine.set(this.#service, accounts[index] ?? '', chunk)
    }
    await this.#engine.set(this.#service, name, head)
    await this.#sweep(name, before ?? [], accounts)
  }

  async #leaveNothing(): Promise<void> {
    if ((await this.#index.read()).size > 0) return
    await this.#inTurn(SENTINEL, () => this.#engine.delete(this.#service, SENTINEL))
  }

  /** Deletes chunks that no head names any more. The item itself is stored, so after a failure the next write tries again. */
  async #sweep(name: string, old: readonly string[], current: readonly string[]): Promise<void> {
    if (old.length === 0) return
    try {
      await this.#deleteAll(old)
      await this.#index.set(name, current)
    } catch {
      // The index still names them.
    }
  }

  async #forget(name: string, found: readonly string[] = []): Promise<void> {
    const known = (await this.#index.read()).get(name)
    await this.#deleteAll(new Set([...(known ?? []), ...found]))
    if (known !== undefined) await this.#index.delete(name)
  }

  async #deleteAll(accounts: Iterable<string>): Promise<void> {
    await Promise.all([...accounts].map((account) => this.#engine.delete(this.#service, account)))
  }

  async #inTurn<T>(name: string, act: () => Promise<T>): Promise<T> {
    const turn = this.#after(this.#turns.get(name), act)
    this.#turns.set(name, turn)
    try {
      return await turn
    } catch (error) {
      throw await this.#translated(error)
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name)
    }
  }

  async #after<T>(before: Promise<unknown> | undefined, act: () => Promise<T>): Promise<T> {
    const askedAt = performance.now()
    // Asked at once, so that its deadline runs while this call waits for its turn.
    const [, refusal] = await Promise.allSettled([before, this.#refuseTrouble()])
    if (refusal.status === 'rejected') throw refusal.reason
    // The call before this one got no answer, so this one has waited long enough.
    if (this.#silentAt > askedAt) throw new KeychainFailure('silent')
    try {
      return await act()
    } catch (error) {
      if (error instanceof KeychainFailure && error.trouble === 'silent') this.#silentAt = performance.now()
      throw error
    }
  }

  /** @throws KeychainFailure */
  async #refuseTrouble(): Promise<void> {
    if (this.#askLockState === undefined) return
    this.#asking ??= this.#askLockState().finally(() => {
      this.#asking = undefined
    })
    const state = await this.#asking
    if (state.state === 'trouble') throw new KeychainFailure(state.trouble, state.text)
  }
}
