/**
 * The table of known authorization servers, put together from the files in presets/. What a row is: presets/preset.ts;
 * what it says about one profile's redirect URI and client: presets/registration.ts.
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
