/** Logins that are over, made from pending ones; what explains their end goes with them. */
import type { CatchdError } from '../failures.js'
import type { InterruptedLogin } from './journal.js'
import type { PendingLogin, SettledLogin, StoredSummary } from './login.js'
import { type Ending, type ReportParts, reportOf } from './login-report.js'
import { interruption } from './login-store.js'

export function succeeded(
  parts: ReportParts,
  login: PendingLogin,
  stored: StoredSummary,
  ending: Ending,
): SettledLogin {
  const settled = { ...baseOf(login), status: 'succeeded', stored } as const
  if (stored.hasRefreshToken) return settled
  const report = reportOf(parts, login, ending)
  return report.causes.length === 0 ? settled : { ...settled, report }
}

/** @param ending - Without it there is nothing to explain. */
export function unsuccessful(
  parts: ReportParts,
  login: PendingLogin,
  status: 'failed' | 'expired' | 'cancelled',
  failure: CatchdError,
  ending?: Ending,
): SettledLogin {
  const settled = { ...baseOf(login), status, failure: failure.of(login.profile) }
  return ending === undefined
    ? settled
    : { ...settled, report: reportOf(parts, login, { ...ending, failure }) }
}

/** One that a crash cut off while its code was on the way. */
export function interrupted(login: InterruptedLogin, nowMs: number): SettledLogin {
  return {
    ...login,
    createdAtMs: 0,
    expiresAtMs: nowMs,
    status: 'failed',
    failure: interruption(login.profile),
  }
}

function baseOf({ id, profile, redirectUri, createdAtMs, expiresAtMs }: PendingLogin) {
  return { id, profile, redirectUri, createdAtMs, expiresAtMs }
}
