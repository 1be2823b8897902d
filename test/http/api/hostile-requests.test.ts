/** A web page, another user, another process: whoever is not let in has caused nothing. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { StatusAnswer } from '../../../src/http/api/status.js'
import { ProblemAnswer } from '../../../src/http/api/wire.js'
import { ANSWER_HEADERS } from '../../../src/http/http-listener.js'
import { ACCESS_TOKEN, ID_TOKEN, REFRESH_TOKEN } from '../../support/composed-daemon.js'
import { ask, type RawAnswer } from '../redirect/raw-http.js'
import { type ServedApi, serveApi } from './opened-api.js'

/** Every route that there is (openapi.test.ts holds the file against the routes). */
const DESCRIPTION = join(import.meta.dirname, '../../../schema/openapi.json')
const SAMPLES: Readonly<Record<string, string>> = { '{profile}': 'gw', '{id}': 'login-1', '{client}': 'ci' }

const codeOf = (answer: RawAnswer) => {
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  return ProblemAnswer.parse(JSON.parse(answer.body)).code
}
const withKey = ({ adminKey }: ServedApi, ...headers: string[]) => [
  `Authorization: Bearer ${adminKey}`,
  ...headers,
]

async function served(): Promise<ServedApi> {
  const api = await serveApi()
  await api.logIn('gw')
  return api
}

describe('over TCP, Host must be exact', () => {
  test.each([
    ['of a page that was rebound', (port: number) => `evil.example.com:${port}`],
    ['0.0.0.0', (port: number) => `0.0.0.0:${port}`],
    ['::ffff:127.0.0.1', (port: number) => `[::ffff:127.0.0.1]:${port}`],
    ['[::1], which is not bound', (port: number) => `[::1]:${port}`],
    ['another port', () => '127.0.0.1:1'],
    ['no port', () => '127.0.0.1'],
    ['another spelling of 127.0.0.1', (port: number) => `127.1:${port}`],
    ['a name that begins alike', (port: number) => `localhost.evil.example:${port}`],
    ['a dot at the end', (port: number) => `localhost.:${port}`],
    ['credentials', (port: number) => `127.0.0.1:${port}@evil.example.com`],
    ['capitals', (port: number) => `LOCALHOST:${port}`],
    ['of the socket', () => 'localhost'],
    ['nothing', () => ''],
  ])('%s', async (_name, hostFor) => {
    const api = await served()
    const answer = await api.tcp({
      target: '/v1/tokens/gw',
      host: hostFor(api.port),
      headers: withKey(api),
    })
    expect([answer.status, codeOf(answer)]).toEqual([403, 'host_refused'])
    expect(api.effects).toEqual([])
  })

  test.each([
    ['doubled', 'x: y\r\nHost: evil.example.com', '1.1'],
    ['missing', null, '1.1'],
  ])('%s', async (_name, extra, version) => {
    const api = await served()
    const host = extra === null ? null : `127.0.0.1:${api.port}`
    const headers = extra === null ? withKey(api) : withKey(api, extra)
    const answer = await api.tcp({ target: '/v1/tokens/gw', host, version, headers })
    expect([answer.status, codeOf(answer)]).toEqual([400, 'request_invalid'])
    expect(api.effects).toEqual([])
  })

  test('missing in HTTP/1.0', async () => {
    const api = await served()
    const answer = await api.tcp({
      target: '/v1/tokens/gw',
      host: null,
      version: '1.0',
      headers: withKey(api),
    })
    expect([answer.status, codeOf(answer)]).toEqual([403, 'host_refused'])
    expect(api.effects).toEqual([])
  })

  test('an absolute target', async () => {
    const api = await served()
    const answer = await api.tcp({
      target: `http://127.0.0.1:${api.port}/v1/tokens/gw`,
      headers: withKey(api),
    })
    expect([answer.status, codeOf(answer)]).toEqual([400, 'request_invalid'])
    expect(api.effects).toEqual([])
  })

  test.each([
    ['an expectation that cannot be met', 417, (host: string) => [`Host: ${host}`, 'Expect: tea']],
    ['headers without end', 431, (host: string) => [`Host: ${host}`, `X-Long: ${'x'.repeat(70_000)}`]],
    ['a line that is no header', 400, (host: string) => [`Host: ${host}`, 'no header']],
  ])('%s is refused as every request is', async (_name, status, headersFor) => {
    const api = await served()
    const lines = ['GET /v1/tokens/gw HTTP/1.1', ...headersFor(`127.0.0.1:${api.port}`), ...withKey(api)]
    const answer = await ask(api.port, `${lines.join('\r\n')}\r\n\r\n`)
    expect([answer.status, codeOf(answer)]).toEqual([status, 'request_invalid'])
    expect(ProblemAnswer.parse(JSON.parse(answer.body)).status).toBe(status)
    expect(Object.fromEntries(answer.headers)).toMatchObject(ANSWER_HEADERS)
    expect(api.effects).toEqual([])
  })

  test.each(['127.0.0.1', 'localhost'])('%s with the port is let in', async (name) => {
    const api = await served()
    const answer = await api.tcp({
      target: '/v1/tokens/gw',
      host: `${name}:${api.port}`,
      headers: withKey(api),
    })
    expect(answer.status).toBe(200)
  })
})

