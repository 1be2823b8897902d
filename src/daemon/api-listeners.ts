/**
 * The API's two listeners: the socket of this home, which only one daemon can bind, and TCP.
 *
 * TCP is 127.0.0.1, and [::1] if the system has it. Only then is the API also `localhost`: many programs try [::1] first
 * for this name, and would send their key to another program there (SECURITY.md#nobody-else-answers).
 */
import type { Socket } from 'node:net'
import { CatchdError } from '../failures.js'
import { markConnection } from '../http/access/connection-kind.js'
import type { HttpListener, OpenAddress } from '../http/http-listener.js'
import { isMissingFamily } from '../http/redirect/bind-failure.js'
import { findPortHolder } from '../http/redirect/port-holder.js'
import type { DaemonSettings } from './parts.js'
import { bindApiSocket } from './single-instance.js'

export type ApiListenersParts = Pick<DaemonSettings, 'environment' | 'folders' | 'activated' | 'log'>

export class ApiListeners {
  readonly #parts: ApiListenersParts
  #socket: OpenAddress | undefined
  #tcp: OpenAddress | undefined
  #tcp6: OpenAddress | undefined
  #tcpError: string | null = null
  #authorities: ReadonlySet<string> = new Set()

  constructor(parts: ApiListenersParts) {
    this.#parts = parts
  }

  /** The Host headers that the TCP listener accepts (against DNS rebinding); empty while it is closed. */
  get authorities(): ReadonlySet<string> {
    return this.#authorities
  }

  /** @returns `tcp_error` as the API has it: why TCP is not as it should be. */
  addresses(): {
    readonly socket: string | null
    readonly tcp: string | null
    readonly tcp_error: string | null
  } {
    return {
      socket: this.#socket === undefined ? null : this.#parts.folders.socketPath,
      tcp: this.#tcp === undefined ? null : `http://127.0.0.1:${this.#tcp.port}`,
      tcp_error: this.#tcpError,
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
    const { activated, environment, log } = this.#parts
    const { apiPort } = environment
    if (apiPort === 0) return
    const address = activated.tcp === undefined ? { host: '127.0.0.1', port: apiPort } : { fd: activated.tcp }
    const mark = (socket: Socket) => markConnection(socket, 'tcp')
    try {
      this.#tcp = await listener.open(address, mark)
    } catch (error) {
      throw await portInUse(apiPort, error)
    }
    const { port } = this.#tcp
    const names = [`127.0.0.1:${port}`]
    try {
      this.#tcp6 = await listener.open({ host: '::1', port }, mark)
    } catch (error) {
      if (!isMissingFamily(error)) this.#tcpError = await localhostInUse(port)
    }
    if (this.#tcpError === null) names.push(`localhost:${port}`)
    else log.warn({ event: 'api.localhost_unavailable', detail: this.#tcpError })
    this.#authorities = new Set(names)
  }

  /** Stops accepting; resolves when requests in flight are answered, or after `drainMs`. */
  async close(drainMs: number): Promise<void> {
    await Promise.all([this.#tcp, this.#tcp6, this.#socket].map((address) => address?.close(drainMs)))
  }
}

async function localhostInUse(port: number): Promise<string> {
  return `[::1]:${port} is used by ${await holderOf(port)}. So the API does not answer to the name localhost. Use http://127.0.0.1:${port}.`
}

async function portInUse(port: number, cause: unknown): Promise<CatchdError> {
  return new CatchdError('already_running', {
    detail: `The API port 127.0.0.1:${port} is used by ${await holderOf(port)}.`,
    next: 'CATCHD_API_PORT=0 catchd daemon start',
    cause,
  })
}

async function holderOf(port: number): Promise<string> {
  const holder = await findPortHolder(port)
  return holder === undefined || holder.pid === process.pid
    ? 'another process'
    : `${holder.command} (process ${holder.pid})`
}
