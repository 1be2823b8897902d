/** Authorization responses that other tools redeem: caught at the redirect URI, handed over once. */
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { codeOf, codeResponse, REDIRECT_URI, startLogins } from '../support/logins.js'
import { settle } from '../support/manual-clock.js'

const URI = 'http://localhost:3000/cb'
const STATE = 'state-of-another-tool'
const withState = (state = STATE, redirectUri = URI) => ({ redirectUri, state: new Secret(state) })
const any = (redirectUri = URI) => ({ redirectUri, state: null })
const RESPONSE = `code=c-1&state=${STATE}&session_state=s%201`

describe('a response with the state that is waited for', () => {
  test('is handed over once, as it came, and nothing is redeemed or stored', async () => {
    const { logins, answer, servers, kept, vault, listeners } = startLogins()
    const { id } = await logins.begin(withState())
    expect(listeners.held).toEqual([URI])
    expect(await answer(URI, RESPONSE)).toMatchObject({
      id,
      profile: null,
      status: 'succeeded',
      caught: 'code',
    })
    expect(logins.takeResponse(id)).toEqual({ code: 'c-1', state: STATE, session_state: 's 1' })
    expect(logins.takeResponse(id)).toBeUndefined()
    expect(logins.find(id)).toMatchObject({ status: 'succeeded' })
    await settle()
    expect([servers.redeemed, kept, [...vault.items], listeners.held]).toEqual([[], [], [], []])
  })

  test('may be an error, which is the answer of the server and no failure of the catch', async () => {
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(withState())
    const settled = await answer(URI, `error=access_denied&error_description=No.&state=${STATE}`)
    expect(settled).toMatchObject({ status: 'succeeded', caught: 'error' })
    expect(logins.takeResponse(id)).toMatchObject({ error: 'access_denied', error_description: 'No.' })
  })

  test('that comes again shows the same end, and is not handed over again', async () => {
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(withState())
    const [first, second] = await Promise.all([answer(URI, RESPONSE), answer(URI, RESPONSE)])
    expect([first.id, second.id]).toEqual([id, id])
    logins.takeResponse(id)
    expect((await answer(URI, `code=c-2&state=${STATE}`)).id).toBe(id)
    expect(logins.takeResponse(id)).toBeUndefined()
  })

  test('that is signed is handed over as the token that it is', async () => {
    const claims = Buffer.from(JSON.stringify({ code: 'c-1', state: STATE })).toString('base64url')
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(withState())
    await answer(URI, `response=e30.${claims}.c2ln`)
    expect(logins.takeResponse(id)).toEqual({ response: `e30.${claims}.c2ln` })
  })

  test('is waited for', async () => {
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(withState())
    const waiting = logins.wait(id, 60_000, new AbortController().signal)
    await answer(URI, RESPONSE)
    expect(await waiting).toMatchObject({ status: 'succeeded' })
  })
})

describe('what changes nothing', () => {
  test.each([
    ['another state', 'code=c-1&state=of-somebody-else'],
    ['no state', 'code=c-1'],
    ['a state cut short', `code=c-1&state=${STATE.slice(0, -1)}`],
  ])('%s', async (_name, response) => {
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(withState())
    expect(await codeOf(answer(URI, response))).toBe('state_unknown')
    expect(logins.find(id)?.status).toBe('pending')
    expect(logins.takeResponse(id)).toBeUndefined()
  })

  test.each([
    ['neither code nor error', 'x=1'],
    ['both', 'code=c-1&error=access_denied'],
    ['a repeated parameter', 'code=c-1&x=1&x=2'],
  ])('%s, even where any response is wanted', async (_name, response) => {
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(any())
    expect(await codeOf(answer(URI, response))).toBe('redirect_malformed')
    expect(logins.find(id)?.status).toBe('pending')
  })

  test.each([withState(), any()])('the same on another redirect URI', async (request) => {
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(request)
    expect(await codeOf(answer('http://localhost:3000/other', RESPONSE))).toBe('state_unknown')
    expect(logins.find(id)?.status).toBe('pending')
  })
})

