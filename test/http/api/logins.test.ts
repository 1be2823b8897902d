import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { CatchdError } from '../../../src/failures.js'
import { LoginAnswer, LoginListAnswer, StartedLoginAnswer } from '../../../src/http/api/login-answers.js'
import { settle } from '../../support/manual-clock.js'
import { rawRequest } from '../redirect/raw-http.js'
import { pendingCatch, pendingLogin } from './fake-services.js'
import { openApi, serveApi } from './opened-api.js'

const STARTED = {
  login_id: 'login-1',
  profile: 'gw',
  status: 'pending',
  authorization_url: 'https://id.example.com/authorize?client_id=catchd',
  redirect_uri: 'http://127.0.0.1:8252/callback/gw',
  expires_at: '2026-01-01T00:10:00Z',
}

describe('POST /v1/logins', () => {
  test('begins a login and opens no browser unless told', async () => {
    const { call, services } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: { profile: 'gw' } })
    expect(answer.status).toBe(201)
    expect(answer.json(StartedLoginAnswer)).toEqual(STARTED)
    expect(services.calls).toEqual(['logins.begin {"profile":"gw","open":false}'])
  })

  test('each call begins one of its own', async () => {
    const { call } = await openApi()
    const body = { profile: 'gw', open: true, timeout: 60 }
    const ids = [await call('POST', '/v1/logins', { body }), await call('POST', '/v1/logins', { body })]
    expect(ids.map((one) => one.json(StartedLoginAnswer).login_id)).toEqual(['login-1', 'login-2'])
  })

  test('open and timeout go along', async () => {
    const { call, services } = await openApi()
    await call('POST', '/v1/logins', { body: { profile: 'gw', open: true, timeout: 60 } })
    expect(services.calls).toEqual(['logins.begin {"profile":"gw","open":true,"timeoutSeconds":60}'])
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
    const { call, services } = await openApi()
    const answer = await call('POST', '/v1/logins', { body })
    expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
    expect(answer.problem().detail).toContain(place)
    expect(services.calls).toEqual([])
  })

  test.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/json-seq', 415],
    ['not a type', 415],
    ['application/json; charset=utf-8', 201],
  ])('a body of type %s is %i', async (type, status) => {
    const { call, services } = await openApi()
    const answer = await call('POST', '/v1/logins', {
      body: { profile: 'gw' },
      headers: { 'content-type': type },
    })
    expect(answer.status).toBe(status)
    if (status === 201) return
    expect(answer.problem().code).toBe('request_invalid')
    expect(services.calls).toEqual([])
  })

  test('a body over 16 KiB is refused', async () => {
    const { call, services } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: { profile: 'x'.repeat(17_000) } })
    expect([answer.status, answer.problem().code]).toEqual([413, 'request_invalid'])
    expect(services.calls).toEqual([])
  })
})

