/**
 * Checks passphrases, one at a time. Each wrong one is answered later than the one before, as ssh-agent does. Nothing else
 * waits for that.
 */
import type { Clock } from '../clock.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { fitsKeyCheck } from '../vault/sealed-format.js'
import { keyFromPassphrase } from '../vault/sealing-key.js'
import type { LockRecord } from './lock-record.js'

const STEP_MS = 100
const LONGEST_MS = 10_000
const MOST_WAITING = 5

export class PassphraseTries {
  readonly #clock: Pick<Clock, 'after'>
  #wrong = 0
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock
  }

  /** @returns The key of the passphrase. @throws CatchdError `locked` if it is wrong, or if too many tries wait */
  async check(passphrase: Secret, right: NonNullable<LockRecord['passphrase']>): Promise<Buffer> {
    if (this.#waiting >= MOST_WAITING) {
      throw new CatchdError('locked', 'Too many passphrases are being checked. Try again later.')
    }
    this.#waiting += 1
    const turn = this.#last.then(() => this.#check(passphrase, right))
    this.#last = turn.catch(() => {})
    try {
      return await turn
    } finally {
      this.#waiting -= 1
    }
  }

  async #check(passphrase: Secret, { key: recipe, check }: NonNullable<LockRecord['passphrase']>) {
    const key = await keyFromPassphrase(passphrase.reveal(), recipe)
    if (fitsKeyCheck(key, check)) {
      this.#wrong = 0
      return key
    }
    this.#wrong += 1
    const pauseMs = Math.min(this.#wrong * STEP_MS, LONGEST_MS)
    await new Promise<void>((resolve) => this.#clock.after(pauseMs, resolve))
    throw new CatchdError('locked', 'The passphrase is wrong. catchd stays locked, and nothing is lost.')
  }
}
