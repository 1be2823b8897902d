/** How long a server in this process is busy, so that its time can be left out of a measurement. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'

export class ServerTime {
  readonly #port: number
  readonly #open = new Set<ServerResponse>()
  #busyMs = 0
  #busySince = 0

  constructor(port: number) {
    this.#port = port
    subscribe('http.server.request.start', this.#start)
    subscribe('http.server.response.finish', this.#finish)
  }

  /** Milliseconds until now in which it had a request to answer: from its head to the last byte of the answer. */
  get busyMs(): number {
    return this.#busyMs
  }

  stop(): void {
    unsubscribe('http.server.request.start', this.#start)
    unsubscribe('http.server.response.finish', this.#finish)
  }

  #start = (message: unknown) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
    if (request.socket.localPort !== this.#port) return
    if (this.#open.size === 0) this.#busySince = performance.now()
    this.#open.add(response)
  }

  #finish = (message: unknown) => {
    const { response } = message as { response: ServerResponse }
    if (!this.#open.delete(response) || this.#open.size > 0) return
    this.#busyMs += performance.now() - this.#busySince
  }
}
