import { describe, expect, test } from 'vitest'
import { CatchdError, FAILURES, type FailureCode } from '../../../src/failures.js'
import { ProfileAnswer, ProfileListAnswer } from '../../../src/http/api/profiles.js'
import { StatusAnswer, VaultMigrationAnswer } from '../../../src/http/api/status.js'
import { Secret } from '../../../src/secret.js'
import { itemName } from '../../../src/vault/vault.js'
import { PROFILES } from '../../support/composed-daemon.js'
import { openApi } from './opened-api.js'

test('profiles are listed with how they stand', async () => {
  const { call, logIn, services } = await openApi()
  await logIn('gw', { refreshTokenExpiresInSeconds: 86_400 })
  await services.logins.begin({ profile: 'corp', open: false })
  const { profiles } = (await call('GET', '/v1/profiles')).json(ProfileListAnswer)
  expect(profiles.map(({ profile, status }) => [profile, status])).toEqual([
    ['gw', 'logged_in'],
    ['corp', 'login_pending'],
  ])
  expect(profiles[0]).toEqual({
    profile: 'gw',
    configuration: PROFILES.gw,
    status: 'logged_in',
    expires_at: '2026-01-01T01:00:00Z',
    scope: 'email',
    subject: 'alice',
    error: null,
    refresh_failing: null,
    login_needed_at: '2026-01-02T00:00:00Z',
  })
})

describe('a stored token set that cannot be shown', () => {
  const RECORD = {
    ...{ version: 1, authorization_server: 'https://id.example.com', client_id: 'catchd', id_token: null },
    ...{ access_token: 'canary', token_type: 'Bearer', refresh_token: 'canary', scope: 'email' },
    ...{ obtained_at_ms: 0, expires_at_ms: 1_000, issuer: null, subject: 'ada', parameters: {} },
  }

  test.each([
    ['no JSON', 'canary'],
    ['another version', JSON.stringify({ ...RECORD, version: 99 })],
    ['a time that no date has', JSON.stringify({ ...RECORD, obtained_at_ms: 1e300 })],
  ])('%s: its row says so, and the others are as they were', async (_, record) => {
    const { call, logIn, vault } = await openApi()
    await logIn('corp')
    await vault.set(itemName.tokenSet('gw'), new Secret(record))
    const { profiles } = (await call('GET', '/v1/profiles')).json(ProfileListAnswer)
    expect(profiles).toMatchObject([
      { profile: 'gw', status: 'login_required', error: { code: 'vault_unavailable' } },
      { profile: 'corp', status: 'logged_in', error: null },
    ])
    expect(JSON.stringify(profiles)).not.toContain('canary')
    expect((await call('GET', '/v1/profiles/gw')).status).toBe(200)
    const token = (await call('GET', '/v1/tokens/gw')).problem()
    expect(token).toMatchObject({ code: 'vault_unavailable', next: 'catchd login gw' })
    await logIn('gw') // the command that helps
    expect((await call('GET', '/v1/profiles/gw')).json(ProfileAnswer)).toMatchObject({ error: null })
  })

  test('an end that no date has is unknown', async () => {
    const { call, vault } = await openApi()
    const record = { ...RECORD, expires_at_ms: 1e300, refresh_token_expires_at_ms: -1e300 }
    await vault.set(itemName.tokenSet('gw'), new Secret(JSON.stringify(record)))
    const answer = (await call('GET', '/v1/profiles/gw')).json(ProfileAnswer)
    expect(answer).toMatchObject({ status: 'logged_in', expires_at: null, login_needed_at: null })
    expect((await call('GET', '/v1/tokens/gw/inspection')).status).toBe(200)
  })
})

test('one profile', async () => {
  const { call } = await openApi()
  const answer = await call('GET', '/v1/profiles/corp')
  expect(answer.json(ProfileAnswer).configuration.client_secret).toEqual({ keychain: true })
  expect((await call('GET', '/v1/profiles/nobody')).problem().code).toBe('profile_unknown')
})

test('PUT adds with 201 and replaces with 200', async () => {
  const { call, services, effects } = await openApi()
  const body = { issuer: 'https://new.example.com', client_id: 'catchd', client_secret: { env: 'SECRET' } }
  const added = await call('PUT', '/v1/profiles/new', { body })
  expect([added.status, added.json(ProfileAnswer).configuration]).toEqual([201, body])
  expect((await call('PUT', '/v1/profiles/new', { body })).status).toBe(200)
  expect((await services.profiles.show('new')).entry).toEqual(body)
  expect(effects).toEqual(['configuration.changed']) // the second time nothing changes
})

