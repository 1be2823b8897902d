/**
 * The bound addresses of the redirect listener (RFC 8252 §7.3): the default one for as long as the daemon lives,
 * those of other redirect URIs for as long as a login needs them (RFC 8252 §8.3).
 *
 * Promises: all addresses of a redirect URI are bound or none is; an address is bound once and shared; what
 * the system refuses is told as `redirect_port_in_use` or `profile_invalid` before an authorization URL
 * exists. Reading redirect URIs is bind-target.ts, lingering bound-address.ts.
 */
import { type Clock, systemClock } from '../../clock.js'
import { asCatchdError, CatchdError } from '../../failures.js'
import type { CertificateFiles, RedirectLease, RedirectListeners } from '../../login/doorway.js'
import type { HttpListener } from '../http-listener.js'
import type { ServedCertificate } from '../tls-server.js'
import { type BindTarget, readBindTarget, withBoundPort } from './bind-target.js'
import { BoundAddress } from './bound-address.js'
import { findPortHolder } from './port-holder.js'

/** A free port on one family may be taken on the other; a few tries find one that is free on both. */
const FREE_PORT_TRIES = 8

export class LoopbackRedirectListeners implements RedirectListeners {
  readonly #listener: HttpListener
  readonly #clock: Clock
  readonly #lingerMs: number
  readonly #ownCertificate: CertificateFiles | null
  readonly #addresses = new Map<string, BoundAddress>()
  #defaultPort: number | undefined
  #defaultAddress: BoundAddress | undefined
  #defaultFailure: CatchdError | undefined
  #descriptor: number | undefined
  #closed = false

  /**
   * @param parts.lingerMs - How long a released address stays open after its result page was fetched.
   * @param parts.ownCertificate - For https redirect URIs that come without one.
   */
  constructor({
    listener,
    clock = systemClock,
    lingerMs = 3_000,
    ownCertificate = null,
  }: {
    readonly listener: HttpListener
    readonly clock?: Clock
    readonly lingerMs?: number
    readonly ownCertificate?: CertificateFiles | null
  }) {
    this.#listener = listener
    this.#clock = clock
    this.#lingerMs = lingerMs
    this.#ownCertificate = ownCertificate
  }

  /**
   * Binds 127.0.0.1 on the default port and keeps it until `close`. Never rejects: a taken port is remembered
   * ({@link defaultFailure}), and the next login that needs it tries again.
   *
   * @param port - 0: there is no default port.
   * @param descriptor - Listens there already (socket activation).
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

  /** Why the default port is not bound; `undefined` when it is, or when there is none. */
  get defaultFailure(): CatchdError | undefined {
    return this.#defaultFailure
  }

