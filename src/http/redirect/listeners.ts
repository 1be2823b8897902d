/**
 * The bound addresses of the redirect listener (RFC 8252 §7.3). The default address is bound while the daemon runs, the
 * addresses of other redirect URIs while a login needs them (RFC 8252 §8.3).
 *
 * Either all addresses of a redirect URI are bound, or none. An address is bound once and shared by logins. If the system
 * refuses, the login fails with `redirect_port_in_use` or `profile_invalid` before an authorization URL exists.
 * bind-target.ts reads redirect URIs, and bound-address.ts decides when an address closes.
 */
import { type Clock, systemClock } from '../../clock.js'
import { CatchdError } from '../../failures.js'
import type { CertificateFiles, RedirectLease, RedirectListeners } from '../../login/ports.js'
import type { HttpListener } from '../http-listener.js'
import type { ServedCertificate } from '../tls-server.js'
import { bindFailure, isMissingFamily } from './bind-failure.js'
import { type BindTarget, readBindTarget, withBoundPort } from './bind-target.js'
import { BoundAddress } from './bound-address.js'
import type { MissedResponse } from './missed-responses.js'
import { perMinute } from './refusal-limit.js'
import { ResultPageWait } from './result-page-wait.js'

/** A port that is free in one address family can be in use in the other. After a few tries, one is free in both. */
const FREE_PORT_TRIES = 8

/** For the log. */
export interface MissedEvent {
  readonly event: 'redirect.missed'
  readonly why: MissedResponse['why']
  readonly address: string
}

interface Parts {
  readonly listener: HttpListener
  readonly clock?: Clock
  readonly log?: (event: MissedEvent) => void
  /** For https redirect URIs whose profile names no certificate. */
  readonly ownCertificate?: CertificateFiles
}

export class LoopbackRedirectListeners implements RedirectListeners {
  readonly #listener: HttpListener
  readonly #clock: Clock
  readonly #log: (event: MissedEvent) => void
  readonly #ownCertificate: CertificateFiles | undefined
  readonly #addresses = new Map<string, BoundAddress>()
  #defaultPort: number | undefined
  #defaultAddress: BoundAddress | undefined
  #defaultFailure: CatchdError | undefined
  #descriptor: number | undefined
  #lastMissed: MissedResponse | undefined
  #closed = false

  constructor({ listener, clock = systemClock, log = () => {}, ownCertificate }: Parts) {
    this.#listener = listener
    this.#clock = clock
    this.#log = perMinute(clock, log)
    this.#ownCertificate = ownCertificate
  }

  /**
   * Binds 127.0.0.1 on the default port until `close`. If the port is in use, it does not throw: {@link defaultFailure}
   * has the failure, and the next login that needs the port tries again.
   *
   * @param port - 0: there is no default port.
   * @param descriptor - A descriptor that already listens there (socket activation).
   */
  async openDefault(port: number, descriptor?: number): Promise<void> {
    if (port === 0) return
    this.#defaultPort = port
    this.#descriptor = descriptor
    try {
      const lease = await this.acquire(`http://127.0.0.1:${port}/`, null)
      lease.release()
    } catch (error) {
      if (!(error instanceof CatchdError)) throw error
      this.#defaultFailure = error
    }
  }

  /** Why the default port is not bound; `undefined` if it is bound, or if there is none. */
  get defaultFailure(): CatchdError | undefined {
    return this.#defaultFailure
  }

  /** What arrived last at any address without being an authorization response that could be read. */
  get lastMissed(): MissedResponse | undefined {
    return this.#lastMissed
  }

  /** The bound addresses, for example `http://127.0.0.1:8252`. */
  addresses(): string[] {
    return [...this.#addresses.values()].filter((address) => address.isBound).map(String)
  }

  /**
   * @throws CatchdError `redirect_port_in_use` with the port and, if known, the process; `profile_invalid` if the address
   *   or the certificate of the profile cannot be used. After a failure, nothing new is bound.
   */
  async acquire(
    redirectUri: string,
    listen: string | null,
    certificate: CertificateFiles | null = null,
  ): Promise<RedirectLease> {
    if (this.#closed) throw new CatchdError('daemon_unreachable', 'The daemon is stopping.')
    const { tls, ...where } = readBindTarget(redirectUri, listen, certificate !== null)
    const served = tls ? await this.#readCertificate(redirectUri, certificate) : undefined
    const target = { ...where, served }
    const held = target.port === 0 ? await this.#holdFreePort(target) : await this.#holdAll(target)
    const bound = withBoundPort(redirectUri, held[0]?.port ?? target.port)
    const sinceMs = this.#clock.now()
    let released = false
    return {
      redirectUri: bound,
      missed: () => newest(held.flatMap((address) => address.missed.since(sinceMs, bound)))?.text,
      release: (browserFollows = false) => {
        if (released) return
        released = true
        if (browserFollows) new ResultPageWait(this.#clock, held)
        for (const address of held) void address.release()
      },
    }
  }

  /** Stops accepting at once. Resolves when the open requests are answered, or after `drainMs` milliseconds. */
  async close(drainMs: number): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#addresses.values()].map((address) => address.close(drainMs)))
  }

  /** Reads the files for each login, so that the next login uses a renewed certificate. */
  async #readCertificate(redirectUri: string, named: CertificateFiles | null): Promise<ServedCertificate> {
    const files = named ?? this.#ownCertificate
    if (files === undefined)
      throw new CatchdError('profile_invalid', 'redirect_uri needs redirect_certificate_file.')
    const { readServedCertificate } = await import('./certificate-files.js')
    return readServedCertificate({
      hostname: new URL(redirectUri).hostname,
      files,
      isOwn: named === null,
      nowMs: this.#clock.now(),
    })
  }

  async #holdFreePort(target: ServedTarget): Promise<BoundAddress[]> {
    for (let triesLeft = FREE_PORT_TRIES - 1; ; triesLeft -= 1) {
      try {
        return await this.#holdAll(target)
      } catch (error) {
        const isInUse = error instanceof CatchdError && error.code === 'redirect_port_in_use'
        if (!isInUse || triesLeft === 0) throw error
      }
    }
  }

