/** Device logins (RFC 8628): when the server is asked, and what its answers lead to. */
import { describe, expect, test } from 'vitest'
import type { DevicePoll } from '../../src/authorization-server/port.js'
import { CatchdError } from '../../src/failures.js'
import type { PendingAtServer } from '../../src/login/login.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { codeOf, startLogins } from '../support/logins.js'
import { settle } from '../support/manual-clock.js'

const DEVICE = { grant: 'urn:ietf:params:oauth:grant-type:device_code' } as const

function start() {
  const scene = startLogins(DEVICE)
  const begin = (open = false, timeoutSeconds?: number) =>
    scene.logins.begin({ profile: 'gw', open, timeoutSeconds }) as Promise<PendingAtServer>
  return { ...scene, begin }
}

const issued = (): DevicePoll => ({ outcome: 'issued', response: tokenResponse() })

test('shows where to go and what to enter, polls each interval, and keeps what it gets', async () => {
  const { begin, logins, servers, clock, kept, opened, vault } = start()
  const login = await begin(true)
  expect(login.device).toEqual({
    userCode: 'WDJB-MJHT',
    verificationUri: 'https://as.example/device',
    verificationUriComplete: 'https://as.example/device?user_code=WDJB-MJHT',
  })
  expect(opened).toEqual(['https://as.example/device?user_code=WDJB-MJHT'])
  expect(vault.items.size).toBe(1)
  await clock.pass(4_900)
  expect(servers.polled).toHaveLength(0)
  await clock.pass(10_200)
  expect(servers.polled).toEqual(['device-1', 'device-1', 'device-1'])
  servers.devicePoll = issued
  await clock.pass(5_000)
  expect(logins.find(login.id)).toMatchObject({
    status: 'succeeded',
    stored: { storedIn: 'memory' },
    report: { causes: [] },
  })
  expect(kept).toEqual(['gw:access-1'])
  expect(vault.items.size).toBe(0)
  await clock.pass(60_000)
  expect(servers.polled).toHaveLength(4)
})

test('slow_down adds five seconds, for good', async () => {
  const { begin, servers, clock } = start()
  await begin()
  servers.devicePoll = () => ({ outcome: 'slow_down' })
  await clock.pass(5_000)
  servers.devicePoll = () => ({ outcome: 'pending' })
  await clock.pass(9_900)
  expect(servers.polled).toHaveLength(1)
  await clock.pass(10_200)
  expect(servers.polled).toHaveLength(3)
})

test('a server that cannot be reached is asked less and less often, a minute apart at most', async () => {
  const { begin, servers, clock, kept } = start()
  await begin()
  servers.devicePoll = () => ({ outcome: 'retry_later', error: new CatchdError('provider_unreachable') })
  await clock.pass(5 * 60_000)
  expect(servers.polled.length).toBeLessThan(10)
  servers.devicePoll = issued
  await clock.pass(60_000)
  expect(kept).toHaveLength(1)
})

describe('ends', () => {
  test.each([
    ['authorization_denied', 'failed'],
    ['provider_refused', 'failed'],
    ['login_expired', 'expired'],
  ] as const)('with %s as %s, and is not polled any more', async (code, status) => {
    const { begin, logins, servers, clock, vault } = start()
    const login = await begin()
    servers.devicePoll = () => ({ outcome: 'ended', error: new CatchdError(code) })
    await clock.pass(60_000)
    expect(logins.find(login.id)).toMatchObject({ status, failure: { code } })
    expect(servers.polled).toHaveLength(1)
    expect(vault.items.size).toBe(0)
  })

  test('when its time is over, also after a sleep', async () => {
    const { begin, logins, servers, clock } = start()
    const login = await begin()
    clock.jump(2 * 3_600_000)
    await clock.pass(5_000)
    expect(logins.find(login.id)).toMatchObject({ status: 'expired', failure: { code: 'login_expired' } })
    expect(servers.polled).toHaveLength(0)
  })

  test('when the profile was pointed at another server; the device code is not sent there', async () => {
    const { begin, logins, profiles, servers, clock } = start()
    const login = await begin()
    profiles.set('gw', testProfile({ ...DEVICE, token_endpoint: 'https://other.example/token' }))
    await clock.pass(5_000)
    expect(logins.find(login.id)).toMatchObject({ status: 'failed', failure: { code: 'profile_invalid' } })
    expect(servers.polled).toHaveLength(0)
  })

  test('with the code of the vault when the tokens could not be stored: success is not said', async () => {
    const { begin, logins, servers, clock, tokens } = start()
    const login = await begin()
    tokens.trouble = new CatchdError('vault_locked')
    servers.devicePoll = issued
    await clock.pass(5_000)
    expect(logins.find(login.id)).toMatchObject({ status: 'failed', failure: { code: 'vault_locked' } })
  })
})

