/**
 * Calls that wait for a login: bounded in number, ended when their caller leaves or the daemon stops, and answered
 * to nobody whose key was taken away meanwhile.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CatchdError } from '../../failures.js'

/** Half of the connections that a listener keeps, so that waiting calls never shut the others out. */
const MOST_WAITING = 2_000

export class Waits {
  readonly #open = new Set<AbortController>()
  readonly #most: number
  readonly #requireStillGood: (request: FastifyRequest) => void

  /** @param requireStillGood - Throws when the caller of the request would not be let in any more. */
  constructor(most = MOST_WAITING, requireStillGood: (request: FastifyRequest) => void = () => {}) {
    this.#most = most
    this.#requireStillGood = requireStillGood
  }

  /**
   * Runs `wait` with a signal that aborts when the caller is gone.
   *
   * @throws CatchdError `too_many_logins` when too many calls wait already, `unauthorized` when the caller's key was removed or
   *   has expired meanwhile; whatever `wait` throws
   */
  async hold<Result>(reply: FastifyReply, wait: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    if (this.#open.size >= this.#most) {
      throw new CatchdError('too_many_logins', `${this.#most} calls wait for logins already.`)
    }
    const waiting = new AbortController()
    const leave = () => waiting.abort()
    this.#open.add(waiting)
    reply.raw.once('close', leave)
    try {
      const result = await wait(waiting.signal)
      this.#requireStillGood(reply.request)
      return result
    } finally {
      reply.raw.off('close', leave)
      this.#open.delete(waiting)
    }
  }

  /** Everybody is answered as things stand. */
  end(): void {
    for (const waiting of this.#open) waiting.abort()
  }
}
