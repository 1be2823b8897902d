/** The API's two listeners: the socket of this home, which is also the lock of the one daemon, and 127.0.0.1. */
import { CatchdError } from '../failures.js'
import { markConnection } from '../http/access/connection-kind.js'
import type { HttpListener, OpenAddress } from '../http/http-listener.js'
import { findPortHolder } from '../http/redirect/port-holder.js'
import type { DaemonSettings } from './parts.js'
import { bindApiSocket } from './single-instance.js'

export type ApiListenersParts = Pick<DaemonSettings, 'environment' | 'folders' | 'activated'>

export class ApiListeners {
  readonly #parts: ApiListenersParts
  #socket: OpenAddress | undefined
  #tcp: OpenAddress | undefined
  #authorities: ReadonlySet<string> = new Set()

  constructor(parts: ApiListenersParts) {
    this.#parts = parts
  }

  /** The Host headers that the TCP listener accepts (against DNS rebinding); empty while it is closed. */
  get authorities(): ReadonlySet<string> {
    return this.#authorities
  }

  addresses(): { readonly socket: string | null; readonly tcp: string | null } {
    return {
      socket: this.#socket === undefined ? null : this.#parts.folders.socketPath,
      tcp: this.#tcp === undefined ? null : `http://127.0.0.1:${this.#tcp.port}`,
    }
  }

  /** @throws CatchdError `already_running` */
  async openSocket(listener: HttpListener): Promise<void> {
    const { activated, folders } = this.#parts
    const { socketPath } = folders
    const open = (address: { path: string } | { fd: number }) =>
      listener.open(address, (socket) => markConnection(socket, 'socket'))
    this.#socket =
      activated.api === undefined
        ? await bindApiSocket(socketPath, () => open({ path: socketPath }))
        : await open({ fd: activated.api })
  }

  /** Does nothing when the TCP API is turned off. @throws CatchdError `already_running` when another process has the port */
  async openTcp(listener: HttpListener): Promise<void> {
    const { activated, environment } = this.#parts
    const { apiPort } = environment
    if (apiPort === 0) return
    const address = activated.tcp === undefined ? { host: '127.0.0.1', port: apiPort } : { fd: activated.tcp }
    try {
      this.#tcp = await listener.open(address, (socket) => markConnection(socket, 'tcp'))
    } catch (error) {
      throw await portInUse(apiPort, error)
    }
    this.#authorities = new Set([`127.0.0.1:${this.#tcp.port}`, `localhost:${this.#tcp.port}`])
  }

  /** Stops accepting; resolves when requests in flight are answered, or after `drainMs`. */
  async close(drainMs: number): Promise<void> {
    await Promise.all([this.#tcp?.close(drainMs), this.#socket?.close(drainMs)])
  }
}

async function portInUse(port: number, cause: unknown): Promise<CatchdError> {
  const holder = await findPortHolder(port)
  const who = holder === undefined ? 'another process' : `${holder.command} (process ${holder.pid})`
  return new CatchdError('already_running', {
    detail: `The API port 127.0.0.1:${port} is used by ${who}.`,
    next: 'CATCHD_API_PORT=0 catchd daemon start',
    cause,
  })
}
