import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { DaemonConnection } from '../../src/client/daemon-connection.js'
import { DaemonError } from '../../src/client/daemon-error.js'
import { CatchdError } from '../../src/failures.js'
import { FakeDaemon, problem, type Routes } from './fake-daemon.js'

const TOKEN = {
  access_token: 'at-1',
  token_type: 'Bearer',
  expires_in: 3600,
  expires_at: '2026-11-23T15:00:00Z',
  scope: 'email',
  profile: 'gw',
}

const daemons: FakeDaemon[] = []

beforeEach(() => {
  vi.stubEnv('CATCHD_URL', '')
  vi.stubEnv('CATCHD_API_KEY', '')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const daemon of daemons.splice(0)) await daemon.close()
})

async function onSocket(routes: Routes): Promise<FakeDaemon> {
  const daemon = new FakeDaemon(routes)
  daemons.push(daemon)
  await daemon.listenOnSocket()
  return daemon
}

async function failureOf(call: Promise<unknown>): Promise<CatchdError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(failure instanceof CatchdError)) throw new Error(`no CatchdError: ${String(failure)}`)
  return failure
}

describe('one call a method', () => {
  const accepted = { body: { login_id: 'l-1', status: 'pending' } }
  test.each<[string, (client: CatchdClient) => Promise<unknown>, object, object]>([
    ['GET /v1/tokens/gw', (client) => client.token('gw'), { body: TOKEN }, { query: {} }],
    [
      'GET /v1/tokens/gw',
      (client) => client.token('gw', { minTtlSeconds: 90, login: 'auto', waitSeconds: 3 }),
      { body: TOKEN },
      { query: { min_ttl: '90', login: 'auto', wait: '3' } },
    ],
    [
      'GET /v1/tokens/gw/id_token',
      (client) => client.idToken('gw', { minTtlSeconds: 90, login: 'auto', waitSeconds: 3 }),
      { body: { id_token: 'idt-1' } },
      { query: { min_ttl: '90', login: 'auto', wait: '3' } },
    ],
    ['POST /v1/tokens/gw/refresh', (client) => client.refresh('gw'), { body: TOKEN }, { body: undefined }],
    [
      'DELETE /v1/tokens/gw',
      async (client) => {
        expect(await client.logout('gw')).toEqual({ revoked: false, not_revoked: 'It is down.' })
      },
      { headers: { 'catchd-revoked': 'false', 'catchd-not-revoked': 'It is down.' } },
      {},
    ],
    [
      'POST /v1/logins',
      (client) => client.beginLogin({ profile: 'gw', open: false }),
      { status: 201, ...accepted },
      { body: { profile: 'gw', open: false } },
    ],
    [
      'POST /v1/logins',
      (client) => client.beginLogin({ profile: 'gw', state: 's', codeVerifier: 'v', timeoutSeconds: 60 }),
      { status: 201, ...accepted },
      { body: { profile: 'gw', state: 's', code_verifier: 'v', timeout: 60 } },
    ],
    [
      'POST /v1/logins',
      (client) => client.beginLogin({ redirectUri: 'http://127.0.0.1/cb', state: undefined }),
      { status: 201, ...accepted },
      { body: { redirect_uri: 'http://127.0.0.1/cb' } },
    ],
    [
      'GET /v1/logins',
      (client) => client.logins('a&b'),
      { body: { logins: [] } },
      { query: { profile: 'a&b' } },
    ],
    [
      'GET /v1/logins/l-1',
      (client) => client.login('l-1', { waitSeconds: 5 }),
      accepted,
      { query: { wait: '5' } },
    ],
    [
      'POST /v1/logins/l-1/response',
      (client) => client.paste('l-1', 'http://127.0.0.1/callback?code=c'),
      accepted,
      { body: { url: 'http://127.0.0.1/callback?code=c' } },
    ],
    ['DELETE /v1/logins/l-1', (client) => client.cancelLogin('l-1'), {}, {}],
    ['GET /v1/profiles', (client) => client.profiles(), { body: { profiles: [] } }, {}],
    ['GET /v1/profiles/gw', (client) => client.profile('gw'), { body: {} }, {}],
    [
      'PUT /v1/profiles/gw',
      (client) => client.putProfile('gw', { client_id: 'c' }),
      { body: {} },
      { body: { client_id: 'c' } },
    ],
    [
      'POST /v1/profiles',
      (client) =>
        client.discoverProfile({ url: 'https://a/', clientId: 'c', caFile: '/ca', registerAgain: true }),
      { status: 201, body: {} },
      { body: { url: 'https://a/', client_id: 'c', ca_file: '/ca', register_again: true } },
    ],
    ['DELETE /v1/profiles/gw', (client) => client.removeProfile('gw'), {}, {}],
    ['GET /v1/clients', (client) => client.clients(), { body: { clients: [] } }, {}],
    [
      'POST /v1/clients',
      (client) =>
        client.addClient({ client: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: 60 }),
      { status: 201, body: {} },
      { body: { client: 'ci', profiles: ['gw'], actions: ['token'], expires_in: 60 } },
    ],
    ['DELETE /v1/clients/ci', (client) => client.removeClient('ci'), {}, {}],
    ['GET /v1/status', (client) => client.status(), { body: {} }, {}],
    [
      'POST /v1/vault/migrate',
      (client) => client.migrateVault('file'),
      { body: {} },
      { body: { to: 'file' } },
    ],
    ['POST /v1/daemon/stop', (client) => client.stop(), {}, {}],
  ])('%s', async (route, call, reply, expected) => {
    const daemon = await onSocket({ [route]: reply })
    await call(new CatchdClient({ socketPath: daemon.socketPath }))
    expect(daemon.calls).toEqual([route])
    expect(daemon.asked[0]).toMatchObject(expected)
  })
})

