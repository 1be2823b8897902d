/** What a server in this process takes for its requests at one path, so that it can be left out of a measurement. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'

export class ServerTime {
  readonly #startedAt = new WeakMap<IncomingMessage, number>()
  readonly #path: string
  #totalMs = 0

  constructor(path: string) {
    this.#path = path
    subscribe('http.server.request.start', this.#start)
    subscribe('http.server.response.finish', this.#finish)
  }

  /** Since the beginning: from a request's head to the last byte of its answer, summed up. */
  get totalMs(): number {
    return this.#totalMs
  }

  stop(): void {
    unsubscribe('http.server.request.start', this.#start)
    unsubscribe('http.server.response.finish', this.#finish)
  }

  #start = (message: unknown) => {
    const { request } = message as { request: IncomingMessage }
    if (request.url === this.#path) this.#startedAt.set(request, performance.now())
  }

  #finish = (message: unknown) => {
    const { request } = message as { request: IncomingMessage }
    const startedAt = this.#startedAt.get(request)
    if (startedAt !== undefined) this.#totalMs += performance.now() - startedAt
  }
}
