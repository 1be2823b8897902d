/** Refreshes that fail: refusals that come again and again, and new refresh tokens beside what cannot be used. */
import { describe, expect, test } from 'vitest'
import type { RefreshOutcome } from '../../src/authorization-server/port.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { parseTokenSet } from '../../src/tokens/token-set.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import { settle } from '../support/manual-clock.js'
import { codeOf, gate, ITEM, start } from './keeper-harness.js'

const HOUR_MS = 3_600_000

function later(refusal?: string): RefreshOutcome {
  const error = new CatchdError('provider_refused', { error: 'forbidden' })
  return {
    outcome: 'retry_later',
    error,
    retryAfterSeconds: null,
    ...(refusal === undefined ? {} : { refusal }),
  }
}

/** A profile whose access token has expired. */
async function expired() {
  const parts = start(testProfile({ refresh: 'on_demand' }))
  await parts.keeper.keep('gw', parts.issued())
  parts.clock.jump(2 * HOUR_MS)
  const stored = () => parseTokenSet(parts.vault.items.get(ITEM) as Secret)
  return { ...parts, stored }
}

describe('a refusal that does not say what it means', () => {
  test('is no login, however often it comes within hours', async () => {
    const { keeper, servers, clock } = await expired()
    servers.refreshAnswer = () => later('a')
    for (let count = 0; count < 50; count += 1) {
      expect(await codeOf(keeper.refresh('gw'))).toBe('provider_refused')
      clock.jump(60_000)
    }
  })

  test('is no login after two bad hours with a night in between, during which the machine slept', async () => {
    const { keeper, servers, clock } = await expired()
    servers.refreshAnswer = () => later('a')
    for (let count = 0; count < 10; count += 1) {
      expect(await codeOf(keeper.refresh('gw'))).toBe('provider_refused')
      clock.jump(count === 4 ? 12 * HOUR_MS : 600_000)
    }
  })

  test('asks for a login when the same one comes for six hours, also over restarts', async () => {
    const { restart, servers, clock, events, stored } = await expired()
    servers.refreshAnswer = () => later('a')
    for (const _ of [1, 2, 3, 4]) {
      expect(await codeOf(restart().get('gw', undefined))).toBe('provider_refused')
      clock.jump(1.4 * HOUR_MS)
    }
    expect(await codeOf(restart().get('gw', undefined))).toBe('provider_refused')
    clock.jump(0.5 * HOUR_MS)
    const keeper = restart()
    await expect(keeper.get('gw', undefined)).rejects.toMatchObject({
      code: 'login_required',
      error: 'forbidden',
      detail: expect.stringContaining('for hours') as string,
    })
    expect(events.at(-1)).toBe('token.reauthorize')
    expect(stored().refusedRefreshToken).toMatchObject({ reason: 'repeated' })
    const { length } = servers.refreshed
    expect(await codeOf(keeper.get('gw', undefined))).toBe('login_required')
    expect(servers.refreshed).toHaveLength(length)
    // The user can try it all the same.
    servers.refreshAnswer = () => ({ outcome: 'refreshed', response: { ...servers.answer() } })
    expect(await codeOf(keeper.refresh('gw'))).toBe('resolved')
    expect(stored()).toMatchObject({ refusedRefreshToken: null, repeatedRefusal: null })
  })

  test.each<[string, (string | undefined)[]]>([
    ['another refusal in between', ['a', 'a', 'a', 'b', 'a', 'a', 'a', 'a']],
    ['too few of them', ['a', undefined, undefined, undefined, undefined, 'a', 'a', 'a']],
  ])('%s: no login', async (_name, answers) => {
    const { keeper, servers, clock } = await expired()
    for (const answer of answers) {
      servers.refreshAnswer = () => later(answer)
      clock.jump(1.5 * HOUR_MS)
      expect(await codeOf(keeper.get('gw', undefined))).toBe('provider_refused')
    }
  })

  test('network failures in between change nothing', async () => {
    const { keeper, servers, clock } = await expired()
    const codes: string[] = []
    for (const answer of ['a', undefined, 'a', undefined, 'a', 'a', 'a']) {
      servers.refreshAnswer = () => later(answer)
      clock.jump(2 * HOUR_MS)
      codes.push(await codeOf(keeper.get('gw', undefined)))
    }
    expect(codes.at(-2)).toBe('provider_refused')
    expect(codes.at(-1)).toBe('login_required')
  })

  test('a success, and a clock that was set back, begin a new count', async () => {
    const { keeper, servers, clock, stored } = await expired()
    const good = servers.refreshAnswer
    servers.refreshAnswer = () => later('a')
    await codeOf(keeper.refresh('gw'))
    expect(stored().repeatedRefusal).toMatchObject({ count: 1 })
    clock.jump(-24 * HOUR_MS)
    await codeOf(keeper.refresh('gw'))
    expect(stored().repeatedRefusal).toMatchObject({ count: 1, sinceMs: clock.now() })
    servers.refreshAnswer = good
    await keeper.refresh('gw')
    expect(stored().repeatedRefusal).toBeNull()
  })

  test('is written a few times only', async () => {
    const { keeper, servers, vault, stored } = await expired()
    servers.refreshAnswer = () => later('a')
    for (let count = 0; count < 6; count += 1) await codeOf(keeper.refresh('gw'))
    const written = vault.items.get(ITEM)
    for (let count = 0; count < 6; count += 1) await codeOf(keeper.refresh('gw'))
    expect(vault.items.get(ITEM)).toBe(written)
    expect(stored().repeatedRefusal).toMatchObject({ count: 1 })
  })

  test('is told with its beginning until a refresh succeeds', async () => {
    const { keeper, servers, clock } = await expired()
    expect((await keeper.find('gw')).failing).toBeNull()
    const good = servers.refreshAnswer
    const sinceMs = clock.now()
    servers.refreshAnswer = () => later('a')
    await codeOf(keeper.refresh('gw'))
    clock.jump(HOUR_MS)
    servers.refreshAnswer = () => later()
    await codeOf(keeper.refresh('gw'))
    expect((await keeper.find('gw')).failing).toMatchObject({
      sinceMs,
      failure: { code: 'provider_refused' },
    })
    servers.refreshAnswer = good
    await keeper.refresh('gw')
    expect((await keeper.find('gw')).failing).toBeNull()
  })
})

