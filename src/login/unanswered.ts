/** Why a login ended although no response came. Pure. */
import { CatchdError } from '../failures.js'

export function cancelled(profile: string): CatchdError {
  return new CatchdError('login_required', { profile, detail: 'The login was cancelled.' })
}

export function displaced(profile: string): CatchdError {
  return new CatchdError('login_required', { profile, detail: 'Newer logins of the profile took its place.' })
}

/** @param detail - What nobody did in time. */
export function expired(profile: string, detail: string): CatchdError {
  return new CatchdError('login_expired', { profile, detail })
}
