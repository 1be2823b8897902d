/**
 * The health of a vault, reported at once, because `catchd status` has to answer while a keychain is frozen.
 *
 * Each request asks the vault. If it does not answer within a few milliseconds, the last known health is reported, and
 * the late answer is used for the next request. A failed call also changes the known health, so that a keychain that
 * has just refused a token is not reported as `ok`.
 */
import { setTimeout } from 'node:timers/promises'
import { asCatchdError, type CatchdError } from '../failures.js'

/** A keychain that works answers in a few milliseconds. */
const SOON_MS = 25
/** What was locked may just have been unlocked. A key is made from a passphrase in a fifth of a second. */
const UNLOCKED_MS = 500

type Trouble = CatchdError | undefined

export class LastKnownHealth {
  readonly #ask: () => Promise<Trouble>
  #known: { readonly trouble: Trouble } | undefined
  #asking: Promise<Trouble> | undefined

  /** @param ask - Asks the vault what is wrong. Never rejects. */
  constructor(ask: () => Promise<Trouble>) {
    this.#ask = ask
  }

  /** Within some 25 ms; the first time as long as the vault takes. Never throws. @returns What is wrong. */
  async tell(): Promise<Trouble> {
    this.#asking ??= this.#ask()
      .then((trouble) => {
        this.#known = { trouble }
        return trouble
      })
      .finally(() => {
        this.#asking = undefined
      })
    if (this.#known === undefined) return this.#asking
    const waiting = new AbortController()
    const wasLocked = this.#known.trouble?.code === 'vault_locked'
    const late = setTimeout(wasLocked ? UNLOCKED_MS : SOON_MS, undefined, { signal: waiting.signal }).catch(
      () => undefined,
    )
    const answered = this.#asking.then((trouble) => ({ trouble }))
    const { trouble } = (await Promise.race([answered, late])) ?? this.#known
    waiting.abort()
    return trouble
  }

  /** Updates the health from the result of a call to the vault. @returns The result of the call. */
  async watch<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      const trouble = asCatchdError(error)
      if (trouble.code === 'vault_locked' || trouble.code === 'vault_unavailable') this.#known = { trouble }
      throw error
    }
  }
}
