/** What a daemon that was killed during a refresh does when it comes back. */
import { expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
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

test('its refresh token is not sent again; the access token is served until it expires', async () => {
  const { restarted, servers, clock } = await killedWhileRefreshing()
  expect((await restarted.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
  expect(await codeOf(restarted.refresh('gw'))).toBe('login_required')
  clock.jump(20_000)
  await expect(restarted.get('gw', undefined)).rejects.toMatchObject({
    code: 'login_required',
    detail: expect.stringContaining('during a refresh') as string,
  })
  expect(servers.refreshed).toHaveLength(1)
})

test('what it knew is still known after the next restarts, and a login ends it', async () => {
  const { restarted, restart, servers, clock, issued, steps } = await killedWhileRefreshing()
  await restarted.get('gw', undefined)
  await settle()
  expect(steps.open.size).toBe(0) // the record says it now
  clock.jump(20_000)
  const again = restart()
  expect(await codeOf(again.get('gw', undefined))).toBe('login_required')
  await again.keep('gw', issued({ refreshToken: new Secret('refresh-2') }))
  clock.jump(4_000_000)
  await again.get('gw', undefined)
  expect(servers.refreshed.map((set) => set.refreshToken?.reveal())).toEqual(['refresh-1', 'refresh-2'])
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

test('killed with the rotated token in memory only: the one in the vault is not sent again', async () => {
  const { keeper, vault, clock, servers, issued, restart } = start(testProfile({ refresh: 'on_demand' }))
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  vault.trouble = 'vault_unavailable'
  expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-r1')
  vault.trouble = null
  expect(await codeOf(restart().get('gw', undefined))).toBe('login_required')
  expect(servers.refreshed).toHaveLength(1)
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
