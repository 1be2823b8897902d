import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import { TokenAnswer } from '../../../src/http/api/token-answer.js'
import { ACCESS_TOKEN, issued } from '../../support/composed-daemon.js'
import { settle } from '../../support/manual-clock.js'
import { openApi } from './opened-api.js'

const NO_SCOPE = { issuer: 'https://id.example.com', client_id: 'catchd' }

describe('GET /v1/tokens/{profile}', () => {
  test('a fresh token is answered from memory, with what is known of it', async () => {
    const { call, logIn, effects } = await openApi()
    await logIn('gw', { parameters: { instance_url: 'https://na139.example' } })
    const answer = await call('GET', '/v1/tokens/gw')
    expect(answer.status).toBe(200)
    expect(answer.json(TokenAnswer)).toEqual({
      access_token: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: 3600,
      expires_at: '2026-01-01T01:00:00Z',
      scope: 'email',
      profile: 'gw',
      context: { instance_url: 'https://na139.example' },
    })
    expect(effects).toEqual(['token.served admin gw'])
  })

  test('what the server did not say is null, and not guessed', async () => {
    const { call, logIn } = await openApi({ config: { profiles: { gw: NO_SCOPE } } })
    await logIn('gw', { expiresInSeconds: null, scope: null })
    const answer = (await call('GET', '/v1/tokens/gw')).json(TokenAnswer)
    expect(answer).toMatchObject({ expires_in: null, expires_at: null, scope: null })
  })

  test('the context outlives a refresh, and what comes anew replaces what was there', async () => {
    const { call, logIn, servers } = await openApi()
    await logIn('gw', {
      parameters: { instance_url: 'https://old.example', patient: 'p-1', other: ACCESS_TOKEN },
    })
    const contextOf = async (method: 'GET' | 'POST', path: string) =>
      (await call(method, path)).json(TokenAnswer).context
    expect(await contextOf('GET', '/v1/tokens/gw')).toEqual({
      instance_url: 'https://old.example',
      patient: 'p-1',
    })
    const parameters = { instance_url: 'https://new.example', id: 7, note: 'was refresh-of-before' }
    servers.refreshAnswer = () => ({ outcome: 'refreshed', response: issued({ parameters }) })
    const after = { ...parameters, patient: 'p-1' }
    expect(await contextOf('POST', '/v1/tokens/gw/refresh')).toEqual(after)
    expect(await contextOf('GET', '/v1/tokens/gw')).toEqual(after)
  })

  test('a token that is not fresh is obtained first, and min_ttl goes along', async () => {
    const { call, logIn, effects } = await openApi()
    await logIn('gw', { expiresInSeconds: 100 })
    expect((await call('GET', '/v1/tokens/gw?min_ttl=90')).json(TokenAnswer).expires_in).toBe(100)
    expect(effects).toEqual(['token.served admin gw'])
    expect((await call('GET', '/v1/tokens/gw?min_ttl=120')).json(TokenAnswer).expires_in).toBe(3600)
    expect(effects.slice(1)).toEqual(['refresh gw', 'token.refreshed gw'])
  })

  test.each([
    ['text/plain', true],
    ['text/plain;q=0.9, application/json;q=0.1', true],
    ['text/plain, */*;q=0.1', true],
    ['text/plain, */*', true],
    ['TEXT/PLAIN', true],
    ['text/*', true],
    ['*/*', false],
    ['application/json, text/plain, */*', false],
    ['application/json', false],
    ['text/plain;q=0', false],
    ['text/html', false],
    ['', false],
  ])('Accept: %s gives the bare token: %s', async (accept, isBare) => {
    const { call, logIn } = await openApi()
    await logIn('gw')
    const answer = await call('GET', '/v1/tokens/gw', { headers: { accept } })
    if (!isBare) return void answer.json(TokenAnswer)
    expect(answer.text).toBe(ACCESS_TOKEN)
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  test('an error is problem details even for who asked for text', async () => {
    const { call } = await openApi()
    const answer = await call('GET', '/v1/tokens/gw', { headers: { accept: 'text/plain' } })
    expect(answer.problem().code).toBe('login_required')
  })

  test('not logged in is 409, and no login is started unasked', async () => {
    const { call, effects } = await openApi()
    const answer = await call('GET', '/v1/tokens/gw?wait=10')
    expect(answer.status).toBe(409)
    expect(answer.problem()).toMatchObject({ code: 'login_required', profile: 'gw', next: 'catchd login gw' })
    expect(effects).toEqual([])
  })

  test('an unknown profile is 404, whatever its name looks like', async () => {
    const { call } = await openApi()
    for (const name of ['nobody', 'GW', '__proto__', '%00', 'a%2Fb']) {
      const answer = await call('GET', `/v1/tokens/${name}`)
      expect([answer.status, answer.problem().code]).toEqual([404, 'profile_unknown'])
    }
  })

  test.each([
    ['min_ttl=abc', 'min_ttl'],
    ['min_ttl=-1', 'min_ttl'],
    ['min_ttl=1.5', 'min_ttl'],
    ['min_ttl=', 'min_ttl'],
    ['min_ttl=86401', 'min_ttl'],
    ['min_ttl=1&min_ttl=2', 'min_ttl'],
    ['min_ttl=1e3', 'min_ttl'],
    ['wait=601', 'wait'],
    ['wait=Infinity', 'wait'],
    ['login=yes', 'login'],
    ['minttl=60', 'minttl'],
    ['__proto__=1', '__proto__'],
    ['min_ttl[]=1', '…'],
  ])('the query %s is refused by name', async (query, name) => {
    const { call, effects, logIn } = await openApi()
    await logIn('gw')
    const answer = await call('GET', `/v1/tokens/gw?${query}`)
    expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
    expect(answer.problem().detail).toContain(name)
    expect(effects).toEqual([])
  })

  test('a value is never repeated, nor a name that may be a key', async () => {
    const { call, adminKey } = await openApi()
    for (const query of [`login=${adminKey}`, `min_ttl=${adminKey}`, `key=${adminKey}`, adminKey]) {
      const answer = await call('GET', `/v1/tokens/gw?${query}`)
      expect(answer.status).toBe(400)
      expect(answer.text).not.toContain(adminKey)
    }
  })
})

describe('login=auto', () => {
  test('starts a login and says where it goes on', async () => {
    const { call, services, effects } = await openApi()
    const answer = await call('GET', '/v1/tokens/gw?login=auto')
    expect(answer.status).toBe(409)
    const [login] = services.logins.pendingOf('gw')
    expect(answer.problem()).toMatchObject({
      code: 'login_required',
      profile: 'gw',
      login_id: login?.id,
      authorization_url: expect.stringMatching(/^https:\/\/as\.example\/authorize\?state=/),
    })
    expect(effects).toEqual(['prepare gw', 'login.begun gw'])
  })

  test('two calls share one login', async () => {
    const { call, effects } = await openApi()
    const ids = await Promise.all(
      [1, 2].map(async () => (await call('GET', '/v1/tokens/gw?login=auto')).problem().login_id),
    )
    expect(new Set(ids).size).toBe(1)
    expect(effects.filter((effect) => effect === 'login.begun gw')).toHaveLength(1)
  })

  test('with wait, the token comes when the login has succeeded', async () => {
    const { call, begun, approve } = await openApi()
    const called = call('GET', '/v1/tokens/gw?login=auto&wait=120&min_ttl=30')
    await approve((await begun('gw')).id)
    expect((await called).json(TokenAnswer).access_token).toBe(ACCESS_TOKEN)
  })

  test('with wait, the login must bring what min_ttl asks for, or it is refreshed', async () => {
    const { call, begun, approve, servers } = await openApi()
    servers.answer = () => issued({ expiresInSeconds: 20 })
    const called = call('GET', '/v1/tokens/gw?login=auto&wait=120&min_ttl=30')
    await approve((await begun('gw')).id)
    expect((await called).json(TokenAnswer).access_token).toBe('access-r1')
  })

  test('with wait, a key that was removed meanwhile gets nothing', async () => {
    const { call, keys, begun, approve, effects } = await openApi()
    const { key } = await keys.add({
      name: 'ci',
      profiles: ['gw'],
      actions: ['login'],
      expiresInSeconds: null,
    })
    const called = call('GET', '/v1/tokens/gw?login=auto&wait=120', { key: key.reveal() })
    const { id } = await begun('gw')
    await keys.remove('ci')
    await approve(id)
    const answer = await called
    expect([answer.status, answer.problem().code]).toEqual([401, 'unauthorized'])
    expect(effects).not.toContain('token.served ci gw')
  })

  test('with wait, a login that fails gives its cause', async () => {
    const { call, begun, deny } = await openApi()
    const called = call('GET', '/v1/tokens/gw?login=auto&wait=120')
    await deny((await begun('gw')).id)
    const answer = await called
    expect(answer.status).toBe(403)
    expect(answer.problem()).toMatchObject({ code: 'authorization_denied', error: 'access_denied' })
  })

  test('a wait that ran out leaves the login running and says so', async () => {
    const { call, begun, clock, services } = await openApi()
    const called = call('GET', '/v1/tokens/gw?login=auto&wait=1')
    const { id } = await begun('gw')
    await settle()
    await clock.pass(1_000)
    expect((await called).problem()).toMatchObject({ code: 'login_required', login_id: id })
    expect(services.logins.find(id)?.status).toBe('pending')
  })

  test('trouble that is no missing login opens no browser', async () => {
    const { call, servers, logIn, clock, effects } = await openApi()
    await logIn('gw', { expiresInSeconds: 30 })
    clock.jump(31_000)
    servers.refreshAnswer = () => ({
      outcome: 'retry_later',
      error: new CatchdError('provider_unreachable', { profile: 'gw' }),
      retryAfterSeconds: null,
    })
    const answer = await call('GET', '/v1/tokens/gw?login=auto&wait=120')
    expect(answer.status).toBe(504)
    expect(effects).toEqual(['refresh gw', 'token.refresh_failed gw'])
  })

  test('closing the app answers who waits', async () => {
    const { app, call, begun } = await openApi()
    const called = call('GET', '/v1/tokens/gw?login=auto&wait=600')
    await begun('gw')
    await settle()
    await app.close()
    expect((await called).problem().code).toBe('login_required')
  })
})

test('a forced refresh answers like a token', async () => {
  const { call, logIn, effects } = await openApi()
  await logIn('gw')
  const answer = await call('POST', '/v1/tokens/gw/refresh')
  expect(answer.json(TokenAnswer)).toMatchObject({ profile: 'gw', access_token: 'access-r1' })
  expect(effects).toEqual(['refresh gw', 'token.refreshed gw', 'token.served admin gw'])
})

describe('a token that a server refused', () => {
  test('is refreshed once, with the permission to get tokens; no refresh without a reason', async () => {
    const { call, keys, logIn, effects } = await openApi()
    await logIn('gw')
    const { key } = await keys.add({
      name: 'ci',
      profiles: ['gw'],
      actions: ['token'],
      expiresInSeconds: null,
    })
    const report = (body?: unknown) => call('POST', '/v1/tokens/gw/refresh', { body, key: key.reveal() })
    const other = async (refused: string) => (await report({ refused })).json(TokenAnswer).access_token
    expect(await other(ACCESS_TOKEN)).toBe('access-r1')
    for (let count = 0; count < 3; count += 1) {
      expect(await other('access-r1')).toBe('access-r2')
      expect(await other('access-r2')).toBe('access-r2')
    }
    expect(effects.filter((effect) => effect === 'refresh gw')).toHaveLength(2)
    for (const body of [undefined, {}]) expect((await report(body)).problem().code).toBe('forbidden')
  })

  test.each([
    ['of another type', { refused: 1 }],
    ['empty', { refused: '' }],
    ['beside another member', { refused: 'x', force: true }],
  ])('%s is refused and not repeated', async (_name, body) => {
    const { call, logIn, effects } = await openApi()
    await logIn('gw')
    const answer = await call('POST', '/v1/tokens/gw/refresh', { body })
    expect([answer.status, answer.problem().code, effects]).toEqual([400, 'request_invalid', []])
  })

  test('of a profile that the key does not allow is no concern of its holder', async () => {
    const { call, keys, logIn, effects } = await openApi()
    await logIn('gw')
    const { key } = await keys.add({
      name: 'ci',
      profiles: ['mc'],
      actions: ['token'],
      expiresInSeconds: null,
    })
    const report = { body: { refused: ACCESS_TOKEN }, key: key.reveal() }
    expect((await call('POST', '/v1/tokens/gw/refresh', report)).problem().code).toBe('forbidden')
    expect(effects).toEqual([])
  })
})

test.each([
  ['no body', undefined, {}],
  ['an empty body that claims to be JSON', '', { 'content-type': 'application/json' }],
  ['an empty object', {}, {}],
])('a call without members takes %s', async (_name, body, headers) => {
  const { call, logIn } = await openApi()
  await logIn('gw')
  expect((await call('POST', '/v1/tokens/gw/refresh', { body, headers })).status).toBe(200)
  expect((await call('DELETE', '/v1/tokens/gw', { body, headers })).status).toBe(204)
})

test('logging out is 204 without content', async () => {
  const { call, logIn, effects } = await openApi()
  await logIn('gw')
  const answer = await call('DELETE', '/v1/tokens/gw')
  expect([answer.status, answer.text]).toEqual([204, ''])
  expect(answer.headers).toMatchObject({ 'catchd-revoked': 'true' })
  expect(answer.headers).not.toHaveProperty('catchd-not-revoked')
  expect(effects).toEqual(['revoke gw', 'token.forgotten gw'])
  expect((await call('GET', '/v1/tokens/gw')).status).toBe(409)
})

test('logging out says why the server still knows the tokens, in one line of ASCII', async () => {
  const { call, logIn, servers } = await openApi()
  await logIn('gw')
  const detail = `The server’s answer\r\nSet-Cookie: a=b ${'x'.repeat(600)}`
  servers.revocation = { outcome: 'failed', error: new CatchdError('provider_refused', detail) }
  const answer = await call('DELETE', '/v1/tokens/gw')
  expect([answer.status, answer.text]).toEqual([204, ''])
  expect(answer.headers).toMatchObject({ 'catchd-revoked': 'false' })
  expect(answer.headers['catchd-not-revoked']).toMatch(/^The server\?s answer\?\?Set-Cookie: a=b x+$/)
  expect(answer.headers['catchd-not-revoked']).toHaveLength(500)
  expect(answer.headers).not.toHaveProperty('set-cookie')
})
