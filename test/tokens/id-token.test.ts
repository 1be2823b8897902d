/** The id_token of a profile: due by its own end, renewed by the one refresh, and kept where a refresh brings none. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { idTokenOf } from '../../src/tokens/id-token.js'
import { decide, type TokenState, UNREAD } from '../../src/tokens/token-life.js'
import {
  parseTokenSet,
  rotated,
  serialiseTokenSet,
  type TokenSet,
  tokenSetFrom,
} from '../../src/tokens/token-set.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { codeOf, ITEM, start } from './keeper-harness.js'

const ISSUER = 'https://id.example.com'
const T0 = Date.parse('2026-01-01T00:00:00Z')
const OPENID = testProfile({ issuer: ISSUER, scope: 'openid email' })

/** As a server issues it at an instant, for five minutes. */
function idToken(issuedAtMs: number, lifeSeconds = 300): Secret {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iat = issuedAtMs / 1000
  const claims = { iss: ISSUER, sub: 'ada', aud: 'client-1', iat, exp: iat + lifeSeconds }
  return new Secret(`${part({ alg: 'ES256' })}.${part(claims)}.sig-${issuedAtMs}`)
}

const withIdToken = (issuedAtMs: number, lifeSeconds?: number) => ({
  idToken: idToken(issuedAtMs, lifeSeconds),
  issuer: ISSUER,
  subject: 'ada',
})

/** A keeper whose profile asks for `openid`; refreshes bring an id_token of their own instant. */
function started(profile = OPENID) {
  const parts = start(profile)
  const brings = (more: object) => {
    parts.servers.refreshAnswer = (count) => ({
      outcome: 'refreshed',
      response: tokenResponse({
        accessToken: new Secret(`access-r${count}`),
        refreshToken: new Secret(`refresh-r${count}`),
        ...more,
      }),
    })
  }
  const now = () => parts.clock.now()
  return { ...parts, now, brings, login: () => parts.keeper.keep('gw', parts.issued(withIdToken(now()))) }
}

test('what the id_token says of itself is read from it', () => {
  const token = idToken(T0)
  expect(idTokenOf({ idToken: token })).toEqual({
    token,
    issuer: ISSUER,
    subject: 'ada',
    expiresAtMs: T0 + 300_000,
  })
  for (const unreadable of [null, new Secret('x'), new Secret('a.b.c'), new Secret('')]) {
    expect(idTokenOf({ idToken: unreadable })).toBeNull()
  }
})

describe('for a caller who wants the id_token', () => {
  const origin = { authorizationServer: ISSUER, clientId: 'client-1' }
  const setOf = (more: Partial<TokenSet> = {}): TokenSet => ({
    ...tokenSetFrom(tokenResponse(withIdToken(T0)), origin, 'openid', T0),
    ...more,
  })
  const stateOf = (set: TokenSet | null, more: Partial<TokenState> = {}): TokenState => ({
    ...UNREAD,
    set,
    ...more,
  })
  const set = setOf()
  const kept = setOf({ idTokenStays: 'not_given' })
  const unchecked = setOf({ idTokenStays: 'not_checkable' })
  const overAccess = setOf({ expiresAtMs: T0 + 1 })
  const refusedRefreshToken = { reason: 'refused', error: 'invalid_grant', errorDescription: null } as const
  const failure = new CatchdError('provider_unreachable')
  const backOff = { failures: 1, notBeforeMs: T0 + 400_000 }

  test.each([
    ['exactly min_ttl left', stateOf(set), 240, { act: 'serve', set }],
    ['a second less, whatever the access token has left', stateOf(set), 241, { act: 'renew', fallback: set }],
    ['over', stateOf(set), 300, { act: 'renew', fallback: null }],
    ['good while the access token is over', stateOf(overAccess), 200, { act: 'serve', set: overAccess }],
    ['due, where a refresh brings none', stateOf(kept), 241, { act: 'serve', set: kept }],
    [
      'due, and unchecked less than a minute ago',
      stateOf({ ...unchecked, obtainedAtMs: T0 + 240_000 }),
      299,
      { act: 'serve', set: { ...unchecked, obtainedAtMs: T0 + 240_000 } },
    ],
    ['due, and unchecked a minute ago', stateOf(unchecked), 241, { act: 'renew', fallback: unchecked }],
    ['due, server left alone', stateOf(set, { backOff, lastFailure: failure }), 299, { act: 'serve', set }],
    [
      'over, server left alone',
      stateOf(set, { backOff, lastFailure: failure }),
      300,
      { act: 'refuse', failure },
    ],
    ['a clock a day back', stateOf(set), -86_400, { act: 'renew', fallback: set }],
  ] as const)('%s', (_what, state, afterSeconds, decision) => {
    expect(decide(state, OPENID, 60, T0 + afterSeconds * 1000, 'id_token')).toEqual(decision)
  })

  test.each([
    ['nothing stored', null, /No valid token for/],
    ['none in the set', setOf({ idToken: null }), /were issued without an id_token/],
    ['over, where a refresh brings none', kept, /issues one only at a login/],
    ['over and no refresh token', setOf({ refreshToken: null }), /no refresh token/],
    [
      'over and the refresh token dead',
      setOf({ refusedRefreshToken }),
      /no longer accepts the refresh token/,
    ],
  ])('%s: a person is needed', (_what, stored, detail) => {
    const decision = decide(stateOf(stored), OPENID, 60, T0 + 300_000, 'id_token')
    expect(decision).toMatchObject({ act: 'refuse', failure: { code: 'login_required', profile: 'gw' } })
    expect('failure' in decision && decision.failure.detail).toMatch(detail)
  })

  test('over and not checkable just now: the server is in trouble, and no login helps', () => {
    const state = stateOf({ ...unchecked, obtainedAtMs: T0 + 299_000 })
    const decision = decide(state, OPENID, 60, T0 + 300_000, 'id_token')
    expect(decision).toMatchObject({ act: 'refuse', failure: { code: 'provider_answer_invalid' } })
  })

  test('who wants the access token is not concerned', () => {
    expect(decide(stateOf(kept), OPENID, 60, T0 + 300_000)).toEqual({ act: 'serve', set: kept })
  })
})

