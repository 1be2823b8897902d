/** `catchd proxy` between real callers and an upstream that wants the token. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { exchange } from '../support/http-client.js'
import { environment, PROGRAM } from '../support/program.js'
import { type SeedSystem, startSeedSystem } from '../support/seed-system.js'

let system: SeedSystem
const cleanUps: (() => Promise<void> | void)[] = []

beforeEach(async () => {
  system = await startSeedSystem({ refreshTokens: true })
  await system.login()
})
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  await system.stop()
})

interface Upstream {
  readonly url: string
  readonly seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[]
  /** Tokens that are taken; everybody else's is 401. `null`: all. */
  good: Set<string> | null
  serve: (request: IncomingMessage, response: ServerResponse) => void
}

async function startUpstream(): Promise<Upstream & { readonly server: Server }> {
  const upstream: { -readonly [Key in keyof Upstream]: Upstream[Key] } = {
    url: '',
    seen: [],
    good: null,
    serve: (_request, response) => response.end('ok'),
  }
  const server = createServer((request, response) => {
    const isGood = upstream.good?.has(request.headers.authorization ?? '') ?? true
    if (!isGood) {
      request.resume()
      response.writeHead(401, { 'www-authenticate': 'Bearer', 'x-first': '1' }).end('who are you?')
    } else if (request.method === 'PUT') {
      upstream.serve(request, response)
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      upstream.seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      if (isGood) upstream.serve(request, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => {
    server.closeAllConnections()
    server.close()
  })
  upstream.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`
  return Object.assign(upstream, { server })
}

async function startProxy(
  upstream: string,
  ...more: string[]
): Promise<{ base: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [PROGRAM, 'proxy', 'gw', '--upstream', upstream, ...more], {
    env: environment({
      HOME: system.daemon.home,
      CATCHD_HOME: system.daemon.home,
      CATCHD_API_PORT: String(system.daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(system.daemon.redirectPort),
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  cleanUps.push(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGINT')
    await once(child, 'exit')
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { base: line.toString().trim(), child }
}

async function token(): Promise<string> {
  return `Bearer ${String((await system.daemon.api('GET', '/v1/tokens/gw')).json['access_token'])}`
}

test('a request goes on with the token, its path, query and body; the answer comes back whole', async () => {
  const upstream = await startUpstream()
  upstream.serve = (_request, response) => response.writeHead(201, { 'x-answer': 'yes' }).end('made')
  const { base } = await startProxy(upstream.url)
  const answer = await exchange(`${base}/things?a=1&b=%20`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer foreign', 'x-own': '1' },
    body: '{"a":  1}',
  })
  expect(answer).toMatchObject({ status: 201, body: 'made' })
  expect(answer.headers['x-answer']).toBe('yes')
  expect(upstream.seen).toMatchObject([
    { method: 'POST', url: '/api/things?a=1&b=%20', body: '{"a":  1}', headers: { 'x-own': '1' } },
  ])
  expect(upstream.seen[0]?.headers.authorization).toBe(await token())
  expect(upstream.seen[0]?.headers.host).toBe(new URL(upstream.url).host)
})

test('--json prints the same base URL as a member', async () => {
  const upstream = await startUpstream()
  const { base: line } = await startProxy(upstream.url, '--json')
  const printed = JSON.parse(line) as { base_url: string }
  expect(printed).toEqual({ profile: 'gw', base_url: expect.any(String) as string, upstream: upstream.url })
  expect(await exchange(`${printed.base_url}/x`)).toMatchObject({ status: 200, body: 'ok' })
})

describe('a token that the upstream refuses', () => {
  test('is refreshed once, and the request is sent again', async () => {
    const upstream = await startUpstream()
    const before = await token()
    upstream.good = new Set()
    const { base } = await startProxy(upstream.url)
    const refreshed = system.daemon.api('POST', '/v1/tokens/gw/refresh')
    upstream.good.add(`Bearer ${String((await refreshed).json['access_token'])}`)
    expect(await token()).not.toBe(before)
    expect(await exchange(`${base}/x`)).toMatchObject({ status: 200, body: 'ok' })
  })

  test('by twenty requests at once, and by late ones: one refresh', async () => {
    const upstream = await startUpstream()
    const { base } = await startProxy(upstream.url)
    await exchange(`${base}/warm`)
    const old = await token()
    upstream.good = { has: (value: string) => value !== old } as Set<string>
    const { tokenRequests } = system.gateway.counts
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => (await exchange(`${base}/x`)).status),
    )
    expect(new Set(answers)).toEqual(new Set([200]))
    expect(system.gateway.counts.tokenRequests - tokenRequests).toBe(1)
    expect(upstream.seen.filter(({ url }) => url === '/api/x').length).toBeLessThanOrEqual(40)
  })

  test('a body that was kept is sent again, and headers of the refusal are gone', async () => {
    const upstream = await startUpstream()
    upstream.good = new Set()
    const served: string[] = []
    upstream.serve = (_request, response) => {
      served.push('x')
      response.end('ok')
    }
    const { base } = await startProxy(upstream.url)
    await exchange(`${base}/warm`)
    const old = await token()
    // From here on the upstream takes any token but the one that the proxy has.
    upstream.good = { has: (value: string) => value !== old } as Set<string>
    const answer = await exchange(`${base}/x`, { method: 'POST', body: 'keep me' })
    expect(answer).toMatchObject({ status: 200, body: 'ok' })
    expect(answer.headers['x-first']).toBeUndefined()
    expect(upstream.seen.filter(({ url }) => url === '/api/x').map(({ body }) => body)).toEqual([
      'keep me',
      'keep me',
    ])
    expect(served).toHaveLength(1)
  })

  test('and the new one too: the refusal is passed on, without a loop', async () => {
    const upstream = await startUpstream()
    upstream.good = new Set()
    const { base } = await startProxy(upstream.url)
    const refreshes = system.gateway.counts
    expect(await exchange(`${base}/x`)).toMatchObject({ status: 401, body: 'who are you?' })
    expect(upstream.seen).toHaveLength(2)
    expect(refreshes.codesRedeemedTwice).toBe(0)
  })
})

test('a body of 64 MB streams through both ways without being kept', async () => {
  const upstream = await startUpstream()
  upstream.serve = (request, response) => {
    response.writeHead(200)
    request.pipe(response)
  }
  const { base, child } = await startProxy(upstream.url)
  const { port, pathname } = new URL(base)
  const size = 64 * 1024 * 1024
  const socket = connect(Number(port), '127.0.0.1')
  const head = `PUT ${pathname}/big HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`
  let received = 0
  socket.on('data', (chunk) => {
    received += chunk.length
  })
  socket.write(head)
  const block = Buffer.alloc(1024 * 1024, 'x')
  for (let sent = 0; sent < size; sent += block.length) {
    if (!socket.write(block)) await once(socket, 'drain')
  }
  await once(socket, 'close')
  expect(received).toBeGreaterThanOrEqual(size)
  expect(child.exitCode).toBeNull()
})

test('server-sent events arrive as they are sent', async () => {
  const upstream = await startUpstream()
  let push: (text: string) => void = () => {}
  upstream.serve = (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    push = (text) => response.write(text)
    push('data: 1\n\n')
  }
  const { base } = await startProxy(upstream.url)
  const { port, pathname } = new URL(base)
  const socket = connect(Number(port), '127.0.0.1')
  cleanUps.push(() => void socket.destroy())
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString()
  })
  socket.write(`GET ${pathname}/events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  await expect.poll(() => text).toContain('data: 1\n\n')
  await delay(50)
  push('data: 2\n\n')
  await expect.poll(() => text).toContain('data: 2\n\n')
})

test('a WebSocket is passed through, with the token in its handshake', async () => {
  const upstream = await startUpstream()
  const seen: (string | undefined)[] = []
  const sockets = new WebSocketServer({ server: upstream.server })
  sockets.on('connection', (socket, request) => {
    seen.push(request.headers.authorization)
    socket.on('message', (data) => socket.send(`echo ${String(data)}`))
  })
  const { base } = await startProxy(upstream.url)
  const socket = new WebSocket(base.replace('http:', 'ws:').concat('/socket'))
  await once(socket, 'open')
  socket.send('hello')
  const [data] = (await once(socket, 'message')) as [Buffer]
  expect(data.toString()).toBe('echo hello')
  expect(seen).toEqual([await token()])
  socket.terminate()
  sockets.close()
})

describe('who may use it', () => {
  test.each([
    ['without the random segment', (base: string) => new URL('/x', base).href, {}, 404],
    ['with another segment', (base: string) => new URL('/AAAAAAAAAAAAAAAAAAAAAA/x', base).href, {}, 404],
    ['a rebound name', (base: string) => `${base}/x`, { host: 'evil.example' }, 403],
    ['a page of another origin', (base: string) => `${base}/x`, { origin: 'https://evil.example' }, 403],
    ['a sandboxed page', (base: string) => `${base}/x`, { origin: 'null' }, 403],
    ['an image of a page', (base: string) => `${base}/x`, { 'sec-fetch-site': 'cross-site' }, 403],
  ])('%s: refused, and the upstream is not asked', async (_who, urlOf, headers, status) => {
    const upstream = await startUpstream()
    const { base } = await startProxy(upstream.url)
    expect((await exchange(urlOf(base), { headers })).status).toBe(status)
    expect(upstream.seen).toEqual([])
  })

  test('--no-secret serves without the segment, with a warning', async () => {
    const upstream = await startUpstream()
    const { base } = await startProxy(upstream.url, '--no-secret')
    expect(new URL(base).pathname).toBe('/')
    expect((await exchange(`${base}/x`)).status).toBe(200)
  })

  test('--socket listens on a socket of this user alone', async () => {
    const upstream = await startUpstream()
    const path = `${system.daemon.home}/proxy.sock`
    const { base } = await startProxy(upstream.url, '--socket', path)
    expect(base).toBe(`unix:${path}`)
    expect((await exchange('http://localhost/x', { socketPath: path })).status).toBe(200)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })
})

test('a login is required: 409 with the code, and the upstream is not asked', async () => {
  const upstream = await startUpstream()
  await system.daemon.api('DELETE', '/v1/tokens/gw')
  const { base } = await startProxy(upstream.url)
  const answer = await exchange(`${base}/x`)
  expect(answer.status).toBe(409)
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'login_required' })
  expect(upstream.seen).toEqual([])
})

test('an upstream that is down is a bad gateway', async () => {
  const { base } = await startProxy('http://127.0.0.1:9')
  expect((await exchange(`${base}/x`)).status).toBeGreaterThanOrEqual(500)
})

test.each([
  ['http://api.example.com', 'https'],
  ['ftp://api.example.com', 'https'],
  ['https://me:secret@api.example.com', 'password'],
])('the upstream %s is a usage error', async (upstream, said) => {
  const { exitCode, stderr } = await system.daemon.cli(['proxy', 'gw', '--upstream', upstream])
  expect(exitCode).toBe(2)
  expect(stderr).toContain(said)
  expect(stderr).not.toContain('secret@')
})

test('a profile that names its hosts goes nowhere else', async () => {
  const entry = (await system.daemon.api('GET', '/v1/profiles/gw')).json['configuration'] as object
  const put = await system.daemon.api('PUT', '/v1/profiles/gw', {
    body: { ...entry, hosts: ['api.example.com'] },
  })
  expect(put.status, put.text).toBeLessThan(300)
  const { exitCode, stderr } = await system.daemon.cli(['proxy', 'gw', '--upstream', 'https://evil.example'])
  expect(exitCode).toBe(2)
  expect(stderr).toContain('api.example.com')
})
