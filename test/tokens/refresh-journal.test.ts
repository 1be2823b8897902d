/** What a daemon that was killed during a refresh does when it comes back. */
import { expect, test } from 'vitest'
import type { RefreshOutcome } from '../../src/authorization-server/port.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import type { TokenKeeper } from '../../src/tokens/token-keeper.js'
import type { TokenSet } from '../../src/tokens/token-set.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { settle } from '../support/manual-clock.js'
import { codeOf, gate, ITEM, start } from './keeper-harness.js'

/** Runs until the refresh request is on its way, and kills the keeper there: nothing it does later counts. */
async function killedWhileRefreshing(expiresInSeconds = 3_600) {
  const parts = start(testProfile({ refresh: 'on_demand' }))
  const { keeper, servers, vault, clock, issued } = parts
  await keeper.keep('gw', issued({ expiresInSeconds }))
  clock.jump(3_590_000)
  servers.gate = gate().closed
  void codeOf(keeper.get('gw', undefined))
  await settle()
  expect(servers.refreshed).toHaveLength(1)
  const stored = vault.items.get(ITEM)
  const restarted = parts.restart()
  servers.gate = Promise.resolve()
  return { ...parts, stored, restarted }
}

const DEAD = { outcome: 'reauthorize', error: new CatchdError('provider_refused') } as const

test('the access token that is still good is served, and nothing is sent', async () => {
  const { restarted, servers } = await killedWhileRefreshing()
  expect((await restarted.get('gw', 5)).accessToken.reveal()).toBe('access-1')
  expect(servers.refreshed).toHaveLength(1)
})

test.each<[string, (keeper: TokenKeeper) => Promise<TokenSet>]>([
  ['a caller', (keeper) => keeper.get('gw', undefined)],
  ['a forced refresh', (keeper) => keeper.refresh('gw')],
])('when %s needs a refresh, its refresh token is tried once, and taken', async (_name, ask) => {
  const { restarted, servers, steps, clock } = await killedWhileRefreshing()
  clock.jump(20_000)
  expect((await ask(restarted)).accessToken.reveal()).toBe('access-r2')
  expect(servers.refreshed.map((set) => set.refreshToken?.reveal())).toEqual(['refresh-1', 'refresh-1'])
  expect(steps.open.size).toBe(0)
  clock.jump(4_000_000)
  expect((await restarted.get('gw', undefined)).accessToken.reveal()).toBe('access-r3')
  expect(servers.refreshed.at(-1)?.refreshToken?.reveal()).toBe('refresh-r2')
})