test('half a surrogate pair in a name reaches the daemon as the replacement character', async () => {
  const daemon = await onSocket({})
  await failureOf(new CatchdClient({ socketPath: daemon.socketPath }).token('\ud800'))
  expect(daemon.asked[0]).toMatchObject({ path: '/v1/tokens/%EF%BF%BD' })
})

test('a name that is no profile name stays one segment of the path', async () => {
  const daemon = await onSocket({})
  await failureOf(new CatchdClient({ socketPath: daemon.socketPath }).token('../status?x=1#y'))
  expect(daemon.asked[0]).toMatchObject({ path: '/v1/tokens/..%2Fstatus%3Fx%3D1%23y', query: {} })
})

test('problem details become the same failure again', async () => {
  const members = {
    detail: 'The code was refused.',
    next: 'catchd login gw',
    profile: 'gw',
    error: 'invalid_grant',
    error_description: 'expired',
  }
  const daemon = await onSocket({ 'GET /v1/tokens/gw': problem('provider_refused', 502, members) })
  const failure = await failureOf(new CatchdClient({ socketPath: daemon.socketPath }).token('gw'))
  expect(failure).toMatchObject({
    code: 'provider_refused',
    exitCode: 4,
    detail: 'The code was refused.',
    next: 'catchd login gw',
    profile: 'gw',
    error: 'invalid_grant',
    errorDescription: 'expired',
  })
})

test('what the daemon says beside a code is typed, whatever comes', async () => {
  const ask = async (members: object) => {
    const daemon = await onSocket({ 'GET /v1/tokens/gw': problem('login_required', 409, members) })
    return failureOf(new CatchdClient({ socketPath: daemon.socketPath }).token('gw'))
  }
  const url = 'https://id.example.com/authorize'
  const errors = [{ in: 'body', name: 'open', detail: 'must be a boolean' }]
  const whole = await ask({ login_id: 'l-1', authorization_url: url, errors })
  expect(whole).toBeInstanceOf(DaemonError)
  expect(whole).toMatchObject({ loginId: 'l-1', authorizationUrl: url, mistakes: errors })
  const odd = await ask({ login_id: 1, authorization_url: null, errors: 'many' })
  expect(odd).toMatchObject({ loginId: undefined, authorizationUrl: undefined, mistakes: [] })
})

test('a code of a newer daemon is internal and keeps its text', async () => {
  const daemon = await onSocket({
    'GET /v1/tokens/gw': problem('moon_eclipsed', 418, { next: 'catchd wait' }),
  })
  const failure = await failureOf(new CatchdClient({ socketPath: daemon.socketPath }).token('gw'))
  expect(failure).toMatchObject({ code: 'internal', detail: 'A title', next: 'catchd wait' })
})

test.each<[string, object]>([
  ['an error that is no problem', { status: 500, body: '<h1>nginx</h1>' }],
  ['a code that is an inherited name', { status: 500, body: { code: 5 } }],
  ['a page', { status: 200, body: '<h1>hello</h1>' }],
  ['a redirect', { status: 302, body: {} }],
  ['nothing where something is asked for', { status: 204 }],
])('%s is not our daemon', async (_name, reply) => {
  const daemon = await onSocket({ 'GET /v1/status': reply })
  const failure = await failureOf(new CatchdClient({ socketPath: daemon.socketPath }).status())
  expect(failure).toMatchObject({ code: 'daemon_unreachable', exitCode: 5 })
  expect(failure.detail).toContain('not catchd')
})

test.each(['constructor', '__proto__', 'toString'])('the code %s is no code', async (code) => {
  const daemon = await onSocket({ 'GET /v1/status': problem(code, 400) })
  const failure = await failureOf(new CatchdClient({ socketPath: daemon.socketPath }).status())
  expect(failure.code).toBe('internal')
})

test('without a daemon it says so, and nothing is started', async () => {
  const daemon = await onSocket({})
  const absent = `${daemon.home}/absent.sock`
  const failure = await failureOf(new CatchdClient({ socketPath: absent }).status())
  expect(failure).toMatchObject({ code: 'daemon_unreachable', next: 'catchd daemon start' })
  expect(failure.detail).toContain(absent)
})

test('a broken connection is daemon_unreachable', async () => {
  const daemon = await onSocket({ 'GET /v1/status': { reset: true } })
  const failure = await failureOf(new CatchdClient({ socketPath: daemon.socketPath }).status())
  expect(failure.code).toBe('daemon_unreachable')
})

