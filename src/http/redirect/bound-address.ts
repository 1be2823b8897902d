/**
 * One bound address of the redirect listener: how many leases use it, and how long it stays open after the last one.
 *
 * The browser fetches the result page after the login has released its port, so the address stays open for at most ten
 * seconds, and only for a few seconds after the page was fetched. bind-target.ts finds the addresses of a redirect URI,
 * and listeners.ts shares them between logins.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../../clock.js'
import type { RedirectScheme } from '../../login/redirect-uris.js'
import type { HttpListener, OpenAddress } from '../http-listener.js'
import type { ServedCertificate } from '../tls-server.js'
import { portOfAuthority } from './bind-target.js'

/** A fast browser fetches the result page at once. This is for a slow one. */
const OPEN_AFTER_RELEASE_MS = 10_000
/** The user may reload the result page. */
const OPEN_AFTER_PAGE_MS = 3_000
/** For the last bytes of a page that is being sent. */
const DRAIN_MS = 1_000

const boundAddresses = new WeakMap<Socket, BoundAddress>()

/** The address that a connection came in on; `undefined` if it is no connection of the redirect listener. */
export function boundAddressOf(socket: Socket): BoundAddress | undefined {
  return boundAddresses.get(socket)
}

interface Parts {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** If given, the address serves only https. */
  readonly certificate: ServedCertificate | undefined
  /** A descriptor that already listens on the address. */
  readonly descriptor: number | undefined
  readonly listener: HttpListener
  readonly clock: Clock
  /** Called once, before the address closes. */
  readonly onClose: (address: BoundAddress) => void
}

export class BoundAddress {
  readonly host: string
  /** Serves only https. */
  readonly tls: boolean
  readonly #clock: Clock
  readonly #onClose: (address: BoundAddress) => void
  readonly #opened: Promise<OpenAddress>
  #port: number
  #bound = false
  #closing: Promise<void> | undefined
  #holders = 0
  #closesAtMs = 0
  #cancelTimer: () => void = () => {}
  #forwarded = false

  /** Starts to bind. {@link opened} has the result. */
  constructor({ host, port, certificate, descriptor: fd, listener, clock, onClose }: Parts) {
    this.host = host
    this.tls = certificate !== undefined
    this.#port = port
    this.#clock = clock
    this.#onClose = onClose
    const address = fd === undefined ? { host, port } : { fd }
    this.#opened = listener.open(address, (socket) => boundAddresses.set(socket, this), certificate)
    this.#opened.catch(() => {}) // opened() throws it
  }

  /** @throws the system's error if the address cannot be bound */
  async opened(): Promise<void> {
    this.#port = (await this.#opened).port
    this.#bound = true
  }

  /** Uses the certificate of a later login: a renewed one, or one for another name with the same address. */
  async present(certificate: ServedCertificate): Promise<void> {
    const open = await this.#opened
    open.present(certificate)
  }

  /** No login needs the address. It stays open only for the result page. */
  get isIdle(): boolean {
    return this.#holders === 0
  }

  /** Bound through `listen`: another user may run the program that forwards to it. */
  get isForwarded(): boolean {
    return this.#forwarded
  }

  /** The scheme of the URL in the browser; `undefined` if a tunnel may be in front. */
  get scheme(): RedirectScheme | undefined {
    if (this.tls) return 'https'
    return this.#forwarded ? undefined : 'http'
  }

  get isBound(): boolean {
    return this.#bound && this.#closing === undefined
  }

  get port(): number {
    return this.#port
  }

  /** @param forwarded - Bound through `listen`: Host headers with other ports are accepted from now on. */
  hold(forwarded: boolean): void {
    this.#holders += 1
    this.#forwarded ||= forwarded
    this.#cancelTimer()
  }

  /** Reverses one `hold`. After the last one, the address closes a little later. */
  release(): void {
    this.#holders -= 1
    if (this.#holders > 0) return
    this.#closesAtMs = this.#clock.now() + OPEN_AFTER_RELEASE_MS
    this.#closeAfter(OPEN_AFTER_RELEASE_MS)
  }

  /** Reverses one `hold` on an address that is not needed after all. After the last one, the address closes at once. */
  async abandon(): Promise<void> {
    this.#holders -= 1
    if (this.#holders === 0) await this.close(0)
  }

  /** The browser has the result page, so an idle address closes earlier. */
  resultPageSent(): void {
    if (this.#holders > 0 || this.#closing !== undefined) return
    const leftMs = this.#closesAtMs - this.#clock.now()
    this.#closeAfter(Math.min(OPEN_AFTER_PAGE_MS, Math.max(leftMs, 0)))
  }

  /** Whether a Host header may name this address. Without `listen`, it must name the bound port. */
  answersFor(authority: string): boolean {
    return this.#forwarded || portOfAuthority(authority, this.tls) === this.#port
  }

  /** Stops accepting at once. Resolves when the open requests are answered, or after `drainMs` milliseconds. */
  close(drainMs: number): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  toString(): string {
    return `${this.tls ? 'https' : 'http'}://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.#port}`
  }

  #closeAfter(delayMs: number): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#clock.after(delayMs, () => void this.close(DRAIN_MS))
  }

  async #close(drainMs: number): Promise<void> {
    this.#cancelTimer()
    this.#onClose(this)
    const open = await this.#opened.catch(() => undefined)
    await open?.close(drainMs)
  }
}
