/**
 * One address that the redirect listener is bound to: who holds it, and how long it stays open when nobody does.
 *
 * The browser comes back for the result page after the login has let go of its port, so an address lingers:
 * ten seconds at most, and only a few after the page was fetched. Which addresses a redirect URI needs is
 * bind-target.ts; sharing them is listeners.ts.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../../clock.js'
import type { RedirectScheme } from '../../login/redirect-uris.js'
import type { HttpListener, OpenAddress } from '../http-listener.js'
import type { ServedCertificate } from '../tls-server.js'
import { portOfAuthority } from './bind-target.js'

/** The browser fetches the result page at once; this is for a slow one. */
const LONGEST_LINGER_MS = 10_000
/** For the last bytes of a page on its way. */
const DRAIN_MS = 1_000

const boundAddresses = new WeakMap<Socket, BoundAddress>()

/** The address a connection came in through; `undefined` when the redirect listeners did not accept it. */
export function boundAddressOf(socket: Socket): BoundAddress | undefined {
  return boundAddresses.get(socket)
}

interface Parts {
  /** Listens there already. */
  readonly descriptor: number | undefined
  readonly clock: Clock
  /** After the result page was fetched. */
  readonly lingerMs: number
  /** Called once, before the address closes. */
  readonly onClose: (address: BoundAddress) => void
}

export class BoundAddress {
  readonly host: string
  /** Serves https, and nothing else. */
  readonly tls: boolean
  readonly #parts: Parts
  readonly #opened: Promise<OpenAddress>
  #port: number
  #bound = false
  #closing: Promise<void> | undefined
  #holders = 0
  #lingersUntilMs = 0
  #cancelTimer: () => void = () => {}
  #forwarded = false

  /** Begins to bind; {@link opened} tells how it went. */
  constructor(
    listener: HttpListener,
    { host, port, certificate }: { host: string; port: number; certificate: ServedCertificate | undefined },
    parts: Parts,
  ) {
    this.host = host
    this.tls = certificate !== undefined
    this.#port = port
    this.#parts = parts
    const { descriptor: fd } = parts
    const address = fd === undefined ? { host, port } : { fd }
    this.#opened = listener.open(address, (socket) => boundAddresses.set(socket, this), certificate)
    this.#opened.catch(() => {}) // whoever waits in opened() is told
  }

  /** @throws the system's error when binding failed. */
  async opened(): Promise<void> {
    const open = await this.#opened
    this.#port = open.port
    this.#bound = true
  }

  /** The certificate of a later login: a renewed one, or one for another name that shares the address. */
  async present(certificate: ServedCertificate): Promise<void> {
    const open = await this.#opened
    open.present(certificate)
  }

  /** Nobody holds it; it only lingers. */
  get isIdle(): boolean {
    return this.#holders === 0
  }

  /** What a browser came by; `undefined` where a tunnel may stand in front. */
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

  /** @param forwarded - Through `listen`: from now on, Host headers that name other ports are answered here. */
  hold(forwarded: boolean): void {
    this.#holders += 1
    this.#forwarded ||= forwarded
    this.#cancelTimer()
  }

  /** Gives a hold back; the last one begins the lingering. */
  release(): void {
    this.#holders -= 1
    if (this.#holders > 0) return
    this.#lingersUntilMs = this.#parts.clock.now() + LONGEST_LINGER_MS
    this.#closeAfter(LONGEST_LINGER_MS)
  }

  /** Gives back a hold on an address that turned out not to be needed; the last one closes it at once. */
  async abandon(): Promise<void> {
    this.#holders -= 1
    if (this.#holders === 0) await this.close(0)
  }

  /** The browser has what it came for. */
  resultPageSent(): void {
    if (this.#holders > 0 || this.#closing !== undefined) return
    const leftMs = this.#lingersUntilMs - this.#parts.clock.now()
    this.#closeAfter(Math.min(this.#parts.lingerMs, Math.max(leftMs, 0)))
  }

  /** Whether a Host header may name this address: a bound port answers for no other one. */
  answersFor(authority: string): boolean {
    return this.#forwarded || portOfAuthority(authority, this.tls) === this.#port
  }

  /** Stops accepting at once; resolves when answers in flight are sent or `drainMs` are over. */
  close(drainMs: number): Promise<void> {
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  toString(): string {
    return `${this.tls ? 'https' : 'http'}://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.#port}`
  }

  #closeAfter(delayMs: number): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#parts.clock.after(delayMs, () => void this.close(DRAIN_MS))
  }

  async #close(drainMs: number): Promise<void> {
    this.#cancelTimer()
    this.#parts.onClose(this)
    const open = await this.#opened.catch(() => undefined)
    await open?.close(drainMs)
  }
}
