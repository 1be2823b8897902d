import { connect } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { LoginAnswer, LoginListAnswer, StartedLoginAnswer } from '../../../src/http/api/login-answers.js'
import { CODE, type ComposedOptions, PROFILES } from '../../support/composed-daemon.js'
import { freePort } from '../../support/free-port.js'
import { settle } from '../../support/manual-clock.js'
import { rawRequest } from '../redirect/raw-http.js'
import { openApi, serveApi } from './opened-api.js'

const STARTED = {
  login_id: expect.any(String),
  profile: 'gw',
  status: 'pending',
  authorization_url: expect.stringMatching(/^https:\/\/as\.example\/authorize\?state=/),
  redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback\/gw$/),
  expires_at: '2026-01-01T00:10:00Z',
}

/** A redirect URI that can be told to somebody else beforehand. */
const fixedPort = async () => ({ env: { CATCHD_REDIRECT_PORT: String(await freePort()) } })

/** A browser that cannot be started shows in the log that it was tried. */
const NO_BROWSER = { env: { CATCHD_BROWSER: '/nowhere/browser' } }
const TRIED_BROWSER = expect.objectContaining({ event: 'login.trouble', step: 'browser' })

describe('POST /v1/logins', () => {
  test('begins a login and opens no browser unless told', async () => {
    const { call, effects, logged } = await openApi(NO_BROWSER)
    const answer = await call('POST', '/v1/logins', { body: { profile: 'gw' } })
    expect(answer.status).toBe(201)
    expect(answer.json(StartedLoginAnswer)).toEqual(STARTED)
    expect(effects).toEqual(['prepare gw', 'login.begun gw'])
    expect(logged).not.toContainEqual(TRIED_BROWSER)
  })

  test('each call begins one of its own', async () => {
    const { call } = await openApi()
    const body = { profile: 'gw', open: true, timeout: 60 }
    const ids = [await call('POST', '/v1/logins', { body }), await call('POST', '/v1/logins', { body })]
    expect(new Set(ids.map((one) => one.json(StartedLoginAnswer).login_id)).size).toBe(2)
  })

  test('open and timeout go along', async () => {
    const { call, logged } = await openApi(NO_BROWSER)
    const answer = await call('POST', '/v1/logins', { body: { profile: 'gw', open: true, timeout: 60 } })
    expect(answer.json(StartedLoginAnswer).expires_at).toBe('2026-01-01T00:01:00Z')
    await expect.poll(() => logged).toContainEqual(TRIED_BROWSER)
  })

  test.each([
    ['no body', undefined, 'body'],
    ['null', null, 'body'],
    ['a list', [], 'body'],
    ['a string', '"gw"', 'body'],
    ['no profile', {}, 'body.profile'],
    ['a profile name that is none', { profile: 'No Such' }, 'body.profile'],
    ['an unknown member', { profile: 'gw', opne: true }, 'opne'],
    ['open that is no boolean', { profile: 'gw', open: 'yes' }, 'body.open'],
    ['too short a timeout', { profile: 'gw', timeout: 4 }, 'body.timeout'],
    ['too long a timeout', { profile: 'gw', timeout: 3601 }, 'body.timeout'],
    ['half of JSON', '{"profile":', 'JSON'],
    ['__proto__', '{"profile":"gw","__proto__":{"open":true}}', 'JSON'],
    ['constructor.prototype', '{"profile":"gw","constructor":{"prototype":{"open":true}}}', 'JSON'],
  ])('%s is refused, and nothing begins', async (_name, body, place) => {
    const { call, effects } = await openApi()
    const answer = await call('POST', '/v1/logins', { body })
    expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
    expect(answer.problem().detail).toContain(place)
    expect(effects).toEqual([])
  })

  test.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/json-seq', 415],
    ['not a type', 415],
    ['application/json; charset=utf-8', 201],
  ])('a body of type %s is %i', async (type, status) => {
    const { call, effects } = await openApi()
    const answer = await call('POST', '/v1/logins', {
      body: { profile: 'gw' },
      headers: { 'content-type': type },
    })
    expect(answer.status).toBe(status)
    if (status === 201) return
    expect(answer.problem().code).toBe('request_invalid')
    expect(effects).toEqual([])
  })

  test('a body over 16 KiB is refused', async () => {
    const { call, effects } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: { profile: 'x'.repeat(17_000) } })
    expect([answer.status, answer.problem().code]).toEqual([413, 'request_invalid'])
    expect(effects).toEqual([])
  })
})

