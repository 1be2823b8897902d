/** Failures of this room told of the profile they belong to. */
import type { Profile } from '../config/profile.js'
import { asCatchdError, CatchdError } from '../failures.js'

/** Errors say whose profile it is, so that the command they name can be run as it stands. */
export async function inNameOf<Result>(profile: Profile, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (thrown) {
    throw named(asCatchdError(thrown), profile)
  }
}

export function named(failure: CatchdError, profile: Profile): CatchdError {
  if (failure.profile !== undefined || !OURS.has(failure.code)) return failure
  const { code, detail, error, errorDescription } = failure
  return new CatchdError(code, {
    profile: profile.name,
    ...(detail === undefined ? {} : { detail }),
    ...(error === undefined ? {} : { error }),
    ...(errorDescription === undefined ? {} : { errorDescription }),
  })
}

const OURS: ReadonlySet<string> = new Set([
  'issuer_mismatch',
  'login_required',
  'profile_invalid',
  'provider_answer_invalid',
  'provider_refused',
  'provider_unreachable',
])
