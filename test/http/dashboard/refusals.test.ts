/** A call of the page: whoever is not the dashboard's own page in a browser that entered has caused nothing. */
import { describe, expect, test } from 'vitest'
import { ProblemAnswer } from '../../../src/http/api/wire.js'
import { ACCESS_TOKEN, PROFILES, REFRESH_TOKEN } from '../../support/composed-daemon.js'
import { callAs, enteredApi, open, outcome } from './entered.js'

/** A session, and a login that pends; `at` puts its id into a path. */
async function withLogin() {
  const api = await enteredApi()
  const login = await api.services.logins.begin({ profile: 'gw', open: false })
  if (login.status !== 'pending' || !('codeVerifier' in login)) throw new Error('It is not pending.')
  api.effects.length = 0
  return { api, login, at: (target: string) => target.replace('login-1', login.id) }
}

describe('a call of the page', () => {
  const calls: [method: string, target: string, body?: object][] = [
    ['GET', '/v1/profiles'],
    ['GET', '/v1/events'],
    ['GET', '/dashboard/panels'],
    ['GET', '/dashboard/registration?profile=hub'],
    ['GET', '/dashboard/logins/login-1'],
    ['POST', '/v1/logins', { profile: 'gw' }],
    ['PUT', '/v1/profiles/gw', { issuer: 'https://id.example.com', client_id: 'catchd' }],
    ['DELETE', '/v1/tokens/gw'],
    ['POST', '/dashboard/profiles/gw/refresh'],
    ['POST', '/dashboard/leave'],
  ]
  const changes: [name: string, change: readonly [string, string | null], expected: [number, string]][] = [
    ['a foreign Origin', ['origin', 'Origin: https://evil.example'], [403, 'origin_refused']],
    ['the Origin of another port', ['origin', 'Origin: http://127.0.0.1:3000'], [403, 'origin_refused']],
    ['an extension', ['origin', 'Origin: chrome-extension://abcdefghijklmnop'], [403, 'origin_refused']],
    ['an upgrade', ['upgrade', 'Upgrade: websocket'], [403, 'origin_refused']],
    [
      'a preflight',
      ['access-control-request-method', 'Access-Control-Request-Method: GET'],
      [403, 'origin_refused'],
    ],
    ['the Origin null', ['origin', 'Origin: null'], [403, 'origin_refused']],
    ['a foreign Referer', ['referer', 'Referer: https://evil.example/'], [403, 'origin_refused']],
    ['another site', ['sec-fetch-site', 'Sec-Fetch-Site: cross-site'], [403, 'origin_refused']],
    ['another port of the site', ['sec-fetch-site', 'Sec-Fetch-Site: same-site'], [403, 'origin_refused']],
    ['the address bar', ['sec-fetch-site', 'Sec-Fetch-Site: none'], [403, 'origin_refused']],
    ['no Fetch Metadata', ['sec-fetch-site', null], [403, 'origin_refused']],
    ['a navigation', ['sec-fetch-mode', 'Sec-Fetch-Mode: navigate'], [403, 'origin_refused']],
    ['a script tag', ['sec-fetch-dest', 'Sec-Fetch-Dest: script'], [403, 'origin_refused']],
    ['no key of the page', ['catchd-page-key', null], [403, 'origin_refused']],
    ['a wrong key', ['catchd-page-key', `Catchd-Page-Key: ${'A'.repeat(43)}`], [403, 'origin_refused']],
    ['an unknown session', ['cookie', 'UNKNOWN'], [401, 'unauthorized']],
    ['no cookie', ['cookie', null], [403, 'origin_refused']],
    ['a client’s key instead of the session', ['cookie', 'ADMIN'], [403, 'origin_refused']],
    ['a client’s key beside the session', ['x', 'ADMIN'], [403, 'origin_refused']],
  ]

  test.each(changes)('with %s is refused', async (_name, [header, value], expected) => {
    const { api, at } = await withLogin()
    const replaced =
      value === 'UNKNOWN'
        ? `Cookie: catchd-session-${api.port}=${'A'.repeat(43)}`
        : value === 'ADMIN'
          ? `Authorization: Bearer ${api.adminKey}`
          : value
    for (const [method, target, body] of calls) {
      const answer = await callAs(api, method, at(target), {
        change: [header, replaced],
        ...(body === undefined ? {} : { body }),
      })
      expect([method, target, ...outcome(answer)]).toEqual([method, target, ...expected])
    }
    expect(api.effects).toEqual([])
    expect((await callAs(api, 'GET', '/v1/status')).status).toBe(200)
  })

  test.each(['POST', 'PUT', 'DELETE'])('%s without Origin is refused', async (method) => {
    const api = await enteredApi()
    const target = method === 'POST' ? '/v1/logins' : '/v1/profiles/gw'
    const answer = await callAs(api, method, target, { change: ['origin', null], body: {} })
    expect(outcome(answer)).toEqual([403, 'origin_refused'])
    expect(api.effects).toEqual([])
  })

  test('at localhost, or at another host, is refused', async () => {
    const api = await enteredApi()
    const other = await callAs(api, 'GET', '/v1/status', { host: `localhost:${api.port}` })
    expect(outcome(other)).toEqual([403, 'origin_refused'])
    const rebound = await callAs(api, 'GET', '/v1/status', { host: `evil.example:${api.port}` })
    expect(outcome(rebound)).toEqual([403, 'host_refused'])
    expect(api.effects).toEqual([])
  })

  test.each(calls)('%s %s as the page makes it is served', async (method, target, body) => {
    const { api, at } = await withLogin()
    if (target === '/v1/events') return // the stream does not end
    const answer = await callAs(api, method, at(target), body === undefined ? {} : { body })
    expect(answer.status).toBeLessThan(300)
  })

  test('with one more cookie of the name, as a server next door may set, is served', async () => {
    const api = await enteredApi()
    const tossed = `Cookie: catchd-session-${api.port}=x; other=1; ${api.browser.cookie}`
    expect((await callAs(api, 'GET', '/v1/status', { change: ['cookie', tossed] })).status).toBe(200)
  })
})