describe('POST /v1/logins with an authorization request that another tool built', () => {
  const request = {
    profile: 'gw',
    state: 'state-canary-of-16',
    code_verifier: 'verifier-canary-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  }

  test('adopts it, and answers without an authorization URL', async () => {
    const { call, services } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: { ...request, timeout: 60 } })
    expect(answer.status).toBe(201)
    const { authorization_url, ...rest } = STARTED
    expect(answer.json(StartedLoginAnswer)).toEqual(rest)
    expect(services.calls).toEqual([
      'logins.begin {"profile":"gw","state":"[secret]","codeVerifier":"[secret]","timeoutSeconds":60}',
    ])
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
    const { call, services } = await openApi()
    const answer = await call('POST', '/v1/logins', { body })
    expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
    expect(answer.problem().detail).toContain(place)
    expect(answer.text).not.toContain('canary')
    expect(services.calls).toEqual([])
  })

  test.each([
    ['token for the profile', ['token'], ['gw']],
    ['login for another profile', ['login'], ['corp']],
  ] as const)('a key with %s is refused', async (_name, actions, profiles) => {
    const { call, services, keys } = await openApi()
    const { key } = await keys.add({ name: 'ci', profiles, actions, expiresInSeconds: null })
    const answer = await call('POST', '/v1/logins', { body: request, key: key.reveal() })
    expect([answer.status, answer.problem().code]).toEqual([403, 'forbidden'])
    expect(services.calls).toEqual([])
  })

  test('a key with login for the profile may', async () => {
    const { call, keys } = await openApi()
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
  const body = { redirect_uri: 'http://localhost:3000/cb', state: 'state-canary-of-16' }

  test('begins to wait for a response of no profile', async () => {
    const { call, services } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: { ...body, timeout: 60 } })
    expect(answer.status).toBe(201)
    expect(answer.json(StartedLoginAnswer)).toMatchObject({ profile: null, redirect_uri: body.redirect_uri })
    expect(answer.text).not.toContain('canary')
    expect(services.calls).toEqual([
      `logins.beginCatch {"redirectUri":"${body.redirect_uri}","state":"[secret]","timeoutSeconds":60}`,
    ])
  })

  test('the state may be left out', async () => {
    const { call, services } = await openApi()
    await call('POST', '/v1/logins', { body: { redirect_uri: body.redirect_uri } })
    expect(services.calls).toEqual([`logins.beginCatch {"redirectUri":"${body.redirect_uri}","state":null}`])
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
    const { call, services } = await openApi()
    const answer = await call('POST', '/v1/logins', { body: wrong })
    expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
    expect(answer.problem().detail).toContain(place)
    expect(answer.text).not.toContain('canary')
    expect(services.calls).toEqual([])
  })

  test('needs admin, as does all that follows', async () => {
    const { call, services, keys } = await openApi()
    const login = await keys.add({ name: 'ci', profiles: ['gw'], actions: ['login'], expiresInSeconds: null })
    const admin = await keys.add({ name: 'all', profiles: [], actions: ['admin'], expiresInSeconds: null })
    services.pending.set('login-1', pendingCatch())
    services.caught.set('login-1', { code: 'code-canary' })
    for (const [method, url, sent] of [
      ['POST', '/v1/logins', body],
      ['GET', '/v1/logins/login-1', undefined],
      ['DELETE', '/v1/logins/login-1', undefined],
      ['POST', '/v1/logins/login-1/response', { url: 'http://localhost:3000/cb?code=x' }],
    ] as const) {
      const answer = await call(method, url, { body: sent, key: login.key.reveal() })
      expect([answer.status, answer.problem().code]).toEqual([403, 'forbidden'])
    }
    expect(services.calls).toEqual([])
    expect((await call('POST', '/v1/logins', { body, key: admin.key.reveal() })).status).toBe(201)
  })
})

