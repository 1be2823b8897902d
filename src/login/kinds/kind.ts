/**
 * What each kind of login defines: how it begins, its vault record, how many there may be, and what settles it.
 * open-logins.ts has the parts that all kinds share.
 *
 * A new kind is one file in this folder and one entry in KINDS in logins.ts. It also needs what it asks of the server in
 * authorization-server, and, if it waits in a new way, what the API and the pages show meanwhile.
 */
import type { AuthorizationServers } from '../../authorization-server/port.js'
import type { Clock } from '../../clock.js'
import type { Profile } from '../../config/profile.js'
import type { ResponseCarrier } from '../../config/response-modes.js'
import type { MachineFacts } from '../../diagnosis/facts.js'
import type { CatchdError } from '../../failures.js'
import type { LockGate } from '../../lock/gate.js'
import type { Secret } from '../../secret.js'
import type { AuthorizationResponse } from '../authorization-response.js'
import type { CaughtResponses } from '../caught-responses.js'
import type { PendingLogin, SettledLogin, WaitingLogin } from '../login.js'
import type { LoginReport } from '../login-report.js'
import type { AnyLoginRequest } from '../login-request.js'
import type { CertificateFiles, LoginEvent, LoginProfiles, TokenKeeping } from '../ports.js'

export interface LoginKind {
  /** An item in the vault is named with this and the id of the login. */
  readonly itemPrefix: string
  readonly limits: {
    /** Beyond this a new login replaces the oldest one of the profile. */
    readonly perProfile: number
    /** Beyond this no login begins, and the failure has the text `tooMany`. */
    readonly inAll: number
    readonly tooMany: string
  }
  /** Whether its logins continue without a request from outside. A vault that was locked at the start is then read again. */
  readonly goesOnAlone: boolean
  /**
   * How a login begins with a request; `undefined` when the request belongs to another kind.
   *
   * @param profile - `null`: the request names no profile.
   * @throws CatchdError `request_invalid` for a profile that needs no login; the returned function: `profile_invalid`,
   *   `redirect_port_in_use`, `provider_*`
   */
  begins(request: AnyLoginRequest, profile: Profile | null): ((bind: Bind) => Promise<OpenLogin>) | undefined
  /** @returns `undefined` when the item cannot be read: such a login must be begun again. */
  restored(item: Secret): OpenLogin | undefined
}

/** Where a redirect URI is bound, and its certificate. */
export interface RedirectAddress {
  readonly redirectUri: string
  /** host:port if the redirect URI is not loopback. */
  readonly listen: string | null
  readonly certificate: CertificateFiles | null
}

/** Binds until the login is settled. @returns The redirect URI with the port that was really bound. */
export type Bind = (address: RedirectAddress) => Promise<string>

/** A login that is not settled, with the parts that only its kind knows. */
export interface OpenLogin {
  readonly login: WaitingLogin
  /** `null`: the browser does not return to catchd. */
  readonly redirect: AwaitedRedirect | null
  /** Why it expired, in words. */
  readonly expiredDetail: string
  /** Its vault record, so that it continues after a restart. */
  record(): Secret
  /** What the user should check if the login waits longer than usual and nothing arrived: one sentence or value a line. */
  silence(): readonly string[]
  /**
   * Explains an end without a response.
   *
   * @param hasArrived - Something arrived that was no response of this login, so the failure has the cause already.
   */
  report?(status: 'expired' | 'cancelled', failure: CatchdError, hasArrived: boolean): LoginReport | undefined
  /** Starts the work that settles it without a response. @returns A function that stops that work. */
  start?(life: LoginLife): () => void
}

export interface AwaitedRedirect {
  readonly address: RedirectAddress
  /** The `state` that the response must have; `null`: unknown. */
  readonly state: Secret | null
  /** How the response may arrive. */
  readonly carriers: readonly ResponseCarrier[]
  /**
   * Which response is accepted besides the one with its `state`. `stateless`: a response without state, if no other login
   * of a profile waits on the redirect URI. `any`: every response that answers no other login, if nothing else uses the
   * redirect URI.
   */
  readonly alsoTakes: 'none' | 'stateless' | 'any'
  /** Called once, for the response that was claimed. Never rejects. */
  answered(response: AuthorizationResponse): Promise<SettledLogin> | SettledLogin
}

/** For a login that settles itself. */
export interface LoginLife {
  isPending(): boolean
  /** From now on nothing else ends it. @returns false when it has ended already. */
  claim(): boolean
  /** Does nothing when it is settled already. */
  settle(login: SettledLogin): void
}

export interface KindParts {
  readonly clock: Clock
  readonly servers: AuthorizationServers
  readonly tokens: TokenKeeping
  readonly profiles: LoginProfiles
  readonly lock: LockGate
  /** Called before a code is sent, so that it is not sent again after a crash. Resolves when the line is on the disk. */
  readonly journalClaim: (login: PendingLogin) => Promise<void>
  readonly caught: CaughtResponses
  readonly describeVault: () => string
  /** For requests without a timeout. */
  readonly timeoutSeconds: () => number
  readonly machine?: MachineFacts
  readonly log: (event: LoginEvent) => void
}
