/**
 * The table of known authorization servers, collected from the files in presets/. presets/preset.ts defines a row.
 * presets/registration.ts says what a row means for the redirect URI and the client of one profile.
 */
import { BUSINESS } from './presets/business.js'
import { DEVELOPMENT } from './presets/development.js'
import { IDENTITY } from './presets/identity.js'
import { PEOPLE } from './presets/people.js'
import type { Preset } from './presets/preset.js'
import { WORK } from './presets/work.js'

export type { Preset } from './presets/preset.js'

export const PRESETS: readonly Preset[] = [...IDENTITY, ...DEVELOPMENT, ...WORK, ...BUSINESS, ...PEOPLE]

export function findPreset(name: string, presets: readonly Preset[] = PRESETS): Preset | undefined {
  return presets.find((preset) => preset.name === name)
}
