/** The vault record of a token set: its format stays, and members that a server named are stored as they are. */
import { expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import { parseTokenSet, rotated, serialiseTokenSet } from '../../src/tokens/token-set.js'
import { tokenResponse } from '../support/fake-authorization-servers.js'

const RECORD = {
  version: 1,
  authorization_server: 'https://as.example/token',
  client_id: 'client-1',
  server: { issuer: null, urls: { token_endpoint: 'https://as.example/token' } },
  access_token: 'access-1',
  token_type: 'Bearer',
  obtained_at_ms: 1_000,
  logged_in_at_ms: 500,
  expires_at_ms: 2_000,
  refresh_token: 'refresh-1',
  refresh_token_expires_at_ms: null,
  refresh_token_stays: true,
  refused_refresh_token: { reason: 'refused', error: 'invalid_grant', error_description: 'gone' },
  repeated_refusal: { answer: 'digest', since_ms: 1_500, last_ms: 1_600, count: 2 },
  scope: 'email',
  id_token: null,
  id_token_stays: 'not_given',
  issuer: null,
  subject: 'alice',
  parameters: { realmId: '42', not_before_policy: 0, nestedValue: { innerName: [{ some_thing: 1 }] } },
}
const item = (record: object) => new Secret(JSON.stringify(record))

test('a record is read and written back as the same text', () => {
  const set = parseTokenSet(item(RECORD))
  expect(set.parameters).toEqual(RECORD.parameters)
  expect(set.refusedRefreshToken).toEqual({
    reason: 'refused',
    error: 'invalid_grant',
    errorDescription: 'gone',
  })
  expect(serialiseTokenSet(set).reveal()).toBe(JSON.stringify(RECORD))
})

test('a record of an earlier version has none of the later members', () => {
  const {
    refresh_token_expires_at_ms: _end,
    refresh_token_stays: _stays,
    refused_refresh_token: _refused,
    repeated_refusal: _repeated,
    id_token_stays: _idToken,
    server: _server,
    logged_in_at_ms: _login,
    ...earlier
  } = RECORD
  expect(parseTokenSet(item(earlier))).toMatchObject({
    refreshTokenExpiresAtMs: null,
    refreshTokenStays: false,
    refusedRefreshToken: null,
    repeatedRefusal: null,
    idTokenStays: null,
    server: null,
    loggedInAtMs: null,
  })
})

test('other members that an earlier version stored as they came are a context without secrets', () => {
  const parameters = {
    realmId: '42',
    state: 's-1',
    authed_user: { id: 'U1', refresh_token: 'refresh-of-another' },
    copy: 'it is access-1',
    session_state: 'x',
  }
  expect(parseTokenSet(item({ ...RECORD, parameters })).parameters).toEqual({
    realmId: '42',
    authed_user: { id: 'U1' },
  })
})

test('names of members that were too large stay, until there is room for them', () => {
  const set = parseTokenSet(item({ ...RECORD, left_out: ['photo', 'logo'] }))
  const refreshed = rotated(set, tokenResponse({ parameters: { logo: 'small' }, leftOut: ['map'] }), 3_000)
  expect(parseTokenSet(serialiseTokenSet(refreshed)).leftOut).toEqual(['map', 'photo'])
})

test.each([
  ['another version', { ...RECORD, version: 2 }],
  ['an empty access token', { ...RECORD, access_token: '' }],
  ['no access token', { ...RECORD, access_token: undefined }],
  ['a number as access token', { ...RECORD, access_token: 1 }],
])('%s is refused without quoting it', (_what, record) => {
  expect(() => parseTokenSet(item(record))).toThrow(
    'The stored token set does not have the format of this version.',
  )
})
