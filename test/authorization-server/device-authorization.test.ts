/** The device authorization grant at a server that answers as laid out (RFC 8628). */
import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import { authorizationServers, type FakeServer, failureOf, json, startFakeServer } from './fake-server.js'

const ANSWER = {
  device_code: 'device-secret-1',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.example/device',
  expires_in: 600,
}

async function start(answer: unknown = ANSWER, status = 200) {
  const fake = await startFakeServer()
  fake.routes.set('/device', json(answer, status))
  return { fake, servers: authorizationServers(), profile: profileAt(fake) }
}

const profileAt = (fake: FakeServer) =>
  testProfile({
    grant: 'urn:ietf:params:oauth:grant-type:device_code',
    code_challenge_method: 'none',
    token_endpoint: `${fake.base}/token`,
    device_authorization_endpoint: `${fake.base}/device`,
  })

test('client and scope are sent; without an interval it is five seconds', async () => {
  const { fake, servers, profile } = await start()
  const authorization = await servers.authorizeDevice(profile)
  expect(fake.form()).toEqual({ client_id: 'client-1', scope: 'email' })
  expect(authorization).toMatchObject({
    userCode: 'WDJB-MJHT',
    verificationUri: 'https://as.example/device',
    verificationUriComplete: null,
    expiresInSeconds: 600,
    intervalSeconds: 5,
  })
  expect(authorization.deviceCode.reveal()).toBe('device-secret-1')
})

test('numbers as strings and verification_url are understood', async () => {
  const { verification_uri: verification_url, ...rest } = ANSWER
  const { servers, profile } = await start({ ...rest, verification_url, expires_in: '300', interval: '2' })
  expect(await servers.authorizeDevice(profile)).toMatchObject({
    verificationUri: 'https://as.example/device',
    expiresInSeconds: 300,
    intervalSeconds: 2,
  })
})

test('an answer in form encoding is understood, and one that repeats a parameter is refused', async () => {
  const { fake, servers, profile } = await start()
  const form = new URLSearchParams({ ...ANSWER, expires_in: '300' }).toString()
  const answer = (body: string) =>
    fake.routes.set('/device', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' }).end(body)
    })
  answer(form)
  expect(await servers.authorizeDevice(profile)).toMatchObject({
    userCode: 'WDJB-MJHT',
    expiresInSeconds: 300,
  })
  answer(`${form}&user_code=AAAA-BBBB`)
  expect(await failureOf(servers.authorizeDevice(profile))).toMatchObject({ code: 'provider_answer_invalid' })
})

test.each([
  [0, 5],
  [null, 5],
  [0.01, 5],
  [99_999, 3_600],
])('an interval of %s is taken for %i s', async (interval, expected) => {
  const { servers, profile } = await start({ ...ANSWER, interval })
  expect((await servers.authorizeDevice(profile)).intervalSeconds).toBe(expected)
})

test.each([1e300, 'soon', null, -1])(
  'a lifetime of %s is unknown: the longest one counts',
  async (expires_in) => {
    const { servers, profile } = await start({ ...ANSWER, expires_in, interval: expires_in })
    expect(await servers.authorizeDevice(profile)).toMatchObject({
      expiresInSeconds: 3_600,
      intervalSeconds: 5,
    })
  },
)

describe('an answer that cannot be used', () => {
  test.each([
    ['a command for a URI', { ...ANSWER, verification_uri: '$(calc)' }],
    ['a file URI', { ...ANSWER, verification_uri_complete: 'file:///etc/passwd' }],
    ['no device code', { ...ANSWER, device_code: '' }],
    ['a code with line breaks', { ...ANSWER, user_code: 'A\nB' }],
    ['no lifetime', { ...ANSWER, expires_in: 0 }],
    ['no object', []],
  ])('%s', async (_what, answer) => {
    const { servers, profile } = await start(answer)
    expect((await failureOf(servers.authorizeDevice(profile))).code).toBe('provider_answer_invalid')
  })

  test('a refusal is one', async () => {
    const { servers, profile } = await start({ error: 'unauthorized_client' }, 400)
    expect(await failureOf(servers.authorizeDevice(profile))).toMatchObject({
      code: 'provider_refused',
      error: 'unauthorized_client',
    })
  })

  test('without an endpoint the profile is at fault', async () => {
    const { servers, profile } = await start()
    const { device_authorization_endpoint: _endpoint, ...rest } = profile
    expect((await failureOf(servers.authorizeDevice(rest))).code).toBe('profile_invalid')
  })
})

describe('polling', () => {
  test.each<[string, object, number, object]>([
    ['authorization_pending', { error: 'authorization_pending' }, 400, { outcome: 'pending' }],
    ['slow_down', { error: 'slow_down' }, 400, { outcome: 'slow_down' }],
    [
      'access_denied',
      { error: 'access_denied' },
      400,
      { outcome: 'ended', error: { code: 'authorization_denied' } },
    ],
    ...['authorization_declined', 'consent_required'].map((error): [string, object, number, object] => [
      error,
      { error, error_description: 'AADSTS70000: The user declined.\r\nTrace ID: 1' },
      400,
      { outcome: 'ended', error: { code: 'authorization_denied', error } },
    ]),
    [
      'expired_token',
      { error: 'expired_token' },
      400,
      { outcome: 'ended', error: { code: 'login_expired' } },
    ],
    [
      'invalid_grant',
      { error: 'invalid_grant' },
      400,
      { outcome: 'ended', error: { code: 'provider_refused' } },
    ],
    ['a 503', { error: 'x' }, 503, { outcome: 'retry_later' }],
    ['a 429', { error: 'x' }, 429, { outcome: 'retry_later' }],
    ['GitHub, which answers 200', { error: 'authorization_pending' }, 200, { outcome: 'pending' }],
    [
      'tokens',
      { access_token: 'a', token_type: 'bearer', refresh_token: 'r' },
      200,
      { outcome: 'issued', response: { tokenType: 'Bearer' } },
    ],
  ])('%s', async (_what, answer, status, expected) => {
    const { fake, servers, profile } = await start()
    fake.routes.set('/token', json(answer, status))
    expect(await servers.pollDevice(profile, { deviceCode: new Secret('device-secret-1') })).toMatchObject(
      expected,
    )
    expect(fake.form()).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'device-secret-1',
      client_id: 'client-1',
    })
  })

  test('nobody answers: later', async () => {
    const { servers, profile } = await start()
    const gone = { ...profile, token_endpoint: 'http://127.0.0.1:9/token' }
    expect(await servers.pollDevice(gone, { deviceCode: new Secret('d') })).toMatchObject({
      outcome: 'retry_later',
    })
  })

  test('a refusal that quotes the device code does not repeat it', async () => {
    const { fake, servers, profile } = await start()
    fake.routes.set('/token', json({ error: 'invalid_grant', error_description: 'bad device-secret-1' }, 400))
    const poll = await servers.pollDevice(profile, { deviceCode: new Secret('device-secret-1') })
    expect(JSON.stringify(poll)).not.toContain('device-secret-1')
  })
})
