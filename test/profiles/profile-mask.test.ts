/** What the API shows of an entry: nothing that does not say that it may be shown, a key of tomorrow included. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { ProfileEntry } from '../../src/config/profile.js'
import { masked, unmasked } from '../../src/profiles/profile-mask.js'

/** The schema as it would be with one more key, whose author thought of the value alone. */
function withKey(schema: z.ZodType) {
  return { ...ProfileEntry.shape, newcomer: schema.optional() }
}

describe('a new key is hidden until its schema says otherwise', () => {
  test.each<[string, z.ZodType, unknown, unknown]>([
    ['text', z.string(), 'canary', '[secret]'],
    ['a list', z.array(z.string()), ['canary', 'canary-2'], ['[secret]', '[secret]']],
    ['parameters', z.record(z.string(), z.string()), { scope: 'canary' }, { scope: '[secret]' }],
    [
      'an object',
      z.object({ a: z.object({ b: z.string() }), on: z.boolean() }),
      { a: { b: 'canary' }, on: true },
      { a: { b: '[secret]' }, on: true },
    ],
  ])('%s', (_what, schema, value, shown) => {
    const entry = { client_id: 'c-1', newcomer: value } as ProfileEntry
    const shape = withKey(schema)
    const answer = masked(entry, shape)
    expect(answer).toEqual({ client_id: 'c-1', newcomer: shown })
    expect(unmasked(answer, entry, shape)).toEqual(entry)
    // A key that the schema does not have at all is no better known.
    expect(masked(entry)).toEqual(answer)
  })
})

test('what was shown of any entry can be put back', () => {
  const parameters = fc.dictionary(fc.constantFrom('scope', 'pin', 'audience', 'x'), fc.string())
  const entry = fc.record(
    {
      client_id: fc.string({ minLength: 1 }),
      client_secret: fc.oneof(
        fc.string({ minLength: 1 }),
        fc.constant({ env: 'GW' }),
        fc.constant({ command: ['pass', '[secret]'] as string[] }),
      ),
      token_parameters: parameters,
      refresh_parameters: parameters,
      token_request_headers: parameters,
      authorization_parameters: parameters,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(entry, (before) => {
      expect(unmasked(masked(before as ProfileEntry), before as ProfileEntry)).toEqual(before)
    }),
  )
})

test('what says where a secret is is shown, and the secret is not', () => {
  const places = { client_secret: { file: '/run/s' }, subject_token: { profile: 'corp' } } as const
  expect(masked(places)).toEqual(places)
  expect(masked({ client_secret: 'canary' })).toEqual({ client_secret: '[secret]' })
})

test('a parameter that is only a placeholder is shown', () => {
  const shown = { secret: '{client_secret}', redirectUri: '{redirect_uri}' }
  const hidden = {
    pin: 'canary',
    both: 'canary{client_secret}',
    text: '{{client_secret}}',
    other: '{canary}',
  }
  const masks = Object.fromEntries(Object.keys(hidden).map((name) => [name, '[secret]']))
  for (const key of ['token_parameters', 'refresh_parameters'] as const) {
    expect(masked({ [key]: { ...shown, ...hidden } })).toEqual({ [key]: { ...shown, ...masks } })
  }
})

test('a mask over nothing is nothing', () => {
  expect(unmasked({ client_secret: '[secret]', token_parameters: { pin: '[secret]' } }, {})).toEqual({
    token_parameters: {},
  })
})
