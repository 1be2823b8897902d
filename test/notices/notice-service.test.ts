import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import { DAY_MS, HOOK, HOUR_MS, MINUTE_MS, refreshToken, refusal, startNotices } from './harness.js'

const withoutRefresh = (endMs: number) => ({ refreshToken: null, expiresAtMs: endMs })

describe('when a person becomes needed', () => {
  test('a dead refresh token is told of once, with profile, reason and instant and nothing else', async () => {
    const system = await startNotices()
    const { clock, world } = system
    await system.stored(system.issued())
    expect(system.told).toEqual([])
    await system.pass(HOUR_MS)
    await system.stored(system.issued({ refusedRefreshToken: refusal }), 'gw', 'token.reauthorize')
    expect(world.runs).toEqual([
      {
        command: ['tell'],
        environment: {
          PATH: '/bin',
          CATCHD_PROFILE: 'gw',
          CATCHD_REASON: 'refused',
          CATCHD_NEEDED_AT: '2026-01-01T01:00:00Z',
        },
        signal: expect.any(AbortSignal),
      },
    ])
    for (let hour = 0; hour < 48; hour++) {
      await clock.pass(HOUR_MS)
      system.service.used('gw')
      system.service.saw({ event: 'token.reauthorize', profile: 'gw' })
    }
    await system.pass(DAY_MS)
    expect(system.told).toEqual(['gw:refused'])
    expect(world.events).toEqual([{ event: 'notice.told', profile: 'gw', reason: 'refused', by: 'hook' }])
  })

  test.each(['answer_invalid', 'interrupted'] as const)('the reason is %s', async (reason) => {
    const system = await startNotices()
    await system.stored(system.issued({ refusedRefreshToken: { ...refusal, reason } }))
    expect(system.told).toEqual([`gw:${reason}`])
  })

  test('expiry without a refresh token, at the instant and once', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
    await system.pass(HOUR_MS - 1)
    expect(system.told).toEqual([])
    await system.pass(1)
    expect(system.told).toEqual(['gw:expired'])
    await system.pass(3 * DAY_MS)
    expect(system.told).toEqual(['gw:expired'])
  })

  test('a refresh token that ends', async () => {
    const system = await startNotices({ ...HOOK, beforeSeconds: 0 })
    await system.stored(system.issued({ refreshTokenExpiresAtMs: system.clock.now() + 30 * DAY_MS }))
    await system.pass(30 * DAY_MS)
    expect(system.told).toEqual(['gw:expired'])
  })

  test('and again for the next login, not for the same one', async () => {
    const system = await startNotices()
    for (let login = 0; login < 3; login++) {
      await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
      await system.pass(2 * HOUR_MS)
    }
    expect(system.told).toEqual(['gw:expired', 'gw:expired', 'gw:expired'])
  })

  test('a login that follows at once and ends at once is told of, too', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + 5_000)))
    await system.pass(5_000)
    await system.stored(system.issued(withoutRefresh(system.clock.now() + 5_000)))
    await system.pass(5_000)
    expect(system.told).toEqual(['gw:expired', 'gw:expired'])
  })
})

