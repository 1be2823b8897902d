/**
 * Refreshes at an authorization server that misbehaves: the built program at oauth2-mock-server. A refresh token that
 * is dead leads to a login; whatever else goes wrong, what is still good is served and the refresh can be repeated.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { type FaultySystem, refusal, startFaultySystem, withMembers } from '../support/faulty-system.js'
import type { AnswerChange, IdTokenChange } from '../support/oauth2-mock-server.js'

let daemon: Daemon
let system: FaultySystem

beforeAll(async () => {
  daemon = await startDaemon()
})
afterAll(() => daemon.stop())
beforeEach(async () => {
  system = await startFaultySystem(daemon)
})
afterEach(() => system.stop())

const token = (query = '') => system.daemon.api('GET', `/v1/tokens/mock${query}`)
const refresh = () => system.daemon.api('POST', '/v1/tokens/mock/refresh')
const profile = async () => (await system.daemon.api('GET', '/v1/profiles/mock')).json
const refreshTokensSent = () =>
  system.server.tokenRequests
    .filter(({ grant_type: grant }) => grant === 'refresh_token')
    .map(({ refresh_token: sent }) => sent)

/** A token set whose access token has run out when it comes, so that nothing has to wait for it. */
const OVER = withMembers({ expires_in: 0 })
const DEAD = refusal(400, { error: 'invalid_grant', error_description: 'Revoked.' })

describe('a refresh token that is dead', () => {
  const problem = {
    status: 409,
    json: {
      code: 'login_required',
      error: 'invalid_grant',
      error_description: 'Revoked.',
      next: 'catchd login mock',
    },
  }

  test('leads to a login, is not sent again unasked, and the next login is good', async () => {
    await system.logIn(OVER)
    system.server.changeNextAnswers(DEAD)
    expect(await token()).toMatchObject(problem)
    expect(await token()).toMatchObject(problem)
    expect(refreshTokensSent()).toHaveLength(1)
    expect(await profile()).toMatchObject({ status: 'expired' })

    const accessToken = await system.logIn()
    expect(await token()).toMatchObject({ status: 200, json: { access_token: accessToken } })
    expect(await profile()).toMatchObject({ status: 'logged_in' })
    expect(await refresh()).toMatchObject({ status: 200 })
  })

  test('takes nothing away from the access token beside it', async () => {
    const accessToken = await system.logIn()
    system.server.changeNextAnswers(DEAD)
    expect(await refresh()).toMatchObject(problem)
    const asked = await token('?min_ttl=7200')
    expect(asked).toMatchObject({ status: 200, json: { access_token: accessToken } })
    expect(refreshTokensSent()).toHaveLength(1)
  })

  test.each<[string, AnswerChange]>([
    ['a 401', refusal(401, { error: 'invalid_grant' })],
    [
      'a 403 in other words',
      refusal(403, { error: 'unauthorized_client', error_description: 'refresh_token is invalid' }),
    ],
    ['a 200 with a number', refusal(200, { errcode: 42_002, errmsg: 'refresh_token expired' })],
    ['a 200 with the error in it', refusal(200, { error: 'bad_refresh_token' })],
  ])('is told by %s, too', async (_name, change) => {
    await system.logIn(OVER)
    system.server.changeNextAnswers(change)
    expect(await token()).toMatchObject({ status: 409, json: { code: 'login_required' } })
  })
})

