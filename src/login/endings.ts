/** Failures of logins that end without tokens. Pure. */
import { CatchdError } from '../failures.js'
import { baseOf, type Login, type UnsuccessfulLogin, type WaitingLogin } from './login.js'
import type { InterruptedLogin } from './login-records.js'
import type { LoginReport } from './login-report.js'

/** @param report - None if there is nothing to explain. */
export function unsuccessful(
  login: WaitingLogin,
  status: UnsuccessfulLogin['status'],
  failure: CatchdError,
  report?: LoginReport,
): UnsuccessfulLogin {
  const { profile } = login
  return {
    ...baseOf(login),
    status,
    failure: profile === null ? failure : failure.of(profile),
    ...(report && { report }),
  }
}

/** A login that was claimed but not settled when the daemon was killed. */
export function interrupted(login: InterruptedLogin, nowMs: number): UnsuccessfulLogin {
  const failure = new CatchdError('login_required', {
    profile: login.profile,
    detail: 'The daemon was stopped while it redeemed the code. It never sends a code twice.',
  })
  return { ...login, createdAtMs: 0, expiresAtMs: nowMs, status: 'failed', failure }
}

export function cancelled({ profile }: WaitingLogin): CatchdError {
  const detail =
    profile === null
      ? 'The catch was cancelled, or another tool now waits for the authorization response.'
      : 'The login was cancelled.'
  return new CatchdError('login_required', { detail, ...beginAgain(profile) })
}

/** How to begin again: a profile's login by its name, a catch by its tool. */
export function beginAgain(profile: Login['profile']): { profile: string } | { next: string } {
  return profile === null ? { next: 'catchd catch' } : { profile }
}