describe('nobody is disturbed', () => {
  test.each([
    ['by a refresh token of unknown lifetime', { refreshToken }],
    ['by a token of unknown lifetime', { refreshToken: null, expiresAtMs: null }],
  ])('%s', async (_name, changes) => {
    const system = await startNotices()
    await system.stored(system.issued(changes))
    await system.pass(30 * DAY_MS)
    expect(system.told).toEqual([])
  })

  test('by client credentials', async () => {
    const system = await startNotices()
    system.world.profiles.set('gw', testProfile({ grant: 'client_credentials' }))
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)), 'gw', 'token.refreshed')
    await system.pass(DAY_MS)
    expect(system.told).toEqual([])
  })

  test('after a logout, and by a profile that never was logged in', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
    system.world.sets.delete('gw')
    await system.saw('token.forgotten')
    await system.used()
    await system.pass(DAY_MS)
    expect(system.told).toEqual([])
  })

  test('by a profile that was removed', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
    system.world.profiles.delete('gw')
    await system.pass(DAY_MS)
    expect(system.told).toEqual([])
    expect(JSON.parse(readFileSync(system.file, 'utf8'))).toEqual({ version: 1, profiles: {} })
  })

  test('by one that nobody used for a month, until somebody does', async () => {
    const system = await startNotices({ ...HOOK, beforeSeconds: 0 })
    await system.stored(system.issued(withoutRefresh(system.clock.now() + 90 * DAY_MS)))
    await system.pass(100 * DAY_MS)
    expect(system.told).toEqual([])
    await system.used()
    expect(system.told).toEqual(['gw:expired'])
  })

  test('a profile that is used once a month is in use', async () => {
    const system = await startNotices({ ...HOOK, beforeSeconds: 0 })
    await system.stored(system.issued(withoutRefresh(system.clock.now() + 70 * DAY_MS)))
    for (let month = 0; month < 2; month++) {
      await system.pass(30 * DAY_MS)
      await system.used()
    }
    await system.pass(10 * DAY_MS)
    expect(system.told).toEqual(['gw:expired'])
  })
})

describe('before a person is needed', () => {
  test('once, `before_seconds` before, and once more when it happens', async () => {
    const system = await startNotices()
    await system.stored(system.issued({ refreshTokenExpiresAtMs: system.clock.now() + 30 * DAY_MS }))
    await system.pass(29 * DAY_MS - 1)
    expect(system.told).toEqual([])
    await system.pass(1)
    expect(system.told).toEqual(['gw:expires_soon'])
    expect(system.world.runs[0]?.environment['CATCHD_NEEDED_AT']).toBe('2026-01-31T00:00:00Z')
    await system.pass(DAY_MS - 1)
    expect(system.told).toHaveLength(1)
    await system.pass(3 * DAY_MS)
    expect(system.told).toEqual(['gw:expires_soon', 'gw:expired'])
  })

  test('not where the tokens never were good for that long', async () => {
    const system = await startNotices()
    await system.stored(system.issued({ refreshTokenExpiresAtMs: system.clock.now() + 8 * HOUR_MS }))
    await system.pass(8 * HOUR_MS)
    expect(system.told).toEqual(['gw:expired'])
  })

  test('refreshes that do not move the end go on with what was told', async () => {
    const system = await startNotices()
    const endMs = system.clock.now() + 2 * DAY_MS
    for (let hour = 0; hour < 48; hour++) {
      const jitterMs = (hour % 3) * 1_000
      const set = system.issued({ refreshTokenExpiresAtMs: endMs + jitterMs })
      await system.stored(set, 'gw', hour === 0 ? 'login.succeeded' : 'token.refreshed')
      await system.clock.pass(HOUR_MS)
    }
    await system.pass(MINUTE_MS)
    expect(system.told).toEqual(['gw:expires_soon', 'gw:expired'])
  })

  test.each([
    ['of half an hour', HOUR_MS / 2, 5 * MINUTE_MS],
    ['of ten days', 10 * DAY_MS, HOUR_MS],
  ])('refreshes that prolong a session %s put it off for ever', async (_name, lifeMs, everyMs) => {
    const system = await startNotices()
    for (let turn = 0; turn < 60; turn++) {
      const set = system.issued({ refreshTokenExpiresAtMs: system.clock.now() + lifeMs })
      await system.stored(set, 'gw', 'token.refreshed')
      await system.clock.pass(everyMs)
    }
    expect(system.told).toEqual([])
  })

  test('`before_seconds: 0` is not at all', async () => {
    const system = await startNotices({ ...HOOK, beforeSeconds: 0 })
    await system.stored(system.issued({ refreshTokenExpiresAtMs: system.clock.now() + 3 * DAY_MS }))
    await system.pass(3 * DAY_MS - 1)
    expect(system.told).toEqual([])
  })

  test('a refresh token that dies after the announcement is told of', async () => {
    const system = await startNotices()
    const set = system.issued({ refreshTokenExpiresAtMs: system.clock.now() + 3 * DAY_MS })
    await system.stored(set)
    await system.pass(2 * DAY_MS)
    await system.stored({ ...set, refusedRefreshToken: refusal }, 'gw', 'token.reauthorize')
    await system.pass(5 * DAY_MS)
    expect(system.told).toEqual(['gw:expires_soon', 'gw:refused'])
    expect(system.world.runs[1]?.environment['CATCHD_NEEDED_AT']).toBe('2026-01-03T00:00:00Z')
  })
})

