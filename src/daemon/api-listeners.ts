/**
 * The API's two listeners: the socket of this home, which is also the lock that only one daemon holds, and 127.0.0.1.
 */
import { CatchdError } from '../failures.js'
import { markConnection } from '../http/access/connection-kind.js'
import type { HttpListener, OpenAddress } from '../http/http-listener.js'
import { findPortHolder } from '../http/redirect/port-holder.js'
import type { ActivatedSockets } from './activation.js'
import { bindApiSocket } from './single-instance.js'

export interface ApiAddresses {
  readonly socketPath: string
  /** 0: no TCP API. */
  readonly apiPort: number
  /** What listens already when the daemon starts. */
  readonly activated: ActivatedSockets
}

export class ApiListeners {
  readonly #where: ApiAddresses
  #socket: OpenAddress | undefined
  #tcp: OpenAddress | undefined
  #authorities: ReadonlySet<string> = new Set()

  constructor(where: ApiAddresses) {
    this.#where = where
  }

  /** What a Host header must say on the TCP listener (DNS rebinding); empty while there is none. */
  get authorities(): ReadonlySet<string> {
    return this.#authorities
  }

  addresses(): { readonly socket: string | null; readonly tcp: string | null } {
    return {
      socket: this.#socket === undefined ? null : this.#where.socketPath,
      tcp: this.#tcp === undefined ? null : `http://127.0.0.1:${this.#tcp.port}`,
    }
  }

  /** @throws CatchdError `already_running` */
  async openSocket(listener: HttpListener): Promise<void> {
    const { socketPath, activated } = this.#where
    const open = (address: { path: string } | { fd: number }) =>
      listener.open(address, (socket) => markConnection(socket, 'socket'))
    this.#socket =
      activated.api === undefined
        ? await bindApiSocket(socketPath, () => open({ path: socketPath }))
        : await open({ fd: activated.api })
  }

  /** Does nothing where there is no TCP API. @throws CatchdError `already_running` when another process has the port */
  async openTcp(listener: HttpListener): Promise<void> {
    const { apiPort, activated } = this.#where
    if (apiPort === 0) return
    const address = activated.tcp === undefined ? { host: '127.0.0.1', port: apiPort } : { fd: activated.tcp }
    try {
      this.#tcp = await listener.open(address, (socket) => markConnection(socket, 'tcp'))
    } catch (error) {
      throw await portIsTaken(apiPort, error)
    }
    this.#authorities = new Set([`127.0.0.1:${this.#tcp.port}`, `localhost:${this.#tcp.port}`])
  }

  /** Stops accepting; resolves when requests in flight are answered or `drainMs` are over. */
  async close(drainMs: number): Promise<void> {
    await Promise.all([this.#tcp?.close(drainMs), this.#socket?.close(drainMs)])
  }
}

async function portIsTaken(port: number, cause: unknown): Promise<CatchdError> {
  const holder = await findPortHolder(port)
  const who = holder === undefined ? 'another process' : `${holder.command} (process ${holder.pid})`
  return new CatchdError('already_running', {
    detail: `The API port 127.0.0.1:${port} is held by ${who}.`,
    next: 'CATCHD_API_PORT=0 catchd daemon start',
    cause,
  })
}