describe('a refresh that fails for another cause', () => {
  test.each<[string, AnswerChange, object]>([
    ['500 without a word', refusal(500), { code: 'provider_answer_invalid' }],
    ['500', refusal(500, { error: 'server_error' }), { code: 'provider_refused', error: 'server_error' }],
    [
      '503',
      refusal(503, { error: 'temporarily_unavailable' }),
      { code: 'provider_refused', error: 'temporarily_unavailable' },
    ],
    ['429', refusal(429, { error: 'slow_down' }), { code: 'provider_refused', error: 'slow_down' }],
    [
      '401 of the client',
      refusal(401, { error: 'invalid_client' }),
      { code: 'provider_refused', error: 'invalid_client' },
    ],
    ['400 without a word', refusal(400), { code: 'provider_refused' }],
    ['403 of a gateway', refusal(403, { message: 'Forbidden' }), { code: 'provider_refused' }],
    [
      'no tokens',
      withMembers({ access_token: undefined, refresh_token: undefined }),
      { code: 'provider_answer_invalid' },
    ],
  ])('%s: the good token is served, and the refresh is repeated', async (_name, change, problem) => {
    const accessToken = await system.logIn()
    system.server.changeNextAnswers(change)
    // The first asks the server, the second comes while the server is left alone.
    for (const _ of [1, 2]) {
      const asked = await token('?min_ttl=7200')
      expect(asked).toMatchObject({ status: 200, json: { access_token: accessToken } })
    }
    expect(refreshTokensSent()).toHaveLength(1)

    system.server.changeNextAnswers(change)
    expect(await refresh()).toMatchObject({ status: 502, json: problem })
    expect(await profile()).toMatchObject({ status: 'logged_in', refresh_failing: { error: problem } })

    const again = await refresh()
    expect(again.status, again.text).toBe(200)
    expect(again.json['access_token']).not.toBe(accessToken)
    expect(await profile()).toMatchObject({ refresh_failing: null })
    expect(refreshTokensSent()).toHaveLength(3)
    expect(new Set(refreshTokensSent()).size).toBe(1)
  })

  test('when nothing is left to serve, the cause is told, and no login is asked for', async () => {
    await system.logIn(OVER)
    system.server.changeNextAnswers(refusal(503, { error: 'temporarily_unavailable' }))
    for (const _ of [1, 2]) {
      expect(await token()).toMatchObject({
        status: 502,
        json: { code: 'provider_refused', error: 'temporarily_unavailable' },
      })
    }
    expect(refreshTokensSent()).toHaveLength(1)
    expect(await refresh()).toMatchObject({ status: 200 })
    expect(await token()).toMatchObject({ status: 200 })
  })
})