test('cancelled while an answer is on its way: what it brings is revoked, not kept', async () => {
  const { begin, logins, servers, clock, kept } = start()
  const login = await begin()
  let release = () => {}
  servers.gate = new Promise((resolve) => {
    release = resolve
  })
  servers.devicePoll = issued
  await clock.pass(5_000)
  expect(logins.cancel(login.id)).toBe(true)
  release()
  await settle()
  expect(logins.find(login.id)?.status).toBe('cancelled')
  expect(kept).toEqual([])
  expect(servers.revoked).toHaveLength(1)
})

test('a restart polls on; nothing begins in a vault that does not take it', async () => {
  const { begin, logins, restart, servers, clock, kept, vault } = start()
  const login = await begin()
  logins.close()
  const next = restart()
  await next.logins.restore()
  expect(next.logins.find(login.id)).toMatchObject({ status: 'pending', device: { userCode: 'WDJB-MJHT' } })
  servers.devicePoll = issued
  await clock.pass(5_000)
  expect(kept).toEqual(['gw:access-1'])
  vault.trouble = 'vault_locked'
  expect(await codeOf(next.begin())).toBe('vault_locked')
})

test('a vault that is locked at the start is asked again', async () => {
  const { begin, logins, restart, vault, clock } = start()
  const login = await begin()
  logins.close()
  vault.trouble = 'vault_locked'
  const next = restart()
  await next.logins.restore()
  expect(next.logins.find(login.id)).toBeUndefined()
  vault.trouble = null
  await clock.pass(10_000)
  expect(next.logins.find(login.id)?.status).toBe('pending')
})

test('a timeout that the caller names ends it before the server does', async () => {
  const { begin, logins, clock } = start()
  const login = await begin(false, 60)
  await clock.pass(60_000)
  expect(logins.find(login.id)?.status).toBe('expired')
})

test('whoever waits is told when it ends', async () => {
  const { begin, logins, servers, clock } = start()
  const login = await begin()
  const waiting = logins.wait(login.id, 60_000, new AbortController().signal)
  servers.devicePoll = issued
  await clock.pass(5_000)
  expect((await waiting)?.status).toBe('succeeded')
})

test('the eleventh login of a profile ends the first', async () => {
  const { begin, logins } = start()
  const first = await begin()
  for (let count = 0; count < 10; count++) await begin()
  expect(logins.find(first.id)?.status).toBe('cancelled')
  expect(logins.pendingOf('gw')).toHaveLength(10)
})

test('two hundred in all is the end of it', async () => {
  const { logins, begin, profiles } = start()
  for (let n = 0; n < 20; n++) {
    const name = `p${n}`
    profiles.set(name, testProfile({ ...DEVICE, name }))
    for (let count = 0; count < 10; count++) await logins.begin({ profile: name, open: false })
  }
  expect(await codeOf(begin())).toBe('too_many_logins')
  expect(logins.countPending(() => true)).toBe(200)
})

test('there is no URL that could be pasted', async () => {
  const { begin, logins } = start()
  const { id } = await begin()
  expect(await codeOf(logins.paste(id, 'http://127.0.0.1:8252/callback/gw?code=c'))).toBe('request_invalid')
  expect(logins.find(id)?.status).toBe('pending')
})

test('one that is answered while it ends is not ended twice', async () => {
  const { begin, logins, servers, clock, kept, events } = start()
  const login = await begin()
  servers.devicePoll = issued
  await clock.pass(5_000)
  expect(logins.cancel(login.id)).toBe(true)
  expect(logins.find(login.id)?.status).toBe('succeeded')
  expect(kept).toHaveLength(1)
  expect(events.map(({ event }) => event)).toEqual(['login.begun', 'login.succeeded'])
})
