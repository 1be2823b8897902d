/** Whoever is not the dashboard's own page in a browser that entered has caused nothing. */
import { describe, expect, test } from 'vitest'
import { ProblemAnswer } from '../../../src/http/api/wire.js'
import { ACCESS_TOKEN, pendingLogin, REFRESH_TOKEN, STATE, tokenSet, VERIFIER } from '../api/fake-services.js'
import { serveApi } from '../api/opened-api.js'
import type { RawAnswer } from '../redirect/raw-http.js'
import { callAs, cookieOf, enter, enteredApi, makeLink, NAVIGATION, open } from './entered.js'

const codeOf = (answer: RawAnswer) => ProblemAnswer.parse(JSON.parse(answer.body)).code
const outcome = (answer: RawAnswer) => [answer.status, codeOf(answer)]

describe('the way in', () => {
  test('a link is answered with a strict cookie and a clean address', async () => {
    const api = await serveApi()
    const link = await makeLink(api)
    const answer = await open(api, link)
    expect([answer.status, answer.headers.get('location'), answer.body]).toEqual([303, '/', ''])
    expect(answer.headers.get('set-cookie')).toMatch(
      new RegExp(`^catchd-session-${api.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
    )
    expect(JSON.stringify(api.events)).not.toContain(link.split('=')[1])
  })

  test('a second visit with the link is refused, and ends the first', async () => {
    const api = await serveApi()
    const link = await makeLink(api)
    const cookie = cookieOf(await open(api, link))
    const again = await open(api, link)
    expect([again.status, again.headers.get('set-cookie')]).toEqual([401, undefined])
    expect(again.body).toContain('catchd dashboard')
    expect((await open(api, '/', cookie)).status).toBe(401)
  })

  test('entering again ends the session before', async () => {
    const api = await serveApi()
    const { cookie } = await enter(api)
    const next = cookieOf(await open(api, await makeLink(api), cookie))
    expect((await open(api, '/', cookie)).status).toBe(401)
    expect((await open(api, '/', next)).status).toBe(200)
  })

  test.each([
    ['a prefetch', ['Sec-Purpose: prefetch;prerender', ...NAVIGATION]],
    ['an image', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image']],
    ['a frame', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe']],
    [
      'fetch() of a page',
      ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: cors', 'Origin: https://evil.example'],
    ],
    ['an upgrade', ['Upgrade: websocket']],
  ])('%s spends no link', async (_name, headers) => {
    const api = await serveApi()
    const link = await makeLink(api)
    for (const target of [link, '/']) {
      expect(outcome(await open(api, target, '', headers))).toEqual([403, 'origin_refused'])
    }
    expect((await open(api, link)).status).toBe(303)
  })

  test('nor does another name of this machine, which somebody else may answer to', async () => {
    const api = await serveApi()
    const link = await makeLink(api)
    const answer = await api.tcp({ target: link, host: `localhost:${api.port}`, headers: NAVIGATION })
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([401, undefined])
    expect((await open(api, link)).status).toBe(303)
    const rebound = await api.tcp({ target: '/', host: `evil.example:${api.port}`, headers: NAVIGATION })
    expect(outcome(rebound)).toEqual([403, 'host_refused'])
  })

  test('a link is the admin’s to make', async () => {
    const api = await enteredApi()
    const { key } = await api.keys.add({
      name: 'ci',
      profiles: ['gw'],
      actions: ['token', 'login'],
      expiresInSeconds: null,
    })
    const authorization = `Authorization: Bearer ${key.reveal()}`
    const target = '/v1/dashboard/links'
    expect(outcome(await api.tcp({ method: 'POST', target, headers: [authorization] }))).toEqual([
      403,
      'forbidden',
    ])
    expect(outcome(await callAs(api, 'POST', target))).toEqual([403, 'forbidden'])
  })

  test('on the socket there are no pages', async () => {
    const api = await serveApi()
    for (const target of ['/', await makeLink(api), '/assets/x']) {
      expect(outcome(await api.socket({ target }))).toEqual([404, 'route_unknown'])
    }
  })
})

describe('the page', () => {
  test('is for who entered; everybody else reads how to', async () => {
    const api = await serveApi()
    const answer = await open(api, '/')
    expect(answer.status).toBe(401)
    expect(answer.body).toContain('catchd dashboard')
    expect(answer.body).not.toContain('gw')
    expect(api.services.calls).toEqual([])
  })

  test.each(['cross-site', 'same-site'])(
    'a %s link leads to a page that asks, session or not',
    async (site) => {
      const api = await enteredApi()
      const headers = [`Sec-Fetch-Site: ${site}`, ...NAVIGATION.slice(1)]
      const answer = await open(api, '/', api.browser.cookie, headers)
      expect(answer.status).toBe(403)
      expect(answer.body).toContain('href="/"')
      expect(api.services.calls).toEqual([])
      expect((await open(api, '/', api.browser.cookie)).status).toBe(200)
    },
  )

  test('a foreign Referer counts as another page, its own does not', async () => {
    const api = await enteredApi()
    const from = (referer: string) =>
      open(api, '/', api.browser.cookie, [...NAVIGATION, `Referer: ${referer}`])
    expect((await from('http://127.0.0.1:3000/')).status).toBe(403)
    expect((await from(`http://127.0.0.1:${api.port}.evil.example/`)).status).toBe(403)
    expect((await from(`http://127.0.0.1:${api.port}/`)).status).toBe(200)
  })

  test('allows the two files of its own nonce, and nothing else', async () => {
    const api = await enteredApi()
    const policies = [await open(api, '/', api.browser.cookie), await open(api, '/', api.browser.cookie)].map(
      ({ headers }) => headers.get('content-security-policy') ?? '',
    )
    const [policy = '', other] = policies
    expect(policy).not.toBe(other)
    expect(policy.replace(/nonce-[\w+/]{24}/g, 'nonce-N')).toBe(
      "default-src 'none'; script-src 'nonce-N'; style-src 'nonce-N'; connect-src 'self'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
    )
  })

  test('its files are for its own page', async () => {
    const api = await enteredApi()
    const { body } = await open(api, '/', api.browser.cookie)
    const [script = ''] = /\/assets\/dashboard-[0-9a-f]{16}\.js/.exec(body) ?? []
    const part = ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: script']
    const own = await open(api, script, api.browser.cookie, part)
    expect([own.status, own.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
    expect(outcome(await open(api, script, '', part))).toEqual([401, 'unauthorized'])
    const foreign = ['Sec-Fetch-Site: same-site', ...part.slice(1)]
    expect(outcome(await open(api, script, api.browser.cookie, foreign))).toEqual([403, 'origin_refused'])
    expect(outcome(await open(api, '/assets/other.js', api.browser.cookie, part))).toEqual([
      404,
      'route_unknown',
    ])
  })

  test('gives the key until it was used, and then no more', async () => {
    const api = await enteredApi()
    expect((await open(api, '/', api.browser.cookie)).body).toContain(api.browser.key)
    expect((await callAs(api, 'GET', '/v1/status')).status).toBe(200)
    const later = await open(api, '/', api.browser.cookie)
    expect(later.status).toBe(200)
    expect(later.body).not.toMatch(/name="catchd-page-key"/)
    // The cookie alone, which every server on this host is sent, shows nothing of anybody.
    expect(later.body).toContain('Loading')
    expect(later.body).not.toMatch(/alice|corp|keytar|catchd\.sock/)
    expect((await callAs(api, 'GET', '/dashboard/panels')).body).toMatch(/alice/)
  })
})

describe('a call of the page', () => {
  const calls: [method: string, target: string, body?: object][] = [
    ['GET', '/v1/profiles'],
    ['GET', '/v1/events'],
    ['GET', '/dashboard/panels'],
    ['GET', '/dashboard/logins/login-1'],
    ['POST', '/v1/logins', { profile: 'gw' }],
    ['PUT', '/v1/profiles/gw', { issuer: 'https://id.example.com' }],
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
    const api = await enteredApi()
    api.services.pending.set('login-1', pendingLogin())
    const replaced =
      value === 'UNKNOWN'
        ? `Cookie: catchd-session-${api.port}=${'A'.repeat(43)}`
        : value === 'ADMIN'
          ? `Authorization: Bearer ${api.adminKey}`
          : value
    for (const [method, target, body] of calls) {
      const answer = await callAs(api, method, target, {
        change: [header, replaced],
        ...(body === undefined ? {} : { body }),
      })
      expect([method, target, ...outcome(answer)]).toEqual([method, target, ...expected])
    }
    expect(api.services.calls).toEqual([])
    expect((await callAs(api, 'GET', '/v1/status')).status).toBe(200)
  })

  test.each(['POST', 'PUT', 'DELETE'])('%s without Origin is refused', async (method) => {
    const api = await enteredApi()
    const target = method === 'POST' ? '/v1/logins' : '/v1/profiles/gw'
    const answer = await callAs(api, method, target, { change: ['origin', null], body: {} })
    expect(outcome(answer)).toEqual([403, 'origin_refused'])
    expect(api.services.calls).toEqual([])
  })

  test('at localhost, or at another host, is refused', async () => {
    const api = await enteredApi()
    const other = await callAs(api, 'GET', '/v1/status', { host: `localhost:${api.port}` })
    expect(outcome(other)).toEqual([403, 'origin_refused'])
    const rebound = await callAs(api, 'GET', '/v1/status', { host: `evil.example:${api.port}` })
    expect(outcome(rebound)).toEqual([403, 'host_refused'])
    expect(api.services.calls).toEqual([])
  })

  test.each(calls)('%s %s as the page makes it is served', async (method, target, body) => {
    const api = await enteredApi()
    api.services.pending.set('login-1', pendingLogin())
    if (target === '/v1/events') return // the stream does not end
    const answer = await callAs(api, method, target, body === undefined ? {} : { body })
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
    ['POST', '/v1/tokens/gw/refresh'],
    ['POST', '/v1/tokens/gw/proof', { method: 'GET', url: 'https://a.example/' }],
    ['GET', '/v1/tokens/gw/inspection'],
    ['GET', '/v1/logins/login-1'],
    ['POST', '/v1/logins/login-1/response', { url: 'http://x/' }],
    ['POST', '/v1/daemon/stop'],
    ['POST', '/v1/vault/migrate', { to: 'file' }],
    ['POST', '/v1/clients', { client: 'x', actions: ['admin'] }],
    ['PUT', '/v1/profiles/gw', { client_secret: { command: ['sh', '-c', 'id'] } }],
  ])('%s %s', async (method, target, body?: object) => {
    const api = await enteredApi()
    api.services.fresh.set('gw', tokenSet())
    api.services.pending.set('login-1', pendingLogin())
    const answer = await callAs(api, method, target, body === undefined ? {} : { body })
    expect(outcome(answer)).toEqual([403, 'forbidden'])
    expect(answer.text).not.toContain('canary')
    expect(api.services.calls.filter((call) => call !== 'profiles.list')).toEqual([])
    expect(api.keys.clients()).toEqual([])
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
        'DELETE /v1/logins/{login}',
        'DELETE /v1/profiles/{profile}',
        'DELETE /v1/tokens/{profile}',
        'GET /openapi.json',
        'GET /v1/clients',
        'GET /v1/clients/{client}',
        'GET /v1/profiles',
        'GET /v1/profiles/{profile}',
        'GET /v1/status',
        'POST /v1/clients',
        'POST /v1/logins',
        'POST /v1/profiles',
        'PUT /v1/profiles/{profile}',
      ].sort(),
    )
  })

  test('nor does the page or a panel hold one, nor a state, a verifier or a hash', async () => {
    const api = await enteredApi()
    api.services.fresh.set('gw', tokenSet())
    api.services.stored.set('gw', tokenSet())
    api.services.pending.set(
      'login-1',
      pendingLogin({ authorizationUrl: `https://id.example/?state=${STATE}` }),
    )
    const { client, key } = await api.keys.add({
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
    expect(texts).toContain('data-login="login-1"')
    expect(texts).toContain('data-key="key-ci"')
    const secrets = [ACCESS_TOKEN, REFRESH_TOKEN, STATE, VERIFIER, key.reveal(), api.adminKey]
    const hashes = ['hex', 'base64', 'base64url'].map((form) => client.hash.toString(form as 'hex'))
    for (const secret of [...secrets, ...hashes]) expect(texts).not.toContain(secret)
  })
})

describe('the end', () => {
  test('leaving ends the session at once, its stream too', async () => {
    const api = await enteredApi()
    const stream = callAs(api, 'GET', '/v1/events')
    await expect.poll(() => api.services.listeners.size).toBe(1)
    const left = await callAs(api, 'POST', '/dashboard/leave')
    expect(left.status).toBe(204)
    expect(left.headers.get('set-cookie')).toContain('Max-Age=0')
    expect((await stream).text).toContain('text/event-stream')
    await expect.poll(() => api.services.listeners.size).toBe(0)
    expect(outcome(await callAs(api, 'GET', '/v1/status'))).toEqual([401, 'unauthorized'])
    expect((await open(api, '/', api.browser.cookie)).status).toBe(401)
  })

  test('an hour in which the page only listened ends it', async () => {
    const api = await enteredApi()
    await api.clock.pass(59 * 60_000)
    expect((await callAs(api, 'GET', '/dashboard/panels')).status).toBe(200)
    await api.clock.pass(60_000)
    expect(outcome(await callAs(api, 'GET', '/dashboard/panels'))).toEqual([401, 'unauthorized'])
  })

  test('doing something begins the hour again', async () => {
    const api = await enteredApi()
    await api.clock.pass(59 * 60_000)
    await callAs(api, 'POST', '/dashboard/profiles/gw/refresh')
    await api.clock.pass(59 * 60_000)
    expect((await callAs(api, 'GET', '/dashboard/panels')).status).toBe(200)
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
  const api = await enteredApi()
  const entry = { issuer: 'https://id.example.com', client_secret: { command: ['op', 'read'] } }
  api.services.entries.set('gw', entry)
  expect((await callAs(api, 'PUT', '/v1/profiles/gw', { body: { ...entry, scope: 'a' } })).status).toBe(200)
})