describe('the answer to a refresh', () => {
  test('with a new refresh token: that one is sent next', async () => {
    await system.logIn()
    await refresh()
    await refresh()
    expect(new Set(refreshTokensSent()).size).toBe(2)
  })

  test.each<[string, AnswerChange]>([
    ['no access_token', withMembers({ access_token: undefined })],
    ['an access_token that is no text', withMembers({ access_token: 7 })],
    ['a token_type that nobody knows', withMembers({ token_type: 'mac' })],
    ['a refusal beside it', withMembers({ error: 'server_error' })],
  ])('with %s: its new refresh token is sent next', async (_name, change) => {
    const accessToken = await system.logIn()
    system.server.changeNextAnswers(change)
    expect(await refresh()).toMatchObject({ status: 502 })
    expect(await token()).toMatchObject({ json: { access_token: accessToken } })
    expect(await refresh()).toMatchObject({ status: 200 })
    expect(new Set(refreshTokensSent()).size).toBe(2)
  })

  test('without a token_type and a scope: both stay as they were', async () => {
    await system.logIn()
    const { json: before } = await token()
    system.server.changeNextAnswers(withMembers({ token_type: undefined, scope: undefined }))
    const { token_type, scope } = before
    expect(await refresh()).toMatchObject({ status: 200, json: { token_type, scope } })
  })

  test('with a refresh token or an id_token that cannot be used: the rest is taken', async () => {
    const accessToken = await system.logIn()
    system.server.changeNextAnswers(withMembers({ refresh_token: 7, id_token: 'a b' }))
    const { status, json } = await refresh()
    expect([status, json['access_token'] === accessToken]).toEqual([200, false])
    expect(await refresh()).toMatchObject({ status: 200 })
    expect(new Set(refreshTokensSent()).size).toBe(1)
  })

  test('without one: the old one is sent again', async () => {
    await system.logIn()
    system.server.changeNextAnswers(withMembers({ refresh_token: undefined }))
    await refresh()
    await refresh()
    expect(refreshTokensSent()).toHaveLength(2)
    expect(new Set(refreshTokensSent()).size).toBe(1)
  })

  test('without an id_token: the one of the login stays (OpenID Connect Core §12.2)', async () => {
    await system.logIn()
    system.server.changeNextAnswers(withMembers({ id_token: undefined, scope: undefined }))
    expect(await refresh()).toMatchObject({ status: 200 })
    expect(await profile()).toMatchObject({ status: 'logged_in', subject: 'johndoe' })
    const { json } = await system.daemon.api('GET', '/v1/tokens/mock/inspection')
    expect(json['id_token']).toMatchObject({ claims: { sub: 'johndoe' } })
  })

  const claims =
    (changed: Record<string, unknown>): IdTokenChange =>
    ({ payload }) =>
      Object.assign(payload, changed)

  test.each<[string, IdTokenChange]>([
    ['another person', claims({ sub: 'mallory' })],
    ['another audience', claims({ aud: 'another-client' })],
    ['another issuer', claims({ iss: 'http://127.0.0.1:9' })],
  ])('with an id_token of %s is not taken, and a login is asked for', async (_name, change) => {
    const accessToken = await system.logIn()
    system.server.changeIdTokens(change)
    expect(await refresh()).toMatchObject({
      status: 409,
      json: { code: 'login_required', detail: expect.stringContaining('id_token that is not valid') },
    })
    expect(await token()).toMatchObject({ status: 200, json: { access_token: accessToken } })
    expect(refreshTokensSent()).toHaveLength(1)

    // Its new refresh token is kept, but what it brings must prove whose it is.
    system.server.changeIdTokens(undefined)
    system.server.changeNextAnswers(withMembers({ id_token: undefined }))
    expect(await refresh()).toMatchObject({ status: 409, json: { code: 'login_required' } })
    expect(await refresh()).toMatchObject({ status: 200 })
    expect(new Set(refreshTokensSent()).size).toBe(3)
  })

  test.each<[string, IdTokenChange]>([
    ['whose time is over by this clock', claims({ exp: 1 })],
    [
      'of a key that is not published yet',
      ({ header }) => {
        header.kid = 'next'
      },
    ],
  ])('with an id_token %s: its tokens are taken', async (_name, change) => {
    const accessToken = await system.logIn()
    system.server.changeIdTokens(change)
    const answer = await refresh()
    expect(answer.status, answer.text).toBe(200)
    expect(answer.json['access_token']).not.toBe(accessToken)
    expect(await profile()).toMatchObject({ status: 'logged_in', subject: 'johndoe' })
  })
})

describe('the other endpoints', () => {
  test('trouble of introspection and userinfo stands beside what is known', async () => {
    await system.logIn()
    system.server.onIntrospection((answer) => {
      answer.body = { active: false }
    })
    system.server.onUserinfo(refusal(500, { error: 'server_error' }))
    const { json } = await system.daemon.api('GET', '/v1/tokens/mock/inspection')
    expect(json).toMatchObject({
      subject: 'johndoe',
      introspection: { answer: { active: false }, error: null },
      userinfo: { answer: null, error: { code: 'provider_refused', error: 'server_error' } },
    })
  })

  test('userinfo about somebody else is not believed', async () => {
    await system.logIn()
    system.server.onUserinfo(refusal(200, { sub: 'mallory' }))
    const { json } = await system.daemon.api('GET', '/v1/tokens/mock/inspection')
    expect(json['userinfo']).toMatchObject({ answer: null, error: { code: 'provider_answer_invalid' } })
  })

  test('a logout that cannot be told to the server is one all the same', async () => {
    await system.logIn()
    system.server.onRevocation((answer) => {
      answer.statusCode = 503
    })
    const answer = await system.daemon.api('DELETE', '/v1/tokens/mock')
    expect(answer).toMatchObject({ status: 204, headers: { 'catchd-revoked': 'false' } })
    expect(answer.headers['catchd-not-revoked']).toContain('503')
    expect(await token()).toMatchObject({ status: 409, json: { code: 'login_required' } })
  })
})
