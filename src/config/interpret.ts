/**
 * What the entries of a configuration mean together: every profile resolved, every rule checked.
 *
 * Pure. All or nothing: one profile that cannot be used refuses the whole, so that a slip of the pen is seen
 * where it is made. An unfinished entry passes only where another extends it.
 */
import { CatchdError } from '../failures.js'
import type { Profile, ProfileEntry } from './profile.js'
import { type ResolveContext, resolveProfile } from './resolve.js'
import { reviewProfiles, sentence } from './rules.js'

export interface Interpretation {
  /** All entries, also those that only others extend. */
  readonly written: ReadonlyMap<string, ProfileEntry>
  /** Entries of profiles that can be used. */
  readonly entries: ReadonlyMap<string, ProfileEntry>
  readonly profiles: ReadonlyMap<string, Profile>
  /** Why the other entries cannot be used by themselves. */
  readonly unfinished: ReadonlyMap<string, CatchdError>
  readonly issRequired: ReadonlySet<string>
}

/** `path:line:column` of a profile or of a key in it. */
export type Locate = (profile: string, key?: string) => string

/**
 * @param locate - Where the entries stand, when they come from a file; messages begin with it.
 * @throws CatchdError `config_invalid`, or `profile_invalid` for an unfinished entry that comes from elsewhere.
 */
export function interpret(
  written: ReadonlyMap<string, ProfileEntry>,
  context: ResolveContext,
  locate?: Locate,
): Interpretation {
  const extended = new Set([...written.values()].map((entry) => entry.extends))
  const entries = new Map<string, ProfileEntry>()
  const profiles = new Map<string, Profile>()
  const unfinished = new Map<string, CatchdError>()
  for (const [name, entry] of written) {
    try {
      profiles.set(name, resolveProfile(name, written, context))
      entries.set(name, entry)
    } catch (error) {
      if (!(error instanceof CatchdError)) throw error
      if (error.code !== 'profile_invalid' || !extended.has(name)) throw located(error, name, locate)
      unfinished.set(name, error)
    }
  }
  const { broken, issRequired } = reviewProfiles(profiles)
  if (broken !== undefined) {
    const place = locate === undefined ? '' : `${locate(broken.profile, broken.key)}: `
    throw new CatchdError('config_invalid', {
      detail: `${place}${sentence(broken)}`,
      profile: broken.profile,
    })
  }
  return { written, entries, profiles, unfinished, issRequired }
}

function located(error: CatchdError, profile: string, locate: Locate | undefined): CatchdError {
  if (locate === undefined) return error
  return new CatchdError('config_invalid', { detail: `${locate(profile)}: ${error.detail}`, profile })
}