describe('a new refresh token', () => {
  const INVALID = new CatchdError('provider_answer_invalid')

  test('is stored before its answer is judged', async () => {
    const { keeper, servers, restart, stored, steps } = await expired()
    servers.rotated = new Secret('refresh-2')
    const judging = gate()
    servers.gate = judging.closed
    const asked = codeOf(keeper.get('gw', undefined))
    await settle()
    expect(stored().refreshToken?.reveal()).toBe('refresh-2')
    expect(steps.open.size).toBe(0)
    // A kill here costs nothing.
    const restarted = restart()
    servers.gate = Promise.resolve()
    servers.rotated = null
    await restarted.get('gw', undefined)
    expect(servers.refreshed.at(-1)?.refreshToken?.reveal()).toBe('refresh-2')
    judging.open()
    await asked
  })

  test.each<[string, RefreshOutcome, string]>([
    [
      'cannot be used now',
      { outcome: 'retry_later', error: INVALID, retryAfterSeconds: null },
      'provider_answer_invalid',
    ],
    ['is for somebody else', { outcome: 'reauthorize', error: INVALID }, 'login_required'],
  ])('whose answer %s is the one that is sent next', async (_name, outcome, code) => {
    const { keeper, servers, stored } = await expired()
    const good = servers.refreshAnswer
    servers.rotated = new Secret('refresh-2')
    servers.refreshAnswer = () => outcome
    expect(await codeOf(keeper.get('gw', undefined))).toBe(code)
    expect(stored()).toMatchObject({ accessToken: new Secret('access-1'), refreshTokenStays: false })
    servers.rotated = null
    servers.refreshAnswer = good
    await keeper.refresh('gw')
    expect(servers.refreshed.map((set) => set.refreshToken?.reveal())).toEqual(['refresh-1', 'refresh-2'])
  })

  test('of a refresh that a logout overtook is revoked and not stored', async () => {
    const { keeper, servers, vault } = await expired()
    const answered = gate()
    servers.gate = answered.closed
    servers.refreshAnswer = () => ({ outcome: 'retry_later', error: INVALID, retryAfterSeconds: null })
    servers.rotated = new Secret('refresh-2')
    const asked = codeOf(keeper.get('gw', undefined))
    await settle()
    await keeper.logout('gw')
    answered.open()
    await asked
    await settle()
    expect(vault.items.get(ITEM)).toBeUndefined()
    expect(servers.revoked.map((set) => set.refreshToken?.reveal())).toContain('refresh-2')
  })

  test('that could not be stored stays in memory, and the one in the vault has one try after a kill', async () => {
    const { keeper, servers, vault, restart, steps } = await expired()
    servers.rotated = new Secret('refresh-2')
    servers.refreshAnswer = () => ({ outcome: 'retry_later', error: INVALID, retryAfterSeconds: null })
    vault.trouble = 'vault_unavailable'
    await codeOf(keeper.get('gw', undefined))
    expect(keeper.unsaved).toEqual(['gw'])
    expect(steps.open.size).toBe(1)
    vault.trouble = null
    servers.rotated = null
    servers.refreshAnswer = () => ({ outcome: 'reauthorize', error: new CatchdError('provider_refused') })
    expect(await codeOf(restart().get('gw', undefined))).toBe('login_required')
  })
})
