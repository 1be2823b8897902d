/**
 * Restores the logins of the last run. Pending logins stay pending. Logins whose code may have been sent end as failed
 * (SECURITY.md#one-state-one-redemption). If the vault is locked when the daemon starts, it is read again later.
 */
import { asCatchdError, CatchdError } from '../failures.js'
import { unsuccessful } from './endings.js'
import type { KindParts, LoginKind, OpenLogin } from './kinds/kind.js'
import type { UnsuccessfulLogin } from './login.js'
import type { InterruptedLogin } from './login-records.js'
import type { OpenLogins, OpenLoginsParts } from './open-logins.js'
import type { RedirectLease, RedirectListeners } from './ports.js'

/** How long to wait before a locked vault is read again, for logins that continue without a request. */
const AGAIN_MS = 10_000

export interface RestoredLoginsParts extends OpenLoginsParts, Pick<KindParts, 'lock'> {
  readonly listeners: RedirectListeners
}

export class RestoredLogins {
  readonly #parts: RestoredLoginsParts
  readonly #open: OpenLogins
  readonly #isOfThisRun: (id: string) => boolean
  /** Kinds whose records have not been read yet. */
  readonly #unread: Set<LoginKind>
  #restoring: Promise<void> | undefined
  #cancelRetry: () => void = () => {}

  /** @param isBeginning - Whether a login of this run with this id is being stored. */
  constructor(
    parts: RestoredLoginsParts,
    open: OpenLogins,
    kinds: readonly LoginKind[],
    isBeginning: (id: string) => boolean,
  ) {
    this.#parts = parts
    this.#open = open
    this.#unread = new Set(kinds)
    this.#isOfThisRun = (id) => open.index.find(id) !== undefined || isBeginning(id)
  }

  /** Does nothing when everything was read, or while catchd is locked. Never throws. */
  restore(): Promise<void> {
    if (this.#unread.size === 0 || this.#parts.lock.isLocked) return Promise.resolve()
    this.#restoring ??= this.#restore().finally(() => {
      this.#restoring = undefined
    })
    return this.#restoring
  }

  close(): void {
    this.#cancelRetry()
  }

  async #restore(): Promise<void> {
    const { clock, records } = this.#parts
    this.#cancelRetry()
    for (const login of records.interrupted()) this.#open.index.addSettled(interrupted(login, clock.now()))
    await Promise.all([...this.#unread].map((kind) => this.#restoreKind(kind)))
    if (this.#unread.size === 0) records.forgetInterrupted()
    if ([...this.#unread].some(({ goesOnAlone }) => goesOnAlone)) {
      this.#cancelRetry = clock.after(AGAIN_MS, () => void this.restore())
    }
    this.#open.expire()
  }

  async #restoreKind(kind: LoginKind): Promise<void> {
    try {
      for await (const open of this.#parts.records.leftBehind(kind, this.#isOfThisRun)) {
        await this.#readmit(kind, open)
      }
      this.#unread.delete(kind)
    } catch (error) {
      this.#open.trouble('', 'restore', error)
    }
  }

  async #readmit(kind: LoginKind, open: OpenLogin): Promise<void> {
    let lease: RedirectLease | undefined
    try {
      // What has expired needs no address: it ends as expired even if another program uses the port now.
      const isOver = this.#parts.clock.now() >= open.login.expiresAtMs
      if (open.redirect !== null && !isOver) {
        const { redirectUri, listen, certificate } = open.redirect.address
        lease = await this.#parts.listeners.acquire(redirectUri, listen, certificate)
      }
      this.#open.admit(kind, open, lease, null)
    } catch (error) {
      lease?.release()
      this.#open.index.add(kind, open, null)
      this.#open.settle(unsuccessful(open.login, 'failed', asCatchdError(error)))
    }
  }
}

/** A login that was claimed but not settled when the daemon was killed. */
function interrupted(login: InterruptedLogin, nowMs: number): UnsuccessfulLogin {
  const failure = new CatchdError('login_required', {
    profile: login.profile,
    detail: 'The daemon was stopped while it redeemed the code. It never sends a code twice.',
  })
  return { ...login, createdAtMs: 0, expiresAtMs: nowMs, status: 'failed', failure }
}
