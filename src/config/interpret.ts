/**
 * Interprets a whole configuration: resolves every profile and checks every rule.
 *
 * Pure. If one profile cannot be used, the whole configuration is refused, so that the user sees a mistake at once. An
 * unfinished entry is allowed only where another entry extends it.
 */
import { CatchdError } from '../failures.js'
import type { DaemonSection } from './daemon-section.js'
import type { ParsedConfiguration } from './file.js'
import type { Lock } from './lock.js'
import { type NoticeSettings, noticeSettings } from './notices.js'
import type { Profile, ProfileEntry } from './profile.js'
import { type ResolveContext, resolveProfile } from './resolve.js'
import { checkProfiles } from './rules.js'
import { unusedInWords, unusedKeys } from './unused-keys.js'

export interface Interpretation {
  /** All entries, also those that only others extend. */
  readonly written: ReadonlyMap<string, ProfileEntry>
  /** Entries of profiles that can be used. */
  readonly entries: ReadonlyMap<string, ProfileEntry>
  readonly profiles: ReadonlyMap<string, Profile>
  /** Why the other entries cannot be used as profiles. */
  readonly unfinished: ReadonlyMap<string, CatchdError>
  readonly issRequired: ReadonlySet<string>
  readonly notices: NoticeSettings
  readonly lock: Lock
  readonly daemon: DaemonSection
  /** Warnings about settings that are allowed but risky. Each names its place. */
  readonly warnings: readonly string[]
}

/**
 * @param placed - Whether messages begin with the place in the file. `false` for a text that is not written yet.
 * @throws CatchdError `config_invalid`; without places, `profile_invalid` for an unfinished entry.
 */
export function interpret(
  parsed: ParsedConfiguration,
  context: ResolveContext,
  placed = true,
): Interpretation {
  const { profiles: written, lock, daemon, locate, warnings } = parsed
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
      if (error.code === 'profile_invalid' && extended.has(name)) unfinished.set(name, error)
      else if (!placed) throw error
      else
        throw new CatchdError('config_invalid', { detail: `${locate(name)}: ${error.detail}`, profile: name })
    }
  }
  const issRequired = checkProfiles(profiles, placed ? locate : undefined)
  const notices = noticeSettings(parsed, context.configFolder)
  const unused = [...profiles.values()].flatMap((profile) =>
    unusedKeys(profile).map((key) =>
      unusedInWords(key, `${locate(profile.name, key)}: "${key}" of profile "${profile.name}"`),
    ),
  )
  return {
    written,
    entries,
    profiles,
    unfinished,
    issRequired,
    notices,
    lock,
    daemon,
    warnings: [...warnings, ...unused],
  }
}
