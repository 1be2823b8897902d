import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { serialiseTokenSet } from '../../src/tokens/token-set.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { settle } from '../support/manual-clock.js'
import { codeOf, gate, ITEM, start } from './keeper-harness.js'

test('a fresh token is served from memory without a request', async () => {
  const { keeper, servers, issued } = start()
  await keeper.keep('gw', issued())
  expect(keeper.peek('gw', 60)?.accessToken.reveal()).toBe('access-1')
  expect(servers.refreshed).toHaveLength(0)
})

test('a restarted keeper serves what the vault holds', async () => {
  const { keeper, restart, issued } = start()
  await keeper.keep('gw', issued())
  expect((await restart().get('gw', undefined)).accessToken.reveal()).toBe('access-1')
})

test.each([
  ['keychain', 1],
  ['file', 0],
] as const)('a %s is woken while the server is asked for new tokens', async (kind, times) => {
  const { keeper, vault, clock, servers, issued } = start()
  vault.kind = kind
  await keeper.keep('gw', issued())
  expect(vault.asked).toBe(0)
  clock.jump(3_550_000)
  const { closed, open: release } = gate()
  servers.gate = closed
  const call = keeper.get('gw', undefined)
  await settle()
  expect([servers.refreshed.length, vault.asked]).toEqual([1, times])
  release()
  await call
  keeper.prepareStore() // a login redeems its code
  expect(vault.asked).toBe(2 * times)
})

test('less than min_ttl left: refreshed first, and the rotated refresh token is in the vault before anybody is served', async () => {
  const { keeper, vault, clock, issued } = start()
  await keeper.keep('gw', issued())
  clock.jump(3_550_000)
  const { closed, open: release } = gate()
  vault.writeGate = closed
  const served: string[] = []
  const call = keeper.get('gw', undefined).then((set) => served.push(set.accessToken.reveal()))
  await settle()
  expect(served).toEqual([])
  expect(keeper.peek('gw', 60)).toBeUndefined()
  release()
  await call
  expect(served).toEqual(['access-r1'])
  expect(vault.items.get(ITEM)?.reveal()).toContain('refresh-r1')
})

test('a thousand callers at expiry make one token request', async () => {
  const { keeper, servers, clock, issued } = start()
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  const sets = await Promise.all(Array.from({ length: 1_000 }, () => keeper.get('gw', undefined)))
  expect(servers.refreshed).toHaveLength(1)
  expect(new Set(sets.map((set) => set.accessToken.reveal()))).toEqual(new Set(['access-r1']))
})

test('a refresh response without a refresh token keeps the old one (RFC 6749 §6)', async () => {
  const { keeper, servers, vault, clock, issued } = start()
  servers.refreshAnswer = () => ({ outcome: 'refreshed', response: tokenResponse({ refreshToken: null }) })
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  await keeper.get('gw', undefined)
  expect(vault.items.get(ITEM)?.reveal()).toContain('refresh-1')
})

describe('when a refresh fails for a while', () => {
  const unreachable = () =>
    ({
      outcome: 'retry_later',
      error: new CatchdError('provider_unreachable'),
      retryAfterSeconds: null,
    }) as const

  test('a token that is still valid is served even below min_ttl', async () => {
    const { keeper, servers, clock, issued } = start()
    servers.refreshAnswer = unreachable
    await keeper.keep('gw', issued())
    clock.jump(3_590_000)
    expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
    expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
    expect(servers.refreshed).toHaveLength(1)
  })

  test('an expired one is an error of the network, never a login, and the set stays', async () => {
    const { keeper, servers, vault, clock, issued } = start()
    servers.refreshAnswer = unreachable
    await keeper.keep('gw', issued())
    clock.jump(4_000_000)
    expect(await codeOf(keeper.get('gw', undefined))).toBe('provider_unreachable')
    expect(vault.items.has(ITEM)).toBe(true)
  })

  test('the pause doubles from one second and a forced refresh ignores it', async () => {
    const { keeper, servers, clock, issued } = start()
    servers.refreshAnswer = unreachable
    await keeper.keep('gw', issued())
    clock.jump(4_000_000)
    await codeOf(keeper.get('gw', undefined))
    await codeOf(keeper.get('gw', undefined))
    expect(servers.refreshed).toHaveLength(1)
    clock.jump(1_000)
    await codeOf(keeper.get('gw', undefined))
    expect(servers.refreshed).toHaveLength(2)
    clock.jump(1_000)
    await codeOf(keeper.get('gw', undefined))
    expect(servers.refreshed).toHaveLength(2)
    await codeOf(keeper.refresh('gw'))
    expect(servers.refreshed).toHaveLength(3)
  })
})

