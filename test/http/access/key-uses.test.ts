/** When API keys were used, and who got which token: what is kept, for how long, and who may know. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ApiKeys } from '../../../src/http/access/api-keys.js'
import type { KeyUsesEvent } from '../../../src/http/access/key-uses.js'
import { AccessRecord } from '../../../src/http/api/access-record.js'
import { StatusAnswer } from '../../../src/http/api/status.js'
import { PROFILES } from '../../support/composed-daemon.js'
import { ManualClock } from '../../support/manual-clock.js'
import { openApi } from '../api/opened-api.js'

const CI = { name: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: null } as const

async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-uses-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const clock = new ManualClock()
  const events: KeyUsesEvent[] = []
  const open = () => ApiKeys.open(folder, clock, (event) => events.push(event))
  const path = join(folder, 'client-uses.json')
  const written = () => {
    try {
      return JSON.parse(readFileSync(path, 'utf8')).uses
    } catch {
      return undefined
    }
  }
  const ring = await open()
  const { key } = await ring.add(CI)
  const use = (of = ring) => {
    const principal = of.authenticate(`Bearer ${key.reveal()}`)
    if (principal !== undefined) of.used(principal)
    return principal
  }
  const usesOf = (of = ring) => of.list().map((client) => of.useOf(client).uses)
  return { clock, events, open, path, written, ring, use, usesOf, key }
}

describe('the use of keys', () => {
  test('outlives a restart, in a file that only its owner can read', async () => {
    const { clock, open, ring, use, path } = await start()
    use()
    use()
    const usedAtMs = clock.now()
    await ring.close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    clock.jump(86_400_000)
    const again = await open()
    expect(again.list().map((client) => again.useOf(client))).toEqual([{ lastUsedAtMs: usedAtMs, uses: 2 }])
    use(again)
    await again.close()
    const third = await open()
    expect(third.list().map((client) => third.useOf(client))).toEqual([
      { lastUsedAtMs: clock.now(), uses: 3 },
    ])
  })

  test('is written once a minute at most, and not at all while nothing happens', async () => {
    const { clock, written, use } = await start()
    for (let n = 0; n < 1000; n++) use()
    await clock.pass(59_999)
    expect(written()).toBeUndefined()
    await clock.pass(1)
    await expect.poll(written).toMatchObject([{ client: 'ci', uses: 1000 }])
    use()
    await clock.pass(59_999)
    expect(written()).toMatchObject([{ uses: 1000 }])
    await clock.pass(1)
    await expect.poll(written).toMatchObject([{ uses: 1001 }])
    for (const pause of [0, 30_000, 31_000]) {
      await clock.pass(pause)
      use()
    }
    await expect.poll(written).toMatchObject([{ uses: 1003 }])
    await clock.pass(59_999)
    await new Promise((resolve) => setTimeout(resolve, 50)) // a write that had begun would be over
    expect(written()).toMatchObject([{ uses: 1003 }])
  })

  test('ends with the key: another one of the same name begins anew', async () => {
    const { clock, open, ring, use, usesOf, written } = await start()
    use()
    await ring.remove('ci')
    clock.jump(1)
    await ring.add(CI)
    expect(usesOf()).toEqual([0])
    await ring.close()
    expect(written()).toEqual([])
    expect(usesOf(await open())).toEqual([0])
  })

  test('of a key that was added anew while nobody wrote is not taken over', async () => {
    const { clock, open, ring, use, path, usesOf } = await start()
    use()
    await ring.close()
    const old = readFileSync(path, 'utf8')
    await ring.remove('ci')
    clock.jump(1)
    await ring.add(CI)
    await ring.close()
    writeFileSync(path, old, { mode: 0o600 })
    expect(usesOf(await open())).toEqual([0])
  })

  test.each([
    ['damaged', (path: string) => writeFileSync(path, '{"version":1,', { mode: 0o600 })],
    ['of another version', (path: string) => writeFileSync(path, '{"version":2,"uses":[]}', { mode: 0o600 })],
    ['readable by others', (path: string) => writeFileSync(path, '{"version":1,"uses":[]}', { mode: 0o644 })],
  ])('a file that is %s is told of, refuses nobody, and is replaced', async (_name, spoil) => {
    const { open, path, events, use, usesOf, written } = await start()
    spoil(path)
    const again = await open()
    expect(events).toMatchObject([{ event: 'client_uses.unreadable' }])
    expect(use(again)?.name).toBe('ci')
    expect(usesOf(again)).toEqual([1])
    await again.close()
    expect(written()).toMatchObject([{ uses: 1 }])
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('that cannot be written is told of and tried again', async () => {
    const { ring, path, events, use, written } = await start()
    use()
    mkdirSync(path)
    await ring.close()
    expect(events).toMatchObject([{ event: 'client_uses.unwritten' }])
    rmSync(path, { recursive: true })
    await ring.close()
    expect(written()).toMatchObject([{ uses: 1 }])
  })
})

describe('who got which token', () => {
  function record() {
    const clock = new ManualClock()
    const spans: string[] = []
    const accesses = new AccessRecord(clock.now.bind(clock), (span) =>
      spans.push(`${span.client} ${span.profile}`),
    )
    return { clock, spans, accesses }
  }

  test('is told once for each key, profile and minute, and counted', () => {
    const { clock, spans, accesses } = record()
    for (let n = 0; n < 100; n++) accesses.served('ci', 'gw')
    accesses.served('ci', 'corp')
    accesses.served('socket', 'gw')
    clock.jump(59_999)
    accesses.served('ci', 'gw')
    expect(spans).toEqual(['ci gw', 'ci corp', 'socket gw'])
    clock.jump(1)
    accesses.served('ci', 'gw')
    expect(spans).toHaveLength(4)
    expect(accesses.newest.map(({ client, profile, count }) => [client, profile, count])).toEqual([
      ['ci', 'gw', 1],
      ['socket', 'gw', 1],
      ['ci', 'corp', 1],
      ['ci', 'gw', 101],
    ])
    expect(accesses.newest.at(-1)).toMatchObject({
      lastAtMs: clock.now() - 1,
      firstAtMs: clock.now() - 60_000,
    })
  })

  test('goes on when the clock was set back', () => {
    const { clock, spans, accesses } = record()
    accesses.served('ci', 'gw')
    clock.jump(-86_400_000)
    accesses.served('ci', 'gw')
    expect(spans).toHaveLength(2)
  })

  test('is kept for the newest two hundred', () => {
    const { accesses } = record()
    for (let n = 0; n < 250; n++) accesses.served('ci', `profile-${n}`)
    expect(accesses.newest).toHaveLength(200)
    expect([accesses.newest[0]?.profile, accesses.newest.at(-1)?.profile]).toEqual([
      'profile-249',
      'profile-50',
    ])
    accesses.served('ci', 'profile-0') // forgotten, so that it is new
    expect(accesses.newest[0]).toMatchObject({ profile: 'profile-0', count: 1 })
  })

  test.each([
    ['GET', '/v1/tokens/gw', undefined],
    ['GET', '/v1/tokens/gw?min_ttl=900', undefined],
    ['GET', '/v1/tokens/gw/id_token', undefined],
    ['POST', '/v1/tokens/gw/refresh', undefined],
    ['POST', '/v1/tokens/gw/proof', { method: 'GET', url: 'https://api.example.com/' }],
  ])('%s %s is an access by the key that asked', async (method, url, body) => {
    const config = { profiles: { gw: { ...PROFILES.gw, dpop: url.endsWith('/proof') } } }
    const { call, logIn, keys, effects } = await openApi({ config })
    const { key } = await keys.add({ ...CI, actions: ['login'] })
    await logIn('gw', { tokenType: url.endsWith('/proof') ? 'DPoP' : 'Bearer' })
    expect((await call(method, url, { body, key: key.reveal() })).status).toBe(200)
    await call(method, url, { body })
    const accesses = effects.filter((effect) => effect.startsWith('token.served'))
    expect(accesses).toEqual(['token.served ci gw', 'token.served admin gw'])
  })

  test('who got none is not told of', async () => {
    const { call, services, logIn, keys } = await openApi()
    const { key } = await keys.add({ ...CI, profiles: ['corp'] })
    await logIn('gw')
    expect((await call('GET', '/v1/tokens/gw', { key: key.reveal() })).status).toBe(403)
    expect((await call('GET', '/v1/tokens/corp')).status).toBe(409)
    expect((await services.status()).token_accesses).toEqual([])
  })

  test('stands in the status for admin alone', async () => {
    const { call, keys, logIn, clock } = await openApi()
    const { key } = await keys.add(CI)
    await logIn('gw')
    await call('GET', '/v1/tokens/gw', { key: key.reveal() })
    clock.jump(30_000)
    await call('GET', '/v1/tokens/gw', { key: key.reveal() })
    expect((await call('GET', '/v1/status')).json(StatusAnswer).token_accesses).toEqual([
      {
        client: 'ci',
        profile: 'gw',
        first_at: '2026-01-01T00:00:00Z',
        last_at: '2026-01-01T00:00:30Z',
        count: 2,
      },
    ])
    const limited = await call('GET', '/v1/status', { key: key.reveal() })
    expect(limited.json(StatusAnswer)).not.toHaveProperty('token_accesses')
  })
})
