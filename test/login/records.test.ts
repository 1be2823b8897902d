/** The vault records of logins: those of earlier programs count, and what is written is what they read. */
import { expect, test } from 'vitest'
import { Secret } from '../../src/secret.js'
import { codeOf, REDIRECT_URI, startLogins } from '../support/logins.js'

const NOW_MS = Date.parse('2026-01-01T00:00:00Z')

const CODE = {
  version: 1,
  id: 'code-1',
  profile: 'gw',
  redirect_uri: REDIRECT_URI,
  listen: null,
  created_at_ms: NOW_MS,
  expires_at_ms: NOW_MS + 600_000,
  state: 'state-of-a-code-login',
  code_verifier: 'v'.repeat(43),
  nonce: null,
  authorization_url: 'https://as.example/authorize?state=x',
  authorization_server: 'https://as.example/token',
  client_id: 'client-1',
  expected_issuer: null,
  iss_required: false,
  response_mode: 'query',
  state_echo: true,
}

const CERTIFICATE = { certificate_file: '/c/cert.pem', private_key_file: '/c/key.pem' }

const DEVICE = {
  version: 1,
  id: 'device-1',
  profile: 'gw',
  created_at_ms: NOW_MS,
  expires_at_ms: NOW_MS + 600_000,
  device_code: 'device-code',
  interval_ms: 5_000,
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.example/device',
  verification_uri_complete: null,
  authorization_server: 'https://as.example/token',
  client_id: 'client-1',
}

const CATCH = {
  version: 1,
  id: 'catch-1',
  redirect_uri: 'http://localhost:3000/cb',
  created_at_ms: NOW_MS,
  expires_at_ms: NOW_MS + 600_000,
  state: 'state-of-a-catch',
}

async function restored(name: string, record: unknown) {
  const scene = startLogins()
  scene.vault.items.set(name, new Secret(typeof record === 'string' ? record : JSON.stringify(record)))
  await scene.logins.restore()
  return scene
}

test('a login with a code goes on, and its code is redeemed with what it was begun with', async () => {
  const { logins, answer, servers } = await restored('login/code-1', CODE)
  expect(logins.find('code-1')).toMatchObject({
    status: 'pending',
    redirectUri: REDIRECT_URI,
    certificate: null, // the record is of a program that knew none
    expiresAtMs: CODE.expires_at_ms,
    origin: { authorizationServer: CODE.authorization_server, clientId: CODE.client_id },
  })
  expect(await answer(REDIRECT_URI, `code=c&state=${CODE.state}`)).toMatchObject({ status: 'succeeded' })
  expect(servers.redeemed[0]?.codeVerifier?.reveal()).toBe(CODE.code_verifier)
})

test.each([null, CERTIFICATE])('its certificate comes back: %j', async (certificate) => {
  const { logins } = await restored('login/code-1', { ...CODE, certificate })
  expect(logins.find('code-1')).toMatchObject({
    certificate: certificate && { certificateFile: '/c/cert.pem', privateKeyFile: '/c/key.pem' },
  })
})

test('a device login is polled on with its device code', async () => {
  const { logins, clock, servers } = await restored('device-login/device-1', DEVICE)
  expect(logins.find('device-1')).toMatchObject({
    authorizationUrl: 'https://as.example/device',
    device: { userCode: 'WDJB-MJHT', verificationUriComplete: null },
  })
  await clock.pass(5_000)
  expect(servers.polled).toEqual(['device-code'])
})

test.each([CATCH, { ...CATCH, state: null }])('a catch still waits: %j', async (record) => {
  const { answer } = await restored('catch/catch-1', record)
  const settled = await answer(CATCH.redirect_uri, `code=c&state=${CATCH.state}`)
  expect(settled).toMatchObject({ id: 'catch-1', caught: 'code' })
})

test.each([
  ['login/code-1', 'no JSON'],
  ['login/code-1', { ...CODE, version: 2 }],
  ['login/code-1', { ...CODE, state: undefined }],
  ['login/code-1', { ...CODE, redirect_uri: 'nowhere' }],
  ['login/code-1', { ...CODE, authorization_url: 'nowhere' }],
  ['device-login/device-1', { ...DEVICE, interval_ms: 'soon' }],
  ['catch/catch-1', { ...CATCH, redirect_uri: '' }],
  ['catch/catch-1', null],
])('what cannot be read is deleted: %s, %j', async (name, record) => {
  const { logins, vault } = await restored(name, record)
  expect([...vault.items.keys()]).toEqual([])
  expect(logins.countPending(() => true)).toBe(0)
})

test('what is written has the same members', async () => {
  const device = startLogins({ grant: 'urn:ietf:params:oauth:grant-type:device_code' })
  await device.logins.begin({ profile: 'gw', open: false })
  const other = startLogins({
    redirect_certificate_file: '/c/cert.pem',
    redirect_private_key_file: '/c/key.pem',
  })
  await other.begin()
  await other.logins.begin({ redirectUri: CATCH.redirect_uri, state: new Secret(CATCH.state) })
  const written = [...device.vault.items, ...other.vault.items].map(([name, item]) => [
    name.replace(/\/.*/, ''),
    JSON.parse(item.reveal()) as Record<string, unknown>,
  ])
  const members = (record: object) => Object.keys(record).sort()
  expect(written.map(([name, record]) => [name, members(record as object)])).toEqual([
    ['device-login', members({ ...DEVICE, code_verifier: null, scope: null, server: null })],
    [
      'login',
      members({ ...CODE, certificate: CERTIFICATE, scope: null, server: null, code_parameter: 'code' }),
    ],
    ['catch', members(CATCH)],
  ])
  expect(written[1]?.[1]).toMatchObject({ version: 1, certificate: CERTIFICATE, state_echo: true })
})

test('a login of the last run is not begun twice: its state is taken', async () => {
  const { begin } = await restored('login/code-1', CODE)
  const codeVerifier = new Secret(CODE.code_verifier)
  expect(await codeOf(begin({ profile: 'gw', state: new Secret(CODE.state), codeVerifier }))).toBe(
    'request_invalid',
  )
})