test.each([
  ['a misspelt key', 'new', { client_id: 'x', scoep: 'email' }, 'scoep'],
  ['a wrong value', 'new', { grant: 'password' }, 'body.grant'],
  ['a name that is none', 'Bad%20Name', { client_id: 'x' }, 'path.profile'],
  ['no object', 'new', [], 'body'],
])('PUT refuses %s', async (_name, profile, body, place) => {
  const { call, effects } = await openApi()
  const answer = await call('PUT', `/v1/profiles/${profile}`, { body })
  expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
  expect(answer.problem().detail).toContain(place)
  expect(effects).toEqual([])
})

test('a secret in the wrong place is not repeated', async () => {
  const { call } = await openApi()
  const body = { client_secret: { keychain: 'secret-canary' }, grant: 'secret-canary' }
  expect((await call('PUT', '/v1/profiles/new', { body })).text).not.toContain('canary')
})

test('DELETE is 204', async () => {
  const { call, logIn } = await openApi()
  await logIn('gw')
  expect((await call('DELETE', '/v1/profiles/gw')).status).toBe(204)
  expect((await call('GET', '/v1/tokens/gw')).problem().code).toBe('profile_unknown')
  expect((await call('DELETE', '/v1/profiles/gw')).problem().code).toBe('profile_unknown')
})

test('status', async () => {
  const { call, services } = await openApi()
  const answer = (await call('GET', '/v1/status')).json(StatusAnswer)
  expect(answer).toEqual(await services.status())
})

test('the daemon is stopped, and answers first', async () => {
  const { call, effects } = await openApi()
  const answer = await call('POST', '/v1/daemon/stop')
  expect([answer.status, answer.text]).toEqual([202, ''])
  expect(effects).toEqual(['stop'])
})

test('the vault is moved', async () => {
  const { call, logIn, services } = await openApi()
  await logIn('gw')
  await logIn('corp')
  const answer = await call('POST', '/v1/vault/migrate', { body: { to: 'file' } })
  expect(answer.json(VaultMigrationAnswer)).toEqual({ from: 'memory', to: 'file', items: 2 })
  expect((await call('POST', '/v1/vault/migrate', { body: { to: 'memory' } })).status).toBe(400)
  expect((await services.status()).vault.kind).toBe('file')
})

test.each(Object.keys(FAILURES) as FailureCode[])('%s is problem details with its status', async (code) => {
  const { call, services } = await openApi()
  services.status = async () => {
    throw new CatchdError(code, {
      detail: 'Because.',
      profile: 'gw',
      error: 'invalid_scope',
      errorDescription: 'Not that one.',
    })
  }
  const answer = await call('GET', '/v1/status')
  expect(answer.status).toBe(FAILURES[code].status)
  expect(answer.problem()).toEqual({
    type: `urn:catchd:failure:${code}`,
    title: FAILURES[code].title,
    status: FAILURES[code].status,
    code,
    detail: 'Because.',
    next: expect.stringMatching(/^catchd /),
    profile: 'gw',
    error: 'invalid_scope',
    error_description: 'Not that one.',
  })
})

test('an error that is not ours keeps its text, in the answer and in the log', async () => {
  const { call, services, events } = await openApi()
  const fault = new TypeError('boom canary')
  for (const thrown of [fault, new CatchdError('internal', { cause: fault })]) {
    services.status = async () => {
      throw thrown
    }
    const answer = await call('GET', '/v1/status')
    expect(answer.problem().code).toBe('internal')
    expect(answer.text).not.toContain('canary')
  }
  expect(events.filter(({ event }) => event === 'api.fault')).toHaveLength(2)
  expect(events[0]).toMatchObject({ event: 'api.fault', name: 'TypeError', route: '/v1/status' })
  expect(JSON.stringify(events)).not.toContain('canary')
})

test('an answer that does not fit its schema is not sent', async () => {
  const { call, services } = await openApi()
  const leaking = Object.assign(await services.status(), { pid: 'secret-canary' })
  services.status = async () => leaking
  const answer = await call('GET', '/v1/status')
  expect(answer.problem().code).toBe('internal')
  expect(answer.text).not.toContain('canary')
})

test('members that the schema does not know are not sent', async () => {
  const { call, services } = await openApi()
  const leaking = Object.assign(await services.status(), { refresh_token: 'secret-canary' })
  services.status = async () => leaking
  expect((await call('GET', '/v1/status')).text).not.toContain('canary')
})

test('the log knows patterns, names and codes, never a URL', async () => {
  const { call, events } = await openApi()
  await call('GET', '/v1/profiles/gw')
  await call('GET', '/v1/tokens/gw?login=canary')
  await call('GET', '/canary?canary')
  await call('GET', '/v1/status', { key: 'canary' })
  const common = { event: 'api.answered', method: 'GET', duration_ms: expect.any(Number) }
  expect(events).toEqual([
    { ...common, route: '/v1/profiles/:profile', status: 200, client: 'admin' },
    { ...common, route: '/v1/tokens/:profile', status: 400, client: 'admin', code: 'request_invalid' },
    { ...common, route: 'none', status: 404, client: 'admin', code: 'route_unknown' },
    { ...common, route: '/v1/status', status: 401, client: 'none', code: 'unauthorized' },
  ])
})

