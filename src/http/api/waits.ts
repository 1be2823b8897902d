/**
 * Calls that wait for a login: limited in number, ended when the caller disconnects or the daemon stops, and refused at
 * the end if the caller's key was removed meanwhile.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CatchdError } from '../../failures.js'

/** Half of the connections of a listener, so that there is always room for other calls. */
const MOST_WAITING = 2_000

export class Waits {
  readonly #open = new Set<AbortController>()
  readonly #most: number
  readonly #requireStillGood: (request: FastifyRequest) => void

  /** @param requireStillGood - Throws when the caller of the request is no longer allowed in. */
  constructor(most = MOST_WAITING, requireStillGood: (request: FastifyRequest) => void = () => {}) {
    this.#most = most
    this.#requireStillGood = requireStillGood
  }

  /**
   * Runs `wait` with a signal that aborts when the caller disconnects.
   *
   * @throws CatchdError `too_many_logins` when too many calls wait already, `unauthorized` when the caller's key was removed or
   *   has expired meanwhile; what `wait` throws
   */
  async hold<Result>(reply: FastifyReply, wait: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    if (this.#open.size >= this.#most) {
      throw new CatchdError(
        'too_many_logins',
        `${this.#most} calls are waiting for logins, which is the limit.`,
      )
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

  /** Ends all waits; each call is answered with the current state. */
  end(): void {
    for (const waiting of this.#open) waiting.abort()
  }
}