describe('POST /v1/logins with an authorization request that another tool built', () => {
  const request = {
    profile: 'gw',
    state: 'state-canary-of-16',
    code_verifier: 'verifier-canary-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  }

  test('adopts it, and answers without an authorization URL', async () => {
    const { call, effects, services } = await openApi(await fixedPort())
    const answer = await call('POST', '/v1/logins', { body: { ...request, timeout: 60 } })
    expect(answer.status).toBe(201)
    const { authorization_url, ...rest } = STARTED
    const { login_id: id, ...started } = answer.json(StartedLoginAnswer)
    expect({ login_id: id, ...started }).toEqual({ ...rest, expires_at: '2026-01-01T00:01:00Z' })
    expect(answer.text).not.toContain('canary')
    expect(effects).toEqual(['login.begun gw'])
    await services.logins.paste(id, `${started.redirect_uri}?code=${CODE}&state=${request.state}`)
    expect(services.logins.find(id)?.status).toBe('succeeded')
  })

  test.each([
    ['a state of 15 characters', { ...request, state: 's'.repeat(15) }, 'body.state'],
    ['a state of 1,025 characters', { ...request, state: 's'.repeat(1025) }, 'body.state'],
    ['a state with a line end', { ...request, state: `canary-of-16-more\n` }, 'body.state'],
    ['a state that is no text', { ...request, state: 1234567890123456 }, 'body.state'],
    ['a verifier of 42 characters', { ...request, code_verifier: 'v'.repeat(42) }, 'body.code_verifier'],
    ['a verifier of 129 characters', { ...request, code_verifier: 'v'.repeat(129) }, 'body.code_verifier'],
    [
      'a verifier with a space',
      { ...request, code_verifier: `canary ${'v'.repeat(43)}` },
      'body.code_verifier',
    ],
    ['no verifier', { profile: 'gw', state: request.state }, 'body.code_verifier'],
    ['no state', { profile: 'gw', code_verifier: request.code_verifier }, 'body.state'],
    ['no profile', { state: request.state, code_verifier: request.code_verifier }, 'body.profile'],
    ['open', { ...request, open: true }, 'body.open'],
    ['a nonce', { ...request, nonce: 'canary' }, 'nonce'],
  ])('%s is refused, nothing begins and nothing is repeated', async (_name, body, place) => {
    const { call, effects } = await openApi()
    const answer = await call('POST', '/v1/logins', { body })
    expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
    expect(answer.problem().detail).toContain(place)
    expect(answer.text).not.toContain('canary')
    expect(effects).toEqual([])
  })

  test.each([
    ['token for the profile', ['token'], ['gw']],
    ['login for another profile', ['login'], ['corp']],
  ] as const)('a key with %s is refused', async (_name, actions, profiles) => {
    const { call, effects, keys } = await openApi()
    const { key } = await keys.add({ name: 'ci', profiles, actions, expiresInSeconds: null })
    const answer = await call('POST', '/v1/logins', { body: request, key: key.reveal() })
    expect([answer.status, answer.problem().code]).toEqual([403, 'forbidden'])
    expect(effects).toEqual([])
  })

  test('a key with login for the profile may', async () => {
    const { call, keys } = await openApi(await fixedPort())
    const { key } = await keys.add({
      name: 'ci',
      profiles: ['gw'],
      actions: ['login'],
      expiresInSeconds: null,
    })
    expect((await call('POST', '/v1/logins', { body: request, key: key.reveal() })).status).toBe(201)
  })
})

describe('POST /v1/logins with a redirect URI alone', () => {
  const BOUND = /^http:\/\/localhost:[1-9]\d*\/cb$/
  const body = { redirect_uri: 'http://localhost:0/cb', state: 'state-canary-of-16' }

  test('begins to wait for a response of no profile', async () => {
    const { call, effects } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: { ...body, timeout: 60 } })
    expect(answer.status).toBe(201)
    expect(answer.json(StartedLoginAnswer)).toMatchObject({
      profile: null,
      redirect_uri: expect.stringMatching(BOUND),
      expires_at: '2026-01-01T00:01:00Z',
    })
    expect(answer.text).not.toContain('canary')
    expect(effects).toEqual(['login.begun'])
  })

  test('the state may be left out', async () => {
    const { call, effects } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: { redirect_uri: body.redirect_uri } })
    expect(answer.json(StartedLoginAnswer).redirect_uri).toMatch(BOUND)
    expect(effects).toEqual(['login.begun'])
  })

  test.each([
    ['another machine', { redirect_uri: 'http://192.0.2.1:3000/cb' }, 'body.redirect_uri'],
    ['every address', { redirect_uri: 'http://0.0.0.0:3000/cb' }, 'body.redirect_uri'],
    ['a fragment', { redirect_uri: 'http://localhost:3000/cb#canary' }, 'body.redirect_uri'],
    ['user information', { redirect_uri: 'http://canary:x@localhost:3000/cb' }, 'body.redirect_uri'],
    ['no URL', { redirect_uri: 'canary' }, 'body.redirect_uri'],
    ['2 KiB', { redirect_uri: `http://localhost:3000/${'c'.repeat(2048)}` }, 'body.redirect_uri'],
    ['a profile', { ...body, profile: 'gw' }, 'body.profile'],
    ['a verifier', { ...body, code_verifier: 'v'.repeat(43) }, 'body.code_verifier'],
    ['open', { ...body, open: false }, 'body.open'],
    ['a short state', { ...body, state: 'short' }, 'body.state'],
  ])('%s is refused, and nothing waits', async (_name, wrong, place) => {
    const { call, effects } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: wrong })
    expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
    expect(answer.problem().detail).toContain(place)
    expect(answer.text).not.toContain('canary')
    expect(effects).toEqual([])
  })

  test('needs admin, as does all that follows', async () => {
    const { call, effects, services, keys } = await openApi()
    const login = await keys.add({ name: 'ci', profiles: ['gw'], actions: ['login'], expiresInSeconds: null })
    const admin = await keys.add({ name: 'all', profiles: [], actions: ['admin'], expiresInSeconds: null })
    const pending = await services.logins.begin({ redirectUri: body.redirect_uri, state: null })
    const caught = await services.logins.begin({ redirectUri: body.redirect_uri, state: null })
    await services.logins.paste(caught.id, `${caught.redirectUri}?code=${CODE}&state=of-the-tool`)
    effects.length = 0
    const { id } = caught
    for (const [method, url, sent] of [
      ['POST', '/v1/logins', body],
      ['GET', `/v1/logins/${id}`, undefined],
      ['DELETE', `/v1/logins/${pending.id}`, undefined],
      ['POST', `/v1/logins/${pending.id}/response`, { url: `${pending.redirectUri}?code=x` }],
    ] as const) {
      const answer = await call(method, url, { body: sent, key: login.key.reveal() })
      expect([answer.status, answer.problem().code]).toEqual([403, 'forbidden'])
      expect(answer.text).not.toContain('canary')
    }
    expect(effects).toEqual([])
    expect((await call('GET', `/v1/logins/${id}`)).json(LoginAnswer)).toMatchObject({
      response: { code: CODE },
    })
    expect((await call('POST', '/v1/logins', { body, key: admin.key.reveal() })).status).toBe(201)
  })
})

