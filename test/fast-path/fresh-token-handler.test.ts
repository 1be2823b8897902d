/**
 * The handler of fresh tokens against the routes behind it: the same request, plain and with the `?` that sends it to the
 * routes, is answered with the same bytes, counted the same, and asked of the token service once.
 */
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CatchdError } from '../../src/failures.js'
import { freshTokenHandler } from '../../src/fast-path/fresh-token-handler.js'
import { DashboardSessions } from '../../src/http/access/sessions.js'
import { openApi, type ServedApi, serveApi } from '../http/api/opened-api.js'
import { ACCESS_TOKEN } from '../support/composed-daemon.js'

const PLAIN = '/v1/tokens/gw'
const BY_ROUTES = '/v1/tokens/gw?'

/** Which way each of the answers took, in order: the routes log theirs. */
const logged = ({ events }: ServedApi) => events.map(({ event }) => event)

async function bothWays(api: ServedApi, via: 'tcp' | 'socket', headers: readonly string[]) {
  const [plain, routed] = [
    await api[via]({ target: PLAIN, headers }),
    await api[via]({ target: BY_ROUTES, headers }),
  ]
  return { plain, routed }
}

const comparable = ({ status, headers, body }: Awaited<ReturnType<ServedApi['tcp']>>) => ({
  status,
  body,
  headers: Object.fromEntries([...headers].filter(([name]) => name !== 'date').sort()),
})

describe('a token is the same either way', () => {
  test.each([
    [[]],
    [['accept: text/plain']],
    [['accept: application/json']],
    [['accept: */*']],
    [['accept: text/*;q=0.4, application/json;q=0.3']],
    [['ACCEPT: TEXT/PLAIN', 'user-agent: x', 'sec-fetch-mode: cors', 'accept-encoding: gzip']],
    [['content-length: 0']],
  ])('fresh, with %j', async (headers) => {
    const api = await serveApi()
    const key = `authorization: Bearer ${api.adminKey}`
    const counted = async () => (await api.services.status()).token_accesses?.map((one) => one.count)
    for (const [via, more] of [['socket', []] as const, ['tcp', [key]] as const]) {
      await api.logIn('gw', { expiresInSeconds: null, parameters: { ключ: ['"', { a: null }], id: 7 } })
      const before = api.events.length
      const { plain, routed } = await bothWays(api, via, [...headers, ...more])
      expect(plain.status).toBe(200)
      expect(comparable(plain)).toEqual(comparable(routed))
      expect(api.events.length - before).toBe(1) // of the routes
    }
    expect(await counted()).toEqual([2, 2])
  })

  test.each([[[]], [['accept: text/plain']]])('obtained first, with %j', async (headers) => {
    const answers = []
    for (const target of [PLAIN, BY_ROUTES]) {
      const api = await serveApi()
      await api.logIn('gw', { expiresInSeconds: 30 })
      answers.push(comparable(await api.socket({ target, headers })))
      expect(api.effects).toEqual(['refresh gw', 'token.refreshed gw', 'token.served socket gw'])
    }
    expect(answers[0]).toMatchObject({ status: 200, body: expect.stringContaining('access-r1') })
    expect(answers[0]).toEqual(answers[1])
  })

  test('a body that a GET should not have is not taken for the next request', async () => {
    const api = await serveApi()
    await api.logIn('gw')
    const smuggled = 'GET /v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n'
    const answer = await api.socket({ target: PLAIN, body: smuggled })
    expect(answer.status).toBe(200)
    expect(answer.text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(logged(api)).toEqual([])
  })
})

describe('who is not let in, or asks for something else, is answered by the routes, and nothing was asked', () => {
  test.each<[string, string[], number]>([
    ['no key', [], 401],
    ['a wrong key', ['authorization: Bearer 0000000000000000000000000000000000000000000'], 401],
    ['two Hosts', ['authorization: Bearer KEY', 'host: evil.example'], 400],
    ['an Origin', ['authorization: Bearer KEY', 'origin: http://127.0.0.1:7636'], 403],
    ['a Referer', ['authorization: Bearer KEY', 'referer: http://127.0.0.1:7636/'], 403],
    ['a page', ['authorization: Bearer KEY', 'sec-fetch-site: cross-site'], 403],
    ['a navigation', ['authorization: Bearer KEY', 'sec-fetch-mode: navigate'], 403],
    ['a cookie of no session', ['cookie: catchd-session=0'], 401],
    ['an upgrade', ['authorization: Bearer KEY', 'upgrade: websocket', 'connection: upgrade'], 403],
    ['a key of another profile', ['authorization: Bearer OTHER'], 403],
  ])('%s', async (_what, lines, status) => {
    const api = await serveApi()
    await api.logIn('gw')
    const body = { name: 'o', profiles: ['other'], actions: ['token'], expiresInSeconds: null } as const
    const other = (await api.keys.add(body)).key.reveal()
    const headers = lines.map((line) => line.replace('KEY', api.adminKey).replace('OTHER', other))
    const { plain, routed } = await bothWays(api, 'tcp', headers)
    expect(comparable(plain)).toEqual(comparable(routed))
    expect(plain.status).toBe(status)
    expect(plain.text).not.toContain(ACCESS_TOKEN)
    expect(api.effects).toEqual([])
  })

  test.each([
    'HEAD /v1/tokens/gw',
    'POST /v1/tokens/gw',
    'PUT /v1/tokens/gw',
    'GET /v1/tokens/gw/',
    'GET /v1/tokens/',
    'GET /v1/tokens/GW',
    'GET /v1/tokens/../status',
    'GET /v1/tokens/gw/refresh',
    'GET //v1/tokens/gw',
    'GET /v1/tokens/gw#x',
    'GET /v1/tokens/gw?min_ttl=60&min_ttl=61',
    'GET /v1/tokens/gw;x=1',
    `GET /v1/tokens/${'a'.repeat(65)}`,
  ])('%s', async (line) => {
    const api = await serveApi()
    await api.logIn('gw')
    const [method = '', target = ''] = line.split(' ')
    const answer = await api.socket({ method, target })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.text).not.toContain(ACCESS_TOKEN)
    expect(api.effects).toEqual([])
  })
})