test('a dead refresh token is login_required with the reason, is not asked again and deletes nothing', async () => {
  const { keeper, servers, vault, clock, issued } = start()
  servers.refreshAnswer = () => ({
    outcome: 'reauthorize',
    error: new CatchdError('provider_refused', { error: 'invalid_grant' }),
  })
  await keeper.keep('gw', issued())
  clock.jump(4_000_000)
  await expect(keeper.get('gw', undefined)).rejects.toMatchObject({
    code: 'login_required',
    error: 'invalid_grant',
  })
  expect(await codeOf(keeper.get('gw', undefined))).toBe('login_required')
  expect(servers.refreshed).toHaveLength(1)
  expect(vault.items.has(ITEM)).toBe(true)
})

describe('a refresh token that the server refused', () => {
  const refused = () =>
    ({
      outcome: 'reauthorize',
      error: new CatchdError('provider_refused', { error: 'invalid_grant', errorDescription: 'revoked' }),
    }) as const

  test('stays dead after a restart, with the reason, and is not sent again', async () => {
    const { keeper, restart, servers, clock, issued } = start()
    servers.refreshAnswer = refused
    await keeper.keep('gw', issued())
    clock.jump(4_000_000)
    await codeOf(keeper.get('gw', undefined))
    await expect(restart().get('gw', undefined)).rejects.toMatchObject({
      code: 'login_required',
      error: 'invalid_grant',
      errorDescription: 'revoked',
    })
    expect(servers.refreshed).toHaveLength(1)
  })

  test('does not take the access token away that is still good', async () => {
    const { keeper, servers, clock, issued } = start()
    servers.refreshAnswer = refused
    await keeper.keep('gw', issued())
    clock.jump(3_590_000)
    expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
    expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
    expect(servers.refreshed).toHaveLength(1)
    clock.jump(20_000)
    expect(await codeOf(keeper.get('gw', undefined))).toBe('login_required')
    expect(await keeper.find('gw')).toMatchObject({ needsLogin: true })
  })

  test('may be tried once more by hand', async () => {
    const { keeper, servers, clock, issued } = start()
    servers.refreshAnswer = refused
    await keeper.keep('gw', issued())
    clock.jump(4_000_000)
    await codeOf(keeper.get('gw', undefined))
    servers.refreshAnswer = () => ({ outcome: 'refreshed', response: tokenResponse() })
    await keeper.refresh('gw')
    expect(await keeper.find('gw')).toMatchObject({ needsLogin: false })
  })

  test('is forgotten by the next login', async () => {
    const { keeper, servers, clock, issued } = start()
    servers.refreshAnswer = refused
    await keeper.keep('gw', issued())
    clock.jump(4_000_000)
    await codeOf(keeper.get('gw', undefined))
    await keeper.keep('gw', issued({ accessToken: new Secret('access-2') }))
    expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-2')
  })
})

test('a server whose tokens are shorter than min_ttl is not asked again by stragglers', async () => {
  const { keeper, servers, clock, issued } = start()
  servers.refreshAnswer = () => ({
    outcome: 'refreshed',
    response: tokenResponse({ accessToken: new Secret('short'), expiresInSeconds: 30 }),
  })
  await keeper.keep('gw', issued({ expiresInSeconds: 30 }))
  expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('short')
  clock.jump(900)
  expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('short')
  expect(servers.refreshed).toHaveLength(1)
  clock.jump(200)
  await keeper.get('gw', undefined)
  expect(servers.refreshed).toHaveLength(2)
})

