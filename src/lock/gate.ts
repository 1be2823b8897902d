/**
 * Whether catchd is locked, for everything that uses secrets.
 *
 * A lock begins in two steps. From the first, nothing new begins. Work that is under way (a refresh, a code that is being
 * redeemed) ends and stores what it got, so that no token set is lost (SECURITY.md#nothing-stored-is-lost). Then the vault
 * is closed, and everything that asks for it fails. lock-service.ts takes these steps.
 */
import { CatchdError } from '../failures.js'

export class LockGate {
  #phase: 'open' | 'closing' | 'locked' = 'open'
  readonly #works = new Set<Promise<unknown>>()

  get isLocked(): boolean {
    return this.#phase !== 'open'
  }

  /** Called before something new begins. @throws CatchdError `locked` */
  requireUnlocked(): void {
    if (this.isLocked) throw new CatchdError('locked')
  }

  /**
   * Runs work that uses secrets. A lock waits for its end. Work that is part of other work may begin while that runs.
   *
   * @throws CatchdError `locked`, and what the work throws
   */
  async use<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#phase === 'locked') throw new CatchdError('locked')
    const running = work()
    this.#works.add(running)
    try {
      return await running
    } finally {
      this.#works.delete(running)
    }
  }

  /** Nothing new begins. Resolves when everything under way has ended. */
  async close(): Promise<void> {
    this.#phase = 'closing'
    while (this.#works.size > 0) await Promise.allSettled(this.#works)
  }

  locked(): void {
    this.#phase = 'locked'
  }

  open(): void {
    this.#phase = 'open'
  }
}
