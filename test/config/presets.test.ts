/** The table of known servers: every row is a profile, and only a profile. */
import { describe, expect, test } from 'vitest'
import { findPreset, PRESETS } from '../../src/config/presets.js'
import { ProfileEntry } from '../../src/config/profile.js'

const filled = (value: unknown) =>
  JSON.parse(
    JSON.stringify(value)
      .replaceAll('{base}', 'https://as.example')
      .replaceAll('{port}', '8252')
      .replaceAll('{profile}', 'a'),
  ) as unknown

describe.each(PRESETS.map((preset) => [preset.name, preset] as const))('%s', (name, preset) => {
  test('holds nothing that a profile could not say', () => {
    expect(ProfileEntry.safeParse(filled(preset.profile)).error).toBeUndefined()
    // A preset for one purpose (gmail) has the scope of this purpose.
    for (const key of ['client_id', 'client_secret', 'preset', 'extends', 'grant']) {
      expect(preset.profile).not.toHaveProperty(key)
    }
  })

  test('says where it was read and when, and what to register', () => {
    expect(new URL(preset.source).protocol).toBe('https:')
    expect(preset.checked).toMatch(/^\d{4}-\d\d-\d\d$/)
    expect(Date.parse(preset.checked)).not.toBeNaN()
    expect(preset.register).not.toBe('')
  })

  test('names its endpoints over https, and loopback where it needs another name than 127.0.0.1', () => {
    const urls = Object.values(preset.profile).filter(
      (value) => typeof value === 'string' && /^http|\{base\}/.test(value),
    )
    for (const url of urls) {
      expect(url).toMatch(/^(https:\/\/|\{base\}|http:\/\/localhost:\{port\}\/callback\/\{profile\}$)/)
    }
  })

  test('is found by its name', () => {
    expect(findPreset(name)).toBe(preset)
  })
})

test('names are unique, and others are not found', () => {
  expect(new Set(PRESETS.map(({ name }) => name)).size).toBe(PRESETS.length)
  for (const name of ['webmethod', '', '__proto__', 'constructor']) expect(findPreset(name)).toBeUndefined()
})

test('webMethods comes first and is complete', () => {
  expect(PRESETS[0]).toMatchObject({
    name: 'webmethods',
    profile: {
      authorization_endpoint: '{base}/invoke/pub.apigateway.oauth2/authorize',
      token_endpoint: '{base}/invoke/pub.apigateway.oauth2/getAccessToken',
      refresh_endpoint: '{base}/invoke/pub.oauth/refreshAccessToken',
      revocation_endpoint: '{base}/invoke/pub.oauth/revokeToken',
      introspection_endpoint: '{base}/invoke/pub.oauth/introspectToken',
      token_request_format: 'json',
      token_parameters: { scope: '{scope}', client_id: '{client_id}' },
    },
  })
})