test('if it is refused, the access token is served until it expires, then a login is asked for, once', async () => {
  const { restarted, restart, servers, clock, issued, steps } = await killedWhileRefreshing()
  servers.refreshAnswer = () => DEAD
  expect((await restarted.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
  clock.jump(20_000)
  expect(await codeOf(restarted.get('gw', undefined))).toBe('login_required')
  expect(await codeOf(restarted.refresh('gw'))).toBe('login_required')
  expect(steps.open.size).toBe(0) // the record says it now
  const again = restart()
  expect(await codeOf(again.get('gw', undefined))).toBe('login_required')
  expect(servers.refreshed).toHaveLength(2)
  await again.keep('gw', issued({ refreshToken: new Secret('refresh-2') }))
  expect((await again.get('gw', undefined)).refreshToken?.reveal()).toBe('refresh-2')
})

/** A kill while the one try is on its way. */
async function killedAgain() {
  const parts = await killedWhileRefreshing()
  parts.clock.jump(20_000)
  parts.servers.gate = gate().closed
  void codeOf(parts.restarted.get('gw', undefined))
  await settle()
  expect(parts.servers.refreshed).toHaveLength(2)
  const restarted = parts.restart()
  parts.servers.gate = Promise.resolve()
  return { ...parts, restarted }
}

test('killed again during that try: it is never sent a third time, and a login ends it', async () => {
  const { restarted, restart, servers, steps, issued, clock } = await killedAgain()
  await expect(restarted.get('gw', undefined)).rejects.toMatchObject({
    code: 'login_required',
    detail: expect.stringContaining('killed during a refresh') as string,
  })
  expect(await codeOf(restarted.refresh('gw'))).toBe('login_required')
  await settle()
  expect(steps.open.size).toBe(0)
  const again = restart()
  expect(await codeOf(again.get('gw', undefined))).toBe('login_required')
  expect(servers.refreshed).toHaveLength(2)
  await again.keep('gw', issued({ refreshToken: new Secret('refresh-2') }))
  clock.jump(4_000_000)
  await again.get('gw', undefined)
  expect(servers.refreshed.at(-1)?.refreshToken?.reveal()).toBe('refresh-2')
})

test.each<[string, RefreshOutcome]>([
  [
    'an answer that settles nothing',
    { outcome: 'retry_later', error: new CatchdError('provider_refused'), retryAfterSeconds: null },
  ],
  [
    'a refusal that is counted',
    {
      outcome: 'retry_later',
      error: new CatchdError('provider_refused'),
      retryAfterSeconds: null,
      refusal: 'x',
    },
  ],
])('%s leaves the one try open; restarts without a kill in a request cost nothing', async (_name, later) => {
  const { restarted, restart, servers, steps, clock } = await killedWhileRefreshing()
  const taken = servers.refreshAnswer
  servers.refreshAnswer = () => later
  clock.jump(20_000)
  expect(await codeOf(restarted.get('gw', undefined))).toBe('provider_refused')
  await settle()
  expect(steps.open.size).toBe(1)
  const again = restart()
  servers.refreshAnswer = taken
  expect((await again.get('gw', undefined)).accessToken.reveal()).toBe('access-r3')
  expect(steps.open.size).toBe(0)
})

test('a refusal without a word counts at the one try after a kill, and only there', async () => {
  const silent = { refusal: 'x', isSilent: true } as const
  const later = {
    outcome: 'retry_later',
    error: new CatchdError('provider_refused'),
    retryAfterSeconds: null,
  } as const
  const { restarted, servers, clock, issued } = await killedWhileRefreshing()
  servers.refreshAnswer = () => ({ ...later, ...silent })
  clock.jump(20_000)
  expect(await codeOf(restarted.get('gw', undefined))).toBe('login_required')
  await restarted.keep('gw', issued({ refreshToken: new Secret('refresh-2') }))
  expect(await codeOf(restarted.refresh('gw'))).toBe('provider_refused')
})

test('a kill between two kills, with nothing on its way, costs no try', async () => {
  const { restart, servers, clock } = await killedWhileRefreshing()
  restart()
  clock.jump(20_000)
  expect((await restart().get('gw', undefined)).accessToken.reveal()).toBe('access-r2')
  expect(servers.refreshed).toHaveLength(2)
})

test('a refresh token that the server lets go on is sent again', async () => {
  const { keeper, servers, clock, issued, restart, steps } = start(testProfile({ refresh: 'on_demand' }))
  servers.refreshAnswer = () => ({ outcome: 'refreshed', response: tokenResponse({ refreshToken: null }) })
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  await keeper.get('gw', undefined)
  expect(steps.open.size).toBe(0)
  clock.jump(4_000_000)
  servers.gate = gate().closed
  void codeOf(keeper.get('gw', undefined))
  await settle()
  const restarted = restart()
  servers.gate = Promise.resolve()
  expect((await restarted.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
  expect(servers.refreshed).toHaveLength(3)
})

test('killed with the rotated token in memory only: the one in the vault is tried once', async () => {
  const { keeper, vault, clock, servers, issued, restart } = start(testProfile({ refresh: 'on_demand' }))
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  vault.trouble = 'vault_unavailable'
  expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-r1')
  vault.trouble = null
  servers.refreshAnswer = () => DEAD
  const restarted = restart()
  for (const _ of [1, 2]) expect(await codeOf(restarted.get('gw', undefined))).toBe('login_required')
  expect(servers.refreshed).toHaveLength(2)
})

test('once a rotated token is stored, or an attempt failed, nothing is left open', async () => {
  const { keeper, vault, clock, servers, issued, steps } = start(testProfile({ refresh: 'on_demand' }))
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  vault.trouble = 'vault_unavailable'
  await keeper.get('gw', undefined)
  expect(steps.open.size).toBe(1)
  vault.trouble = null
  await clock.pass(2_000)
  expect(steps.open.size).toBe(0)
  clock.jump(4_000_000)
  servers.refreshAnswer = () => {
    expect(steps.open.size).toBe(1)
    return { outcome: 'retry_later', error: new Error() as never, retryAfterSeconds: null }
  }
  await codeOf(keeper.get('gw', undefined))
  expect(steps.open.size).toBe(0)
})

test('a refresh token that goes on may be sent again although its new record is unsaved', async () => {
  const { keeper, vault, clock, servers, issued, steps } = start(testProfile({ refresh: 'on_demand' }))
  servers.refreshAnswer = () => ({ outcome: 'refreshed', response: tokenResponse({ refreshToken: null }) })
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  vault.trouble = 'vault_unavailable'
  await keeper.get('gw', undefined)
  expect(steps.open.size).toBe(0)
})

test('a journal that cannot be written costs no refresh and is reported', async () => {
  const { keeper, clock, steps, issued, events } = start(testProfile({ refresh: 'on_demand' }))
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  steps.trouble = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-r1')
  expect(events).toContain('token.journal_failed')
})
