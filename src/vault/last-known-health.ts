/**
 * The health of a vault, told at once: `status` has to answer while a keychain is frozen.
 *
 * Each question asks the vault. What it says soon is told; where it takes its time the last known health is, and
 * the answer that is on its way counts from then on. A call that failed counts, too, so that nobody hears `ok` of a
 * keychain that has just refused a token.
 */
import { asCatchdError } from '../failures.js'
import type { Vault, VaultHealth } from './vault.js'

/** A keychain that works says so in a few milliseconds. */
const SOON_MS = 25

export class LastKnownHealth {
  readonly #vault: Pick<Vault, 'health'>
  #known: VaultHealth | undefined
  #asking: Promise<VaultHealth> | undefined

  constructor(vault: Pick<Vault, 'health'>) {
    this.#vault = vault
  }

  /** Within some 25 ms; the first time as long as the vault takes. Never throws. */
  async tell(): Promise<VaultHealth> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    if (this.#known === undefined) return this.#asking
    return this.#soonOrKnown(this.#asking)
  }

  /** Learns from how a call to the vault ends. @returns What the call returns. */
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

  async #ask(): Promise<VaultHealth> {
    this.#known = await this.#vault.health()
    return this.#known
  }

  #soonOrKnown(asking: Promise<VaultHealth>): Promise<VaultHealth> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(this.#known ?? 'unavailable'), SOON_MS)
      void asking.then((health) => {
        clearTimeout(timer)
        resolve(health)
      })
    })
  }
}
