/** Adds the profile's name to the failures of this module. */
import type { Profile } from '../config/profile.js'
import { asCatchdError, type CatchdError } from '../failures.js'

/** With the profile's name, the command in the error can be run without changes. */
export async function inNameOf<Result>(profile: Profile, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (thrown) {
    throw named(asCatchdError(thrown), profile)
  }
}

/** Only for failures of this module. A failure of the vault belongs to no profile. */
export function named(failure: CatchdError, profile: Profile): CatchdError {
  return OURS.has(failure.code) ? failure.of(profile.name) : failure
}

const OURS: ReadonlySet<string> = new Set([
  'issuer_mismatch',
  'login_required',
  'profile_invalid',
  'provider_answer_invalid',
  'provider_refused',
  'provider_unreachable',
])
