/** Why a login ended although no response came. Pure. */
import { CatchdError } from '../failures.js'

const NEXT_OF_CATCH = 'catchd catch'

/** @param profile - `null`: of a catch, which is begun again by its tool. */
export function cancelled(profile: string | null): CatchdError {
  if (profile !== null)
    return new CatchdError('login_required', { profile, detail: 'The login was cancelled.' })
  const detail =
    'Nobody waits for the authorization response any more: it was cancelled, or another tool does.'
  return new CatchdError('login_required', { detail, next: NEXT_OF_CATCH })
}

export function displaced(profile: string): CatchdError {
  return new CatchdError('login_required', { profile, detail: 'Newer logins of the profile took its place.' })
}

/** @param detail - What nobody did in time. */
export function expired(profile: string | null, detail: string): CatchdError {
  if (profile === null) return new CatchdError('login_expired', { detail, next: NEXT_OF_CATCH })
  return new CatchdError('login_expired', { profile, detail })
}
