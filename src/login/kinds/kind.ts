/**
 * What a kind of login says of itself: how it begins, what its vault record is, how many there may be and what settles
 * it. The life that all kinds share is logins.ts.
 *
 * A new kind is one file in this folder and one row in all-kinds.ts.
 */
import type { AuthorizationServers } from '../../authorization-server/port.js'
import type { Clock } from '../../clock.js'
import type { Profile } from '../../config/profile.js'
import type { ResponseCarrier } from '../../config/response-modes.js'
import type { MachineFacts } from '../../diagnosis/facts.js'
import type { CatchdError } from '../../failures.js'
import type { Secret } from '../../secret.js'
import type { AuthorizationResponse } from '../authorization-response.js'
import type { CaughtResponses } from '../caught-responses.js'
import type { PendingLogin, SettledLogin, WaitingLogin } from '../login.js'
import type { LoginReport } from '../login-report.js'
import type { AnyLoginRequest } from '../login-request.js'
import type { CertificateFiles, LoginEvent, LoginProfiles, TokenKeeping } from '../ports.js'

export interface LoginKind {
  /** Names of its items in the vault: this and the id of the login. */
  readonly itemPrefix: string
  readonly limits: LoginLimits
  /** Whether its logins go on without a request from outside. A vault that was locked at the start is asked again then. */
  readonly goesOnAlone: boolean
  /**
   * How a login begins with a request; `undefined` when the request is of another kind.
   *
   * @param profile - `null`: the request is of no profile.
   * @throws CatchdError `request_invalid` for a profile that has no logins; beginning: `profile_invalid`,
   *   `redirect_port_in_use`, `provider_*`
   */
  begins(request: AnyLoginRequest, profile: Profile | null): ((bind: Bind) => Promise<OpenLogin>) | undefined
  /** @returns `undefined` when the item is no record that can be read: such a login has to be begun again. */
  restored(item: Secret): OpenLogin | undefined
}

export interface LoginLimits {
  /** Beyond this the oldest login of the profile gives way. */
  readonly perProfile: number
  /** Beyond this nothing more is begun. */
  readonly inAll: number
  /** What is said then. */
  readonly tooMany: string
}

/** Where a redirect URI is bound, and what it is served with. */
export interface RedirectAddress {
  readonly redirectUri: string
  /** host:port where the redirect URI is not loopback. */
  readonly listen: string | null
  readonly certificate: CertificateFiles | null
}

/** Binds for as long as the login lives. @returns The redirect URI with the port that was really bound. */
export type Bind = (address: RedirectAddress) => Promise<string>

/** A login that is not settled, with what only its kind knows. */
export interface OpenLogin {
  readonly login: WaitingLogin
  /** `null`: no browser comes back to us. */
  readonly redirect: AwaitedRedirect | null
  /** What nobody did in time, in words. */
  readonly expiredDetail: string
  /** What the vault keeps, so that it goes on after a restart. */
  record(): Secret
  /** What explains an end without a response. */
  report?(status: 'expired' | 'cancelled', failure: CatchdError): LoginReport | undefined
  /** Begins what settles it without a response. @returns What stops it. */
  start?(life: LoginLife): () => void
}

export interface AwaitedRedirect {
  readonly address: RedirectAddress
  /** Exactly what the response has to come with; `null`: nobody knows it. */
  readonly state: Secret | null
  /** How the response may come. */
  readonly carriers: readonly ResponseCarrier[]
  /**
   * Which response is taken besides the one with its `state`. `stateless`: one without a state, where no other login of a
   * profile waits on the redirect URI. `any`: each that answers no other login, where nobody shares the redirect URI.
   */
  readonly alsoTakes: 'none' | 'stateless' | 'any'
  /** Called once, for the response that was claimed. Never rejects. */
  answered(response: AuthorizationResponse): Promise<SettledLogin> | SettledLogin
}

/** What a login that settles itself asks and tells. */
export interface LoginLife {
  isPending(): boolean
  /** From now on nothing else ends it. @returns false when it is over already. */
  claim(): boolean
  /** Does nothing when it is settled already. */
  settle(login: SettledLogin): void
}

/** What kinds are made from. */
export interface KindParts {
  readonly clock: Clock
  readonly servers: AuthorizationServers
  readonly tokens: TokenKeeping
  readonly profiles: LoginProfiles
  /** Called before a code is sent, so that it is not sent again after a crash. Resolves when that is on the disk. */
  readonly journalClaim: (login: PendingLogin) => Promise<void>
  readonly caught: CaughtResponses
  readonly describeVault: () => string
  /** For logins that say nothing else. */
  readonly timeoutSeconds: number
  readonly machine?: MachineFacts
  readonly log: (event: LoginEvent) => void
}