  /** Binds all addresses of the target with the same port, or none. */
  async #holdAll(target: ServedTarget): Promise<BoundAddress[]> {
    const { hosts, port, familiesOptional } = target
    const held: BoundAddress[] = []
    let missingFamily: unknown
    try {
      for (const host of hosts) {
        try {
          held.push(await this.#hold(host, held[0]?.port ?? port, target))
        } catch (error) {
          if (!familiesOptional || !isMissingFamily(error)) throw error
          missingFamily = error
        }
      }
      if (held.length === 0) throw missingFamily
      return held
    } catch (error) {
      await Promise.all(held.map((address) => address.release()))
      throw await bindFailure(error, held[0]?.port ?? port)
    }
  }

  async #hold(host: string, port: number, { forwarded, served }: ServedTarget): Promise<BoundAddress> {
    const find = () => this.#addresses.get(keyOf(host, port))
    let shared = find()
    for (; shared !== undefined && shared.tls !== (served !== undefined); shared = find()) {
      await this.#free(shared)
    }
    const address = shared ?? this.#bind(host, port, served)
    address.hold(forwarded)
    try {
      await address.opened()
      if (served !== undefined && address === shared) await address.present(served)
    } catch (error) {
      this.#forget(address)
      throw error
    }
    if (this.#closed) {
      await address.release()
      throw new CatchdError('daemon_unreachable', 'The daemon is stopping.')
    }
    this.#addresses.set(keyOf(host, address.port), address)
    this.#keepDefault(address)
    return address
  }

  /** Closes an address that no login needs, so that it can be bound again with the other scheme. */
  async #free(address: BoundAddress): Promise<void> {
    if (address.isIdle) return address.close(0)
    const [served, wanted] = address.tls ? ['https', 'http'] : ['http', 'https']
    throw new CatchdError(
      'redirect_port_in_use',
      `Port ${address.port} of this daemon serves ${served} redirect URIs, and one port cannot serve both. Use another port for the ${wanted} redirect URI.`,
    )
  }

  #bind(host: string, port: number, certificate: ServedCertificate | undefined): BoundAddress {
    const isDefault = host === '127.0.0.1' && port === this.#defaultPort
    const descriptor = isDefault ? this.#descriptor : undefined
    if (isDefault) this.#descriptor = undefined // the address closes it
    const address: BoundAddress = new BoundAddress({
      host,
      port,
      certificate,
      descriptor,
      listener: this.#listener,
      onMissed: (why, text, redirectUri) => this.#missed(address, { why, text, redirectUri }),
      onClose: (closing) => this.#forget(closing),
    })
    if (port !== 0) this.#addresses.set(keyOf(host, port), address)
    return address
  }

  #missed(address: BoundAddress, missed: Omit<MissedResponse, 'atMs'>): MissedResponse {
    this.#lastMissed = { ...missed, atMs: this.#clock.now() }
    if (missed.why !== 'refused')
      this.#log({ event: 'redirect.missed', why: missed.why, address: String(address) })
    return this.#lastMissed
  }

  #forget(address: BoundAddress): void {
    const key = keyOf(address.host, address.port)
    if (this.#addresses.get(key) === address) this.#addresses.delete(key)
  }

  /** Holds the default address once more, so that it is never released. */
  #keepDefault(address: BoundAddress): void {
    if (address.host !== '127.0.0.1' || address.port !== this.#defaultPort) return
    if (this.#defaultAddress === address) return
    this.#defaultAddress = address
    this.#defaultFailure = undefined
    address.hold(false)
  }
}

/** The addresses to bind, and their certificate; `undefined` for http. */
type ServedTarget = Omit<BindTarget, 'tls'> & { readonly served: ServedCertificate | undefined }

function newest(missed: readonly MissedResponse[]): MissedResponse | undefined {
  return missed.toSorted((a, b) => b.atMs - a.atMs)[0]
}

function keyOf(host: string, port: number): string {
  return `${host} ${port}`
}