test('an unknown lifetime is served as it is and said to be unknown', async () => {
  const { keeper, clock, issued } = start()
  await keeper.keep('gw', issued({ expiresInSeconds: null }))
  clock.jump(10 * 24 * 3_600_000)
  const set = await keeper.get('gw', 3_600)
  expect(set.expiresAtMs).toBeNull()
})

describe('when the vault does not take a token set', () => {
  test('a rotated one is served from memory, reported as unsaved and stored as soon as it can be', async () => {
    const { keeper, vault, clock, issued } = start()
    await keeper.keep('gw', issued())
    clock.jump(4_000_000)
    vault.trouble = 'vault_locked'
    expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('access-r1')
    expect(keeper.unsaved).toEqual(['gw'])
    vault.trouble = null
    await clock.pass(2_000)
    expect(keeper.unsaved).toEqual([])
    expect(vault.items.get(ITEM)?.reveal()).toContain('refresh-r1')
  })

  test("a login's is an error, and yet it is served and stored later", async () => {
    const { keeper, vault, clock, issued } = start()
    vault.trouble = 'vault_unavailable'
    expect(await codeOf(keeper.keep('gw', issued()))).toBe('vault_unavailable')
    expect(keeper.peek('gw', 60)?.accessToken.reveal()).toBe('access-1')
    vault.trouble = null
    await clock.pass(2_000)
    expect(vault.items.has(ITEM)).toBe(true)
  })

  test('a locked vault is said, not taken for "not logged in"', async () => {
    const { restart, keeper, vault, issued } = start()
    await keeper.keep('gw', issued())
    vault.trouble = 'vault_locked'
    const restarted = restart()
    expect(await codeOf(restarted.get('gw', undefined))).toBe('vault_locked')
    vault.trouble = null
    expect((await restarted.get('gw', undefined)).accessToken.reveal()).toBe('access-1')
  })
})

describe('logout', () => {
  test('revokes, forgets and asks for a login from then on', async () => {
    const { keeper, servers, vault, issued } = start()
    await keeper.keep('gw', issued())
    expect(await keeper.logout('gw')).toEqual({ revoked: true, notRevoked: null })
    expect(servers.revoked).toHaveLength(1)
    expect(vault.items.has(ITEM)).toBe(false)
    expect(await codeOf(keeper.get('gw', undefined))).toBe('login_required')
  })

  test('during a refresh: nothing comes back, and the tokens nobody will use are revoked', async () => {
    const { keeper, servers, vault, clock, issued } = start()
    await keeper.keep('gw', issued())
    clock.jump(4_000_000)
    const { closed, open: release } = gate()
    servers.gate = closed
    const refresh = codeOf(keeper.get('gw', undefined))
    await settle()
    await keeper.logout('gw')
    release()
    expect(await refresh).toBe('login_required')
    await settle()
    expect(vault.items.has(ITEM)).toBe(false)
    expect(servers.revoked.map((set) => set.refreshToken?.reveal())).toEqual(['refresh-1', 'refresh-r1'])
  })

  test('while a rotated set is being written: the write does not outlive it', async () => {
    const { keeper, vault, clock, issued } = start()
    await keeper.keep('gw', issued())
    clock.jump(4_000_000)
    const { closed, open: release } = gate()
    vault.writeGate = closed
    const refresh = codeOf(keeper.get('gw', undefined))
    await settle()
    const logout = keeper.logout('gw')
    await settle()
    release()
    await Promise.all([refresh, logout])
    expect(vault.items.has(ITEM)).toBe(false)
    expect(await codeOf(keeper.get('gw', undefined))).toBe('login_required')
  })
})

test('the tokens of a login that was under way during a logout are not taken but revoked', async () => {
  const { keeper, servers, vault, issued } = start()
  const logoutGeneration = keeper.logoutGeneration('gw')
  await keeper.logout('gw')
  expect(await codeOf(keeper.keep('gw', issued(), logoutGeneration))).toBe('login_required')
  expect(vault.items.has(ITEM)).toBe(false)
  expect(servers.revoked.map((set) => set.refreshToken?.reveal())).toEqual(['refresh-1'])
  await keeper.keep('gw', issued(), keeper.logoutGeneration('gw'))
  expect(vault.items.has(ITEM)).toBe(true)
})

