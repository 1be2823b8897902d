import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { generatedFiles } from '../../scripts/generate.js'
import { configurationJsonSchema } from '../../src/config/json-schema.js'
import { Hooks, NOTIFY_DEFAULTS, Notify } from '../../src/config/notices.js'
import { PROFILE_DEFAULTS, ProfileEntry } from '../../src/config/profile.js'
import { FAILURES } from '../../src/failures.js'

const generated = await generatedFiles()

test.each([...generated])('%s is what `npm run generate` writes', (path, text) => {
  const committed = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  expect(committed.replaceAll('\r\n', '\n')).toBe(text)
})

describe.each(Object.keys(ProfileEntry.shape))('%s', (key) => {
  const schema = configurationJsonSchema()

  test('is described for editors, with its default', () => {
    const path = ['properties', 'profiles', 'additionalProperties', 'properties', key]
    expect(schema).toHaveProperty([...path, 'description'], expect.stringMatching(/.{10}/))
    const defaults = new Map<string, unknown>(Object.entries(PROFILE_DEFAULTS))
    if (defaults.has(key)) expect(schema).toHaveProperty([...path, 'default'], defaults.get(key))
    else expect(schema).not.toHaveProperty([...path, 'default'])
  })

  test('stands on the reference page', () => {
    expect(generated.get('docs/reference-configuration.md')).toMatch(
      new RegExp(`^\\| \`${key}\` \\| [^|]+ \\| [^|]* \\| [^|]{10,} \\|$`, 'm'),
    )
  })
})

test.each([...Object.keys(Hooks.shape), ...Object.keys(Notify.shape)])(
  '%s stands on the reference page',
  (key) => {
    const page = generated.get('docs/reference-configuration.md')
    expect(page).toMatch(new RegExp(`^\\| \`${key}\` \\| [^|]+ \\|(?: [^|]+ \\|)? [^|]{10,} \\|$`, 'm'))
  },
)

test('the schema knows the defaults of notify', () => {
  const { properties } = configurationJsonSchema()
  for (const [key, value] of Object.entries(NOTIFY_DEFAULTS))
    expect(properties).toHaveProperty(['notify', 'properties', key, 'default'], value)
})

test.each(Object.keys(FAILURES))('%s stands on the page of errors', (code) => {
  expect(generated.get('docs/reference-errors.md')).toContain(`| \`${code}\` | `)
})

test('the schema refuses unknown names, as the program does', () => {
  expect(configurationJsonSchema()).toMatchObject({
    additionalProperties: false,
    properties: { profiles: { additionalProperties: { additionalProperties: false } } },
  })
})
