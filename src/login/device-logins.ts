/**
 * Device logins (RFC 8628): a person enters a code at the authorization server, on any machine, while the server is
 * asked now and then whether they have.
 *
 * Promises kept here: the login is in the vault before its code is shown, so that it goes on after a restart; no more
 * than one request in an interval, longer ones when the server says so or does not answer; success is said when the
 * token set is in the vault. Redirects are login-service.ts.
 */

import { randomId } from '../authorization-server/pkce.js'
import type { AuthorizationServers, DevicePoll } from '../authorization-server/port.js'
import { Transcript } from '../authorization-server/transcript.js'
import type { Clock } from '../clock.js'
import type { Profile } from '../config/profile.js'
import type { MachineFacts } from '../diagnosis/machine-facts.js'
import { asCatchdError, CatchdError } from '../failures.js'
import { tokenSetFrom } from '../tokens/token-set.js'
import { itemName, type Vault } from '../vault/vault.js'
import { AnsweredLogins } from './answered-logins.js'
import { type PolledLogin, parseDeviceLogin, serialiseDeviceLogin } from './device-login-record.js'
import type { Login, PendingDeviceLogin, SettledLogin } from './login.js'
import { deviceReportOf } from './login-report.js'
import type { LoginEvent, LoginProfiles, TokenKeeping } from './ports.js'
import { profileOfLogin } from './redemption.js'
import { waitForEnd } from './settled-wait.js'
import { summaryOf } from './stored-summary.js'
import { cancelled, displaced, expired } from './unanswered.js'

export interface DeviceLoginsParts {
  readonly clock: Clock
  readonly vault: Vault
  readonly servers: AuthorizationServers
  readonly tokens: TokenKeeping
  readonly profiles: Pick<LoginProfiles, 'profile'>
  /** Opens the verification URI in a browser; its failure is not the login's. */
  readonly openBrowser: (url: string) => Promise<void>
  readonly describeVault: () => string
  readonly machine?: MachineFacts
  readonly log: (event: LoginEvent) => void
}

const MOST_PER_PROFILE = 10
const MOST_IN_ALL = 200
/** Until a vault that was locked at the start is asked again. */
const RESTORE_AGAIN_MS = 10_000
/** RFC 8628 §3.5. */
const SLOW_DOWN_MS = 5_000
const LONGEST_INTERVAL_MS = 60_000

interface Entry extends PolledLogin {
  intervalMs: number
  cancelTimer: () => void
  /** Of the last poll. */
  transcript?: Transcript
}

export class DeviceLogins {
  readonly #parts: DeviceLoginsParts
  /** Insertion order is age. */
  readonly #pending = new Map<string, Entry>()
  readonly #answered = new AnsweredLogins(() => {})
  #isRestored = false
  #cancelRestore: () => void = () => {}

  constructor(parts: DeviceLoginsParts) {
    this.#parts = parts
  }

  /**
   * @param timeoutSeconds - Ends the login before the server's own `expires_in` does.
   * @throws CatchdError `profile_invalid`, `provider_*`, `too_many_logins` and the vault's codes
   */
  async begin(profile: Profile, open: boolean, timeoutSeconds = Infinity): Promise<PendingDeviceLogin> {
    if (this.#pending.size >= MOST_IN_ALL) {
      throw new CatchdError('too_many_logins', `${MOST_IN_ALL} device logins are pending.`)
    }
    const { clock, servers, vault } = this.#parts
    const authorization = await servers.authorizeDevice(profile)
    const createdAtMs = clock.now()
    const { userCode, verificationUri, verificationUriComplete } = authorization
    const login: PendingDeviceLogin = {
      status: 'pending',
      id: randomId(),
      profile: profile.name,
      redirectUri: '',
      createdAtMs,
      expiresAtMs: createdAtMs + Math.min(authorization.expiresInSeconds, timeoutSeconds) * 1000,
      authorizationUrl: verificationUriComplete ?? verificationUri,
      device: { userCode, verificationUri, verificationUriComplete },
    }
    const polled = {
      login,
      deviceCode: authorization.deviceCode,
      intervalMs: authorization.intervalSeconds * 1000,
      origin: servers.origin(profile),
    }
    await vault.set(itemName.deviceLogin(login.id), serialiseDeviceLogin(polled))
    this.#admit(polled)
    this.#parts.log({ event: 'login.begun', login: login.id, profile: login.profile })
    if (open) void this.#parts.openBrowser(login.authorizationUrl).catch(this.#trouble(login.id, 'browser'))
    return login
  }

