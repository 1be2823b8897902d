import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import { nextLogin } from '../../src/tokens/next-login.js'
import { type TokenSet, tokenSetFrom } from '../../src/tokens/token-set.js'
import { tokenResponse } from '../support/fake-authorization-servers.js'

const NOW_MS = Date.parse('2026-01-01T00:00:00Z')
const HOUR_MS = 3_600_000
const person = { name: 'gw', grant: 'authorization_code' } as const
const refreshToken = new Secret('refresh-1')
const refused = { reason: 'refused', error: 'invalid_grant', errorDescription: null } as const

function set(changes: Partial<TokenSet>): TokenSet {
  const origin = { authorizationServer: 'https://id.example.com', clientId: 'catchd' }
  const issued = tokenSetFrom(tokenResponse({ refreshToken: null }), origin, null, NOW_MS - HOUR_MS)
  return { ...issued, expiresAtMs: NOW_MS + HOUR_MS, ...changes }
}

describe('a person is needed', () => {
  test.each<[string, TokenSet | null, object]>([
    ['now, where nothing is stored', null, { certainty: 'now', atMs: NOW_MS, reason: 'none_stored' }],
    ['at expiry, without a refresh token', set({}), { certainty: 'known', atMs: NOW_MS + HOUR_MS }],
    [
      'since expiry, without a refresh token',
      set({ expiresAtMs: NOW_MS - 5 }),
      { certainty: 'now', atMs: NOW_MS - 5, reason: 'expired' },
    ],
    [
      'from the very instant of expiry',
      set({ expiresAtMs: NOW_MS }),
      { certainty: 'now', atMs: NOW_MS, reason: 'expired' },
    ],
    [
      'at an unknown time, without any lifetime',
      set({ expiresAtMs: null }),
      { certainty: 'unknown', atMs: null },
    ],
    [
      'at an unknown time, with a refresh token of unknown lifetime',
      set({ refreshToken }),
      { certainty: 'unknown', atMs: null },
    ],
    [
      'at an unknown time although the access token is over: it can be refreshed',
      set({ refreshToken, expiresAtMs: NOW_MS - 5 }),
      { certainty: 'unknown', atMs: null },
    ],
    [
      'when the refresh token ends',
      set({ refreshToken, refreshTokenExpiresAtMs: NOW_MS + 30 * HOUR_MS }),
      { certainty: 'known', atMs: NOW_MS + 30 * HOUR_MS },
    ],
    [
      'when the access token ends that outlives its refresh token',
      set({ refreshToken, refreshTokenExpiresAtMs: NOW_MS + 5 }),
      { certainty: 'known', atMs: NOW_MS + HOUR_MS },
    ],
    [
      'when the refresh token ends, where the access token has no known lifetime',
      set({ refreshToken, refreshTokenExpiresAtMs: NOW_MS + 5, expiresAtMs: null }),
      { certainty: 'known', atMs: NOW_MS + 5 },
    ],
    [
      'now, where the refresh token is dead, although the access token lives',
      set({ refreshToken, refusedRefreshToken: refused }),
      { certainty: 'now', atMs: NOW_MS, reason: 'refused' },
    ],
  ])('%s', (_name, stored, expected) => {
    expect(nextLogin(person, stored, NOW_MS)).toEqual(expected)
  })

  test.each([null, set({}), set({ expiresAtMs: 0 }), set({ refreshToken, refusedRefreshToken: refused })])(
    'never with client credentials, whatever is stored',
    (stored) => {
      const machine = { name: 'job', grant: 'client_credentials' } as const
      expect(nextLogin(machine, stored, NOW_MS)).toEqual({ certainty: 'never', atMs: null })
    },
  )
})
