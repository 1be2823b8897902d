/**
 * Calls that wait for a login: bounded in number, ended when their caller leaves or the daemon stops.
 */
import type { FastifyReply } from 'fastify'
import { CatchdError } from '../../failures.js'

/** Half of the connections that a listener keeps, so that waiting calls never shut the others out. */
const MOST_WAITING = 2_000

export class Waits {
  readonly #open = new Set<AbortController>()
  readonly #most: number

  constructor(most = MOST_WAITING) {
    this.#most = most
  }

  /**
   * Runs `wait` with a signal that aborts when the caller is gone.
   *
   * @throws CatchdError `too_many_logins` when too many calls wait already; whatever `wait` throws
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
      return await wait(waiting.signal)
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