  /** Polls on what was pending when the daemon ended, as soon as the vault tells. Never throws. */
  async restore(): Promise<void> {
    const { vault } = this.#parts
    this.#cancelRestore()
    if (this.#isRestored) return
    try {
      const prefix = itemName.deviceLogin('')
      for (const name of await vault.names()) {
        if (!name.startsWith(prefix) || this.find(name.slice(prefix.length)) !== undefined) continue
        const item = await vault.get(name)
        const polled = item === undefined ? undefined : parseDeviceLogin(item)
        if (polled === undefined) await vault.delete(name)
        else if (this.find(polled.login.id) === undefined) this.#admit(polled)
      }
      this.#isRestored = true
    } catch (error) {
      this.#trouble('', 'restore')(error)
      this.#cancelRestore = this.#parts.clock.after(RESTORE_AGAIN_MS, () => void this.restore())
    }
  }

  find(id: string): Login | undefined {
    return this.#answered.find(id)
  }

  ofProfile(profile: string): Login[] {
    return this.#answered.ofProfile(profile)
  }

  settled(id: string): Promise<SettledLogin> | undefined {
    return this.#answered.settled(id)
  }

  async wait(id: string, waitMs: number, signal: AbortSignal): Promise<Login | undefined> {
    const settled = this.#answered.settled(id)
    if (settled !== undefined) await waitForEnd(settled, this.#parts.clock, waitMs, signal)
    return this.find(id)
  }

  /** From the oldest to the newest. */
  pendingOf(profile: string): PendingDeviceLogin[] {
    return [...this.#pending.values()].map(({ login }) => login).filter((login) => login.profile === profile)
  }

  count(isCounted: (profile: string) => boolean): number {
    return [...this.#pending.values()].filter(({ login }) => isCounted(login.profile)).length
  }

  /** @returns false when there is no such login; a settled one stays as it is. */
  cancel(id: string): boolean {
    const entry = this.#pending.get(id)
    if (entry === undefined) return this.#answered.find(id) !== undefined
    this.#cancel(entry, cancelled(entry.login.profile))
    return true
  }

  /** Stops polling; pending logins stay in the vault for the next start. */
  close(): void {
    this.#cancelRestore()
    for (const entry of this.#pending.values()) entry.cancelTimer()
  }

  #admit(polled: PolledLogin): void {
    const older = [...this.#pending.values()].filter(({ login }) => login.profile === polled.login.profile)
    for (const entry of older.slice(0, Math.max(0, older.length - MOST_PER_PROFILE + 1))) {
      this.#cancel(entry, displaced(entry.login.profile))
    }
    const entry: Entry = { ...polled, cancelTimer: () => {} }
    this.#pending.set(entry.login.id, entry)
    this.#answered.track(entry.login)
    this.#pollLater(entry)
  }

  /** By the wall clock: a machine that slept finds the code expired. */
  #pollLater(entry: Entry): void {
    const { clock } = this.#parts
    const leftMs = Math.max(0, entry.login.expiresAtMs - clock.now())
    entry.cancelTimer = clock.after(Math.min(entry.intervalMs, leftMs), () => void this.#poll(entry))
  }

  async #poll(entry: Entry): Promise<void> {
    const { clock, tokens } = this.#parts
    const { login } = entry
    if (clock.now() >= login.expiresAtMs) {
      return this.#fail(entry, expired(login.profile, 'Nobody entered the code in time.'))
    }
    try {
      const profile = profileOfLogin(this.#parts, login.profile, entry.origin)
      const logoutGeneration = tokens.logoutGeneration(profile.name)
      entry.transcript = new Transcript(clock)
      const poll = await this.#parts.servers.pollDevice(profile, entry.deviceCode, entry.transcript)
      await this.#take(entry, profile, poll, logoutGeneration)
    } catch (error) {
      this.#fail(entry, asCatchdError(error))
    }
  }

  async #take(entry: Entry, profile: Profile, poll: DevicePoll, logoutGeneration: number): Promise<void> {
    const { clock, servers, tokens, describeVault } = this.#parts
    const isOver = !this.#pending.has(entry.login.id)
    if (poll.outcome === 'issued') {
      const origin = servers.origin(profile)
      const set = tokenSetFrom(poll.response, origin, profile.scope ?? null, clock.now())
      // Cancelled while the answer was on its way: nobody will use what it brought.
      if (isOver) return void servers.revoke(profile, set)
      await tokens.keep(profile.name, set, logoutGeneration)
      this.#conclude(entry, {
        ...baseOf(entry.login),
        status: 'succeeded',
        stored: summaryOf(set, describeVault()),
      })
      return
    }
    if (isOver) return
    if (poll.outcome === 'ended') return this.#fail(entry, poll.error)
    if (poll.outcome === 'slow_down') entry.intervalMs += SLOW_DOWN_MS
    if (poll.outcome === 'retry_later') {
      entry.intervalMs = Math.min(entry.intervalMs * 2, Math.max(entry.intervalMs, LONGEST_INTERVAL_MS))
    }
    this.#pollLater(entry)
  }

  #fail(entry: Entry, failure: CatchdError): void {
    if (!this.#pending.has(entry.login.id)) return
    const { login, origin, transcript } = entry
    const status = failure.code === 'login_expired' ? 'expired' : 'failed'
    const ending = { step: 'token_request', failure, ...(transcript && { transcript }) } as const
    const report = deviceReportOf(this.#parts, { ...login, origin }, ending)
    this.#conclude(entry, { ...baseOf(login), status, failure: failure.of(login.profile), report })
  }

  #cancel(entry: Entry, failure: CatchdError): void {
    this.#conclude(entry, { ...baseOf(entry.login), status: 'cancelled', failure })
  }

  #conclude(entry: Entry, settled: SettledLogin): void {
    const { id, profile } = entry.login
    entry.cancelTimer()
    this.#pending.delete(id)
    this.#answered.settle(settled)
    if (settled.status === 'succeeded') this.#parts.log({ event: 'login.succeeded', login: id, profile })
    else this.#parts.log({ event: 'login.ended', login: id, profile, code: settled.failure.code })
    void this.#parts.vault.delete(itemName.deviceLogin(id)).catch(this.#trouble(id, 'forget'))
  }

  #trouble(login: string, step: string): (error: unknown) => void {
    return (error) => {
      this.#parts.log({ event: 'login.trouble', login, step, code: asCatchdError(error).code })
    }
  }
}

function baseOf({ id, profile, redirectUri, createdAtMs, expiresAtMs }: PendingDeviceLogin) {
  return { id, profile, redirectUri, createdAtMs, expiresAtMs }
}
