/** The lock by idle time, what a lock waits for and what refuses it, and the lifetime of tokens, by a clock that tests move. */
import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import { ACCESS_TOKEN, codeOf, composeDaemon, PROFILES } from '../support/composed-daemon.js'
import { exchange } from '../support/http-client.js'
import { settle } from '../support/manual-clock.js'

const PASSPHRASE = new Secret('a passphrase')

async function started(config: object = {}, env: Record<string, string> = { CATCHD_VAULT: 'file' }) {
  const composed = await composeDaemon({ config: { profiles: PROFILES, ...config }, env })
  await composed.start()
  await composed.logIn('gw')
  const { services, folders } = composed
  const token = () => services.tokens.get('gw', undefined)
  const locked = async () => (await services.status()).locked
  const api = (method: string, path: string) =>
    exchange(`http://localhost${path}`, { method, socketPath: folders.socketPath })
  const unlocked = async () => {
    await services.lock.lock(PASSPHRASE)
    await services.lock.unlock(PASSPHRASE)
  }
  return { ...composed, token, locked, api, unlocked }
}

/** Work in other threads (scrypt, files) does not move with the clock. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  await expect.poll(condition, { interval: 5 }).toBe(true)
}

describe('idle', () => {
  test('without use for idle_seconds it locks, not a second earlier, and a use begins the time again', async () => {
    const { clock, locked, api, unlocked, effects } = await started({ lock: { idle_seconds: 600 } })
    await unlocked()
    await clock.pass(599_000)
    expect((await api('GET', '/v1/tokens/gw')).status).toBe(200)
    await clock.pass(599_000)
    await settle()
    expect(await locked()).toBe(false)
    effects.length = 0
    await clock.pass(2_000)
    await eventually(async () => effects.includes('daemon.locked'))
    expect(await locked()).toBe(true)
    expect((await api('GET', '/v1/tokens/gw')).status).toBe(423)
  })

  test('after a sleep of the machine it locks within seconds', async () => {
    const { clock, locked, unlocked } = await started({ lock: { idle_seconds: 600 } })
    await unlocked()
    clock.jump(3_600_000)
    await clock.pass(5_000)
    await eventually(locked)
  })

  test('without a passphrase it does not lock, and the status names the command', async () => {
    const { clock, services, locked, unlocked, logged } = await started({ lock: { idle_seconds: 60 } })
    const error = async () => (await services.status()).lock_error
    expect(await error()).toMatch(/passphrase.*Run: catchd lock --passphrase/)
    await clock.pass(61_000)
    await eventually(async () => logged.some(({ event }) => event === 'lock.failed'))
    expect(await locked()).toBe(false)
    await unlocked()
    expect(await error()).toBe(null)
    await clock.pass(61_000)
    await eventually(locked)
  })

  test('a change of the file turns it on and off', async () => {
    const { clock, locked, unlocked, writeConfig, services } = await started()
    await unlocked()
    clock.jump(86_400_000)
    await clock.pass(60_000)
    expect(await locked()).toBe(false)
    await writeConfig({ profiles: PROFILES, lock: { idle_seconds: 10 } })
    await services.profiles.put('corp', { issuer: 'https://corp.example.com', client_id: 'other' })
    await clock.pass(20_000)
    await eventually(locked)
  })
})

describe('a lock', () => {
  test('stops the refresh ahead of expiry', async () => {
    const { clock, services, servers } = await started()
    await services.lock.lock(PASSPHRASE)
    servers.asked.length = 0
    await clock.pass(7_200_000)
    expect(servers.asked).toEqual([])
  })

  test('waits for a refresh under way, whose tokens are stored', async () => {
    const { services, servers, locked } = await started()
    const refreshing = services.tokens.refresh('gw')
    const locking = services.lock.lock(PASSPHRASE)
    const set = await refreshing
    await locking
    expect(await locked()).toBe(true)
    expect(servers.asked.filter((call) => call.startsWith('refresh'))).toHaveLength(1)
    await services.lock.unlock(PASSPHRASE)
    expect((await services.tokens.get('gw', undefined)).obtainedAtMs).toBe(set.obtainedAtMs)
  })

  test('tells its beginning and its end to those who listen', async () => {
    const { services, effects } = await started()
    effects.length = 0
    await services.lock.lock(PASSPHRASE)
    await services.lock.unlock(PASSPHRASE)
    expect(effects).toEqual(['daemon.locked', 'daemon.unlocked'])
  })

  test('refuses what begins inside of the daemon too: a login, a paste, a token by the service', async () => {
    const { services, responseOf } = await started()
    const { id } = await services.logins.begin({ profile: 'gw', open: false })
    const response = responseOf(id)
    await services.lock.lock(PASSPHRASE)
    expect(await codeOf(services.logins.begin({ profile: 'gw', open: false }))).toBe('locked')
    expect(await codeOf(services.logins.paste(id, response))).toBe('locked')
    expect(await codeOf(services.tokens.get('gw', undefined))).toBe('locked')
    expect(await codeOf(services.tokens.refresh('gw'))).toBe('locked')
    expect(await codeOf(services.tokens.idToken('gw', undefined))).toBe('locked')
    expect(await codeOf(services.tokens.inspect('gw'))).toBe('locked')
    expect(await codeOf(services.tokens.logout('gw'))).toBe('locked')
    expect(services.tokens.peek('gw', undefined)).toBe(undefined)
    await services.lock.unlock(PASSPHRASE)
    expect(await services.logins.paste(id, response)).toMatchObject({ status: 'succeeded' })
  })
})

describe('lifetime_seconds', () => {
  const withLifetime = (seconds: number) => ({
    profiles: { ...PROFILES, gw: { ...PROFILES.gw, lifetime_seconds: seconds } },
  })

  test('at its end the tokens are revoked and forgotten without a request, and the answer names the setting', async () => {
    const { clock, token, servers, services, effects, api } = await started(withLifetime(28_800))
    await clock.pass(28_799_000)
    await token()
    servers.asked.length = 0
    effects.length = 0
    await clock.pass(1_000)
    await eventually(async () => effects.includes('token.forgotten gw'))
    const answer = JSON.parse((await api('GET', '/v1/tokens/gw')).body)
    expect(answer).toMatchObject({
      code: 'login_required',
      detail: expect.stringContaining('28800 s after each login (lifetime_seconds)'),
    })
    expect((await services.profiles.show('gw')).status).toBe('login_required')
  })

  test('refreshes do not prolong it, and the next login is known', async () => {
    const { clock, token, services } = await started(withLifetime(10_000))
    const at = clock.now()
    for (let hour = 0; hour < 2; hour++) {
      await clock.pass(3_600_000)
      await services.tokens.refresh('gw')
    }
    expect((await services.profiles.show('gw')).loginNeededAtMs).toBe(at + 10_000_000)
    clock.jump(10_000_000 - 7_200_000)
    expect(services.tokens.peek('gw', undefined)).toBe(undefined)
    expect(await codeOf(token())).toBe('login_required')
  })

  test('a restart and a sleep do not prolong it: the vault is emptied at the start', async () => {
    const first = await started(withLifetime(3_600))
    await first.stop()
    const second = await composeDaemon({ home: first.home, env: { CATCHD_VAULT: 'file' } })
    second.clock.jump(3_601_000)
    await second.start()
    await eventually(async () => second.effects.includes('token.forgotten gw'))
    expect(await codeOf(second.services.tokens.get('gw', undefined))).toBe('login_required')
    await second.logIn('gw')
    expect((await second.services.tokens.get('gw', undefined)).accessToken.reveal()).toBe(ACCESS_TOKEN)
  })

  test('a lock does not prolong it either', async () => {
    const { clock, services, effects } = await started(withLifetime(3_600))
    await services.lock.lock(PASSPHRASE)
    await clock.pass(4_000_000)
    await services.lock.unlock(PASSPHRASE)
    await eventually(async () => effects.includes('token.forgotten gw'))
  })

  test('a profile without it keeps its tokens', async () => {
    const { clock, token } = await started()
    clock.jump(86_400_000 * 30)
    await clock.pass(60_000)
    expect(await codeOf(token())).toBe('resolved')
  })
})
