/**
 * A login: one authorization request, from the moment its `state` and `code_verifier` are stored until it has
 * succeeded, failed, expired or was cancelled.
 *
 * Pure. Each phase contains only what it needs: a settled login has no verifier.
 */

import type { TokenSetOrigin } from '../authorization-server/issued-tokens.js'
import type { DeviceAuthorization } from '../authorization-server/port.js'
import type { ResponseCarrier } from '../config/response-modes.js'
import type { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { AuthorizationResponse } from './authorization-response.js'
import type { LoginReport } from './login-report.js'
import type { CertificateFiles } from './ports.js'

interface LoginBase {
  /** 128 random bits, base64url; no secret. */
  readonly id: string
  /** Exactly as sent in the authorization request, with the port that was bound; empty for a device login. */
  readonly redirectUri: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

interface LoginOfProfile extends LoginBase {
  readonly profile: string
}

/** Waiting for its authorization response. */
export interface PendingLogin extends LoginOfProfile {
  readonly status: 'pending'
  readonly kind: 'code'
  /** What a step-up login asks for; `null`: the scope of the profile. */
  readonly scope: string | null
  readonly state: Secret
  readonly codeVerifier: Secret | null
  /** `null` when none was sent, or only the tool that built the request knows it. */
  readonly nonce: Secret | null
  /** `null` when another tool built the authorization request. */
  readonly authorizationUrl: string | null
  /** The code is redeemed here, even if the profile was edited meanwhile. */
  readonly origin: TokenSetOrigin
  readonly expectedIssuer: string | null
  readonly issRequired: boolean
  readonly responseMode: ResponseCarrier
  /** false: the server drops `state`, so a response belongs to the only pending login on the redirect URI. */
  readonly stateEcho: boolean
  /** The parameter of the response that contains the code. */
  readonly codeParameter: string
  /** host:port to bind if the redirect URI is not loopback. */
  readonly listen: string | null
  /** For an https redirect URI; `null`: the daemon's own, or none. */
  readonly certificate: CertificateFiles | null
}

/** Waiting for the user to enter a code at the authorization server; the browser does not return to catchd. */
export interface PendingAtServer extends LoginOfProfile {
  readonly status: 'pending'
  readonly kind: 'device'
  /** As in {@link PendingLogin}. */
  readonly scope: string | null
  /** The page where the user enters the code, with the code in the URL if the server supports that. */
  readonly authorizationUrl: string
  /** The code that the user enters, and where (RFC 8628 §3.3). */
  readonly device: Pick<DeviceAuthorization, 'userCode' | 'verificationUri' | 'verificationUriComplete'>
}

/** Waiting for an authorization response that another tool redeems. */
export interface PendingCatch extends LoginBase {
  readonly status: 'pending'
  readonly kind: 'catch'
  readonly profile: null
  readonly authorizationUrl: null
  /** `null`: any response is accepted. */
  readonly state: Secret | null
}

/** A login of any kind that waits for the user. */
export type WaitingLogin = PendingLogin | PendingAtServer | PendingCatch

/** Claimed; the token request is under way. */
export interface ExchangingLogin extends LoginOfProfile {
  readonly status: 'exchanging'
}

/** What pages and command line show about a stored token set. */
export interface StoredSummary {
  /** In words: `the login keychain (service catchd)`. */
  readonly storedIn: string
  readonly scope: string | null
  readonly accessTokenExpiresAtMs: number | null
  readonly hasRefreshToken: boolean
  readonly subject: string | null
}

export interface SucceededLogin extends LoginOfProfile {
  readonly status: 'succeeded'
  readonly stored: StoredSummary
  /** Requests and answers, and how to get a refresh token if there is none; no report after a restart. */
  readonly report?: LoginReport
}

/** The response was caught. It is kept elsewhere, and handed over once. */
export interface CaughtLogin extends LoginBase {
  readonly status: 'succeeded'
  readonly profile: null
  readonly caught: AuthorizationResponse['kind']
}

export interface UnsuccessfulLogin extends LoginBase {
  /** `null`: it was a catch. */
  readonly profile: string | null
  readonly status: 'failed' | 'expired' | 'cancelled'
  readonly failure: CatchdError
  /** Requests, answers and likely causes; none if a crash or a newer login ended it. */
  readonly report?: LoginReport
}

export type SettledLogin = SucceededLogin | CaughtLogin | UnsuccessfulLogin
export type Login = WaitingLogin | ExchangingLogin | SettledLogin

export function isSettled(login: Login): login is SettledLogin {
  return login.status !== 'pending' && login.status !== 'exchanging'
}

/** The members that do not change during a login. */
export function baseOf<Profile extends string | null>(login: LoginBase & { readonly profile: Profile }) {
  const { id, profile, redirectUri, createdAtMs, expiresAtMs } = login
  return { id, profile, redirectUri, createdAtMs, expiresAtMs }
}