describe('GET /v1/logins/{id}', () => {
  test('what was caught is in one answer', async () => {
    const { call, services } = await openApi()
    const { authorizationUrl: _none, state: _state, ...caught } = pendingCatch()
    services.end({ ...caught, status: 'succeeded', caught: 'code' })
    services.caught.set('login-1', { code: 'code-canary', state: 'of-the-tool' })
    const first = await call('GET', '/v1/logins/login-1?wait=5')
    expect(first.json(LoginAnswer)).toMatchObject({
      profile: null,
      status: 'succeeded',
      error: null,
      stored: null,
      response: { code: 'code-canary', state: 'of-the-tool' },
    })
    const second = await call('GET', '/v1/logins/login-1')
    expect(second.json(LoginAnswer)).not.toHaveProperty('response')
  })

  test('a pending login', async () => {
    const { call, services } = await openApi()
    services.pending.set('login-1', pendingLogin())
    const answer = await call('GET', '/v1/logins/login-1')
    expect(answer.json(LoginAnswer)).toEqual({ ...STARTED, error: null, stored: null, report: null })
  })

  test('a login that succeeded says what was stored where, and no authorization URL any more', async () => {
    const { call, services } = await openApi()
    services.settle('login-1')
    const { authorization_url, ...rest } = STARTED
    expect((await call('GET', '/v1/logins/login-1?wait=120')).json(LoginAnswer)).toEqual({
      ...rest,
      status: 'succeeded',
      error: null,
      stored: {
        stored_in: 'the login keychain (service catchd)',
        scope: 'email',
        expires_at: '2026-01-01T01:00:00Z',
        refreshable: true,
        subject: null,
      },
      report: null,
    })
    expect(services.calls).toEqual([]) // nothing to wait for
  })

  test('a login that failed says why, which is no error of this call', async () => {
    const { call, services } = await openApi()
    const { id, profile, redirectUri, createdAtMs, expiresAtMs } = pendingLogin()
    const failure = new CatchdError('authorization_denied', {
      profile,
      error: 'access_denied',
      errorDescription: 'No.',
    })
    services.end({ id, profile, redirectUri, createdAtMs, expiresAtMs, status: 'failed', failure })
    const answer = await call('GET', '/v1/logins/login-1')
    expect(answer.status).toBe(200)
    expect(answer.json(LoginAnswer)).toMatchObject({
      status: 'failed',
      error: {
        code: 'authorization_denied',
        detail: null,
        error: 'access_denied',
        error_description: 'No.',
      },
      stored: null,
    })
  })

  test('its report: likely causes, and what was sent and answered', async () => {
    const { call, services } = await openApi()
    const { id, profile, redirectUri, createdAtMs, expiresAtMs } = pendingLogin()
    const report = {
      causes: [
        {
          cause: 'redirect_uri_mismatch',
          detail: 'It is not registered.',
          fix: { run: null, set: null, register: redirectUri },
        },
      ],
      exchanges: [
        {
          method: 'GET',
          endpoint: 'id.example.com/authorize',
          sent: { client_id: 'catchd', state: '[secret]' },
          authorization: null,
          status: null,
          answered: { error: 'redirect_uri_mismatch' },
          trouble: null,
        },
      ],
    } as const
    services.end({
      ...{ id, profile, redirectUri, createdAtMs, expiresAtMs, status: 'failed' },
      failure: new CatchdError('provider_refused'),
      report: {
        causes: report.causes,
        exchanges: report.exchanges.map((exchange) => ({ ...exchange, clockDifferenceSeconds: null })),
      },
    })
    const answer = (await call('GET', '/v1/logins/login-1')).json(LoginAnswer)
    expect(answer.report).toEqual({
      causes: report.causes,
      exchanges: [{ ...report.exchanges[0], clock_difference: null }],
    })
  })

  test('with wait, it is answered when the login is settled', async () => {
    const { call, services } = await openApi()
    services.pending.set('login-1', pendingLogin())
    const called = call('GET', '/v1/logins/login-1?wait=120')
    await settle()
    services.settle('login-1')
    expect((await called).json(LoginAnswer).status).toBe('succeeded')
    expect(services.calls).toEqual(['logins.wait login-1 120000'])
  })

  test('a caller that leaves stops waiting', async () => {
    const { services, socketPath } = await serveApi()
    services.pending.set('login-1', pendingLogin())
    const socket = connect(socketPath)
    socket.write(rawRequest({ target: '/v1/logins/login-1?wait=600', host: 'localhost' }))
    await until(() => services.waiting.length === 1)
    expect(services.waiting[0]?.signal.aborted).toBe(false)
    socket.destroy()
    await until(() => services.waiting[0]?.signal.aborted === true)
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
  const { call, services } = await openApi()
  services.pending.set('login-1', pendingLogin())
  services.pending.set('login-2', pendingLogin({ id: 'login-2' }))
  services.pending.set('login-3', pendingLogin({ id: 'login-3', profile: 'corp' }))
  const answer = await call('GET', '/v1/logins?profile=gw')
  const { logins } = answer.json(LoginListAnswer)
  expect(logins.map(({ login_id }) => login_id)).toEqual(['login-2', 'login-1'])
  expect(answer.text).not.toContain('canary')
  expect((await call('GET', '/v1/logins')).problem().code).toBe('request_invalid')
})

test('paste-back answers with the login', async () => {
  const { call, services } = await openApi()
  services.pending.set('login-1', pendingLogin())
  const url = 'http://127.0.0.1:8252/callback/gw?code=code-canary&state=state-canary'
  const answer = await call('POST', '/v1/logins/login-1/response', { body: { url } })
  expect(answer.json(LoginAnswer).status).toBe('succeeded')
  expect(answer.text).not.toContain('canary')
})

test('what is wrong with a pasted response does not repeat it', async () => {
  const { call, services } = await openApi()
  services.pending.set('login-1', pendingLogin())
  const body = { url: 'http://x/?code=code-canary', code: 'code-canary' }
  const answer = await call('POST', '/v1/logins/login-1/response', { body })
  expect(answer.status).toBe(400)
  expect(answer.text).not.toContain('canary')
  expect(services.calls).toEqual([])
})

test('cancelling is 204', async () => {
  const { call, services } = await openApi()
  services.pending.set('login-1', pendingLogin())
  expect((await call('DELETE', '/v1/logins/login-1')).status).toBe(204)
  expect(services.calls).toEqual(['logins.cancel login-1'])
})

async function until(isSo: () => boolean): Promise<void> {
  for (let polls = 0; !isSo(); polls++) {
    if (polls > 400) throw new Error('it did not come to be')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
