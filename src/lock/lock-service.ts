/**
 * Locks and unlocks catchd. While it is locked, no token, id_token, proof, refresh or login leaves or begins, and the
 * tokens are not in memory (SECURITY.md#a-lock-is-a-lock).
 *
 * Owns the steps of a lock and what unlocks it: a passphrase, or the lock of the keychain. gate.ts is what the other
 * modules ask, lock-record.ts is what lasts, and automatic-lock.ts decides when to lock without a command.
 */
import type { Clock } from '../clock.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { keyCheck } from '../vault/sealed-format.js'
import { keyFromPassphrase, newPassphraseRecipe } from '../vault/sealing-key.js'
import { VAULT_KINDS } from '../vault/vault-kinds.js'
import type { VaultSlot } from '../vault/vault-slot.js'
import type { LockGate } from './gate.js'
import type { LockFileStore, LockRecord } from './lock-record.js'
import { PassphraseTries } from './passphrase-tries.js'

export interface LockEvent {
  readonly event: 'daemon.locked' | 'daemon.unlocked'
}

/** The keychain as something that the user locks and unlocks. */
export interface LockableKeychain {
  /** @returns Whether it is locked now. */
  lock(): Promise<boolean>
  isUnlocked(): Promise<boolean>
}

export interface LockServiceParts {
  readonly clock: Clock
  readonly gate: LockGate
  readonly file: LockFileStore
  readonly vault: Pick<VaultSlot, 'kind' | 'lock' | 'unlock'>
  /** `null` if the keychain of this system cannot be locked. */
  readonly keychain: LockableKeychain | null
  readonly memory: {
    /** @returns Profiles whose token sets could not be stored. */
    flush(): Promise<readonly string[]>
    /** Forgets the secrets in memory. */
    drop(): void
  }
  readonly onUnlocked: () => void
  readonly log: (event: LockEvent) => void
}

/** How a lock is made and unlocked. */
interface Way {
  readonly record: LockRecord
  /** Seals what is in memory only; `null`: nothing is, or the key is not known now. */
  readonly key: Buffer | null
}

/** How often to look whether the user has unlocked the keychain. */
const LOOK_MS = 2_000

export class LockService {
  readonly #parts: LockServiceParts
  readonly #tries: PassphraseTries
  #record: LockRecord = { locked_by: null, passphrase: null }
  #tail: Promise<unknown> = Promise.resolve()
  #cancelLook: () => void = () => {}
  #isClosed = false

  constructor(parts: LockServiceParts) {
    this.#parts = parts
    this.#tries = new PassphraseTries(parts.clock)
  }

