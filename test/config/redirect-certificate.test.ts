/** The certificate of an https redirect URI, as the configuration names it. */
import { describe, expect, test } from 'vitest'
import type { ProfileEntry } from '../../src/config/profile.js'
import { resolveProfile } from '../../src/config/resolve.js'
import { checkProfiles } from '../../src/config/rules.js'
import { failureOf } from './support.js'

const context = { redirectPort: 8252, configFolder: '/c' }
const https = 'https://localhost:8443/callback'
const certificate: ProfileEntry = {
  redirect_certificate_file: 'tls/cert.pem',
  redirect_private_key_file: 'tls/key.pem',
}

function resolved(entry: ProfileEntry) {
  const entries = new Map([['a', { client_id: 'c', issuer: 'https://one.example.com', ...entry }]])
  return resolveProfile('a', entries, context)
}

function check(entry: ProfileEntry) {
  return checkProfiles(new Map([['a', resolved(entry)]]))
}

test('paths are relative to the folder of the configuration', () => {
  expect(resolved({ ...certificate, redirect_uri: https })).toMatchObject({
    redirect_certificate_file: '/c/tls/cert.pem',
    redirect_private_key_file: '/c/tls/key.pem',
  })
})

test.each<ProfileEntry>([
  { redirect_uri: https },
  { redirect_uri: https, ...certificate },
  { redirect_uri: 'https://127.0.0.1:0/cb', ...certificate },
  { redirect_uri: 'https://app.example.test:8443/cb', listen: '127.0.0.1:8443', ...certificate },
  // A tunnel ends TLS itself.
  { redirect_uri: 'https://app.example.test/cb', listen: '127.0.0.1:8443' },
])('%j is taken', (entry) => {
  expect(() => check(entry)).not.toThrow()
})

describe('what is refused names the key and the fix', () => {
  test.each<[ProfileEntry, string, string]>([
    [
      { redirect_uri: https, redirect_certificate_file: 'cert.pem' },
      '"redirect_certificate_file" of profile "a"',
      'needs redirect_private_key_file',
    ],
    [
      { redirect_uri: https, redirect_private_key_file: 'key.pem' },
      '"redirect_private_key_file" of profile "a"',
      'needs redirect_certificate_file',
    ],
    [
      { redirect_uri: 'http://localhost:8443/callback', ...certificate },
      '"redirect_certificate_file" of profile "a"',
      'Change redirect_uri to https://',
    ],
    [certificate, '"redirect_certificate_file" of profile "a"', 'Change redirect_uri to https://'],
  ])('%j', (entry, key, fix) => {
    const failure = failureOf(() => check(entry))
    expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7 })
    expect(failure.detail).toContain(key)
    expect(failure.detail).toContain(fix)
  })
})