test('a failure is told by the routes, and the token service was asked once', async () => {
  const api = await serveApi()
  const get = vi.spyOn(api.services.tokens, 'get')
  const { plain, routed } = await bothWays(api, 'socket', [])
  expect(comparable(plain)).toEqual(comparable(routed))
  expect(JSON.parse(plain.body)).toMatchObject({ status: 409, code: 'login_required', profile: 'gw' })
  expect(get).toHaveBeenCalledTimes(2)
  expect(logged(api)).toEqual(['api.answered', 'api.answered'])
})

test('a key is used once for each request, whichever way it goes and however it ends', async () => {
  const api = await serveApi()
  const { apiKey, key } = await api.keys.add({
    name: 'ci',
    profiles: ['gw'],
    actions: ['token'],
    expiresInSeconds: null,
  })
  const headers = [`authorization: Bearer ${key.reveal()}`]
  const ask = (target: string) => api.tcp({ target, headers })
  const statuses = []
  statuses.push((await ask(PLAIN)).status)
  await api.logIn('gw')
  for (const target of [PLAIN, BY_ROUTES, '/v1/tokens/other']) statuses.push((await ask(target)).status)
  expect(statuses).toEqual([409, 200, 200, 403])
  expect(api.keys.useOf(apiKey).uses).toBe(4)
})

test('a key that was removed opens nothing on a connection that it opened before', async () => {
  const api = await serveApi()
  await api.logIn('gw')
  const { key } = await api.keys.add({
    name: 'ci',
    profiles: ['gw'],
    actions: ['token'],
    expiresInSeconds: null,
  })
  const { Agent } = await import('node:http')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const ask = () =>
    new Promise<number | undefined>((resolve, reject) =>
      httpRequest(
        {
          agent,
          host: '127.0.0.1',
          port: api.port,
          path: PLAIN,
          headers: { authorization: `Bearer ${key.reveal()}` },
        },
        (answer) => answer.resume().on('end', () => resolve(answer.statusCode)),
      )
        .on('error', reject)
        .end(),
    )
  expect([await ask(), await ask()]).toEqual([200, 200])
  await api.keys.remove('ci')
  expect(await ask()).toBe(401)
})

describe('before the daemon has started', () => {
  async function starting() {
    const { app, services, keys, clock, logIn, effects } = await openApi()
    await logIn('gw')
    let [begin, fail] = [() => {}, (_failure: Error) => {}]
    const started = new Promise<void>((resolve, reject) => {
      begin = resolve
      fail = reject
    })
    const gate = { keys, tcpAuthority: () => new Set<string>(), sessions: new DashboardSessions(clock) }
    const routed: string[] = []
    const handler = freshTokenHandler({
      services,
      gate,
      clock,
      started,
      routes: (request, response) => {
        routed.push(request.url ?? '')
        app.routing(request, response)
      },
    })
    const server = createServer(handler)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    return { effects, routed, begin, fail, answer: fetch(`http://127.0.0.1:${port}${PLAIN}`) }
  }

  test('requests wait', async () => {
    const { effects, routed, begin, answer } = await starting()
    await new Promise((resolve) => setTimeout(resolve, 50)) // it has arrived
    expect([effects, routed]).toEqual([[], []])
    begin()
    expect((await answer).status).toBe(403) // this server is on no known address: the routes say so
    expect(routed).toEqual([PLAIN])
  })

  test('where it cannot start, the routes say why', async () => {
    const { effects, routed, fail, answer } = await starting()
    fail(new CatchdError('config_invalid'))
    await answer
    expect(routed).toEqual([PLAIN])
    expect(effects).toEqual([])
  })
})