  /** The bound addresses, as in `http://127.0.0.1:8252`. */
  addresses(): string[] {
    return [...this.#addresses.values()].filter((address) => address.isBound).map(String)
  }

  /**
   * @throws CatchdError `redirect_port_in_use`, naming the port and, where the system tells, the process;
   *   `profile_invalid` when what the profile names cannot be bound or served; nothing new is bound then.
   */
  async acquire(
    redirectUri: string,
    listen: string | null,
    certificate: CertificateFiles | null = null,
  ): Promise<RedirectLease> {
    if (this.#closed) throw new CatchdError('daemon_unreachable', 'The daemon is stopping.')
    const { tls, ...where } = readBindTarget(redirectUri, listen, certificate !== null)
    const target = {
      ...where,
      served: tls ? await this.#readCertificate(redirectUri, certificate) : undefined,
    }
    const held = target.port === 0 ? await this.#holdFreePort(target) : await this.#holdAll(target)
    const port = held[0]?.port ?? target.port
    let released = false
    return {
      redirectUri: withBoundPort(redirectUri, port),
      release: () => {
        if (released) return
        released = true
        for (const address of held) address.release()
      },
    }
  }

  /** Stops accepting on every address; resolves when answers in flight are sent or `drainMs` are over. */
  async close(drainMs: number): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#addresses.values()].map((address) => address.close(drainMs)))
  }

  /** Each time anew, so that a renewed certificate counts from the next login on. */
  async #readCertificate(redirectUri: string, named: CertificateFiles | null): Promise<ServedCertificate> {
    const files = named ?? this.#ownCertificate
    if (files === null)
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
        const taken = error instanceof CatchdError && error.code === 'redirect_port_in_use'
        if (!taken || triesLeft === 0) throw error
      }
    }
  }

  /** All addresses of the target on one port, or none. */
  async #holdAll(target: ServedTarget): Promise<BoundAddress[]> {
    const { hosts, port, familiesOptional } = target
    const held: BoundAddress[] = []
    let lacking: unknown
    try {
      for (const host of hosts) {
        try {
          held.push(await this.#hold(host, held[0]?.port ?? port, target))
        } catch (error) {
          if (!familiesOptional || !isLackingFamily(error)) throw error
          lacking = error
        }
      }
      if (held.length === 0) throw lacking
      return held
    } catch (error) {
      await Promise.all(held.map((address) => address.abandon()))
      throw await explain(error, held[0]?.port ?? port)
    }
  }

  async #hold(host: string, port: number, { forwarded, served }: ServedTarget): Promise<BoundAddress> {
    const key = keyOf(host, port)
    let shared = this.#addresses.get(key)
    while (shared !== undefined && shared.tls !== (served !== undefined)) {
      await this.#clear(shared)
      shared = this.#addresses.get(key)
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
      await address.abandon()
      throw new CatchdError('daemon_unreachable', 'The daemon is stopping.')
    }
    this.#addresses.set(keyOf(host, address.port), address)
    this.#keepDefault(address)
    return address
  }

  /** An address that merely lingers gives way at once; one that a login needs does not. */
  async #clear(address: BoundAddress): Promise<void> {
    if (address.isIdle) return address.close(0)
    const [taken, wanted] = address.tls ? ['https', 'http'] : ['http', 'https']
    throw new CatchdError(
      'redirect_port_in_use',
      `Port ${address.port} of this daemon serves ${taken} redirect URIs, and one port cannot serve both. Give the ${wanted} redirect URI a port of its own.`,
    )
  }

  #bind(host: string, port: number, certificate: ServedCertificate | undefined): BoundAddress {
    const isDefault = host === '127.0.0.1' && port === this.#defaultPort
    const descriptor = isDefault ? this.#descriptor : undefined
    if (isDefault) this.#descriptor = undefined // it is closed with the address
    const address = new BoundAddress(
      this.#listener,
      { host, port, certificate },
      {
        descriptor,
        clock: this.#clock,
        lingerMs: this.#lingerMs,
        onClose: (closing) => this.#forget(closing),
      },
    )
    if (port !== 0) this.#addresses.set(keyOf(host, port), address)
    return address
  }

  #forget(address: BoundAddress): void {
    const key = keyOf(address.host, address.port)
    if (this.#addresses.get(key) === address) this.#addresses.delete(key)
  }

  /** The default address has one holder more, which never lets go. */
  #keepDefault(address: BoundAddress): void {
    if (address.host !== '127.0.0.1' || address.port !== this.#defaultPort) return
    if (this.#defaultAddress === address) return
    this.#defaultAddress = address
    this.#defaultFailure = undefined
    address.hold(false)
  }
}

/** Where to bind, and the certificate to serve there; `undefined` for http. */
type ServedTarget = Omit<BindTarget, 'tls'> & { readonly served: ServedCertificate | undefined }

function keyOf(host: string, port: number): string {
  return `${host} ${port}`
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

function isLackingFamily(error: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(systemCode(error) ?? '')
}

/** The system's refusal to bind, in words of the profile. */
async function explain(error: unknown, port: number): Promise<CatchdError> {
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return new CatchdError('redirect_port_in_use', await whoHolds(port))
    case 'EACCES':
      return explainForbidden(port)
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new CatchdError('profile_invalid', 'This system has no such loopback address.')
    case 'EMFILE':
    case 'ENFILE':
      return new CatchdError('internal', { detail: 'Too many files are open to bind a port.', cause: error })
    default:
      return asCatchdError(error)
  }
}

async function whoHolds(port: number): Promise<string> {
  const holder = await findPortHolder(port)
  if (holder === undefined) return `Port ${port} is held by another process.`
  if (holder.pid === process.pid) return `Port ${port} is held by this daemon itself, for something else.`
  return `Port ${port} is held by ${holder.command} (process ${holder.pid}).`
}

function explainForbidden(port: number): CatchdError {
  if (port >= 1024) {
    return new CatchdError('redirect_port_in_use', `The system does not let this user bind port ${port}.`)
  }
  return new CatchdError(
    'profile_invalid',
    `Port ${port} is below 1024, which this system keeps for privileged programs; register a redirect URI ` +
      'with a higher port.',
  )
}