test('onNothingListens is called once, and the call is made again', async () => {
  const daemon = new FakeDaemon({ 'GET /v1/status': { body: { pid: 1 } } })
  daemons.push(daemon)
  const started: string[] = []
  const onNothingListens = async () => {
    started.push('started')
    await daemon.listenOnSocket()
  }
  const connection = new DaemonConnection({ socketPath: daemon.socketPath, onNothingListens })
  const client = new CatchdClient(connection)
  expect(await client.status()).toEqual({ pid: 1 })
  await client.status()
  expect(started).toEqual(['started'])
})

test('a call that was sent is not repeated after a broken connection', async () => {
  const daemon = await onSocket({ 'POST /v1/logins': { reset: true } })
  const onNothingListens = vi.fn()
  const client = new CatchdClient(new DaemonConnection({ socketPath: daemon.socketPath, onNothingListens }))
  await failureOf(client.beginLogin({ profile: 'gw' }))
  expect(daemon.calls).toEqual(['POST /v1/logins'])
  expect(onNothingListens).not.toHaveBeenCalled()
})

test('silence ends after the deadline', async () => {
  const daemon = await onSocket({ 'GET /v1/status': { silent: true } })
  const client = new CatchdClient({ socketPath: daemon.socketPath, timeoutMs: 50 })
  const failure = await failureOf(client.status())
  expect(failure).toMatchObject({ code: 'daemon_unreachable' })
  expect(failure.detail).toContain('0.05 s')
})

test.each([
  ['another protocol', 'HTTP/1.1 101 Odd\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', 'is not catchd'],
  ['only promises', 'HTTP/1.1 103 Hints\r\n\r\n', '0.1 s'],
  ['a body without an end', 'HTTP/1.1 200 OK\r\n\r\n{', 'incomplete|0.1 s'],
])('a call that is answered with %s ends, too', async (_, raw, detail) => {
  const daemon = await onSocket({ 'GET /v1/status': { raw } })
  const client = new CatchdClient({ socketPath: daemon.socketPath, timeoutMs: 100 })
  const failure = await failureOf(client.status())
  expect(failure.code).toBe('daemon_unreachable')
  expect(failure.detail).toMatch(new RegExp(detail))
})

test('a signal ends the call with its own reason', async () => {
  const daemon = await onSocket({ 'GET /v1/status': { silent: true } })
  const controller = new AbortController()
  const client = new CatchdClient({ socketPath: daemon.socketPath, signal: controller.signal })
  const call = client.status()
  setTimeout(() => controller.abort(new Error('enough')), 20)
  await expect(call).rejects.toThrow('enough')
  await expect(client.status()).rejects.toThrow('enough')
  const own = client.status({ signal: AbortSignal.abort(new Error('mine')) })
  await expect(own).rejects.toThrow('mine')
})

test('an answer without end is given up', async () => {
  const daemon = await onSocket({ 'GET /v1/status': { body: 'x'.repeat(9 * 1024 * 1024) } })
  const failure = await failureOf(new CatchdClient({ socketPath: daemon.socketPath }).status())
  expect(failure.code).toBe('daemon_unreachable')
})

describe('over TCP', () => {
  async function onTcp(routes: Routes) {
    const daemon = new FakeDaemon(routes)
    daemons.push(daemon)
    return { daemon, url: await daemon.listenOnTcp() }
  }

  test('CATCHD_URL and CATCHD_API_KEY are taken from the environment', async () => {
    const { daemon, url } = await onTcp({ 'GET /v1/tokens/gw': { body: TOKEN } })
    vi.stubEnv('CATCHD_URL', url)
    vi.stubEnv('CATCHD_API_KEY', 'key-1')
    expect(await new CatchdClient().token('gw')).toEqual(TOKEN)
    expect(daemon.asked[0]?.headers).toMatchObject({
      authorization: 'Bearer key-1',
      host: url.replace('http://', ''),
    })
  })

  test('options win, and nothing is sent that needs no saying', async () => {
    const { daemon, url } = await onTcp({ 'GET /v1/status': { body: {} } })
    vi.stubEnv('CATCHD_URL', 'http://127.0.0.1:1')
    await new CatchdClient({ url: `${url}/`, apiKey: 'key-2' }).status()
    expect(daemon.asked[0]?.headers['authorization']).toBe('Bearer key-2')
  })

  test('the key is not sent over the socket', async () => {
    vi.stubEnv('CATCHD_API_KEY', 'key-1')
    const daemon = await onSocket({ 'GET /v1/status': { body: {} } })
    await new CatchdClient({ socketPath: daemon.socketPath }).status()
    expect(daemon.asked[0]?.headers['authorization']).toBeUndefined()
  })

  test('a closed port is daemon_unreachable, naming the address', async () => {
    const { daemon, url } = await onTcp({})
    await daemon.close()
    daemons.pop()
    const failure = await failureOf(new CatchdClient({ url }).status())
    expect(failure.code).toBe('daemon_unreachable')
    expect(failure.detail).toContain(url)
  })
})
