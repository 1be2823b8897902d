/**
 * The logins that wait for their authorization response, and the single use of each.
 *
 * Pure. `claim` removes before it judges, so a second response with the same `state` finds nothing
 * (RFC 9700 §4.7); what does not match a pending login changes nothing. Storing logins durably and redeeming
 * codes is login-service.ts.
 */
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { AuthorizationResponse } from './authorization-response.js'
import type { PendingLogin } from './login.js'

/** Beyond this the oldest login of the profile gives way. */
const MOST_PER_PROFILE = 100
/** Beyond this nothing more is begun. */
const MOST_IN_ALL = 1_000

/** What a login's own authorization response says. */
export type Claim =
  | {
      readonly login: PendingLogin
      readonly verdict: 'code'
      readonly code: Secret
      /** What the code came in (JARM), not yet verified. */
      readonly signedResponse: Secret | null
      readonly extra: Readonly<Record<string, string>>
    }
  | { readonly login: PendingLogin; readonly verdict: 'failed'; readonly failure: CatchdError }

export class PendingLogins {
  /** Insertion order is age. */
  readonly #byId = new Map<string, PendingLogin>()
  readonly #byState = new Map<string, PendingLogin>()
  readonly #byRedirectUri = new Map<string, Set<PendingLogin>>()
  readonly #byProfile = new Map<string, Set<PendingLogin>>()