describe('the wall clock decides', () => {
  test('after two days of sleep it is told within a nap, once', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
    system.clock.jump(2 * DAY_MS)
    await system.pass(MINUTE_MS)
    expect(system.told).toEqual(['gw:expired'])
    await system.pass(DAY_MS)
    expect(system.told).toHaveLength(1)
  })

  test('a clock that is set back does not tell twice', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
    await system.pass(HOUR_MS)
    system.clock.jump(-DAY_MS)
    await system.pass(3 * DAY_MS)
    expect(system.told).toEqual(['gw:expired'])
  })
})

describe('a restart', () => {
  test('tells nothing twice, and reads no token set for it', async () => {
    const system = await startNotices()
    const { world } = system
    await system.stored(system.issued({ refreshTokenExpiresAtMs: system.clock.now() + 2 * DAY_MS }))
    await system.stored(system.issued({ refusedRefreshToken: refusal }), 'dead')
    world.profiles.set('dead', testProfile({ name: 'dead' }))
    await system.stored(system.issued({ refusedRefreshToken: refusal }), 'dead')
    await system.pass(DAY_MS)
    expect(system.told).toEqual(['dead:refused', 'gw:expires_soon'])
    world.found.length = 0
    await system.restart()
    expect(world.found).toEqual([])
    await system.used('dead')
    await system.used('gw')
    expect(system.told).toHaveLength(2)
    await system.pass(DAY_MS)
    expect(system.told).toEqual(['dead:refused', 'gw:expires_soon', 'gw:expired'])
    await system.restart()
    await system.used('gw')
    expect(system.told).toHaveLength(3)
  })

  test('tells what happened meanwhile', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
    await system.service.close()
    system.clock.jump(DAY_MS)
    await system.restart()
    expect(system.told).toEqual(['gw:expired'])
  })

  test('a login that goes on being needed is not written down again and again', async () => {
    const system = await startNotices()
    await system.stored(system.issued({ refusedRefreshToken: refusal }))
    const written = readFileSync(system.file, 'utf8')
    await system.pass(HOUR_MS)
    await system.saw('token.reauthorize')
    expect(readFileSync(system.file, 'utf8')).toBe(written)
  })

  test('what is kept is private and no secret', async () => {
    const system = await startNotices()
    await system.stored(system.issued({ refreshToken, refusedRefreshToken: refusal }))
    const text = readFileSync(system.file, 'utf8')
    expect(text).toContain('"gw"')
    expect(text).not.toMatch(/canary|access-1|refresh-1/)
    if (process.platform !== 'win32') expect(statSync(system.file).mode & 0o777).toBe(0o600)
  })

  test('a file that is not ours is set aside, and the worst is a notice twice', async () => {
    const system = await startNotices()
    await system.service.close()
    writeFileSync(system.file, '{"version": 7}', { mode: 0o600 })
    await system.restart()
    await system.stored(system.issued({ refusedRefreshToken: refusal }))
    expect(system.told).toEqual(['gw:refused'])
    expect(system.world.memoryTroubles).toEqual([])
  })
})

