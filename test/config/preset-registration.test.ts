/** What a preset says about a redirect URI that its server does not take. */
import { expect, test } from 'vitest'
import { redirectObjection, requireRegistrable } from '../../src/config/presets/registration.js'
import { findPreset } from '../../src/config/presets.js'
import type { ProfileEntry } from '../../src/config/profile.js'
import { resolveProfile } from '../../src/config/resolve.js'

function objection(name: string, redirectUri: string): string | undefined {
  const preset = findPreset(name)
  if (preset === undefined) throw new Error(`There is no preset ${name}.`)
  return redirectObjection(preset, redirectUri)
}

test.each(['127.0.0.1', 'localhost', '[::1]'])(
  'where no plain http is taken, http://%s is refused with the page about https',
  (host) => {
    const text = objection('quickbooks', `http://${host}:8252/callback`)
    expect(text).toContain(
      `accepts no redirect URI that begins with http://${host}. Set redirect_uri to an https`,
    )
    expect(text).toContain('docs/https-loopback.md')
  },
)

test('where another host will do, https is not spoken of', () => {
  const text = objection('quickbooks-sandbox', 'http://127.0.0.1:8252/callback')
  expect(text).toContain('Use the name localhost.')
  expect(text).not.toContain('https-loopback')
})

test('an https redirect URI is not objected to', () => {
  expect(objection('quickbooks', 'https://localhost:8443/callback')).toBeUndefined()
})

const ENTRA = { preset: 'entra', base_url: 'https://login.example/T' }
const SECRET = { client_secret: { keychain: true } } as const
const OPENID = { scope: 'openid' }

test.each<[string | undefined, ProfileEntry]>([
  ['Google needs a scope', { preset: 'google', ...SECRET }],
  ['Google needs a scope', { preset: 'google', ...SECRET, scope: '' }],
  ['Google gives every client a secret', { preset: 'google', ...OPENID }],
  [undefined, { preset: 'google', ...SECRET, ...OPENID }],
  [undefined, { preset: 'gmail', ...SECRET }],
  // The scope for the refresh token is always there, so Entra shows no error page.
  [undefined, ENTRA],
  [undefined, { preset: 'github', ...SECRET }],
])('before the browser opens: %s for %j', (said, entry) => {
  const entries = new Map([['a', { client_id: 'c', ...entry }]])
  const profile = resolveProfile('a', entries, { redirectPort: 8252, configFolder: '/' })
  const check = () => requireRegistrable(profile)
  const next = said?.endsWith('a secret') ? 'catchd profile set-secret a' : expect.any(String)
  if (said === undefined) expect(check).not.toThrow()
  else
    expect(check).toThrow(
      expect.objectContaining({ code: 'profile_invalid', detail: expect.stringContaining(said), next }),
    )
})