describe('without a state, any response answers', () => {
  test.each([RESPONSE, 'code=c-1', 'error=server_error'])('%s', async (response) => {
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(any())
    expect((await answer(URI, response)).id).toBe(id)
    expect(logins.takeResponse(id)).toEqual(Object.fromEntries(new URLSearchParams(response)))
  })

  test('not where a profile has the redirect URI', async () => {
    const { logins, listeners } = startLogins()
    expect(await codeOf(logins.begin(any(REDIRECT_URI)))).toBe('request_invalid')
    expect(listeners.held).toEqual([])
  })

  test('not where another tool waits for its state', async () => {
    const { logins, vault } = startLogins()
    await logins.begin(withState())
    expect(await codeOf(logins.begin(any()))).toBe('request_invalid')
    await settle()
    expect(vault.items.size).toBe(1)
  })

  test('not while somebody who came later shares it: a response that is nobody else’s is nobody’s', async () => {
    const { logins, answer, profiles, configure } = startLogins()
    const { id } = await logins.begin(any())
    const later = await logins.begin(withState())
    expect(await codeOf(answer(URI, 'code=c-1&state=unknown'))).toBe('state_unknown')
    expect((await answer(URI, RESPONSE)).id).toBe(later.id)
    const [[name, profile] = []] = [...profiles]
    if (name !== undefined && profile !== undefined) profiles.set(name, { ...profile, redirect_uri: URI })
    configure()
    expect(await codeOf(answer(URI, 'code=c-1'))).toBe('state_unknown')
    profiles.clear()
    configure()
    expect((await answer(URI, 'code=c-1')).id).toBe(id)
  })

  test('the response of a login that was answered is no response for it', async () => {
    const { logins, begin, answer, profiles, configure } = startLogins({ redirect_uri: URI })
    const login = await begin()
    const response = codeResponse(login)
    await answer(URI, response)
    profiles.clear()
    configure()
    const { id } = await logins.begin(any())
    expect((await answer(URI, response)).id).toBe(login.id)
    expect(logins.find(id)?.status).toBe('pending')
  })

  test('a response there with the state of a login elsewhere does not take that login its state', async () => {
    const { logins, begin, answer } = startLogins()
    const login = await begin()
    const { id } = await logins.begin(any())
    expect((await answer(URI, codeResponse(login))).id).toBe(id)
    expect(logins.find(login.id)?.status).toBe('pending')
    expect((await answer(REDIRECT_URI, codeResponse(login))).id).toBe(login.id)
  })

  test('one that comes again shows the same end, also when it was pasted first', async () => {
    const { logins, answer } = startLogins()
    const { id } = await logins.begin(any())
    await logins.paste(id, `${URI}?${RESPONSE}`)
    expect((await logins.answer(URI, RESPONSE, async () => {})).isReplay).toBe(true)
    const next = await logins.begin(any())
    expect((await answer(URI, RESPONSE)).id).toBe(id)
    expect(logins.find(next.id)?.status).toBe('pending')
  })

  test('the newest of several has it, also when they begin at once', async () => {
    const { logins, answer, listeners } = startLogins()
    const begun = await Promise.all([logins.begin(any()), logins.begin(any()), logins.begin(any())])
    const statuses = begun.map(({ id }) => logins.find(id)?.status).sort()
    expect(statuses).toEqual(['cancelled', 'cancelled', 'pending'])
    expect(listeners.held).toEqual([URI])
    expect((await answer(URI, 'code=c-1')).status).toBe('succeeded')
  })
})

describe('a state is good for one', () => {
  test.each(['caught', 'logged in with'])('one that is to be %s already is refused', async (kind) => {
    const { logins } = startLogins()
    const adopted = { profile: 'gw', state: new Secret(STATE), codeVerifier: new Secret('v'.repeat(43)) }
    if (kind === 'caught') await logins.begin(withState(STATE, 'http://localhost:4000/x'))
    else await logins.begin(adopted)
    expect(await codeOf(logins.begin(withState()))).toBe('request_invalid')
    expect(await codeOf(logins.begin(adopted))).toBe('request_invalid')
  })

  test('and one that was answered', async () => {
    const { logins, answer } = startLogins()
    await logins.begin(withState())
    await answer(URI, RESPONSE)
    expect(await codeOf(logins.begin(withState()))).toBe('request_invalid')
  })
})

describe('the address', () => {
  test('is bound before anybody is told, with a fresh port where none is named', async () => {
    const { logins, listeners } = startLogins()
    const { redirectUri } = await logins.begin(any('http://127.0.0.1:0/cb'))
    expect(redirectUri).toBe('http://127.0.0.1:40000/cb')
    expect(listeners.held).toEqual([redirectUri])
  })

  test('that is taken is said', async () => {
    const { logins, listeners, vault } = startLogins()
    listeners.trouble = new CatchdError('redirect_port_in_use')
    expect(await codeOf(logins.begin(any()))).toBe('redirect_port_in_use')
    listeners.trouble = new CatchdError('profile_invalid', 'Port 80 is below 1024.')
    await expect(logins.begin(any())).rejects.toMatchObject({
      code: 'request_invalid',
      detail: 'Port 80 is below 1024.',
    })
    expect(vault.writes).toEqual([])
  })

  test('is let go when the vault does not take the record', async () => {
    const { logins, listeners, vault } = startLogins()
    vault.trouble = 'vault_locked'
    expect(await codeOf(logins.begin(any()))).toBe('vault_locked')
    expect(listeners.held).toEqual([])
  })

  test('takes every response mode: only the tool knows which it asked for', async () => {
    const { logins } = startLogins()
    expect([...logins.responseCarriers(URI)]).toEqual([])
    await logins.begin(any())
    expect([...logins.responseCarriers(URI)]).toEqual(['query', 'form_post', 'fragment'])
    expect([
      logins.knowsAuthority('localhost:3000'),
      logins.findRedirectUri('localhost:3000', '/cb'),
    ]).toEqual([true, URI])
  })
})

