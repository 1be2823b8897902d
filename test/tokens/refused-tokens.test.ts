/** What happens after a server refused a token: one refresh for each refused token, whoever reports it and how often. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { codeOf, gate, start } from './keeper-harness.js'

const PAUSE_MS = 300_000

async function loggedIn(changes = {}, profile = testProfile()) {
  const system = start(profile)
  await system.keeper.keep('gw', system.issued(changes))
  const insteadOf = async (token: string) => (await system.keeper.insteadOf('gw', token)).accessToken.reveal()
  return { ...system, insteadOf }
}

test('the current token is refreshed, and one that was replaced is not', async () => {
  const { servers, insteadOf } = await loggedIn()
  expect(await insteadOf('access-1')).toBe('access-r1')
  expect(await insteadOf('access-1')).toBe('access-r1')
  expect(await insteadOf('of another login')).toBe('access-r1')
  expect(servers.refreshed).toHaveLength(1)
})

test('twenty reports at once, and twenty that come when the refresh is over, make one refresh', async () => {
  const { servers, insteadOf } = await loggedIn()
  const { closed, open } = gate()
  servers.gate = closed
  const early = Array.from({ length: 20 }, () => insteadOf('access-1'))
  open()
  const tokens = await Promise.all([...early, ...Array.from({ length: 20 }, () => insteadOf('access-1'))])
  expect(new Set(tokens)).toEqual(new Set(['access-r1']))
  expect(servers.refreshed).toHaveLength(1)
})

test('a server that refuses every token causes two refreshes in five minutes', async () => {
  const { servers, clock, insteadOf } = await loggedIn({ expiresInSeconds: 86_400 })
  let token = 'access-1'
  for (let seconds = 0; seconds < 600; seconds += 1) {
    token = await insteadOf(token)
    clock.jump(1_000)
  }
  expect(servers.refreshed).toHaveLength(4)
})

test('a token that came in another way may be refused at once', async () => {
  const { keeper, servers, insteadOf, issued } = await loggedIn()
  expect(await insteadOf('access-1')).toBe('access-r1')
  expect(await insteadOf('access-r1')).toBe('access-r2')
  expect(await insteadOf('access-r2')).toBe('access-r2')
  await keeper.refresh('gw')
  expect(await insteadOf('access-r3')).toBe('access-r4')
  await keeper.keep('gw', issued())
  expect(await insteadOf('access-1')).toBe('access-r5')
  expect(servers.refreshed).toHaveLength(5)
})

test('a clock that was set back does not prolong the pause', async () => {
  const { clock, insteadOf } = await loggedIn()
  await insteadOf('access-1')
  await insteadOf('access-r1')
  clock.jump(-PAUSE_MS)
  expect(await insteadOf('access-r2')).toBe('access-r3')
})

test('a refused id_token is refreshed like an access token', async () => {
  const { servers, insteadOf } = await loggedIn({ idToken: new Secret('id-1') })
  expect(await insteadOf('id-1')).toBe('access-r1')
  expect(servers.refreshed).toHaveLength(1)
})

describe('when a refresh does not help', () => {
  test('an authorization server that does not answer is not asked again for each report', async () => {
    const { keeper, servers, insteadOf } = await loggedIn()
    servers.refreshAnswer = () => ({
      outcome: 'retry_later',
      error: new CatchdError('provider_unreachable'),
      retryAfterSeconds: null,
    })
    for (let count = 0; count < 5; count += 1) {
      expect(await codeOf(insteadOf('access-1'))).toBe('provider_unreachable')
    }
    expect(servers.refreshed).toHaveLength(1)
    expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
  })

  test('a dead refresh token is not sent again, and the token is still served to others', async () => {
    const { keeper, servers, insteadOf } = await loggedIn()
    servers.refreshAnswer = () => ({
      outcome: 'reauthorize',
      error: new CatchdError('provider_refused', { error: 'invalid_grant' }),
    })
    for (let count = 0; count < 3; count += 1) {
      expect(await codeOf(insteadOf('access-1'))).toBe('login_required')
    }
    expect(servers.refreshed).toHaveLength(1)
    expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
  })

  test('without a refresh token it needs a login, and nothing is sent', async () => {
    const { servers, insteadOf } = await loggedIn({ refreshToken: null })
    expect(await codeOf(insteadOf('access-1'))).toBe('login_required')
    expect(servers.refreshed).toEqual([])
  })

  test('without any tokens it needs a login', async () => {
    expect(await codeOf(start().keeper.insteadOf('gw', 'access-1'))).toBe('login_required')
  })
})

test('a grant without a login gets new tokens instead', async () => {
  const { keeper, servers } = start(testProfile({ grant: 'client_credentials' }))
  const first = (await keeper.get('gw', undefined)).accessToken.reveal()
  expect((await keeper.insteadOf('gw', first)).accessToken.reveal()).toBe('machine-2')
  expect((await keeper.insteadOf('gw', 'machine-2')).accessToken.reveal()).toBe('machine-3')
  expect((await keeper.insteadOf('gw', 'machine-3')).accessToken.reveal()).toBe('machine-3')
  expect(servers.credentialsAsked).toBe(3)
})

test('a token that has expired since is refreshed as for any caller', async () => {
  const { servers, clock, insteadOf } = await loggedIn()
  servers.answer = () => tokenResponse()
  clock.jump(3_700_000)
  expect(await insteadOf('an older one')).toBe('access-r1')
})
