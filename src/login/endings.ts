/** Ends of logins without tokens. Pure. */
import type { CatchdError } from '../failures.js'
import { baseOf, type Login, type UnsuccessfulLogin, type WaitingLogin } from './login.js'
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

/** How to begin again: a profile's login by its name, a catch by its tool. */
export function beginAgain(profile: Login['profile']): { profile: string } | { next: string } {
  return profile === null ? { next: 'catchd catch' } : { profile }
}
