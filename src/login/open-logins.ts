/**
 * The open logins. Each keeps its address bound, runs its timers and is in the vault until it is settled. Every login
 * ends in `settle`, once. Events after its end change nothing.
 */
import { Alarm, instantOrNull } from '../clock.js'
import { asCatchdError, CatchdError } from '../failures.js'
import { type Holder, Shares } from '../shares.js'
import { beginAgain, unsuccessful } from './endings.js'
import type { KindParts, LoginKind, OpenLogin } from './kinds/kind.js'
import type { SettledLogin, UnsuccessfulLogin, WaitingLogin } from './login.js'
import { LoginIndex } from './login-index.js'
import type { LoginRecords } from './login-records.js'
import { type LoginEvent, ofProfile, type RedirectLease } from './ports.js'

const LONGEST_SLEEP_MS = 60_000

/** A user who knows the password has answered by then. A server that shows an error page never redirects back. */
export const SILENCE_MS = 20_000

export interface OpenLoginsParts extends Pick<KindParts, 'clock' | 'log'> {
  readonly records: LoginRecords
}

export class OpenLogins {
  readonly index = new LoginIndex()
  readonly #parts: OpenLoginsParts
  readonly #alarm: Alarm
  readonly #leases = new Map<string, RedirectLease | undefined>()
  /** Why the browser could not be opened, and that a response came to another address. */
  readonly #noticed = new Map<string, { readonly browser?: string; readonly elsewhere?: string }>()
  /** Stops the logins that settle themselves. */
  readonly #stops = new Map<string, (() => void) | undefined>()