describe('GET /v1/logins/{id}', () => {
  async function begun(options?: ComposedOptions) {
    const api = await openApi(options)
    const { id } = await api.services.logins.begin({ profile: 'gw', open: false })
    return { ...api, id, path: `/v1/logins/${id}` }
  }

  test('what was caught is in one answer', async () => {
    const { call, services } = await openApi()
    const { id, redirectUri } = await services.logins.begin({
      redirectUri: 'http://localhost:0/cb',
      state: null,
    })
    await services.logins.paste(id, `${redirectUri}?code=${CODE}&state=of-the-tool`)
    const first = await call('GET', `/v1/logins/${id}?wait=5`)
    expect(first.json(LoginAnswer)).toMatchObject({
      profile: null,
      status: 'succeeded',
      error: null,
      stored: null,
      response: { code: CODE, state: 'of-the-tool' },
    })
    const second = await call('GET', `/v1/logins/${id}`)
    expect(second.json(LoginAnswer)).not.toHaveProperty('response')
  })

  test('a pending login', async () => {
    const { call, path } = await begun()
    const answer = await call('GET', path)
    expect(answer.json(LoginAnswer)).toEqual({
      ...STARTED,
      hint: null,
      error: null,
      stored: null,
      report: null,
    })
  })

  test('a login that succeeded says what was stored where, and no authorization URL any more', async () => {
    const { call, path, id, approve } = await begun()
    await approve(id)
    const { authorization_url, ...rest } = STARTED
    // There is nothing to wait for.
    expect((await call('GET', `${path}?wait=120`)).json(LoginAnswer)).toEqual({
      ...rest,
      status: 'succeeded',
      error: null,
      stored: {
        stored_in: 'memory only (lost when the daemon stops)',
        scope: 'email',
        expires_at: '2026-01-01T01:00:00Z',
        refreshable: true,
        subject: 'alice',
      },
      report: { causes: [], exchanges: [expect.objectContaining({ endpoint: 'as.example/authorize' })] },
    })
  })

  test('one whose wait is over is not cancelled, but has expired', async () => {
    const { call, path } = await begun()
    expect((await call('DELETE', `${path}?why=boredom`)).status).toBe(400)
    expect((await call('DELETE', `${path}?why=timeout`)).status).toBe(204)
    expect((await call('GET', path)).json(LoginAnswer)).toMatchObject({
      status: 'expired',
      error: { code: 'login_expired', detail: expect.stringContaining('--timeout') },
    })
  })

  test('a login that failed says why, which is no error of this call', async () => {
    const { call, path, services, id, responseOf } = await begun()
    const denial = 'error=access_denied&error_description=No.'
    await services.logins.paste(id, responseOf(id).replace(`code=${CODE}`, denial))
    const answer = await call('GET', path)
    expect(answer.status).toBe(200)
    expect(answer.json(LoginAnswer)).toMatchObject({
      status: 'failed',
      error: {
        code: 'authorization_denied',
        detail: 'The request was denied at the authorization server.',
        error: 'access_denied',
        error_description: 'No.',
      },
      stored: null,
    })
  })

  test('its report: likely causes, and what was sent and answered', async () => {
    const { call, path, services, id, responseOf } = await begun(await fixedPort())
    await services.logins.paste(id, responseOf(id).replace(`code=${CODE}`, 'error=redirect_uri_mismatch'))
    const { report, redirect_uri } = (await call('GET', path)).json(LoginAnswer)
    expect(report?.causes[0]).toEqual({
      cause: 'redirect_uri_mismatch',
      detail: expect.any(String),
      fix: { run: null, set: null, register: redirect_uri },
    })
    expect(report?.exchanges).toEqual([
      {
        method: 'GET',
        endpoint: 'as.example/authorize',
        sent: { state: '[secret]', redirect_uri },
        authorization: null,
        status: null,
        answered: { error: 'redirect_uri_mismatch' },
        trouble: null,
        clock_difference: null,
      },
    ])
  })

  test('with wait, it is answered when the login is settled', async () => {
    const { call, path, id, approve } = await begun()
    const called = call('GET', `${path}?wait=120`)
    await settle()
    await approve(id)
    expect((await called).json(LoginAnswer).status).toBe('succeeded')
  })

  test('with wait, it is answered as it stands when the time is over', async () => {
    const { call, path, clock } = await begun()
    const called = call('GET', `${path}?wait=120`)
    await settle()
    await clock.pass(120_000)
    expect((await called).json(LoginAnswer).status).toBe('pending')
  })

  test('a caller that leaves stops waiting', async () => {
    const { services, socketPath } = await serveApi()
    const { id } = await services.logins.begin({ profile: 'gw', open: false })
    const wait = vi.spyOn(services.logins, 'wait')
    const socket = connect(socketPath)
    socket.write(rawRequest({ target: `/v1/logins/${id}?wait=600`, host: 'localhost' }))
    await expect.poll(() => wait.mock.calls).toHaveLength(1)
    const [, waitMs, signal] = wait.mock.calls[0] ?? []
    expect([waitMs, signal?.aborted]).toEqual([600_000, false])
    socket.destroy()
    await expect.poll(() => signal?.aborted).toBe(true)
  })

  test('an unknown id is 404', async () => {
    const { call } = await openApi()
    for (const [method, path, body] of [
      ['GET', '/v1/logins/nobody'],
      ['DELETE', '/v1/logins/nobody'],
      ['POST', '/v1/logins/nobody/response', { url: 'http://127.0.0.1/' }],
    ] as const) {
      const answer = await call(method, path, { body })
      expect([answer.status, answer.problem().code]).toEqual([404, 'login_unknown'])
    }
  })
})

