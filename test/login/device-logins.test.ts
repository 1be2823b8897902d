/** Device logins (RFC 8628): when the server is asked, and what its answers lead to. */
import { describe, expect, test } from 'vitest'
import type { DevicePoll } from '../../src/authorization-server/port.js'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { DeviceLogins } from '../../src/login/device-logins.js'
import type { TokenSet } from '../../src/tokens/token-set.js'
import {
  FakeAuthorizationServers,
  testProfile,
  tokenResponse,
} from '../support/fake-authorization-servers.js'
import { FakeVault } from '../support/fake-vault.js'
import { ManualClock, settle } from '../support/manual-clock.js'

const DEVICE: Partial<Profile> = { grant: 'urn:ietf:params:oauth:grant-type:device_code' }

function start() {
  const clock = new ManualClock()
  const vault = new FakeVault()
  const servers = new FakeAuthorizationServers()
  const profiles = new Map([['gw', testProfile(DEVICE)]])
  const kept: string[] = []
  const opened: string[] = []
  const tokens = { trouble: null as CatchdError | null }
  const make = () =>
    new DeviceLogins({
      clock,
      vault,
      servers,
      tokens: {
        logoutGeneration: () => 0,
        prepareStore: () => {},
        async keep(profile: string, set: TokenSet) {
          if (tokens.trouble !== null) throw tokens.trouble
          kept.push(`${profile}:${set.accessToken.reveal()}`)
        },
      },
      profiles: { profile: (name) => profiles.get(name) ?? testProfile({ ...DEVICE, name }) },
      openBrowser: async (url) => void opened.push(url),
      describeVault: () => 'memory',
      log: () => {},
    })
  const profile = () => profiles.get('gw') ?? testProfile(DEVICE)
  return { clock, vault, servers, profiles, profile, kept, opened, tokens, logins: make(), restart: make }
}

const issued = (): DevicePoll => ({ outcome: 'issued', response: tokenResponse() })

test('shows where to go and what to enter, polls each interval, and keeps what it gets', async () => {
  const { logins, profile, servers, clock, kept, opened, vault } = start()
  const login = await logins.begin(profile(), true)
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
  expect(logins.find(login.id)).toMatchObject({ status: 'succeeded', stored: { storedIn: 'memory' } })
  expect(kept).toEqual(['gw:access-1'])
  expect(vault.items.size).toBe(0)
  await clock.pass(60_000)
  expect(servers.polled).toHaveLength(4)
})

test('slow_down adds five seconds, for good', async () => {
  const { logins, profile, servers, clock } = start()
  await logins.begin(profile(), false)
  servers.devicePoll = () => ({ outcome: 'slow_down' })
  await clock.pass(5_000)
  servers.devicePoll = () => ({ outcome: 'pending' })
  await clock.pass(9_900)
  expect(servers.polled).toHaveLength(1)
  await clock.pass(10_200)
  expect(servers.polled).toHaveLength(3)
})

test('a server that cannot be reached is asked less and less often, a minute apart at most', async () => {
  const { logins, profile, servers, clock, kept } = start()
  await logins.begin(profile(), false)
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
    const { logins, profile, servers, clock, vault } = start()
    const login = await logins.begin(profile(), false)
    servers.devicePoll = () => ({ outcome: 'ended', error: new CatchdError(code) })
    await clock.pass(60_000)
    expect(logins.find(login.id)).toMatchObject({ status, failure: { code } })
    expect(servers.polled).toHaveLength(1)
    expect(vault.items.size).toBe(0)
  })

  test('when its time is over, also after a sleep', async () => {
    const { logins, profile, servers, clock } = start()
    const login = await logins.begin(profile(), false)
    clock.jump(2 * 3_600_000)
    await clock.pass(5_000)
    expect(logins.find(login.id)).toMatchObject({ status: 'expired', failure: { code: 'login_expired' } })
    expect(servers.polled).toHaveLength(0)
  })

  test('when the profile was pointed at another server; the device code is not sent there', async () => {
    const { logins, profile, profiles, servers, clock } = start()
    const login = await logins.begin(profile(), false)
    profiles.set('gw', testProfile({ ...DEVICE, token_endpoint: 'https://other.example/token' }))
    await clock.pass(5_000)
    expect(logins.find(login.id)).toMatchObject({ status: 'failed', failure: { code: 'profile_invalid' } })
    expect(servers.polled).toHaveLength(0)
  })

  test('with the code of the vault when the tokens could not be stored: success is not said', async () => {
    const { logins, profile, servers, clock, tokens } = start()
    const login = await logins.begin(profile(), false)
    tokens.trouble = new CatchdError('vault_locked')
    servers.devicePoll = issued
    await clock.pass(5_000)
    expect(logins.find(login.id)).toMatchObject({ status: 'failed', failure: { code: 'vault_locked' } })
  })
})

test('cancelled while an answer is on its way: what it brings is revoked, not kept', async () => {
  const { logins, profile, servers, clock, kept } = start()
  const login = await logins.begin(profile(), false)
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
  const { logins, profile, restart, servers, clock, kept, vault } = start()
  const login = await logins.begin(profile(), false)
  logins.close()
  const next = restart()
  await next.restore()
  expect(next.find(login.id)).toMatchObject({ status: 'pending', device: { userCode: 'WDJB-MJHT' } })
  servers.devicePoll = issued
  await clock.pass(5_000)
  expect(kept).toEqual(['gw:access-1'])
  vault.trouble = 'vault_locked'
  await expect(next.begin(profile(), false)).rejects.toMatchObject({ code: 'vault_locked' })
})

test('a vault that is locked at the start is asked again', async () => {
  const { logins, profile, restart, vault, clock } = start()
  const login = await logins.begin(profile(), false)
  logins.close()
  vault.trouble = 'vault_locked'
  const next = restart()
  await next.restore()
  expect(next.find(login.id)).toBeUndefined()
  vault.trouble = null
  await clock.pass(10_000)
  expect(next.find(login.id)?.status).toBe('pending')
})

test('a timeout that the caller names ends it before the server does', async () => {
  const { logins, profile, clock } = start()
  const login = await logins.begin(profile(), false, 60)
  await clock.pass(60_000)
  expect(logins.find(login.id)?.status).toBe('expired')
})

test('whoever waits is told when it ends', async () => {
  const { logins, profile, servers, clock } = start()
  const login = await logins.begin(profile(), false)
  const waiting = logins.wait(login.id, 60_000, new AbortController().signal)
  servers.devicePoll = issued
  await clock.pass(5_000)
  expect((await waiting)?.status).toBe('succeeded')
})

test('the eleventh login of a profile ends the first', async () => {
  const { logins, profile } = start()
  const first = await logins.begin(profile(), false)
  for (let count = 0; count < 10; count++) await logins.begin(profile(), false)
  expect(logins.find(first.id)?.status).toBe('cancelled')
  expect(logins.pendingOf('gw')).toHaveLength(10)
})
