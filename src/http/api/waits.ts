/**
 * Calls that wait for a login: limited in number, also for each API key, and ended when the caller disconnects, its key is
 * removed, or the daemon stops.
 */
import type { FastifyReply } from 'fastify'
import { CatchdError } from '../../failures.js'
import { Shares } from '../../shares.js'
import { principalOf } from '../access/permission.js'
import { holderOf } from '../access/principal.js'
import type { RouteParts } from './scope.js'

/** Half of the connections of a listener, so that there is always room for other calls. */
const MOST_WAITING = 2_000

export interface WaitsParts {
  readonly keys: Pick<RouteParts['keys'], 'isStillGood'>
  readonly services: Pick<RouteParts['services'], 'subscribe'>
}

export class Waits {
  readonly #open = new Set<AbortController>()
  readonly #shares: Shares
  readonly #parts: WaitsParts

  constructor(parts: WaitsParts, most = MOST_WAITING) {
    this.#parts = parts
    this.#shares = new Shares(most)
  }

  /**
   * Runs `wait` with a signal that aborts when the caller disconnects, or its key is removed.
   *
   * @throws CatchdError `too_many_logins` when too many calls wait already, `unauthorized` when the caller's key was removed or
   *   has expired meanwhile; what `wait` throws
   */
  async hold<Result>(reply: FastifyReply, wait: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const { keys, services } = this.#parts
    const principal = principalOf(reply.request)
    this.#shares.require(holderOf(principal), 'calls are waiting for logins')
    const giveBack = this.#shares.take(holderOf(principal))
    const waiting = new AbortController()
    const leave = () => waiting.abort()
    this.#open.add(waiting)
    reply.raw.once('close', leave)
    const unsubscribe = services.subscribe(() => {
      if (!keys.isStillGood(principal)) leave()
    })
    try {
      const result = await wait(waiting.signal)
      if (!keys.isStillGood(principal)) throw new CatchdError('unauthorized')
      return result
    } finally {
      unsubscribe()
      reply.raw.off('close', leave)
      this.#open.delete(waiting)
      giveBack()
    }
  }

  /** Ends all waits; each call is answered with the current state. */
  end(): void {
    for (const waiting of this.#open) waiting.abort()
  }
}