test.each([
  ['GET', '/v2/status'],
  ['GET', '/v1'],
  ['GET', '/v1/status/'],
  ['GET', '//v1/status'],
  ['POST', '/v1/canary?canary'],
])('%s %s serves nothing', async (method, url) => {
  const { call } = await openApi()
  const answer = await call(method, url)
  expect([answer.status, answer.problem().code]).toEqual([404, 'route_unknown'])
  expect(answer.text).not.toContain('canary')
})

test.each([
  ['POST', '/v1/status', 'GET'],
  ['PUT', '/v1/tokens/gw', 'DELETE, GET'],
  ['PATCH', '/v1/profiles/gw', 'DELETE, GET, PUT'],
  ['PATCH', '/v1/logins', 'GET, POST'],
  ['GET', '/v1/daemon/stop', 'POST'],
  ['HEAD', '/v1/tokens/gw', 'DELETE, GET'],
  ['TRACE', '/v1/tokens/gw', 'DELETE, GET'],
])('%s %s is 405 and names what is allowed', async (method, url, allow) => {
  const { call, effects } = await openApi()
  const answer = await call(method, url)
  expect([answer.status, answer.headers['allow']]).toEqual([405, allow])
  expect(effects).toEqual([])
})

test.each([
  ['GET', '/v1/status?verbose=1'],
  ['GET', '/v1/profiles?profile=gw'],
  ['POST', '/v1/tokens/gw/refresh?force=1'],
  ['DELETE', '/v1/profiles/gw?x'],
  ['POST', '/v1/daemon/stop?now'],
  ['GET', '/openapi.json?x=1'],
])('%s %s: a query that means nothing is refused', async (method, url) => {
  const { call, effects, logIn } = await openApi()
  await logIn('gw')
  const answer = await call(method, url)
  expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
  expect(effects).toEqual([])
})

test('a path that cannot be decoded is refused, and only after the checks', async () => {
  const { call } = await openApi()
  const answer = await call('GET', '/v1/tokens/%canary')
  expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
  expect(answer.text).not.toContain('canary')
  expect((await call('GET', '/v1/tokens/%canary', { key: null })).status).toBe(401)
  expect((await call('GET', '/v1/tokens/%canary', { headers: { host: 'evil' } })).status).toBe(403)
})

test('POST makes a profile from a URL with 201, and finds it again with 200', async () => {
  const { call, effects, services } = await openApi()
  const body = {
    url: 'https://mcp.example.com/mcp',
    profile: 'tools',
    client_id: 'c',
    scope: 's',
    ca_file: '/ca.pem',
  }
  const added = await call('POST', '/v1/profiles', { body })
  expect([added.status, added.json(ProfileAnswer).profile]).toEqual([201, 'tools'])
  expect((await call('POST', '/v1/profiles', { body })).status).toBe(200)
  const discover = `discover ${body.url} /ca.pem`
  expect(effects).toEqual([discover, 'configuration.changed', discover])
  expect((await services.profiles.show('tools')).entry).toMatchObject({
    ...{ resource_server: body.url, client_id: 'c', scope: 's', ca_file: '/ca.pem' },
  })
})

test('POST registers a client where the server does, and again only when it is told to', async () => {
  const { call, effects } = await openApi()
  const body = { url: 'https://mcp.example.com/mcp' }
  expect((await call('POST', '/v1/profiles', { body })).status).toBe(201)
  const registered = 'register https://mcp.example.com null'
  expect(effects.filter((effect) => effect === registered)).toHaveLength(1)
  expect((await call('POST', '/v1/profiles', { body })).status).toBe(200)
  expect(effects.filter((effect) => effect === registered)).toHaveLength(1)
  expect((await call('POST', '/v1/profiles', { body: { ...body, register_again: true } })).status).toBe(200)
  expect(effects.filter((effect) => effect === registered)).toHaveLength(2)
})

test.each([
  ['no url', {}, 'body.url'],
  ['a name that is none', { url: 'https://a.example', profile: 'Bad Name' }, 'body.profile'],
  ['an empty client_id', { url: 'https://a.example', client_id: '' }, 'body.client_id'],
  ['a member that nobody knows', { url: 'https://a.example', clientid: 'x' }, 'clientid'],
])('POST refuses %s', async (_name, body, place) => {
  const { call, effects } = await openApi()
  const answer = await call('POST', '/v1/profiles', { body })
  expect([answer.status, answer.problem().code]).toEqual([400, 'request_invalid'])
  expect(answer.problem().detail).toContain(place)
  expect(effects).toEqual([])
})