test('a logout forgets a record that cannot be read; a locked vault is said', async () => {
  const { keeper, vault } = start()
  vault.items.set(ITEM, new Secret('{"version":99}'))
  expect(await keeper.logout('gw')).toMatchObject({
    revoked: false,
    notRevoked: expect.any(String) as string,
  })
  expect(vault.items.has(ITEM)).toBe(false)
  expect(await codeOf(keeper.get('gw', undefined))).toBe('login_required')
  vault.trouble = 'vault_locked'
  expect(await codeOf(keeper.logout('gw'))).toBe('vault_locked')
})

test('a logout forgets although the server is down, and says what it could not do', async () => {
  const { keeper, servers, vault, issued } = start()
  servers.revocation = {
    outcome: 'failed',
    error: new CatchdError('provider_unreachable', 'Nobody answers.'),
  }
  await keeper.keep('gw', issued())
  const outcome = await keeper.logout('gw')
  expect(outcome.revoked).toBe(false)
  expect(outcome.notRevoked).toContain('Nobody answers.')
  expect(vault.items.has(ITEM)).toBe(false)
})

test('a token set is never served or refreshed after its profile was pointed at another server', async () => {
  const { keeper, servers, profiles, issued } = start()
  await keeper.keep('gw', issued())
  profiles.set('gw', testProfile({ token_endpoint: 'https://other.example/token' }))
  keeper.reconsider()
  expect(keeper.peek('gw', 60)).toBeUndefined()
  expect(await codeOf(keeper.get('gw', undefined))).toBe('login_required')
  expect(servers.refreshed).toHaveLength(0)
})

test('a client_credentials profile asks again by itself, once for all callers', async () => {
  const { keeper, servers, clock } = start(testProfile({ grant: 'client_credentials' }))
  const first = await Promise.all([keeper.get('gw', undefined), keeper.get('gw', undefined)])
  expect(first.map((set) => set.accessToken.reveal())).toEqual(['machine-1', 'machine-1'])
  clock.jump(4_000_000)
  expect((await keeper.get('gw', undefined)).accessToken.reveal()).toBe('machine-2')
  expect(servers.credentialsAsked).toBe(2)
})

test('a stored item that is no record of ours is an error, not a login', async () => {
  const { keeper, vault } = start()
  vault.items.set(ITEM, new Secret('{"version":99}'))
  expect(await codeOf(keeper.get('gw', undefined))).toBe('vault_unavailable')
})

test('serialising reveals, logging does not', () => {
  const { issued } = start()
  const set = issued()
  expect(JSON.stringify(set)).not.toContain('access-1')
  expect(serialiseTokenSet(set).reveal()).toContain('access-1')
})

test('a client_credentials profile without tokens waits for the end of the first pause, and of no longer one', async () => {
  const { keeper, servers, clock } = start(testProfile({ grant: 'client_credentials' }))
  servers.obtainFailure = new CatchdError('provider_answer_invalid')
  expect(await codeOf(keeper.get('gw', undefined))).toBe('provider_answer_invalid')
  const waiting = Promise.all([codeOf(keeper.get('gw', undefined)), codeOf(keeper.get('gw', undefined))])
  await settle()
  expect(servers.credentialsAsked).toBe(1)
  await clock.pass(1_000)
  expect(await waiting).toEqual(['provider_answer_invalid', 'provider_answer_invalid'])
  expect(servers.credentialsAsked, 'one request for both').toBe(2)
  expect(await codeOf(keeper.get('gw', undefined)), 'the second pause is longer').toBe(
    'provider_answer_invalid',
  )
  servers.obtainFailure = null
  await clock.pass(1_000)
  const served = keeper.get('gw', undefined)
  await clock.pass(1_000)
  expect((await served).accessToken.reveal()).toBe('machine-3')
})