test('the logins of a profile are listed, and of that one alone', async () => {
  const { call, services, clock } = await openApi()
  const ids: string[] = []
  for (const profile of ['gw', 'gw', 'corp']) {
    clock.jump(1)
    ids.push((await services.logins.begin({ profile, open: false })).id)
  }
  const answer = await call('GET', '/v1/logins?profile=gw')
  const { logins } = answer.json(LoginListAnswer)
  expect(logins.map(({ login_id }) => login_id)).toEqual([ids[1], ids[0]])
  expect((await call('GET', '/v1/logins')).problem().code).toBe('request_invalid')
})

test('paste-back answers with the login', async () => {
  const { call, services, responseOf } = await openApi()
  const { id } = await services.logins.begin({ profile: 'gw', open: false })
  const url = responseOf(id)
  const answer = await call('POST', `/v1/logins/${id}/response`, { body: { url } })
  expect(answer.json(LoginAnswer).status).toBe('succeeded')
  expect(answer.text).not.toContain('canary')
})

test('what is wrong with a pasted response does not repeat it', async () => {
  const { call, services, effects } = await openApi()
  const { id } = await services.logins.begin({ profile: 'gw', open: false })
  effects.length = 0
  const body = { url: 'http://x/?code=code-canary', code: 'code-canary' }
  const answer = await call('POST', `/v1/logins/${id}/response`, { body })
  expect(answer.status).toBe(400)
  expect(answer.text).not.toContain('canary')
  expect(effects).toEqual([])
})

test('cancelling is 204', async () => {
  const { call, services, effects } = await openApi()
  const { id } = await services.logins.begin({ profile: 'gw', open: false })
  effects.length = 0
  expect((await call('DELETE', `/v1/logins/${id}`)).status).toBe(204)
  expect(services.logins.find(id)?.status).toBe('cancelled')
  expect(effects).toEqual(['login.ended gw'])
})

test('a device login says what to enter where', async () => {
  const device = { grant: 'urn:ietf:params:oauth:grant-type:device_code' }
  const { call } = await openApi({ config: { profiles: { gw: { ...PROFILES.gw, ...device } } } })
  const answer = await call('POST', '/v1/logins', { body: { profile: 'gw' } })
  expect(answer.json(StartedLoginAnswer)).toMatchObject({
    redirect_uri: null,
    user_code: 'WDJB-MJHT',
    verification_uri: 'https://as.example/device',
  })
})