describe('the configuration', () => {
  test('without a hook and without the desktop nothing is watched and nothing written', async () => {
    const system = await startNotices({ loginRequiredCommand: null, desktop: false, beforeSeconds: 86_400 })
    await system.stored(system.issued({ refusedRefreshToken: refusal }))
    await system.used()
    expect(system.world.found).toEqual([])
    expect(() => readFileSync(system.file)).toThrow('ENOENT')
  })

  test('saving it takes effect at once', async () => {
    const system = await startNotices({ loginRequiredCommand: null, desktop: false, beforeSeconds: 86_400 })
    await system.configure({ loginRequiredCommand: ['tell', '--now'] })
    await system.stored(system.issued({ refusedRefreshToken: refusal }))
    expect(system.world.runs.map(({ command }) => command)).toEqual([['tell', '--now']])
    await system.configure({ loginRequiredCommand: null })
    await system.stored(system.issued({ refusedRefreshToken: refusal, obtainedAtMs: 1 }))
    expect(system.world.runs).toHaveLength(1)
  })

  test('an earlier announcement is taken over', async () => {
    const system = await startNotices()
    await system.stored(system.issued({ refreshTokenExpiresAtMs: system.clock.now() + 10 * DAY_MS }))
    await system.pass(5 * DAY_MS)
    expect(system.told).toEqual([])
    await system.configure({ beforeSeconds: 6 * 86_400 })
    expect(system.told).toEqual(['gw:expires_soon'])
  })

  test('the desktop is told in words, beside the hook', async () => {
    const system = await startNotices({ ...HOOK, desktop: true })
    await system.stored(system.issued({ refreshTokenExpiresAtMs: system.clock.now() + 2 * DAY_MS }))
    await system.pass(DAY_MS)
    await system.pass(DAY_MS)
    expect(system.world.runs.map(({ command }) => command)).toEqual([
      ['tell'],
      ['desktop', 'Login needed soon: gw', 'Its tokens expire at 2026-01-03T00:00:00Z. Run: catchd login gw'],
      ['tell'],
      ['desktop', 'Login needed: gw', 'Its tokens have expired. Run: catchd login gw'],
    ])
  })
})

describe('trouble', () => {
  test('a hook that fails is logged as a code, every time, and nothing else happens', async () => {
    const system = await startNotices()
    system.world.outcome = 'exit_3'
    for (let login = 1; login <= 2; login++) {
      await system.stored(system.issued({ refusedRefreshToken: refusal, obtainedAtMs: login }))
      await system.stored(system.issued())
    }
    const failed = { event: 'notice.failed', profile: 'gw', by: 'hook', failure: 'exit_3' }
    expect(system.world.events).toEqual([failed, failed])
  })

  test('a desktop without notifications is logged once', async () => {
    const system = await startNotices({ loginRequiredCommand: null, desktop: true, beforeSeconds: 0 })
    system.world.outcome = 'ENOENT'
    for (let login = 1; login <= 3; login++) {
      await system.stored(system.issued({ refusedRefreshToken: refusal, obtainedAtMs: login }))
      await system.stored(system.issued())
    }
    expect(system.world.runs).toHaveLength(3)
    expect(system.world.events).toEqual([
      { event: 'notice.failed', profile: 'gw', by: 'desktop', failure: 'ENOENT' },
    ])
  })

  test('a locked vault is asked again after a nap, not at once, and the notice comes then', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
    await system.pass(HOUR_MS - 1)
    system.world.trouble = new CatchdError('vault_locked')
    system.world.found.length = 0
    await system.pass(1)
    await system.pass(2 * MINUTE_MS)
    expect(system.world.found.length).toBeGreaterThanOrEqual(2)
    expect(system.world.found.length).toBeLessThanOrEqual(4)
    expect(system.told).toEqual([])
    system.world.trouble = null
    await system.pass(MINUTE_MS)
    expect(system.told).toEqual(['gw:expired'])
  })

  test('fifty profiles that end together are told one after the other', async () => {
    const system = await startNotices({ ...HOOK, beforeSeconds: 0 })
    for (let number = 0; number < 50; number++) {
      const name = `p${number}`
      system.world.profiles.set(name, testProfile({ name }))
      system.world.sets.set(name, system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
      system.service.saw({ event: 'login.succeeded', profile: name })
    }
    await system.pass(HOUR_MS)
    for (let turn = 0; turn < 100 && system.told.length < 50; turn++) await system.pass(0)
    expect(new Set(system.told).size).toBe(50)
  })

  test('nothing is told after the end', async () => {
    const system = await startNotices()
    await system.stored(system.issued(withoutRefresh(system.clock.now() + HOUR_MS)))
    await system.service.close()
    await system.pass(DAY_MS)
    await system.used()
    expect(system.told).toEqual([])
  })
})