describe('a session gets no token', () => {
  test.each([
    ['GET', '/v1/tokens/gw'],
    ['GET', '/v1/tokens/gw?login=auto'],
    ['GET', '/v1/tokens/gw/id_token'],
    ['POST', '/v1/tokens/gw/refresh'],
    ['POST', '/v1/tokens/gw/proof', { method: 'GET', url: 'https://a.example/' }],
    ['GET', '/v1/tokens/gw/inspection'],
    ['GET', '/v1/logins/login-1'],
    ['POST', '/v1/logins/login-1/response', { url: 'http://x/' }],
    ['POST', '/v1/daemon/stop'],
    ['POST', '/v1/vault/migrate', { to: 'file' }],
    ['POST', '/v1/clients', { client: 'x', actions: ['admin'] }],
    ['PUT', '/v1/profiles/gw', { client_secret: { command: ['sh', '-c', 'id'] } }],
    ['PUT', '/v1/profiles/gw', { client_secret: { file: '/home/a/.ssh/id_ed25519' } }],
    ['PUT', '/v1/profiles/gw', { client_secret: { env: 'AWS_SECRET_ACCESS_KEY' } }],
    ['PUT', '/v1/profiles/gw', { subject_token: { file: '/home/a/.ssh/id_ed25519' } }],
    ['POST', '/v1/logins', { redirect_uri: 'http://localhost:3000/cb', state: 's'.repeat(16) }],
    ['POST', '/v1/logins', { profile: 'gw', state: 's'.repeat(16), code_verifier: 'v'.repeat(43) }],
    ['POST', '/v1/dashboard/links'],
  ])('%s %s', async (method, target, body?: object) => {
    const { api, at } = await withLogin()
    const answer = await callAs(api, method, at(target), body === undefined ? {} : { body })
    expect(outcome(answer)).toEqual([403, 'forbidden'])
    expect(answer.text).not.toContain('canary')
    expect(api.effects).toEqual([])
    expect(api.keys.list()).toEqual([])
  })

  test('each call of the description is either served to the page or refused here', async () => {
    const api = await enteredApi()
    const { paths } = JSON.parse((await api.socket({ target: '/openapi.json' })).body) as {
      paths: Record<string, object>
    }
    const served: string[] = []
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods).map((name) => name.toUpperCase())) {
        if (path === '/v1/events') continue // the stream does not end
        const target = path.replace(/\{\w+\}/, 'gw')
        const answer = await callAs(api, method, target, method === 'GET' ? {} : { body: { nothing: 1 } })
        if (answer.status !== 403) served.push(`${method} ${path}`)
      }
    }
    expect(served.sort()).toEqual(
      [
        'DELETE /v1/clients/{client}',
        'DELETE /v1/logins/{id}',
        'DELETE /v1/profiles/{profile}',
        'DELETE /v1/tokens/{profile}',
        'GET /openapi.json',
        'GET /v1/clients',
        'GET /v1/clients/{client}',
        'GET /v1/profiles',
        'GET /v1/profiles/{profile}',
        'GET /v1/status',
        'POST /v1/clients',
        'POST /v1/lock',
        'POST /v1/logins',
        'POST /v1/profiles',
        'PUT /v1/profiles/{profile}',
      ].sort(),
    )
  })

  test('nor does the page or a panel hold one, nor a state, a verifier or a hash', async () => {
    const { api, login } = await withLogin()
    const [STATE, VERIFIER] = [login.state.reveal(), login.codeVerifier?.reveal() ?? '']
    const { apiKey, key } = await api.keys.add({
      name: 'ci',
      profiles: ['gw'],
      actions: ['token'],
      expiresInSeconds: null,
    })
    const refreshed = await callAs(api, 'POST', '/dashboard/profiles/gw/refresh')
    expect([refreshed.status, refreshed.body]).toEqual([204, ''])
    const texts = [
      (await open(api, '/', api.browser.cookie)).text,
      (await callAs(api, 'GET', '/dashboard/panels')).text,
      refreshed.text,
    ].join('')
    expect(texts).toContain(`data-login="${login.id}"`)
    expect(texts).toContain('data-key="key-ci"')
    const secrets = [ACCESS_TOKEN, REFRESH_TOKEN, STATE, VERIFIER, key.reveal(), api.adminKey]
    const hashes = ['hex', 'base64', 'base64url'].map((form) => apiKey.hash.toString(form as 'hex'))
    for (const secret of [...secrets, ...hashes]) expect(texts).not.toContain(secret)
  })
})

test('a mistake in a profile is told by its place and rule', async () => {
  const api = await enteredApi()
  const answer = await callAs(api, 'PUT', '/v1/profiles/gw', {
    body: { issuer: 'id.example.com', min_ttl_seconds: -1 },
  })
  expect(answer.status).toBe(400)
  expect(ProblemAnswer.parse(JSON.parse(answer.body)).errors).toEqual([
    { in: 'body', name: 'issuer', detail: 'must be an http or https URL' },
    { in: 'body', name: 'min_ttl_seconds', detail: expect.stringContaining('>=0') },
  ])
})

test('a command that is in the configuration already may stay when the profile is edited', async () => {
  const entry = { ...PROFILES.gw, client_secret: { command: ['op', 'read'] } }
  const api = await enteredApi({ config: { profiles: { gw: entry } } })
  expect((await callAs(api, 'PUT', '/v1/profiles/gw', { body: { ...entry, scope: 'a' } })).status).toBe(200)
})