describe('after a refresh the set remembers', () => {
  const origin = { authorizationServer: ISSUER, clientId: 'client-1' }
  const before = tokenSetFrom(tokenResponse(withIdToken(T0)), origin, 'openid', T0)
  test.each([
    ['a new id_token', tokenResponse(withIdToken(T0 + 1000)), null],
    ['none', tokenResponse(), 'not_given'],
    ['the same once more', tokenResponse(withIdToken(T0)), 'not_given'],
    ['one that could not be checked', tokenResponse({ isIdTokenUncheckable: true }), 'not_checkable'],
  ] as const)('%s', (_what, response, stays) => {
    const set = rotated(before, response, T0 + 1000)
    expect(set.idTokenStays).toBe(stays)
    expect(set.idToken?.reveal()).toBe((response.idToken ?? before.idToken)?.reveal())
    expect(parseTokenSet(serialiseTokenSet(set)).idTokenStays).toBe(stays)
  })

  test('nothing where there never was one', () => {
    const plain = tokenSetFrom(tokenResponse(), origin, 'email', T0)
    expect(rotated(plain, tokenResponse(), T0).idTokenStays).toBeNull()
  })

  test('a record of before this was remembered is read', () => {
    const { id_token_stays: _gone, ...record } = JSON.parse(serialiseTokenSet(before).reveal())
    expect(parseTokenSet(new Secret(JSON.stringify(record))).idTokenStays).toBeNull()
  })
})