  count(isCounted: (profile: string) => boolean): number {
    let count = 0
    for (const [profile, logins] of this.#byProfile) if (isCounted(profile)) count += logins.size
    return count
  }

  find(id: string): PendingLogin | undefined {
    return this.#byId.get(id)
  }

  hasState(state: string): boolean {
    return this.#byState.has(state)
  }

  /** @throws CatchdError `too_many_logins` when 1,000 logins pend already, and none of the profile's gives way. */
  ensureRoom(profile: string): void {
    const isReplaced = (this.#byProfile.get(profile)?.size ?? 0) >= MOST_PER_PROFILE
    if (this.#byId.size >= MOST_IN_ALL && !isReplaced) {
      throw new CatchdError(
        'too_many_logins',
        `${MOST_IN_ALL} logins are pending; cancel some or let them expire.`,
      )
    }
  }

  /** @returns The logins of the same profile that gave way to this one; they are gone from here. */
  add(login: PendingLogin): PendingLogin[] {
    const evicted: PendingLogin[] = []
    const ofProfile = this.#byProfile.get(login.profile)
    while (ofProfile !== undefined && ofProfile.size >= MOST_PER_PROFILE) {
      const oldest = first(ofProfile)
      if (oldest === undefined) break
      this.remove(oldest.id)
      evicted.push(oldest)
    }
    this.#byId.set(login.id, login)
    this.#byState.set(login.state.reveal(), login)
    addTo(this.#byRedirectUri, login.redirectUri, login)
    addTo(this.#byProfile, login.profile, login)
    return evicted
  }

  remove(id: string): PendingLogin | undefined {
    const login = this.#byId.get(id)
    if (login === undefined) return undefined
    this.#byId.delete(id)
    this.#byState.delete(login.state.reveal())
    removeFrom(this.#byRedirectUri, login.redirectUri, login)
    removeFrom(this.#byProfile, login.profile, login)
    return login
  }

  onRedirectUri(redirectUri: string): Iterable<PendingLogin> {
    return this.#byRedirectUri.get(redirectUri) ?? []
  }

  ofProfile(profile: string): Iterable<PendingLogin> {
    return this.#byProfile.get(profile) ?? []
  }

  /** Removes and returns the logins whose time is over. */
  takeExpired(nowMs: number): PendingLogin[] {
    const expired = [...this.#byId.values()].filter((login) => nowMs >= login.expiresAtMs)
    for (const login of expired) this.remove(login.id)
    return expired
  }

  /** The earliest expiry, in milliseconds since the epoch. */
  nextExpiryMs(): number | undefined {
    let next: number | undefined
    for (const { expiresAtMs } of this.#byId.values()) {
      if (next === undefined || expiresAtMs < next) next = expiresAtMs
    }
    return next
  }

  /**
   * Finds the login that a response on a redirect URI answers, takes it out of the pending ones and judges the
   * response. Synchronous: two responses at once cannot both have it.
   *
   * @throws CatchdError `state_unknown` when no pending login on this redirect URI is meant; nothing changed.
   */
  claim(redirectUri: string, response: AuthorizationResponse): Claim {
    const login = this.#match(redirectUri, response)
    if (login === undefined) throw new CatchdError('state_unknown', whyUnmatched(response))
    this.remove(login.id)
    const failure = judgeIssuer(login, response) ?? judgeError(login, response)
    if (failure !== undefined || response.kind === 'error') {
      return { login, verdict: 'failed', failure: failure ?? new CatchdError('provider_refused') }
    }
    return {
      login,
      verdict: 'code',
      code: response.code,
      signedResponse: response.signedResponse,
      extra: response.extra,
    }
  }

  #match(redirectUri: string, response: AuthorizationResponse): PendingLogin | undefined {
    if (response.state !== null) {
      const login = this.#byState.get(response.state.reveal())
      return login?.redirectUri === redirectUri ? login : undefined
    }
    // A server that drops `state`: only an unambiguous response may be matched, and PKCE makes a foreign code useless.
    const candidates = this.#byRedirectUri.get(redirectUri)
    const only = candidates?.size === 1 ? first(candidates) : undefined
    return only?.stateEcho === false ? only : undefined
  }
}

function whyUnmatched(response: AuthorizationResponse): string {
  return response.state === null
    ? 'The response has no state, so it belongs to no pending login. If the server drops state, set "state_echo": false on the profile.'
    : 'No login waits for this response: it expired, was answered already or was never begun here.'
}

/** RFC 9207 §2.4: compared by simple string comparison whenever the profile names an issuer. */
function judgeIssuer(login: PendingLogin, response: AuthorizationResponse): CatchdError | undefined {
  if (login.expectedIssuer === null) return undefined
  if (response.iss === null) {
    if (!login.issRequired) return undefined
    return new CatchdError('issuer_mismatch', {
      profile: login.profile,
      detail: `The response names no issuer, although ${login.expectedIssuer} announces that it does.`,
    })
  }
  if (response.iss === login.expectedIssuer) return undefined
  return new CatchdError('issuer_mismatch', {
    profile: login.profile,
    detail: `The response comes from another issuer than ${login.expectedIssuer}; its code was not redeemed.`,
    evidence: { issuer: response.iss, issuerFrom: 'response' },
  })
}

/**
 * What says that a person did not agree: RFC 6749 §4.1.2.1; and OpenID Connect Core §3.1.2.6, which LemonLDAP::NG
 * answers with where consent was asked for and refused.
 */
const DENIALS = new Set(['access_denied', 'consent_required'])

function judgeError(login: PendingLogin, response: AuthorizationResponse): CatchdError | undefined {
  if (response.kind === 'code') return undefined
  const denied = DENIALS.has(response.error)
  return new CatchdError(denied ? 'authorization_denied' : 'provider_refused', {
    profile: login.profile,
    detail: denied
      ? 'The request was denied at the authorization server.'
      : 'The authorization server answered the authorization request with an error.',
    error: printable(response.error),
    ...(response.errorDescription === null ? {} : { errorDescription: printable(response.errorDescription) }),
  })
}

/** RFC 6749 §4.1.2.1 allows printable ASCII only; what a log line or a page could be split by is replaced. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').slice(0, 500)
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const item of set) return item
  return undefined
}

function addTo(index: Map<string, Set<PendingLogin>>, key: string, login: PendingLogin): void {
  const set = index.get(key)
  if (set === undefined) index.set(key, new Set([login]))
  else set.add(login)
}

function removeFrom(index: Map<string, Set<PendingLogin>>, key: string, login: PendingLogin): void {
  const set = index.get(key)
  set?.delete(login)
  if (set?.size === 0) index.delete(key)
}
