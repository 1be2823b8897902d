/** The state machine of a profile's tokens: phases by time, steps by event, decisions for a caller. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import {
  decide,
  nextState,
  phaseOf,
  refreshDueAtMs,
  type TokenState,
  UNREAD,
} from '../../src/tokens/token-life.js'
import { type TokenSet, tokenSetFrom } from '../../src/tokens/token-set.js'
import { tokenResponse } from '../support/fake-authorization-servers.js'

const T0 = Date.parse('2026-01-01T00:00:00Z')
const policy = { name: 'gw', grant: 'authorization_code' } as const
const machine = { name: 'gw', grant: 'client_credentials' } as const
const origin = { authorizationServer: 'https://as.example/token', clientId: 'client-1' }

const setOf = (changes = {}, more: Partial<TokenSet> = {}): TokenSet => ({
  ...tokenSetFrom(tokenResponse(changes), origin, 'email', T0),
  ...more,
})
const stateOf = (set: TokenSet | null, more: Partial<TokenState> = {}): TokenState => ({
  ...UNREAD,
  set,
  ...more,
})
const refused = { reason: 'refused', error: 'invalid_grant', errorDescription: null } as const
const backOff = { failures: 3, notBeforeMs: T0 + 3_600_000 + 60_000 }
const failure = new CatchdError('provider_unreachable')

describe('the phase of', () => {
  const hour = setOf()
  test.each([
    ['nothing', stateOf(null), policy, 0, 'none'],
    ['nothing, for a client that asks by itself', stateOf(null), machine, 0, 'due'],
    ['a new token set', stateOf(hour), policy, 0, 'fresh'],
    ['exactly min_ttl left', stateOf(hour), policy, 3_540, 'fresh'],
    ['a second less', stateOf(hour), policy, 3_541, 'due'],
    ['nothing left', stateOf(hour), policy, 3_600, 'due'],
    [
      'nothing left and no refresh token',
      stateOf(setOf({ refreshToken: null })),
      policy,
      3_600,
      'login_required',
    ],
    [
      'a dead refresh token',
      stateOf(setOf({}, { refusedRefreshToken: refused })),
      policy,
      3_600,
      'login_required',
    ],
    [
      'a dead one while the access token lives',
      stateOf(setOf({}, { refusedRefreshToken: refused })),
      policy,
      3_599,
      'due',
    ],
    ['no expires_in', stateOf(setOf({ expiresInSeconds: null })), policy, 1e9, 'unknown_lifetime'],
    ['a request on its way', stateOf(hour, { isRefreshing: true }), policy, 3_600, 'refreshing'],
    ['a clock a day back', stateOf(hour), policy, -86_400, 'due'],
    ['a clock corrected by a few seconds', stateOf(hour), policy, -10, 'fresh'],
  ] as const)('%s', (_what, state, who, afterSeconds, phase) => {
    expect(phaseOf(state, who, 60, T0 + afterSeconds * 1000)).toBe(phase)
  })
})

describe('for a caller', () => {
  const hour = setOf()
  const dead = setOf({}, { refusedRefreshToken: refused })
  test.each([
    ['fresh', stateOf(hour), 0, { act: 'serve', set: hour }],
    ['due', stateOf(hour), 3_590, { act: 'renew', fallback: hour }],
    ['over', stateOf(hour), 3_600, { act: 'renew', fallback: null }],
    [
      'due, server left alone',
      stateOf(hour, { backOff, lastFailure: failure }),
      3_590,
      { act: 'serve', set: hour },
    ],
    [
      'over, server left alone',
      stateOf(hour, { backOff, lastFailure: failure }),
      3_600,
      { act: 'refuse', failure },
    ],
    [
      'over, the pause over',
      stateOf(hour, { backOff, lastFailure: failure }),
      3_660,
      { act: 'renew', fallback: null },
    ],
    ['dead, still good', stateOf(dead), 3_590, { act: 'serve', set: dead }],
    [
      'refreshed just now, too short',
      stateOf(hour, { refreshedAtMs: T0 + 3_589_500 }),
      3_590,
      { act: 'serve', set: hour },
    ],
    [
      'a second later',
      stateOf(hour, { refreshedAtMs: T0 + 3_589_000 }),
      3_590,
      { act: 'renew', fallback: hour },
    ],
  ] as const)('%s', (_what, state, afterSeconds, decision) => {
    expect(decide(state, policy, 60, T0 + afterSeconds * 1000)).toEqual(decision)
  })

  test.each([
    ['nothing stored', null],
    ['over and dead', dead],
    ['over and no refresh token', setOf({ refreshToken: null })],
  ])('%s: a person is needed', (_what, set) => {
    const decision = decide(stateOf(set), policy, 60, T0 + 3_600_000)
    expect(decision).toMatchObject({ act: 'refuse', failure: { code: 'login_required' } })
  })
})

describe('a step', () => {
  const old = setOf()
  const next = setOf({}, { obtainedAtMs: T0 + 1 })
  const tired = stateOf(old, { backOff, lastFailure: failure, isRefreshing: true })

  test('a refresh that succeeded clears what failed before', () => {
    expect(nextState(tired, { step: 'refreshed', set: next, atMs: T0 })).toEqual(
      stateOf(next, { refreshedAtMs: T0 }),
    )
  })

  test('one that failed keeps the token set', () => {
    const state = nextState(stateOf(old, { isRefreshing: true }), {
      step: 'refresh_failed',
      set: old,
      backOff,
      failure,
      atMs: T0,
    })
    expect(state).toEqual(stateOf(old, { backOff, lastFailure: failure, failingSinceMs: T0 }))
  })

  test('a login during a refresh counts, and the refresh is still under way', () => {
    expect(nextState(tired, { step: 'kept', set: next })).toEqual(stateOf(next, { isRefreshing: true }))
  })

  test('a logout leaves nothing but the request under way', () => {
    expect(nextState(tired, { step: 'forgotten' })).toEqual(stateOf(null, { isRefreshing: true }))
  })
})

describe('a refresh ahead of expiry', () => {
  const at = (set: TokenSet, jitter: number, minTtl = 60, nowMs = T0) =>
    refreshDueAtMs(stateOf(set), policy, minTtl, jitter, nowMs)

  test('is min_ttl before it, a tenth of the lifetime or a minute earlier at most', () => {
    expect(at(setOf(), 0)).toBe(T0 + 3_540_000)
    expect(at(setOf(), 0.999)).toBeGreaterThan(T0 + 3_480_000)
    expect(at(setOf({ expiresInSeconds: 300 }), 0.999)).toBeGreaterThan(T0 + 210_000)
  })

  test('is never before half of the lifetime', () => {
    expect(at(setOf({ expiresInSeconds: 10 }), 0.9)).toBe(T0 + 5_000)
    expect(at(setOf(), 0, 86_400)).toBe(T0 + 1_800_000)
  })

  test.each([
    ['of unknown lifetime', setOf({ expiresInSeconds: null })],
    ['without a refresh token', setOf({ refreshToken: null })],
    ['with a dead one', setOf({}, { refusedRefreshToken: refused })],
  ])('is not for a token set %s', (_what, set) => {
    expect(at(set, 0)).toBeNull()
  })

  test('is at once where the clock was set back, and later where the server is left alone', () => {
    expect(at(setOf(), 0, 60, T0 - 86_400_000)).toBe(T0 - 86_400_000)
    const state = stateOf(setOf(), { backOff: { failures: 1, notBeforeMs: T0 + 3_545_000 } })
    expect(refreshDueAtMs(state, policy, 60, 0, T0 + 3_544_000)).toBe(T0 + 3_545_000)
  })
})
