/**
 * One bound address of the redirect listener: how many leases use it, and what arrived there. It closes when nothing
 * holds it any more.
 *
 * bind-target.ts finds the addresses of a redirect URI, listeners.ts shares them between logins, and
 * result-page-wait.ts holds them until the browser has the result page.
 */
import type { Socket } from 'node:net'
import type { RedirectScheme } from '../../login/redirect-uris.js'
import type { HttpListener, OpenAddress } from '../http-listener.js'
import type { ServedCertificate } from '../tls-server.js'
import type { UnreadableRequest } from '../unreadable-request.js'
import { portOfAuthority } from './bind-target.js'
import { inWords, type MissedResponse, MissedResponses } from './missed-responses.js'
import type { ResultPageWait } from './result-page-wait.js'

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
  /** Called when something arrives that is no readable authorization response. */
  readonly onMissed: (why: MissedResponse['why'], text: string, redirectUri: string | null) => MissedResponse
  /** Called once, before the address closes. */
  readonly onClose: (address: BoundAddress) => void
}

export class BoundAddress {
  readonly host: string
  /** Serves only https. */
  readonly tls: boolean
  readonly #onMissed: Parts['onMissed']
  readonly #onClose: (address: BoundAddress) => void
  readonly #opened: Promise<OpenAddress>
  #open: OpenAddress | undefined
  #port: number
  #closing: Promise<void> | undefined
  #holders = 0
  /** Those of the holders that only wait for a browser to fetch a result page. */
  readonly #pageWaits = new Set<ResultPageWait>()
  readonly missed = new MissedResponses()
  #forwarded = false

  /** Starts to bind. {@link opened} has the result. */
  constructor({ host, port, certificate, descriptor: fd, listener, onMissed, onClose }: Parts) {
    this.host = host
    this.tls = certificate !== undefined
    this.#port = port
    this.#onMissed = onMissed
    this.#onClose = onClose
    const address = fd === undefined ? { host, port } : { fd }
    const mark = (socket: Socket) => void boundAddresses.set(socket, this)
    this.#opened = listener.open(address, mark, certificate, (why) => this.#missUnreadable(why))
    this.#opened.catch(() => {}) // opened() throws it
  }

  /** @throws the system's error if the address cannot be bound */
  async opened(): Promise<void> {
    this.#open = await this.#opened
    this.#port = this.#open.port
  }

  /** Uses the certificate of a later login: a renewed one, or one for another name with the same address. */
  async present(certificate: ServedCertificate): Promise<void> {
    const open = await this.#opened
    open.present(certificate)
  }

  /** No login needs the address. It stays open only for the result page. */
  get isIdle(): boolean {
    return this.#holders === this.#pageWaits.size
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
    return this.#open !== undefined && this.#closing === undefined
  }

  get port(): number {
    return this.#port
  }

  /** @param forwarded - Bound through `listen`: Host headers with other ports are accepted from now on. */
  hold(forwarded: boolean): void {
    this.#holders += 1
    this.#forwarded ||= forwarded
  }

  /** Reverses one `hold`. After the last one, the address closes at once. */
  async release(): Promise<void> {
    this.#holders -= 1
    if (this.#holders === 0) await this.close(DRAIN_MS)
  }

  /** The same as `hold`, until `endPageWait`. */
  beginPageWait(wait: ResultPageWait): void {
    this.#pageWaits.add(wait)
    this.hold(false)
  }

  endPageWait(wait: ResultPageWait): void {
    if (this.#pageWaits.delete(wait)) void this.release()
  }

  /** The browser has a result page. */
  resultPageSent(): void {
    for (const wait of this.#pageWaits) wait.pageSent()
  }

  /** A request for this redirect URI was refused, although it looks like an authorization response. */
  responseRefused(redirectUri: string, detail: string): void {
    const text = `A response arrived, but catchd could not use it. ${detail}`
    this.missed.add(this.#onMissed('refused', text, redirectUri))
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

  #missUnreadable(why: UnreadableRequest): void {
    this.missed.add(this.#onMissed(why, inWords(why, String(this)), null))
  }

  async #close(drainMs: number): Promise<void> {
    this.#onClose(this)
    // Without an await, if it is open: the next login may bind the same address in this moment.
    const open = this.#open ?? (await this.#opened.catch(() => undefined))
    await open?.close(drainMs)
  }
}
