/**
 * What a person and a tool see when an authorization server misbehaves: the built program at oauth2-mock-server, whose
 * answers are changed one at a time. A code is sent once whatever comes back, and nothing that works is thrown away.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { type FaultySystem, refusal, startFaultySystem, withMembers } from '../support/faulty-system.js'
import type { AnswerChange } from '../support/oauth2-mock-server.js'

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

const token = () => system.daemon.api('GET', '/v1/tokens/mock')

describe('a code that is not redeemed was sent once, and the next login is good', () => {
  const described = { error_description: 'Out of order.' }
  test.each<[string, AnswerChange, object]>([
    ['500 without a word', refusal(500), { code: 'provider_answer_invalid', detail: /\(500\)/ }],
    [
      '500 with one',
      refusal(500, { error: 'server_error', ...described }),
      { code: 'provider_refused', error: 'server_error', ...described },
    ],
    [
      '503',
      refusal(503, { error: 'temporarily_unavailable' }),
      { code: 'provider_refused', error: 'temporarily_unavailable' },
    ],
    ['400 without a word', refusal(400), { code: 'provider_refused', detail: /status 400 and no reason/ }],
    [
      '400',
      refusal(400, { error: 'invalid_grant', ...described }),
      { code: 'provider_refused', error: 'invalid_grant', ...described },
    ],
    ['401', refusal(401, { error: 'invalid_client' }), { code: 'provider_refused', error: 'invalid_client' }],
    [
      'an error in a 200',
      refusal(200, { error: 'bad_code' }),
      { code: 'provider_refused', error: 'bad_code' },
    ],
    [
      'tokens in a 500',
      refusal(500, { access_token: 'a', token_type: 'Bearer' }),
      { code: 'provider_refused' },
    ],
    ['a redirect', refusal(307), { code: 'provider_answer_invalid', detail: /redirect \(307\)/ }],
    [
      'no access_token',
      withMembers({ access_token: undefined }),
      { code: 'provider_answer_invalid', detail: /no access_token/ },
    ],
    ['another token_type', withMembers({ token_type: 'mac' }), { detail: /the token_type "mac"/ }],
    ['no id_token', withMembers({ id_token: undefined, scope: undefined }), { detail: /has no id_token/ }],
  ])('%s', async (_name, change, failure) => {
    system.server.changeNextAnswers(change)
    const { page, login } = await system.daemon.login('mock', system.server.approve)
    expect(login).toMatchObject({ status: 'failed', error: matching(failure) })
    expect(page?.body).toContain((login['error'] as { code: string }).code)
    expect(system.server.tokenRequests).toHaveLength(1)
    expect(await token()).toMatchObject({ status: 409, json: { code: 'login_required' } })
    await system.logIn()
    expect(system.server.tokenRequests).toHaveLength(2)
  })
})

describe('an id_token that does not hold spoils its login: nothing is kept', () => {
  const inAnHour = () => Math.floor(Date.now() / 1000) + 3600
  const claims = (changed: () => Record<string, unknown>) => () =>
    system.server.changeIdTokens(({ payload }) => Object.assign(payload, changed()))
  test.each<[string, () => void, RegExp]>([
    ['another nonce', claims(() => ({ nonce: 'of another login' })), /"nonce"/],
    ['no nonce', claims(() => ({ nonce: undefined })), /"nonce"/],
    ['another audience', claims(() => ({ aud: 'another-client' })), /"aud"/],
    ['another audience too', claims(() => ({ aud: ['catchd', 'another-client'] })), /untrusted audiences/],
    ['another issuer', claims(() => ({ iss: 'http://127.0.0.1:9' })), /"iss"/],
    ['the issuer and a slash', claims(() => ({ iss: `${system.server.issuer}/` })), /"iss"/],
    ['its time is over', claims(() => ({ exp: inAnHour() - 2 * 3600 })), /"exp"/],
    ['its time has not come', claims(() => ({ nbf: inAnHour() })), /"nbf"/],
    ['no subject', claims(() => ({ sub: undefined })), /"sub"/],
    [
      'a key that the server does not publish',
      () =>
        system.server.changeIdTokens(({ header }) => {
          header.kid = 'another'
        }),
      /no key that fits the signature/,
    ],
  ])('%s', async (_name, change, detail) => {
    change()
    const { login } = await system.daemon.login('mock', system.server.approve)
    expect(login).toMatchObject({
      status: 'failed',
      error: { code: 'provider_answer_invalid', detail: expect.stringMatching(detail) },
    })
    expect(await token()).toMatchObject({ status: 409, json: { code: 'login_required' } })
    expect(system.server.tokenRequests).toHaveLength(1)
  })
})

describe('an authorization response', () => {
  test('with an error ends the login with it, and no token request is sent', async () => {
    system.server.onAuthorization(({ url }) => {
      url.searchParams.delete('code')
      url.searchParams.set('error', 'temporarily_unavailable')
      url.searchParams.set('error_description', 'Come back later.')
    })
    const { login } = await system.daemon.login('mock', system.server.approve)
    expect(login).toMatchObject({
      status: 'failed',
      error: {
        code: 'provider_refused',
        error: 'temporarily_unavailable',
        error_description: 'Come back later.',
      },
    })
    expect(system.server.tokenRequests).toHaveLength(0)
  })

  test('with another state changes nothing: the login still waits for its own', async () => {
    const begun = await system.daemon.api('POST', '/v1/logins', { body: { profile: 'mock', open: false } })
    const response = new URL(await system.server.approve(String(begun.json['authorization_url'])))
    const genuine = response.href
    response.searchParams.set('state', 'of-another-login')
    const refused = await system.daemon.deliver(response.href)
    expect(refused.status).toBe(400)
    expect(refused.body).toContain('state_unknown')
    const login = async () =>
      (await system.daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}`)).json
    expect(await login()).toMatchObject({ status: 'pending' })
    expect(system.server.tokenRequests).toHaveLength(0)
    await system.daemon.deliver(genuine)
    expect(await login()).toMatchObject({ status: 'succeeded' })
  })
})

describe('a token response that is odd but good', () => {
  test.each<[string, Record<string, unknown>, object]>([
    ['expires_in as a string', { expires_in: '1800' }, { expires_in: 1800 }],
    ['expires_in that is no number', { expires_in: 'soon' }, { expires_in: null, expires_at: null }],
    ['no expires_in', { expires_in: undefined }, { expires_in: null, expires_at: null }],
    ['token_type in lower case', { token_type: 'bearer' }, { token_type: 'Bearer' }],
    ['no scope', { scope: undefined }, { scope: 'openid' }],
    ['another scope than was asked for', { scope: 'openid extra' }, { scope: 'openid extra' }],
  ])('%s', async (_name, members, answer) => {
    await system.logIn(withMembers(members))
    const { json } = await token()
    const { expires_in: seconds, ...expected } = answer as { expires_in?: number | null }
    expect(json).toMatchObject(expected)
    if (seconds === null) expect(json['expires_in']).toBeNull()
    if (typeof seconds === 'number') expect(seconds - Number(json['expires_in'])).toBeOneOf([0, 1, 2])
  })

  test('no refresh token: the token is served, and a refresh needs a login', async () => {
    const first = await system.logIn(withMembers({ refresh_token: undefined }))
    expect(await system.daemon.api('POST', '/v1/tokens/mock/refresh')).toMatchObject({
      status: 409,
      json: {
        code: 'login_required',
        next: 'catchd login mock',
        detail: expect.stringContaining('no refresh token'),
      },
    })
    expect((await token()).json['access_token']).toBe(first)
    expect(system.server.tokenRequests).toHaveLength(1)
  })
})

/** Regular expressions in the place of strings, for `toMatchObject`. */
function matching(failure: object): object {
  return Object.fromEntries(
    Object.entries(failure).map(([name, value]) => [
      name,
      value instanceof RegExp ? expect.stringMatching(value) : value,
    ]),
  )
}
