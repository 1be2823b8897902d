/**
 * The health of a vault, reported at once, because `catchd status` has to answer while a keychain is frozen.
 *
 * Each request asks the vault. If it does not answer within a few milliseconds, the last known health is reported, and
 * the late answer is used for the next request. A failed call also changes the known health, so that a keychain that
 * has just refused a token is not reported as `ok`.
 */
import { setTimeout } from 'node:timers/promises'
import { asCatchdError } from '../failures.js'
import type { VaultHealth } from './vault.js'

/** A keychain that works answers in a few milliseconds. */
const SOON_MS = 25

export class LastKnownHealth {
  readonly #ask: () => Promise<VaultHealth>
  #known: VaultHealth | undefined
  #asking: Promise<VaultHealth> | undefined

  /** @param ask - Asks the vault. Never rejects. */
  constructor(ask: () => Promise<VaultHealth>) {
    this.#ask = ask
  }

  /** Within some 25 ms; the first time as long as the vault takes. Never throws. */
  async tell(): Promise<VaultHealth> {
    this.#asking ??= this.#ask()
      .then((health) => {
        this.#known = health
        return health
      })
      .finally(() => {
        this.#asking = undefined
      })
    if (this.#known === undefined) return this.#asking
    const waiting = new AbortController()
    const late = setTimeout(SOON_MS, undefined, { signal: waiting.signal }).catch(() => undefined)
    const health = await Promise.race([this.#asking, late])
    waiting.abort()
    return health ?? this.#known
  }

  /** Updates the health from the result of a call to the vault. @returns The result of the call. */
  async watch<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      const { code } = asCatchdError(error)
      if (code === 'vault_locked') this.#known = 'locked'
      if (code === 'vault_unavailable') this.#known = 'unavailable'
      throw error
    }
  }
}
