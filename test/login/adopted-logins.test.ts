/** Authorization requests that another tool built, and whose response is answered and redeemed here. */
import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import { codeOf, REDIRECT_URI, startLogins } from '../support/logins.js'
import { settle } from '../support/manual-clock.js'

const STATE = 'state-of-another-tool'
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const request = (state = STATE) => ({
  profile: 'gw',
  state: new Secret(state),
  codeVerifier: new Secret(VERIFIER),
})
const response = (state = STATE) => `code=c-1&state=${state}`

test('the code is redeemed with the given verifier at the redirect URI of the profile, without a nonce', async () => {
  const { logins, answer, servers, kept, opened } = startLogins({ scope: 'openid' })
  const login = await logins.begin(request())
  expect(login).toMatchObject({ status: 'pending', redirectUri: REDIRECT_URI, authorizationUrl: null })
  expect(await answer(REDIRECT_URI, response())).toMatchObject({ id: login.id, status: 'succeeded' })
  expect(kept).toEqual(['gw:access-1'])
  expect(servers.redeemed).toHaveLength(1)
  expect(servers.redeemed[0]).toMatchObject({ redirectUri: REDIRECT_URI, nonce: null })
  expect(servers.redeemed[0]?.codeVerifier?.reveal()).toBe(VERIFIER)
  expect([servers.prepared, opened]).toEqual([[], []])
})

test('the issuer of the profile is compared, and its announcement heeded', async () => {
  const { logins, answer, servers } = startLogins({ issuer: 'https://as.example' })
  servers.expectedIssuer = 'https://as.example'
  servers.issRequired = true
  await logins.begin(request())
  const settled = await answer(REDIRECT_URI, response())
  expect(settled).toMatchObject({ status: 'failed', failure: { code: 'issuer_mismatch' } })
  expect(servers.redeemed).toEqual([])
})

describe('a state is good for one login', () => {
  test('one that pends is refused, and its login is not disturbed', async () => {
    const { logins, answer, vault } = startLogins()
    const login = await logins.begin(request())
    expect(await codeOf(logins.begin(request()))).toBe('request_invalid')
    expect(vault.items.size).toBe(1)
    expect(await answer(REDIRECT_URI, response())).toMatchObject({ id: login.id, status: 'succeeded' })
  })

  test('so is one of a login that was begun here', async () => {
    const { logins, begin } = startLogins()
    const state = (await begin()).state.reveal()
    expect(state).toHaveLength(43)
    expect(await codeOf(logins.begin(request(state)))).toBe('request_invalid')
  })

  test('so is one that was answered', async () => {
    const { logins, answer } = startLogins()
    await logins.begin(request())
    await answer(REDIRECT_URI, response())
    expect(await codeOf(logins.begin(request()))).toBe('request_invalid')
  })

  test('of several that ask at once, one has it', async () => {
    const { logins, vault } = startLogins()
    const asked = await Promise.all(Array.from({ length: 5 }, () => codeOf(logins.begin(request()))))
    expect(asked.sort()).toEqual([
      'request_invalid',
      'request_invalid',
      'request_invalid',
      'request_invalid',
      'resolved',
    ])
    expect(vault.items.size).toBe(1)
  })

  test('one of the last run is refused although nobody has looked for it yet', async () => {
    const { logins, restart } = startLogins()
    await logins.begin(request())
    expect(await codeOf(restart().logins.begin(request()))).toBe('request_invalid')
  })

  test('one whose login could not begin is free again', async () => {
    const { logins, vault, listeners } = startLogins()
    vault.trouble = 'vault_locked'
    expect(await codeOf(logins.begin(request()))).toBe('vault_locked')
    expect(listeners.held).toEqual([])
    vault.trouble = null
    expect(await codeOf(logins.begin(request()))).toBe('resolved')
  })
})

describe('what cannot be adopted', () => {
  test('for a profile that binds a fresh port for each login', async () => {
    const { logins, listeners } = startLogins({ redirect_uri: 'http://127.0.0.1:0/cb' })
    expect(await codeOf(logins.begin(request()))).toBe('profile_invalid')
    expect(listeners.held).toEqual([])
  })

  test.each(['client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'] as const)(
    'for a profile of grant %s',
    async (grant) => {
      const { logins, servers } = startLogins({ grant })
      expect(await codeOf(logins.begin(request()))).toBe('request_invalid')
      expect(servers.devicesAuthorized).toBe(0)
    },
  )

  test('for a profile that there is not', async () => {
    const { logins } = startLogins({ name: 'other' })
    expect(await codeOf(logins.begin(request()))).toBe('profile_unknown')
  })
})

test('it survives a restart, and the code is redeemed with the same verifier', async () => {
  const { logins, restart, servers } = startLogins()
  const { id } = await logins.begin(request())
  const next = restart()
  await next.logins.restore()
  expect(next.logins.find(id)).toMatchObject({ status: 'pending', authorizationUrl: null })
  expect(await next.answer(REDIRECT_URI, response())).toMatchObject({ id, status: 'succeeded' })
  expect(servers.redeemed[0]?.codeVerifier?.reveal()).toBe(VERIFIER)
})

test('no automatic login joins it, also after a restart: nobody else could send a person to it', async () => {
  const { logins, restart, opened } = startLogins()
  const adopted = await logins.begin(request())
  const joined = await logins.beginShared('gw')
  expect(joined.id).not.toBe(adopted.id)
  expect(opened).toHaveLength(1)
  logins.cancel(joined.id)
  await settle()
  const next = restart()
  await next.logins.restore()
  expect((await next.logins.beginShared('gw')).id).not.toBe(adopted.id)
  expect(opened).toHaveLength(2)
})

test('neither state nor verifier is told to the log', async () => {
  const { logins, answer, events } = startLogins()
  await logins.begin(request())
  await codeOf(logins.begin(request()))
  await answer(REDIRECT_URI, response())
  expect(events.map(({ event }) => event)).toEqual(['login.begun', 'login.claimed', 'login.succeeded'])
  expect(JSON.stringify(events)).not.toContain(STATE)
  expect(JSON.stringify(events)).not.toContain(VERIFIER)
})
