/** Failures of this room told of the profile they belong to. */
import type { Profile } from '../config/profile.js'
import { asCatchdError, type CatchdError } from '../failures.js'

/** Errors say whose profile it is, so that the command they name can be run as it stands. */
export async function inNameOf<Result>(profile: Profile, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (thrown) {
    throw named(asCatchdError(thrown), profile)
  }
}

/** Only failures of this room are; one of the vault is nobody's profile's. */
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
