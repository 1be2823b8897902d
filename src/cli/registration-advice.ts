/** What to say about a profile that was just added: what to register at its server, and what speaks against it. */
import {
  defaultRedirectUri,
  redirectObjection,
  registeredRedirectUri,
} from '../config/presets/registration.js'
import { findPreset } from '../config/presets.js'
import type { ProfileEntry } from '../config/profile.js'
import { printable } from './printable.js'

/**
 * @param entry - As it stands in the configuration.
 * @param port - Of redirect URIs that nobody chose.
 * @returns Lines for a person.
 */
export function registrationAdvice(
  profile: string,
  entry: Pick<ProfileEntry, 'preset' | 'redirect_uri' | 'extends'>,
  port: number,
): string[] {
  const { preset: presetName, redirect_uri: own, extends: extended } = entry
  const preset = presetName === undefined ? undefined : findPreset(presetName)
  // What is inherited may be anything.
  if (extended !== undefined && own === undefined) return []
  const redirectUri = own ?? defaultRedirectUri(preset ?? { profile: {} }, { profile, port })
  if (preset === undefined) return registerLine(redirectUri)
  const objection = redirectObjection(preset, redirectUri)
  return [
    ...(objection === undefined
      ? registerLine(registeredRedirectUri(preset, redirectUri))
      : [`Warning: ${objection}`]),
    `${preset.title}: ${preset.register}`,
    `  ${preset.source}`,
  ]
}

/** With port 0 each login has its own: there is nothing to register. */
function registerLine(redirectUri: string | undefined): string[] {
  if (redirectUri === undefined || /:0(?:\/|$)/.test(redirectUri)) return []
  // Alone on its line it can be marked and copied.
  return ['Register this redirect URI at the server:', `  ${printable(redirectUri)}`]
}
