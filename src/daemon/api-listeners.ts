/**
 * The API's two listeners: the socket of this home, which only one daemon can bind, and TCP.
 *
 * If another program has the TCP port, the socket serves alone, and the port is bound when it is free again.
 *
 * TCP is 127.0.0.1, and [::1] if the system has it. Only then is the API also `localhost`: many programs try [::1] first
 * for this name, and would send their key to another program there (SECURITY.md#nobody-else-answers).
 */
import type { Socket } from 'node:net'
import { systemCode } from '../files/whole-files.js'
import { markConnection } from '../http/access/connection-kind.js'
import type { HttpListener, OpenAddress } from '../http/http-listener.js'
import { isMissingFamily } from '../http/redirect/bind-failure.js'
import { findPortHolder } from '../http/redirect/port-holder.js'
import type { DaemonParts } from './parts.js'
import { bindApiSocket } from './single-instance.js'

export type ApiListenersParts = Pick<DaemonParts, 'clock' | 'settings' | 'folders' | 'activated' | 'log'>

/** A port that is taken is tried again after this time, and after twice the time whenever it is still taken. */
const RETRY_MS = 5_000
const LONGEST_RETRY_MS = 40_000

export class ApiListeners {
  readonly #parts: ApiListenersParts
  #socket: OpenAddress | undefined
  #tcp: OpenAddress | undefined
  #tcp6: OpenAddress | undefined
  #tcpError: string | null = null
  #authorities: ReadonlySet<string> = new Set()
  #cancelRetry = () => {}
  #isClosed = false

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

  /** Does nothing when the TCP API is turned off. Never throws: `tcp_error` says why there is no TCP. */
  async openTcp(listener: HttpListener, retryMs = RETRY_MS): Promise<void> {
    const { clock, log, settings } = this.#parts
    const { apiPort } = settings
    if (apiPort === 0) return
    try {
      await this.#bindTcp(listener)
    } catch (error) {
      const code = systemCode(error)
      this.#tcpError = await whyNotBound(apiPort, code)
      if (retryMs === RETRY_MS) log.warn({ event: 'api.tcp_unavailable', detail: this.#tcpError })
      if (code !== 'EADDRINUSE' || this.#isClosed) return
      const later = Math.min(2 * retryMs, LONGEST_RETRY_MS)
      this.#cancelRetry = clock.after(retryMs, () => void this.openTcp(listener, later))
      return
    }
    if (retryMs !== RETRY_MS) log.info({ event: 'api.tcp_open', tcp: this.addresses().tcp })
  }

  async #bindTcp(listener: HttpListener): Promise<void> {
    const { activated, settings, log } = this.#parts
    const { apiPort } = settings
    const address = activated.tcp === undefined ? { host: '127.0.0.1', port: apiPort } : { fd: activated.tcp }
    const mark = (socket: Socket) => markConnection(socket, 'tcp')
    const tcp = await listener.open(address, mark)
    if (this.#isClosed) return void tcp.close(0)
    this.#tcp = tcp
    const { port } = tcp
    const names = [`127.0.0.1:${port}`]
    this.#tcpError = port === apiPort ? null : otherPort(port, apiPort)
    try {
      this.#tcp6 = await listener.open({ host: '::1', port }, mark)
      names.push(`localhost:${port}`)
    } catch (error) {
      if (isMissingFamily(error)) names.push(`localhost:${port}`)
      else {
        this.#tcpError = await localhostInUse(port)
        log.warn({ event: 'api.localhost_unavailable', detail: this.#tcpError })
      }
    }
    this.#authorities = new Set(names)
  }

  /** Stops accepting; resolves when requests in flight are answered, or after `drainMs`. */
  async close(drainMs: number): Promise<void> {
    this.#isClosed = true
    this.#cancelRetry()
    await Promise.all([this.#tcp, this.#tcp6, this.#socket].map((address) => address?.close(drainMs)))
  }
}

async function localhostInUse(port: number): Promise<string> {
  return `[::1]:${port} is used by ${await holderOf(port)}. So the API does not answer to the name localhost. Use http://127.0.0.1:${port}.`
}

async function whyNotBound(port: number, code: string): Promise<string> {
  const off = 'The API works only over the socket.'
  if (code !== 'EADDRINUSE') return `The API port 127.0.0.1:${port} cannot be bound (${code}). ${off}`
  return `The API port 127.0.0.1:${port} is used by ${await holderOf(port)}. ${off} catchd uses the port within a minute after it is free.`
}

/** systemd bound the port that was configured when the service was installed. */
function otherPort(port: number, configured: number): string {
  return `The service listens on port ${port}, but daemon.api_port is ${configured}. Run: catchd service install`
}

async function holderOf(port: number): Promise<string> {
  const holder = await findPortHolder(port)
  return holder === undefined || holder.pid === process.pid
    ? 'another process'
    : `${holder.command} (process ${holder.pid})`
}
