/** Refreshes ahead of expiry: when they come, and what sleep, clocks and idleness do to them. */
import { expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { LockGate } from '../../src/lock/gate.js'
import { TokenKeeper } from '../../src/tokens/token-keeper.js'
import { tokenSetFrom } from '../../src/tokens/token-set.js'
import {
  FakeAuthorizationServers,
  testProfile,
  tokenResponse,
} from '../support/fake-authorization-servers.js'
import { FakeVault } from '../support/fake-vault.js'
import { ManualClock } from '../support/manual-clock.js'
import { FakeSteps, start } from './keeper-harness.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

test('a token in use is refreshed before min_ttl is reached, with nobody asking', async () => {
  const { keeper, servers, clock, issued } = start()
  await keeper.keep('gw', issued())
  await clock.pass(3_500_000) // 100 s left; min_ttl is 60 s, the jitter here 30 s
  expect(servers.refreshed).toHaveLength(0)
  await clock.pass(15_000)
  expect(servers.refreshed).toHaveLength(1)
  expect(keeper.peek('gw', 60)?.accessToken.reveal()).toBe('access-r1')
})

test('on_demand: only when asked', async () => {
  const { keeper, servers, clock, issued } = start(testProfile({ refresh: 'on_demand' }))
  await keeper.keep('gw', issued())
  await clock.pass(2 * HOUR_MS)
  expect(servers.refreshed).toHaveLength(0)
  await keeper.get('gw', undefined)
  expect(servers.refreshed).toHaveLength(1)
})

test('a day after the last question it ends; the next question takes it up again', async () => {
  const { keeper, servers, clock, issued } = start()
  await keeper.keep('gw', issued())
  await clock.pass(3 * DAY_MS)
  const inOneDay = servers.refreshed.length
  expect(inOneDay).toBeGreaterThanOrEqual(24)
  expect(inOneDay).toBeLessThanOrEqual(25)
  await keeper.get('gw', undefined)
  expect(servers.refreshed).toHaveLength(inOneDay + 1)
  await clock.pass(HOUR_MS)
  expect(servers.refreshed).toHaveLength(inOneDay + 2)
})

test('what was read from the vault is refreshed ahead from its first use on', async () => {
  const { keeper, restart, servers, clock, issued } = start()
  await keeper.keep('gw', issued())
  await keeper.drain()
  const restarted = restart()
  await clock.pass(HOUR_MS / 2)
  await restarted.get('gw', undefined)
  await clock.pass(HOUR_MS / 2)
  expect(servers.refreshed).toHaveLength(1)
})

test('tokens shorter than min_ttl are refreshed at half of their life, not without end', async () => {
  const { keeper, servers, clock, issued } = start()
  servers.refreshAnswer = () => ({
    outcome: 'refreshed',
    response: tokenResponse({ expiresInSeconds: 30 }),
  })
  await keeper.keep('gw', issued({ expiresInSeconds: 30 }))
  await clock.pass(10 * 60_000)
  expect(servers.refreshed).toHaveLength(40)
})

test('failures are retried by the back-off alone, and a dead refresh token not at all', async () => {
  const { keeper, servers, clock, issued } = start()
  const unreachable = new CatchdError('provider_unreachable')
  servers.refreshAnswer = () => ({ outcome: 'retry_later', error: unreachable, retryAfterSeconds: null })
  await keeper.keep('gw', issued())
  await clock.pass(2 * HOUR_MS)
  const attempts = servers.refreshed.length
  expect(attempts).toBeGreaterThan(10)
  expect(attempts).toBeLessThan(40) // 1 s doubling to 5 min, for an hour
  const refusal = new CatchdError('provider_refused', { error: 'invalid_grant' })
  servers.refreshAnswer = () => ({ outcome: 'reauthorize', error: refusal })
  await clock.pass(HOUR_MS)
  expect(servers.refreshed).toHaveLength(attempts + 1)
})

test('a Retry-After longer than the back-off is waited for, a five-minute one at most', async () => {
  const { keeper, servers, clock, issued } = start()
  const unreachable = new CatchdError('provider_unreachable')
  servers.refreshAnswer = () => ({ outcome: 'retry_later', error: unreachable, retryAfterSeconds: 86_400 })
  await keeper.keep('gw', issued())
  await clock.pass(HOUR_MS - 50_000)
  expect(servers.refreshed).toHaveLength(1)
  await clock.pass(200_000)
  expect(servers.refreshed).toHaveLength(1)
  await clock.pass(100_000)
  expect(servers.refreshed).toHaveLength(2)
})

test('a logout ends it', async () => {
  const { keeper, servers, clock, issued } = start()
  await keeper.keep('gw', issued())
  await keeper.logout('gw')
  await clock.pass(5 * HOUR_MS)
  expect(servers.refreshed).toHaveLength(0)
})

test('two days of sleep cost one refresh, by whoever asks first', async () => {
  const { keeper, servers, clock, issued } = start()
  await keeper.keep('gw', issued())
  clock.jump(2 * DAY_MS)
  await Promise.all(Array.from({ length: 100 }, () => keeper.get('gw', undefined)))
  await clock.pass(60_000)
  expect(servers.refreshed).toHaveLength(1)
})

test.each([
  ['forward', DAY_MS],
  ['back', -DAY_MS],
])('a clock set a day %s costs one refresh', async (_direction, stepMs) => {
  const { keeper, servers, clock, issued } = start()
  await keeper.keep('gw', issued())
  clock.jump(stepMs)
  const sets = await Promise.all(Array.from({ length: 100 }, () => keeper.get('gw', undefined)))
  expect(new Set(sets.map((set) => set.accessToken.reveal()))).toEqual(new Set(['access-r1']))
  await clock.pass(60_000)
  expect(servers.refreshed).toHaveLength(1)
})

/** Twenty accounts on one keeper; `due` every five minutes. */
function twentyAccounts(refresh: 'ahead' | 'on_demand') {
  const clock = new ManualClock()
  const servers = new FakeAuthorizationServers()
  const names = Array.from({ length: 20 }, (_unused, index) => `account-${index}`)
  const profiles = new Map(
    names.map((name) => [name, testProfile({ name, refresh, min_ttl_seconds: 0 })] as const),
  )
  const failures: string[] = []
  const keeper = new TokenKeeper({
    clock,
    vault: new FakeVault(),
    steps: new FakeSteps(),
    servers,
    profiles: {
      profile(name) {
        const found = profiles.get(name)
        if (found === undefined) throw new CatchdError('profile_unknown')
        return found
      },
    },
    lock: new LockGate(),
    random: () => 0,
    log: ({ event }) => {
      if (event !== 'token.refreshed') failures.push(event)
    },
  })
  servers.refreshAnswer = () => ({
    outcome: 'refreshed',
    response: tokenResponse({ expiresInSeconds: 300 }),
  })
  const login = async () => {
    for (const [name, profile] of profiles) {
      const set = tokenSetFrom(
        tokenResponse({ expiresInSeconds: 300 }),
        servers.origin(profile),
        null,
        clock.now(),
      )
      await keeper.keep(name, set)
    }
  }
  return { clock, servers, names, keeper, failures, login }
}

test.each(['ahead', 'on_demand'] as const)(
  '24 hours, 20 accounts, 5-minute tokens, %s: 5,760 refreshes and no failure',
  async (refresh) => {
    const { clock, servers, names, keeper, failures, login } = twentyAccounts(refresh)
    await login()
    for (let minute = 0; minute < 24 * 60; minute++) {
      await clock.pass(60_000)
      for (const name of names) {
        const set = keeper.peek(name, undefined) ?? (await keeper.get(name, undefined))
        expect(set.expiresAtMs).toBeGreaterThan(clock.now())
      }
    }
    expect(failures).toEqual([])
    expect(servers.refreshed).toHaveLength(5_760)
  },
)

test('1,000 callers at each of 100 expiries: 100 refreshes, and every caller has the new token', async () => {
  const { keeper, servers, clock, issued } = start(testProfile({ refresh: 'on_demand' }))
  await keeper.keep('gw', issued())
  for (let expiry = 1; expiry <= 100; expiry++) {
    clock.jump(HOUR_MS)
    const sets = await Promise.all(Array.from({ length: 1_000 }, () => keeper.get('gw', undefined)))
    const tokens = new Set(sets.map((set) => set.accessToken.reveal()))
    expect(tokens).toEqual(new Set([`access-r${expiry}`]))
  }
  expect(servers.refreshed).toHaveLength(100)
})
