/** The ends of logins that bring no tokens, and what is said of them. Pure. */
import { CatchdError } from '../failures.js'
import { baseOf, type UnsuccessfulLogin, type WaitingLogin } from './login.js'
import type { InterruptedLogin } from './login-records.js'
import type { LoginReport } from './login-report.js'

/** @param report - Without it there is nothing to explain. */
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

/** A login that a crash cut off between its claim and its end. */
export function interrupted(login: InterruptedLogin, nowMs: number): UnsuccessfulLogin {
  const failure = new CatchdError('login_required', {
    profile: login.profile,
    detail: 'The daemon was stopped while the code was being redeemed; a code is never sent twice.',
  })
  return { ...login, createdAtMs: 0, expiresAtMs: nowMs, status: 'failed', failure }
}

export function cancelled({ profile }: WaitingLogin): CatchdError {
  const detail =
    profile === null
      ? 'Nobody waits for the authorization response any more: it was cancelled, or another tool does.'
      : 'The login was cancelled.'
  return new CatchdError('login_required', { detail, ...beginAgain(profile) })
}

export function displaced({ profile }: WaitingLogin): CatchdError {
  const detail = 'Newer logins of the profile took its place.'
  return new CatchdError('login_required', { detail, ...beginAgain(profile) })
}

/** @param detail - What nobody did in time. */
export function expired({ profile }: WaitingLogin, detail: string): CatchdError {
  return new CatchdError('login_expired', { detail, ...beginAgain(profile) })
}

/** How to begin again: a profile's login by its name, a catch by its tool. */
export function beginAgain(profile: string | null): { profile: string } | { next: string } {
  return profile === null ? { next: 'catchd catch' } : { profile }
}