describe('on the socket', () => {
  test.each(['localhost', '', 'localhost:7636'])('Host "%s" is let in without a key', async (host) => {
    const api = await served()
    expect((await api.socket({ target: '/v1/tokens/gw', host })).status).toBe(200)
  })

  test('so is HTTP/1.0 without Host', async () => {
    const api = await served()
    const answer = await api.socket({ target: '/v1/tokens/gw', host: null, version: '1.0' })
    expect(answer.status).toBe(200)
  })

  test.each(['evil.example.com', '127.0.0.1', '0.0.0.0', 'localhost.evil.example'])(
    'Host "%s" is refused',
    async (host) => {
      const api = await served()
      const answer = await api.socket({ target: '/v1/tokens/gw', host })
      expect([answer.status, codeOf(answer)]).toEqual([403, 'host_refused'])
      expect(api.effects).toEqual([])
    },
  )

  test('a key that is sent is checked, and its limits hold', async () => {
    const api = await served()
    const wrong = await api.socket({ target: '/v1/tokens/gw', headers: ['Authorization: Bearer wrong'] })
    expect([wrong.status, codeOf(wrong)]).toEqual([401, 'unauthorized'])
    const { key } = await api.keys.add({
      name: 'ci',
      profiles: ['corp'],
      actions: ['token'],
      expiresInSeconds: null,
    })
    const other = await api.socket({
      target: '/v1/tokens/gw',
      headers: [`Authorization: Bearer ${key.reveal()}`],
    })
    expect([other.status, codeOf(other)]).toEqual([403, 'forbidden'])
    expect(api.effects).toEqual([])
  })

  test('only its user can use it, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      const { socketPath } = await served()
      expect(statSync(socketPath).mode & 0o777).toBe(0o600)
    } finally {
      process.umask(before)
    }
  })
})

