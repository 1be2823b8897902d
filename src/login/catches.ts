/**
 * Catch only: an authorization response that another tool redeems. It is taken at the redirect URI, handed over once and
 * nothing is done with it here.
 *
 * Promises kept here: the address is bound before anybody is told; a response answers one catch, by its exact `state`,
 * or the catch that takes any response where nobody else shares the redirect URI; what was caught is in memory alone,
 * until it is handed over or a code would be worthless. A catch that still waits outlives a restart; its response, which
 * holds a code, does not. Whether a response is well formed is authorization-response.ts; logins that end with tokens
 * are login-service.ts.
 */

import { randomId } from '../authorization-server/pkce.js'
import type { Clock } from '../clock.js'
import { asCatchdError, CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { itemName, type Vault } from '../vault/vault.js'
import {
  type AuthorizationResponse,
  decodeParameters,
  parseAuthorizationResponse,
} from './authorization-response.js'
import { parseCatch, serialiseCatch } from './catch-record.js'
import type { RedirectLease, RedirectListeners } from './doorway.js'
import { ExpiryAlarm } from './expiry-alarm.js'
import type { CaughtLogin, Login, PendingCatch, SettledLogin } from './login.js'
import type { CatchRequest } from './login-request.js'
import { responsePart } from './pasted-response.js'
import { PendingCatches } from './pending-catches.js'
import type { LoginEvent } from './ports.js'
import { RedirectUris } from './redirect-uris.js'
import { SettledCatches } from './settled-catches.js'
import { waitForEnd } from './settled-wait.js'
import { cancelled, expired } from './unanswered.js'

export interface CatchesParts {
  readonly clock: Clock
  readonly vault: Vault
  readonly listeners: RedirectListeners
  /** Who else has a redirect URI, in words; `undefined`: nobody. */
  readonly sharer: (redirectUri: string) => string | undefined
  readonly timeoutSeconds: number
  readonly log: (event: LoginEvent) => void
}

export class Catches {
  readonly #parts: CatchesParts
  readonly #pending = new PendingCatches()
  readonly #settled: SettledCatches
  readonly #redirectUris = new RedirectUris()
  readonly #leases = new Map<string, RedirectLease>()
  readonly #alarm: ExpiryAlarm
  #restored: Promise<void> | undefined

  constructor(parts: CatchesParts) {
    this.#parts = parts
    this.#settled = new SettledCatches(parts.clock, ({ redirectUri }) =>
      this.#redirectUris.release(redirectUri),
    )
    this.#alarm = new ExpiryAlarm(
      parts.clock,
      () => this.#pending.nextExpiryMs(),
      () => this.#expire(),
    )
  }

  /**
   * @throws CatchdError `request_invalid` when any response is wanted where somebody else waits for theirs, or the
   *   address cannot be bound; `redirect_port_in_use`, `too_many_logins` and the vault's codes; nothing waits then
   */
  async begin({ redirectUri, state, timeoutSeconds }: CatchRequest): Promise<PendingCatch> {
    await this.restore()
    this.#pending.ensureRoom()
    const lease = await this.#bind(redirectUri)
    const createdAtMs = this.#parts.clock.now()
    const pending: PendingCatch = {
      status: 'pending',
      id: randomId(),
      profile: null,
      redirectUri: lease.redirectUri,
      createdAtMs,
      expiresAtMs: createdAtMs + (timeoutSeconds ?? this.#parts.timeoutSeconds) * 1000,
      authorizationUrl: null,
      state,
    }
    try {
      this.#requireAlone(pending)
      await this.#parts.vault.set(itemName.catch(pending.id), serialiseCatch(pending))
      this.#requireAlone(pending) // who came while it was stored
    } catch (error) {
      lease.release()
      this.#forgetRecord(pending.id)
      throw error
    }
    this.#admit(pending, lease)
    this.#parts.log({ event: 'login.begun', login: pending.id })
    return pending
  }

  /** Brings back what waited when the daemon ended. Never throws: a vault that does not tell is asked again. */
  restore(): Promise<void> {
    this.#restored ??= this.#restore().catch((error: unknown) => {
      this.#restored = undefined
      this.#trouble('', 'restore', error)
    })
    return this.#restored
  }

  get count(): number {
    return this.#pending.size
  }

  knowsState(state: string): boolean {
    return this.#pending.hasState(state) || this.#settled.findByState(state) !== undefined
  }

  find(id: string): Login | undefined {
    return this.#pending.find(id) ?? this.#settled.find(id)
  }

  settled(id: string): Promise<SettledLogin> | undefined {
    return this.#settled.whenSettled(id)
  }

  /** The catch once it is settled, or as it stands after `waitMs` or when the caller gives up. */
  async wait(id: string, waitMs: number, signal: AbortSignal): Promise<Login | undefined> {
    const settled = this.#settled.whenSettled(id)
    if (settled !== undefined) await waitForEnd(settled, this.#parts.clock, waitMs, signal)
    return this.find(id)
  }

  /**
   * Paste-back: the URL that a browser on another machine ended on.
   *
   * @throws CatchdError `login_unknown`, `redirect_malformed`, `state_unknown`
   */
  paste(id: string, url: string): Login {
    this.#expire()
    const pending = this.#pending.find(id)
    const settled = this.#settled.find(id)
    if (pending === undefined && settled !== undefined) return settled
    if (pending === undefined) throw new CatchdError('login_unknown', { next: 'catchd catch' })
    const encoded = responsePart(url, pending)
    const response = parseAuthorizationResponse(encoded)
    if (pending.state !== null && pending.state.reveal() !== response.state?.reveal()) {
      throw new CatchdError('state_unknown', {
        detail: 'The URL has another state than the one that is waited for.',
        next: 'catchd catch',
      })
    }
    return this.#catch(pending, response, encoded)
  }

  /** Once: whoever asks next finds nothing. `undefined` too when it was not caught, or too long ago. */
  takeResponse(id: string): Readonly<Record<string, string>> | undefined {
    return this.#settled.take(id)
  }

  findRedirectUri(authority: string, path: string): string | undefined {
    return this.#redirectUris.find(authority, path)
  }

  knowsAuthority(authority: string): boolean {
    return this.#redirectUris.knowsAuthority(authority)
  }

  /** Whether one waits here; only its tool knows the response mode it asked for. */
  isAwaitedOn(redirectUri: string): boolean {
    return this.#pending.on(redirectUri).length > 0
  }

  /**
   * What a response with this very `state` answers, or has answered. Synchronous: two at once cannot both be taken.
   *
   * @param encoded - The response as it came.
   */
  answerByState(
    redirectUri: string,
    response: AuthorizationResponse,
    encoded: string,
  ): SettledLogin | undefined {
    this.#expire()
    if (response.state === null) return undefined
    const state = response.state.reveal()
    const answered = this.#settled.findByState(state, redirectUri)
    if (answered?.status === 'expired') throw answered.failure
    const pending = this.#pending.findByState(state, redirectUri)
    return answered ?? (pending && this.#catch(pending, response, encoded))
  }

  /** What a response that is nobody's answers: the catch that takes any, where nobody else shares the redirect URI. */
  answerAny(redirectUri: string, response: AuthorizationResponse, encoded: string): SettledLogin | undefined {
    this.#expire()
    const [only, ...others] = this.#pending.on(redirectUri)
    if (only === undefined || others.length > 0 || only.state !== null) return undefined
    if (this.#parts.sharer(redirectUri) !== undefined) return undefined
    return this.#catch(only, response, encoded)
  }

  /** @returns false when there is no such catch. A response that nobody fetched is forgotten. */
  cancel(id: string): boolean {
    const pending = this.#pending.remove(id)
    if (pending !== undefined) this.#end(pending, 'cancelled', cancelled(null))
    return pending !== undefined || this.#settled.forgetResponse(id)
  }

  /** Stops the timer; what waits stays in the vault for the next start. */
  close(): void {
    this.#alarm.cancel()
  }

  /** A redirect URI is no profile's here: what is wrong with it is wrong with the request. */
  async #bind(redirectUri: string): Promise<RedirectLease> {
    try {
      return await this.#parts.listeners.acquire(redirectUri, null, null)
    } catch (error) {
      const { code, detail = '', next } = asCatchdError(error)
      if (code !== 'profile_invalid') throw error
      const isOwn = next.includes('certificate') // what makes one is no business of a profile
      throw new CatchdError('request_invalid', { detail, ...(isOwn ? { next } : {}) })
    }
  }

  /** One that takes any response gives way to the next one: whoever started it may be long gone. */
  #requireAlone({ redirectUri, state }: PendingCatch): void {
    if (state !== null) return
    const others = this.#pending.on(redirectUri)
    const sharer =
      this.#parts.sharer(redirectUri) ??
      (others.some(({ state }) => state !== null) ? 'another tool, which waits for its response' : undefined)
    if (sharer !== undefined) {
      throw new CatchdError(
        'request_invalid',
        `${redirectUri} is shared with ${sharer}: name the state of your authorization request, or another redirect URI.`,
      )
    }
    for (const { id } of others) this.cancel(id)
  }

  #admit(pending: PendingCatch, lease: RedirectLease): void {
    this.#leases.set(pending.id, lease)
    this.#redirectUris.hold(pending.redirectUri)
    this.#settled.track(pending)
    this.#pending.add(pending)
    this.#alarm.set()
  }

  #catch(pending: PendingCatch, response: AuthorizationResponse, encoded: string): SettledLogin {
    this.#pending.remove(pending.id)
    const caught: CaughtLogin = { ...baseOf(pending), status: 'succeeded', caught: response.kind }
    const text = new Secret(JSON.stringify(Object.fromEntries(decodeParameters(encoded))))
    this.#settled.keep(caught, response.state ?? pending.state, text)
    this.#parts.log({ event: 'login.caught', login: pending.id })
    this.#letGo(pending.id)
    return caught
  }

  #end(pending: PendingCatch, status: 'expired' | 'cancelled', failure: CatchdError): void {
    this.#settled.end({ ...baseOf(pending), status, failure }, pending.state)
    this.#parts.log({ event: 'login.ended', login: pending.id, code: failure.code })
    this.#letGo(pending.id)
  }

  #letGo(id: string): void {
    this.#leases.get(id)?.release()
    this.#leases.delete(id)
    this.#forgetRecord(id)
  }

  #forgetRecord(id: string): void {
    void this.#parts.vault.delete(itemName.catch(id)).catch((error) => this.#trouble(id, 'forget', error))
  }

  #expire(): void {
    for (const pending of this.#pending.takeExpired(this.#parts.clock.now())) {
      this.#end(pending, 'expired', expired(null, 'No authorization response came in time.'))
    }
  }

  async #restore(): Promise<void> {
    const { vault, listeners } = this.#parts
    const prefix = itemName.catch('')
    for (const name of await vault.names()) {
      if (!name.startsWith(prefix) || this.find(name.slice(prefix.length)) !== undefined) continue
      const item = await vault.get(name)
      const pending = item === undefined ? undefined : parseCatch(item)
      const lease =
        pending && (await listeners.acquire(pending.redirectUri, null, null).catch(this.#noted(pending.id)))
      if (pending === undefined || lease === undefined) await vault.delete(name)
      else this.#admit(pending, lease)
    }
    this.#expire()
  }

  /** A port that was taken meanwhile: the browser cannot come back to it. */
  #noted(id: string): (error: unknown) => undefined {
    return (error) => this.#trouble(id, 'restore', error)
  }

  #trouble(login: string, step: string, error: unknown): undefined {
    this.#parts.log({ event: 'login.trouble', login, step, code: asCatchdError(error).code })
    return undefined
  }
}

function baseOf({ id, profile, redirectUri, createdAtMs, expiresAtMs }: PendingCatch) {
  return { id, profile, redirectUri, createdAtMs, expiresAtMs }
}