describe('the keeper', () => {
  test('serves one that is good without a request', async () => {
    const { keeper, servers, login, now } = started()
    await login()
    expect((await keeper.idToken('gw', undefined)).token.reveal()).toBe(idToken(now()).reveal())
    expect(servers.refreshed).toHaveLength(0)
  })

  test('a thousand callers for either token near its end make one request, and the rotated set is stored first', async () => {
    const { keeper, servers, vault, clock, login, now, brings } = started()
    await login()
    clock.jump(270_000)
    brings(withIdToken(now()))
    const tokens = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) =>
        n % 2 === 0
          ? keeper.idToken('gw', undefined).then(({ token }) => token.reveal())
          : keeper.get('gw', 3_400).then(({ idToken: token }) => token?.reveal()),
      ),
    )
    expect(new Set(tokens)).toEqual(new Set([idToken(now()).reveal()]))
    expect(servers.refreshed).toHaveLength(1)
    expect(vault.items.get(ITEM)?.reveal()).toContain('refresh-r1')
  })

  test('a server that gives none on a refresh is asked once, even over a restart', async () => {
    const { keeper, servers, clock, login, brings, restart } = started()
    brings({ idToken: null })
    await login()
    clock.jump(270_000)
    for (let n = 0; n < 5; n += 1) {
      await keeper.idToken('gw', undefined)
      clock.jump(2_000)
    }
    const again = restart()
    await again.idToken('gw', undefined)
    expect(servers.refreshed).toHaveLength(1)
    clock.jump(60_000)
    await expect(again.idToken('gw', undefined)).rejects.toMatchObject({
      code: 'login_required',
      detail: expect.stringContaining('only at a login'),
    })
    expect((await again.get('gw', undefined)).accessToken.reveal()).toBe('access-r1')
    expect(servers.refreshed).toHaveLength(1)
  })

  test('the refresh that finds out ends in a login where nothing is left', async () => {
    const { keeper, servers, clock, login, brings } = started()
    brings({ idToken: null })
    await login()
    clock.jump(300_000)
    expect(await codeOf(keeper.idToken('gw', undefined))).toBe('login_required')
    expect(await codeOf(keeper.idToken('gw', undefined))).toBe('login_required')
    expect(servers.refreshed).toHaveLength(1)
  })

  test('one whose keys cannot be had is tried again after a minute, not at each call', async () => {
    const { keeper, servers, clock, login, now, brings } = started()
    brings({ idToken: null, isIdTokenUncheckable: true })
    await login()
    clock.jump(300_000)
    expect(await codeOf(keeper.idToken('gw', undefined))).toBe('provider_answer_invalid')
    clock.jump(59_000)
    expect(await codeOf(keeper.idToken('gw', undefined))).toBe('provider_answer_invalid')
    expect(servers.refreshed).toHaveLength(1)
    clock.jump(1_000)
    brings(withIdToken(now()))
    expect((await keeper.idToken('gw', undefined)).expiresAtMs).toBe(now() + 300_000)
  })

  test('one that is still good is served when the refresh fails, for a while or for good', async () => {
    const { keeper, servers, clock, login } = started()
    await login()
    clock.jump(270_000)
    servers.refreshAnswer = () => ({
      outcome: 'retry_later',
      error: new CatchdError('provider_unreachable'),
      retryAfterSeconds: 5,
    })
    await keeper.idToken('gw', undefined)
    await keeper.idToken('gw', undefined)
    expect(servers.refreshed).toHaveLength(1)
    clock.jump(10_000)
    const error = new CatchdError('provider_refused', { error: 'invalid_grant' })
    servers.refreshAnswer = () => ({ outcome: 'reauthorize', error })
    await keeper.idToken('gw', undefined)
    clock.jump(20_000)
    await expect(keeper.idToken('gw', undefined)).rejects.toMatchObject({
      code: 'login_required',
      error: 'invalid_grant',
    })
    expect(servers.refreshed).toHaveLength(2)
  })

  test.each([
    ['the id_token, when the access token is over', 3_700, 3_600, 'idToken'],
    ['the access token, when the id_token is over', 3_600, 3_700, 'get'],
  ] as const)('a failed refresh leaves %s', async (_what, idSeconds, accessSeconds, method) => {
    const { keeper, servers, clock, issued, now } = started()
    await keeper.keep('gw', issued({ ...withIdToken(now(), idSeconds), expiresInSeconds: accessSeconds }))
    clock.jump(3_650_000)
    servers.refreshAnswer = () => ({
      outcome: 'retry_later',
      error: new CatchdError('provider_unreachable'),
      retryAfterSeconds: null,
    })
    expect(await codeOf(keeper[method]('gw', undefined))).toBe('resolved')
    expect(servers.refreshed).toHaveLength(1)
    const other = method === 'get' ? 'idToken' : 'get'
    expect(await codeOf(keeper[other]('gw', undefined))).toBe('provider_unreachable')
  })

  test('an expired one is an error of the network, never a login', async () => {
    const { keeper, servers, clock, login } = started()
    await login()
    clock.jump(300_000)
    servers.refreshAnswer = () => ({
      outcome: 'retry_later',
      error: new CatchdError('provider_unreachable'),
      retryAfterSeconds: null,
    })
    expect(await codeOf(keeper.idToken('gw', undefined))).toBe('provider_unreachable')
    expect(await codeOf(keeper.idToken('gw', undefined))).toBe('provider_unreachable')
    expect(servers.refreshed).toHaveLength(1)
  })

  test('a login that comes without one in the middle of the refresh asks for another', async () => {
    const { keeper, servers, clock, login, issued } = started()
    await login()
    clock.jump(300_000)
    let answer = () => {}
    servers.gate = new Promise((resolve) => {
      answer = resolve
    })
    const called = codeOf(keeper.idToken('gw', undefined))
    await keeper.keep('gw', issued())
    answer()
    expect(await called).toBe('login_required')
  })

  test.each([
    ['openid is not asked for', { issuer: ISSUER, scope: 'email' }, /`openid` is not in its scope/],
    ['no issuer to check it by', { scope: 'openid' }, /Set `issuer`/],
    [
      'nobody logs in',
      { issuer: ISSUER, scope: 'openid', grant: 'client_credentials' as const },
      /its grant needs no login/,
    ],
  ])('%s: the profile is told what it lacks, logged in or not', async (_what, changes, detail) => {
    const { keeper, servers, issued } = start(testProfile(changes))
    for (let n = 0; n < 2; n += 1) {
      await expect(keeper.idToken('gw', undefined)).rejects.toMatchObject({
        code: 'profile_invalid',
        detail: expect.stringMatching(detail),
        next: 'catchd profile edit gw',
      })
      await keeper.keep('gw', issued())
    }
    expect([servers.refreshed.length, servers.credentialsAsked]).toEqual([0, 0])
  })
})
