/**
 * Which hosts get the token of a profile from `catchd credential`, and with which user name. The profile says so, or its
 * preset, because a server with code takes the tokens that it issued itself.
 *
 * Pure. Neither is inherited by `extends`: two profiles would have the same host.
 */
import { findPreset } from '../presets.js'
import type { ProfileEntry } from '../profile.js'

type Entry = Pick<ProfileEntry, 'preset' | 'base_url' | 'token_username'> & {
  readonly hosts?: readonly string[] | undefined
}

/** The user name that most servers accept if the password is an access token. */
const USUAL_USERNAME = 'oauth2'

/** @returns Entries as in `hosts`. A preset's host is the one of `base_url`, so it is the server that issues the tokens. */
export function hostsOf({ hosts, preset, base_url }: Entry): readonly string[] {
  if (hosts !== undefined) return hosts
  const ofPreset = preset === undefined ? undefined : findPreset(preset)?.profile
  const base = base_url ?? ofPreset?.base_url
  return (ofPreset?.hosts ?? []).flatMap((host) => {
    if (host !== '{base}') return [host]
    return base !== undefined && URL.canParse(base) ? [new URL(base).host] : []
  })
}

/** The user name that goes with the token where a tool sends it as a password. */
export function tokenUsernameOf({ token_username: own, preset }: Entry): string {
  const ofPreset = preset === undefined ? undefined : findPreset(preset)?.profile.token_username
  return own ?? ofPreset ?? USUAL_USERNAME
}