  /** Before anything is read from the vault: a daemon that was locked is locked again. @throws CatchdError `config_invalid` */
  async restore(): Promise<void> {
    const { file, gate, vault } = this.#parts
    this.#record = await file.read()
    if (this.#record.locked_by === null) return
    await vault.lock(null)
    gate.locked()
    this.#followKeychain()
  }

  /** Why {@link lock} without a passphrase would be refused; `undefined`: it would not. */
  whyPassphraseNeeded({ passphrase }: LockRecord = this.#record): string | undefined {
    const { vault, keychain } = this.#parts
    if (!VAULT_KINDS[vault.kind].lasts) {
      return 'The tokens are in memory only. A lock seals them with a passphrase, so each lock needs one.'
    }
    if (passphrase !== null || (vault.kind === 'keychain' && keychain !== null)) return undefined
    return 'A lock needs a passphrase, which unlocks catchd again. None has been set yet.'
  }

  /**
   * Resolves when nothing is under way any more, everything is stored, and the tokens are not in memory. Does nothing when
   * it is locked already.
   *
   * @param passphrase - `null`: the one of the last lock, or the lock of the keychain.
   * @throws CatchdError `request_invalid` if a passphrase is needed, `locked` for another passphrase while it is locked,
   *   `vault_unavailable` if a token set cannot be stored or the keychain cannot be locked; then it is not locked
   */
  lock(passphrase: Secret | null): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#record.locked_by !== null) {
        if (passphrase === null) return
        throw new CatchdError(
          'locked',
          'catchd is locked already. The passphrase stays the one of that lock.',
        )
      }
      const { gate, file, vault, memory, log } = this.#parts
      const way = await this.#wayToLock(passphrase)
      await gate.close()
      try {
        await this.#storeEverything()
        if (way.record.locked_by === 'keychain') await this.#lockKeychain()
        await vault.lock(way.key)
        await file.write(way.record).catch(async (error: unknown) => {
          await vault.unlock(way.key)
          throw error
        })
      } catch (error) {
        gate.open()
        throw error
      }
      memory.drop()
      gate.locked()
      this.#record = way.record
      log({ event: 'daemon.locked' })
      this.#followKeychain()
    })
  }

  /**
   * Does nothing when it is not locked.
   *
   * @param passphrase - `null`: only the keychain, if its lock is the one that counts.
   * @throws CatchdError `locked` for a wrong passphrase, `request_invalid` if it is missing, `vault_locked` while the
   *   keychain is locked
   */
  async unlock(passphrase: Secret | null): Promise<void> {
    const { locked_by: lockedBy, passphrase: right } = this.#record
    if (lockedBy === 'keychain') return this.#inTurn(() => this.#openWithKeychain())
    if (lockedBy === null || right === null) return // a record of a passphrase has its check
    if (passphrase === null) {
      throw new CatchdError('request_invalid', {
        detail: 'The passphrase of the lock is needed.',
        next: 'catchd unlock',
      })
    }
    const key = await this.#tries.check(passphrase, right)
    await this.#inTurn(async () => {
      // During the check, it may have been unlocked, and locked with another passphrase.
      if (this.#record.passphrase !== right) throw new CatchdError('locked')
      await this.#open(key)
    })
  }

  close(): void {
    this.#isClosed = true
    this.#cancelLook()
  }

  async #wayToLock(passphrase: Secret | null): Promise<Way> {
    if (passphrase !== null) {
      const recipe = newPassphraseRecipe()
      const key = await keyFromPassphrase(passphrase.reveal(), recipe)
      const check = { key: recipe, check: keyCheck(key) }
      return { record: { locked_by: 'passphrase', passphrase: check }, key }
    }
    // The file is read again: without it there is no passphrase any more.
    const before = await this.#parts.file.read()
    const detail = this.whyPassphraseNeeded(before)
    if (detail !== undefined)
      throw new CatchdError('request_invalid', { detail, next: 'catchd lock --passphrase' })
    return {
      record: { ...before, locked_by: before.passphrase === null ? 'keychain' : 'passphrase' },
      key: null,
    }
  }

  async #storeEverything(): Promise<void> {
    const unsaved = await this.#parts.memory.flush()
    if (unsaved.length === 0) return
    throw new CatchdError('vault_unavailable', {
      detail: `The newest tokens of ${unsaved.join(', ')} cannot be stored, and a lock would lose them. catchd is not locked.`,
    })
  }

  async #lockKeychain(): Promise<void> {
    if (await this.#parts.keychain?.lock()) return
    throw new CatchdError('vault_unavailable', {
      detail: 'The keychain could not be locked, so catchd is not locked. Lock it with a passphrase.',
      next: 'catchd lock --passphrase',
    })
  }

  async #openWithKeychain(): Promise<void> {
    if (!(await this.#parts.keychain?.isUnlocked())) {
      throw new CatchdError('vault_locked', {
        detail:
          'catchd was locked together with the keychain. Unlock the keychain, and catchd is unlocked too.',
      })
    }
    await this.#open(null)
  }

  async #open(key: Buffer | null): Promise<void> {
    if (this.#record.locked_by === null) return
    const { gate, file, vault, onUnlocked, log } = this.#parts
    const record = { ...this.#record, locked_by: null }
    await vault.unlock(key)
    await file.write(record).catch(async (error: unknown) => {
      await vault.lock(key)
      throw error
    })
    this.#record = record
    this.#cancelLook()
    gate.open()
    log({ event: 'daemon.unlocked' })
    onUnlocked()
  }

  /** Until the user has unlocked the keychain. */
  #followKeychain(): void {
    if (this.#record.locked_by !== 'keychain' || this.#isClosed) return
    this.#cancelLook = this.#parts.clock.after(LOOK_MS, () => {
      void this.#inTurn(() => this.#openWithKeychain())
        .catch(asCatchdError)
        .then(() => this.#followKeychain())
    })
  }

  /** One lock or unlock at a time. */
  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(act)
    this.#tail = turn.catch(() => {})
    return turn
  }
}