describe('what a web page can send is refused, key or not, on both doors', () => {
  const json = 'Content-Type: application/json'
  const login = '{"profile":"gw","open":true}'
  const pages: [
    name: string,
    request: { method?: string; target?: string; headers: string[]; body?: string },
  ][] = [
    ['a cross-origin GET', { headers: ['Origin: https://evil.example'] }],
    ['a page on another port of localhost', { headers: ['Origin: http://localhost:3000'] }],
    ['its own address as Origin', { headers: ['Origin: http://127.0.0.1:7636'] }],
    ['Origin: null', { headers: ['Origin: null'] }],
    ['an empty Origin', { headers: ['Origin:'] }],
    ['a Chrome extension', { headers: ['Origin: chrome-extension://abcdefghijklmnop'] }],
    ['a Firefox extension', { headers: ['Origin: moz-extension://8d7cf1f2'] }],
    ['a Referer', { headers: ['Referer: https://evil.example/page'] }],
    [
      'a form',
      {
        method: 'POST',
        target: '/v1/logins',
        headers: ['Origin: https://evil.example', 'Content-Type: application/x-www-form-urlencoded'],
        body: 'profile=gw',
      },
    ],
    [
      'a text/plain POST that is JSON',
      {
        method: 'POST',
        target: '/v1/logins',
        headers: ['Sec-Fetch-Site: cross-site', 'Content-Type: text/plain'],
        body: login,
      },
    ],
    [
      'a JSON POST of a page on the same site',
      { method: 'POST', target: '/v1/logins', headers: ['Sec-Fetch-Site: same-site', json], body: login },
    ],
    [
      'a preflight',
      {
        method: 'OPTIONS',
        headers: ['Origin: https://evil.example', 'Access-Control-Request-Method: GET'],
      },
    ],
    [
      'a preflight for the private network',
      { method: 'OPTIONS', headers: ['Access-Control-Request-Private-Network: true'] },
    ],
    ['a script tag', { headers: ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Dest: script'] }],
    ['an image', { headers: ['Sec-Fetch-Dest: image', 'Sec-Fetch-Mode: no-cors'] }],
    ['a frame', { headers: ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Dest: iframe'] }],
    [
      'a navigation from the address bar',
      {
        headers: [
          'Sec-Fetch-Site: none',
          'Sec-Fetch-Mode: navigate',
          'Sec-Fetch-Dest: document',
          'Sec-Fetch-User: ?1',
        ],
      },
    ],
    ['fetch() of a page', { headers: ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: cors'] }],
    [
      'a WebSocket of a page',
      {
        headers: [
          'Origin: https://evil.example',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
        ],
      },
    ],
    ['any upgrade', { headers: ['Upgrade: websocket', 'Sec-WebSocket-Version: 13'] }],
  ]

  test.each(pages)('%s', async (_name, { target = '/v1/tokens/gw', headers, ...request }) => {
    const api = await served()
    for (const answer of [
      await api.tcp({ target, ...request, headers: withKey(api, ...headers) }),
      await api.tcp({ target, ...request, headers }),
      await api.socket({ target, ...request, headers }),
    ]) {
      expect([answer.status, codeOf(answer)]).toEqual([403, 'origin_refused'])
      expect(answer.text).not.toMatch(/canary|evil/)
    }
    expect(api.effects).toEqual([])
  })

  test("Node's own fetch says `cors` and is no page", async () => {
    const api = await served()
    const headers = { authorization: `Bearer ${api.adminKey}` }
    const answer = await fetch(`http://127.0.0.1:${api.port}/v1/tokens/gw`, { headers })
    expect(answer.status).toBe(200)
  })
})

describe('over TCP, nothing is served without a key', () => {
  const { paths } = JSON.parse(readFileSync(DESCRIPTION, 'utf8')) as {
    paths: Record<string, Record<string, object>>
  }
  const described = Object.entries(paths).flatMap(([path, calls]) =>
    Object.entries(calls).map(([method, call]): [string, string, string?] => {
      const target = path.replace(/\{\w+\}/, (name) => SAMPLES[name] ?? 'x')
      return 'requestBody' in call ? [method.toUpperCase(), target, '{}'] : [method.toUpperCase(), target]
    }),
  )
  const routes: [method: string, target: string, body?: string][] = [
    ...described,
    ['GET', '/dashboard/panels'],
    ['GET', '/dashboard/logins/login-1'],
    ['POST', '/dashboard/profiles/gw/refresh'],
    ['POST', '/dashboard/leave'],
    ['POST', '/'],
    ['POST', '/enter'],
    ['GET', '/nothing/here'],
    ['PATCH', '/v1/tokens/gw'],
    ['HEAD', '/v1/tokens/gw'],
    ['TRACE', '/v1/tokens/gw'],
    ['PROPFIND', '/v1/tokens/gw'],
  ]
  test.each(routes)('%s %s', async (method, target, body) => {
    const api = await served()
    const { id } = await api.services.logins.begin({ profile: 'gw', open: false })
    api.effects.length = 0
    const headers = body === undefined ? [] : ['Content-Type: application/json']
    const answer = await api.tcp({
      method,
      target: target.replace('login-1', id),
      headers,
      ...(body === undefined ? {} : { body }),
    })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    if (method !== 'HEAD') expect(codeOf(answer)).toBe('unauthorized')
    expect(api.effects).toEqual([])
    expect(api.keys.list()).toEqual([])
  })

  test.each([
    ['a wrong key', () => `Authorization: Bearer ${'A'.repeat(43)}`],
    ['a truncated key', (key: string) => `Authorization: Bearer ${key.slice(0, -1)}`],
    ['a key and more', (key: string) => `Authorization: Bearer ${key}A`],
    ['the key in capitals', (key: string) => `Authorization: Bearer ${key.toUpperCase()}-`],
    ['no key', () => 'Authorization: Bearer '],
    ['an empty header', () => 'Authorization:'],
    ['the key without a scheme', (key: string) => `Authorization: ${key}`],
    ['another scheme', (key: string) => `Authorization: Basic ${key}`],
    [
      'the key in Basic',
      (key: string) => `Authorization: Basic ${Buffer.from(`x:${key}`).toString('base64')}`,
    ],
    ['two keys in one header', (key: string) => `Authorization: Bearer wrong, Bearer ${key}`],
    [
      'a header before the right one',
      (key: string) => `Authorization: Bearer x\r\nAuthorization: Bearer ${key}`,
    ],
    ['another header', (key: string) => `X-Api-Key: ${key}`],
    ['a cookie', (key: string) => `Cookie: key=${key}`],
  ])('%s', async (_name, headerFor) => {
    const api = await served()
    const answer = await api.tcp({ target: '/v1/tokens/gw', headers: [headerFor(api.adminKey)] })
    expect([answer.status, codeOf(answer)]).toEqual([401, 'unauthorized'])
    expect(answer.text).not.toContain(api.adminKey.slice(0, 12))
    expect(api.effects).toEqual([])
  })

  test.each(['key', 'access_token', 'api_key', 'authorization'])('the key as ?%s=', async (name) => {
    const api = await served()
    const target = `/v1/tokens/gw?${name}=${api.adminKey}`
    const without = await api.tcp({ target })
    expect([without.status, codeOf(without)]).toEqual([401, 'unauthorized'])
    const beside = await api.tcp({ target, headers: withKey(api) })
    expect([beside.status, codeOf(beside)]).toEqual([400, 'request_invalid'])
    for (const { text } of [without, beside]) expect(text).not.toContain(api.adminKey)
    expect(JSON.stringify(api.events)).not.toContain(api.adminKey)
    expect(api.effects).toEqual([])
  })

  test('the scheme is written as one likes (RFC 9110 §11.1)', async () => {
    const api = await served()
    const answer = await api.tcp({
      target: '/v1/status',
      headers: [`authorization: bearer ${api.adminKey}`],
    })
    expect(answer.status).toBe(200)
    StatusAnswer.parse(JSON.parse(answer.body))
  })

  test('a connection stays what it is: one right key does not open it for the next request', async () => {
    const api = await served()
    const first = [
      'GET /v1/status HTTP/1.1',
      `Host: 127.0.0.1:${api.port}`,
      `Authorization: Bearer ${api.adminKey}`,
      '',
      '',
    ].join('\r\n')
    const { text } = await api.tcp({ method: `${first}GET`, target: '/v1/tokens/gw' })
    expect(text.match(/HTTP\/1\.1 (\d+)/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401'])
    expect(api.effects).toEqual([])
  })
})

test('no answer holds a refresh token, a verifier or a state, and none but its own an id_token', async () => {
  const api = await served()
  const login = await api.services.logins.begin({ profile: 'gw', open: false })
  if (login.status !== 'pending' || !('codeVerifier' in login)) throw new Error('It is not pending.')
  const { id } = login
  const [STATE, VERIFIER] = [login.state.reveal(), login.codeVerifier?.reveal() ?? '']
  expect((await api.socket({ target: `/v1/logins/${id}` })).text).not.toContain(VERIFIER)
  await api.approve(id)
  const answers = [
    await api.socket({ target: '/v1/tokens/gw' }),
    await api.socket({ target: '/v1/tokens/gw', headers: ['Accept: text/plain'] }),
    await api.socket({ method: 'POST', target: '/v1/tokens/gw/refresh' }),
    await api.socket({ target: `/v1/logins/${id}` }),
    await api.socket({ target: '/v1/profiles' }),
    await api.socket({ target: '/v1/status' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
  expect(answers[1]?.body).toBe(ACCESS_TOKEN)
  const all = answers.map(({ text }) => text).join() + JSON.stringify(api.events)
  for (const secret of [REFRESH_TOKEN, ID_TOKEN, VERIFIER, STATE]) expect(all).not.toContain(secret)
  const asked = await api.socket({ target: '/v1/tokens/gw/id_token' })
  expect(asked.body).toContain(ID_TOKEN)
  for (const secret of [REFRESH_TOKEN, ACCESS_TOKEN, VERIFIER]) expect(asked.text).not.toContain(secret)
  for (const token of [ACCESS_TOKEN, ID_TOKEN]) expect(JSON.stringify(api.events)).not.toContain(token)
})