  constructor(parts: OpenLoginsParts) {
    this.#parts = parts
    this.#alarm = new Alarm(parts.clock, LONGEST_SLEEP_MS, () => {
      this.expire()
      return this.index.nextExpiryMs()
    })
  }

  /** @throws CatchdError `too_many_logins` when there are too many logins of this kind */
  requireCapacity(kind: LoginKind, profile: string | null, holder: Holder): void {
    this.#displacedBy(kind, profile, holder)
  }

  /** A catch of any response is replaced by the next one: the tool that started it may have ended long ago. */
  requireAlone(redirectUri: string): void {
    const sharer = this.index.sharerOf(redirectUri)
    if (sharer !== undefined) {
      throw new CatchdError(
        'request_invalid',
        `${redirectUri} is also used by ${sharer}. Pass the state of your authorization request, or use another redirect URI.`,
      )
    }
    for (const { login } of this.index.on(redirectUri)) this.cancel(login.id)
  }

  /** From now on the login can be answered. @throws CatchdError `too_many_logins` */
  admit(kind: LoginKind, open: OpenLogin, lease: RedirectLease | undefined, holder: Holder): void {
    const { id, profile, expiresAtMs } = open.login
    for (const oldest of this.#displacedBy(kind, profile, holder)) {
      const detail = 'Newer logins of the profile replaced this login.'
      const failure = new CatchdError('login_required', { detail, ...beginAgain(oldest.profile) })
      this.settle(unsuccessful(oldest, 'cancelled', failure))
    }
    this.index.add(kind, open, holder)
    this.#leases.set(id, lease)
    const stop = open.start?.({
      isPending: () => {
        this.expire()
        return this.index.findPending(id) !== undefined
      },
      claim: () => this.index.take(id),
      settle: (login) => void this.settle(login),
    })
    this.#stops.set(id, stop)
    this.#alarm.wakeBy(expiresAtMs)
  }

  /** @param browserFollows - A browser brought the response, and will fetch the result page. */
  settle(login: SettledLogin, browserFollows = false): SettledLogin {
    const kind = this.index.settle(login)
    if (kind === undefined) return login
    this.#leases.get(login.id)?.release(browserFollows)
    this.#leases.delete(login.id)
    this.#noticed.delete(login.id)
    this.#stops.get(login.id)?.()
    this.#stops.delete(login.id)
    this.#parts.log(endOf(login))
    void this.forgetRecord(kind, login.id)
    return login
  }

  /**
   * Why the login may still wait, and what to do: one sentence or value a line. `null` if nothing is known, or the login
   * does not wait. If nothing arrived, it is what to check, after {@link SILENCE_MS}.
   */
  hint(id: string): string | null {
    const open = this.index.findPending(id)
    if (open === undefined) return null
    const { authorizationUrl, createdAtMs } = open.login
    const browser = this.#noticed.get(id)?.browser
    const arrived = this.#arrived(id)
    const isSilent = arrived === undefined && this.#parts.clock.now() - createdAtMs >= SILENCE_MS
    const lines = [
      browser,
      arrived,
      ...(isSilent ? open.silence() : []),
      isSilent && browser === undefined && authorizationUrl !== null && open.redirect !== null
        ? 'If no browser window appeared, open the authorization URL yourself.'
        : undefined,
    ].filter((line) => line !== undefined)
    return lines.length === 0 ? null : lines.join('\n')
  }

  /** What arrived instead of a response of the login that can be used. */
  #arrived(id: string): string | undefined {
    const missed = this.#leases.get(id)?.missed()
    return (
      this.#noticed.get(id)?.elsewhere ?? missed?.replaceAll('NAME', this.index.find(id)?.profile ?? 'NAME')
    )
  }

  /** The browser of the login was not opened. */
  noticeBrowser(id: string, { message, next }: CatchdError): void {
    if (this.index.findPending(id) === undefined) return
    const browser = [
      `${message} Open the authorization URL yourself.`,
      `To use another browser, run: ${next}`,
    ]
    this.#noticed.set(id, { ...this.#noticed.get(id), browser: browser.join('\n') })
  }

  /** A response with the `state` of a pending login came to another address than its redirect URI. */
  noticeElsewhere(state: string, redirectUri: string | undefined): void {
    const { login } = this.index.pendingWith(state) ?? {}
    if (login === undefined || login.redirectUri === redirectUri) return
    const elsewhere = `The response of this login came to another address than ${login.redirectUri}, so catchd did not use it. Scheme, host, port and path must be the same. Register exactly this redirect URI at the server.`
    this.#noticed.set(login.id, { ...this.#noticed.get(login.id), elsewhere })
  }

  expire(): void {
    for (const open of this.index.expired(this.#parts.clock.now())) this.#expire(open, open.expiredDetail)
  }

  /**
   * Does nothing when the login is not pending.
   *
   * @param why - `timeout`: the wait for it has ended, so it has expired.
   */
  cancel(id: string, why?: 'timeout'): void {
    const open = this.index.findPending(id)
    if (open === undefined) return
    if (why === 'timeout')
      this.#expire(open, 'The login was not finished before the wait for it ended (--timeout).')
    else this.#giveUp(open, 'cancelled', cancelled(open.login))
  }

  /** Runs in the background; no caller waits for it. */
  async forgetRecord(kind: LoginKind, id: string): Promise<void> {
    try {
      await this.#parts.records.forget(kind, id)
    } catch (error) {
      this.trouble(id, 'forget', error)
    }
  }

  trouble(login: string, step: string, error: unknown): void {
    this.#parts.log({ event: 'login.trouble', login, step, code: asCatchdError(error).code })
  }

  /** Stops the timers; pending logins stay in the vault for the next start. */
  close(): void {
    this.#alarm.close()
    for (const stop of this.#stops.values()) stop?.()
  }

  #displacedBy(kind: LoginKind, profile: string | null, holder: Holder): WaitingLogin[] {
    const displaced = this.index.displacedBy(kind, profile, holder)
    if (displaced !== undefined) return displaced
    throw new Shares(kind.limits.inAll).tooMany(holder, kind.limits.tooMany)
  }

  #expire(open: OpenLogin, why: string): void {
    const { id, profile } = open.login
    const parts = [why, this.#noticed.get(id)?.browser, this.#arrived(id)]
    const detail = parts.filter((part) => part !== undefined).join(' ')
    this.#giveUp(open, 'expired', new CatchdError('login_expired', { detail, ...beginAgain(profile) }))
  }

  #giveUp(open: OpenLogin, status: 'expired' | 'cancelled', failure: UnsuccessfulLogin['failure']): void {
    this.settle(
      unsuccessful(
        open.login,
        status,
        failure,
        open.report?.(status, failure, this.#arrived(open.login.id) !== undefined),
      ),
    )
  }
}

function endOf(login: SettledLogin): LoginEvent {
  const about = { login: login.id, ...ofProfile(login) }
  if ('caught' in login) return { event: 'login.caught', ...about }
  if (login.status === 'succeeded') {
    const { accessTokenExpiresAtMs: expiresAtMs } = login.stored
    return { event: 'login.succeeded', ...about, expires_at: instantOrNull(expiresAtMs) }
  }
  return { event: 'login.ended', ...about, code: login.failure.code }
}

function cancelled({ profile }: WaitingLogin): CatchdError {
  const detail =
    profile === null
      ? 'The catch was cancelled, or another tool now waits for the authorization response.'
      : 'The login was cancelled.'
  return new CatchdError('login_required', { detail, ...beginAgain(profile) })
}
