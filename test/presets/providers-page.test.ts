/** Every command of docs/providers.md makes a profile that is complete and can be registered as the page says. */
import { Command } from '@commander-js/extra-typings'
import { expect, test } from 'vitest'
import { renderProviders } from '../../scripts/providers.js'
import { entryFrom, profileKeyOptions } from '../../src/cli/profile-keys.js'
import {
  redirectObjection,
  registeredRedirectUri,
  requireRegistrable,
} from '../../src/config/presets/registration.js'
import { findPreset, PRESETS } from '../../src/config/presets.js'
import { ProfileEntry } from '../../src/config/profile.js'
import { resolveProfile } from '../../src/config/resolve.js'
import { checkProfiles } from '../../src/config/rules.js'

const PAGE = renderProviders()
const COMMANDS = PAGE.split('\n').filter((line) => line.startsWith('catchd profile add '))

/** As `catchd profile add` reads it; the words in capitals are what a person fills in. */
function profileFrom(line: string) {
  const isConfidential = line.endsWith(' --client-secret-stdin < FILE')
  const words = line
    .replace(' --client-secret-stdin < FILE', '')
    .replaceAll('URL', 'https://server.example')
    .replace(':PORT', ':9000')
    .split(' ')
    .slice(3)
  const command = new Command().argument('<name>').exitOverride()
  for (const option of profileKeyOptions()) command.addOption(option)
  command.parse(words, { from: 'user' })
  const secret = isConfidential ? { client_secret: { keychain: true } } : {}
  const entry = ProfileEntry.parse({ ...entryFrom(command.opts()), ...secret })
  const [name = ''] = command.args
  return resolveProfile(name, new Map([[name, entry]]), { redirectPort: 8252, configFolder: '/' })
}

test('there is one for every preset', () => {
  expect(COMMANDS.map((line) => line.split(' ')[3])).toEqual(PRESETS.map(({ name }) => name))
})

test.each(COMMANDS)('%s', (line) => {
  const profile = profileFrom(line)
  checkProfiles(new Map([[profile.name, profile]]))
  requireRegistrable(profile)
  const preset = findPreset(profile.name)
  if (preset === undefined) throw new Error('It names no preset.')
  expect(profile.preset).toBe(profile.name)
  expect(redirectObjection(preset, profile.redirect_uri)).toBeUndefined()
  const row = PAGE.split('\n').find((text) => text.includes(`\`${profile.name}\` |`))
  expect(row).toContain(` | ${preset.client} | `)
  const registered = registeredRedirectUri(preset, profile.redirect_uri)
  expect(row).toContain(registered === undefined ? '| nothing to enter |' : `\`${registered}\``)
  expect(row).toContain(`](${preset.source})`)
})