describe('the end', () => {
  test('comes by the wall clock, and a late response is refused', async () => {
    const { logins, answer, clock, listeners } = startLogins()
    const { id } = await logins.begin({ ...withState(), timeoutSeconds: 60 })
    clock.jump(60_000)
    expect(await codeOf(answer(URI, RESPONSE))).toBe('login_expired')
    expect(logins.find(id)).toMatchObject({ status: 'expired', failure: { code: 'login_expired' } })
    expect(listeners.held).toEqual([])
  })

  test('comes by the timer alone', async () => {
    const { logins, clock } = startLogins()
    const { id } = await logins.begin(any())
    await clock.pass(600_000)
    expect(logins.find(id)?.status).toBe('expired')
  })

  test('can be asked for; what nobody fetched is gone then', async () => {
    const { logins, answer, listeners, vault } = startLogins()
    const { id } = await logins.begin(any())
    expect([logins.cancel(id), logins.cancel('nobody')]).toEqual([true, false])
    expect(logins.find(id)?.status).toBe('cancelled')
    await settle()
    expect([listeners.held, vault.items.size]).toEqual([[], 0])
    const next = await logins.begin(any())
    await answer(URI, RESPONSE)
    expect(logins.cancel(next.id)).toBe(true)
    expect(logins.takeResponse(next.id)).toBeUndefined()
  })

  test('of what nobody fetches is ten minutes after it came, also for a machine that slept', async () => {
    const { logins, answer, clock } = startLogins()
    const one = await logins.begin(any())
    await answer(URI, 'code=c-1')
    clock.jump(600_000)
    expect(logins.takeResponse(one.id)).toBeUndefined()
    const two = await logins.begin(any())
    await answer(URI, 'code=c-2')
    await clock.pass(599_000)
    expect(logins.takeResponse(two.id)).toEqual({ code: 'c-2' })
  })

  test('a hundred wait at most', async () => {
    const { logins } = startLogins()
    for (let n = 0; n < 100; n++) await logins.begin(withState(`state-of-number-${n}`))
    expect(await codeOf(logins.begin(withState()))).toBe('too_many_logins')
    expect([logins.countPending(() => true), logins.countPending((name) => name !== null)]).toEqual([100, 0])
  })
})

describe('after a restart', () => {
  test('what waited still waits, and its record holds no code', async () => {
    const { logins, restart, vault } = startLogins()
    const { id } = await logins.begin(withState())
    const next = restart()
    await next.logins.restore()
    expect((await next.answer(URI, RESPONSE)).id).toBe(id)
    await settle()
    expect(vault.items.size).toBe(0)
  })

  test('a response that nobody fetched is gone, and nothing of it was stored', async () => {
    const { logins, answer, restart, vault } = startLogins()
    const { id } = await logins.begin(withState())
    const stored = () => [...vault.items.values()].map((item) => item.reveal()).join()
    expect(stored()).not.toContain('c-1')
    await answer(URI, RESPONSE)
    expect(stored()).not.toContain('c-1')
    const next = restart()
    await next.logins.restore()
    expect([next.logins.find(id), next.logins.takeResponse(id)]).toEqual([undefined, undefined])
  })

  test('a vault that was locked at the start is asked again when a response comes', async () => {
    const { logins, restart, vault } = startLogins()
    const { id } = await logins.begin(withState())
    const next = restart()
    vault.trouble = 'vault_locked'
    await next.logins.restore()
    expect(next.logins.find(id)).toBeUndefined()
    vault.trouble = null
    expect((await next.answer(URI, RESPONSE)).id).toBe(id)
  })

  test('one whose port was taken meanwhile ends with that, and its record is gone', async () => {
    const { logins, restart, vault, listeners } = startLogins()
    const { id } = await logins.begin(withState())
    const next = restart()
    listeners.trouble = new CatchdError('redirect_port_in_use')
    await next.logins.restore()
    expect(next.logins.find(id)).toMatchObject({
      status: 'failed',
      failure: { code: 'redirect_port_in_use' },
    })
    expect(vault.items.size).toBe(0)
  })
})

describe('paste-back', () => {
  test('of the URL that the browser ended on', async () => {
    const { logins } = startLogins()
    const { id } = await logins.begin(withState())
    expect(await logins.paste(id, `${URI}?${RESPONSE}`)).toMatchObject({ id, status: 'succeeded' })
    expect(logins.takeResponse(id)).toMatchObject({ code: 'c-1' })
  })

  test.each([
    ['another address', `http://evil.example/cb?${RESPONSE}`, 'redirect_malformed'],
    ['another state', `${URI}?code=c-1&state=other`, 'state_unknown'],
    ['no state', `${URI}?code=c-1`, 'state_unknown'],
  ])('%s is refused, and it goes on', async (_name, url, code) => {
    const { logins } = startLogins()
    const { id } = await logins.begin(withState())
    expect(await codeOf(logins.paste(id, url))).toBe(code)
    expect(logins.find(id)?.status).toBe('pending')
  })
})

test('neither state nor code is told to the log', async () => {
  const { logins, answer, events } = startLogins()
  await logins.begin(withState())
  await answer(URI, RESPONSE)
  expect(events.map(({ event }) => event)).toEqual(['login.begun', 'login.caught'])
  expect(JSON.stringify(events)).not.toMatch(/c-1|another-tool/)
})
