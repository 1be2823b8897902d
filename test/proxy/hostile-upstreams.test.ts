/** What an upstream can answer: the caller gets an answer or a closed connection, and the proxy goes on. */
import { METHODS } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CachedToken } from '../../src/proxy/cached-token.js'
import { LocalProxy } from '../../src/proxy/local-proxy.js'
import { exchange } from '../support/http-client.js'
import { hostileUpstreams } from './hostile-upstreams.js'

const token = {
  access_token: 't1',
  token_type: 'Bearer',
  expires_in: 300,
  expires_at: null,
  scope: null,
  profile: 'gw',
  context: {},
}

/**
 * @param answer - Called with each request of the proxy, as text.
 * @param other - The token that the daemon has instead of a refused one. Default: no other.
 */
async function start(answer: (request: string, socket: Socket) => void, path = '', other = 't1') {
  const seen: string[] = []
  const upstream = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      if (/ HTTP\/1\.1\r\n/.test(text)) seen.push(text)
      answer(text, socket)
    })
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const { port } = upstream.address() as { port: number }
  const client = {
    token: async () => token,
    refresh: async () => ({ ...token, access_token: other }),
    proof: async () => ({ ...token, dpop: '' }),
  }
  const proxy = new LocalProxy({
    upstream: new URL(`http://127.0.0.1:${port}${path}`),
    secret: 'secret',
    token: new CachedToken(client, 'gw'),
  })
  const base = await proxy.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await proxy.close()
    upstream.close()
  })
  return { base, seen, upstream: `http://127.0.0.1:${port}` }
}

const says = (answer: string) => (_request: string, socket: Socket) => void socket.write(answer, 'latin1')

/** Sends bytes as a caller. @returns all that comes back until `enough` has come, or the proxy closes */
function raw(base: string, bytes: string, enough: RegExp): Promise<string> {
  const { port } = new URL(base)
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes, 'latin1'))
    let text = ''
    socket.setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += String(chunk)
      if (enough.test(text)) socket.destroy()
    })
    socket.on('close', () => resolve(text))
  })
}

test('no answer of an upstream ends the proxy, or contains the token', async () => {
  const target = await hostileUpstreams.start()
  onTestFinished(target.stop)
  await fc.assert(
    fc.asyncProperty(hostileUpstreams.arbitrary, async (answer) => {
      const { shown, exited } = await target.run(answer)
      expect(exited).toBe(false)
      expect(shown.join('').includes('Canary')).toBe(false)
    }),
    { numRuns: 300, endOnFailure: true },
  )
})

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n'

test.each([
  ['Connection and what it names', 'Connection: close, X-Hop\r\nX-Hop: 1', ['x-hop']],
  ['Keep-Alive', 'Keep-Alive: timeout=7', []],
  ['Proxy-Authenticate', 'Proxy-Authenticate: Basic', ['proxy-authenticate']],
  ['Trailer beside a length', 'Trailer: Expires', ['trailer']],
  ['TE', 'TE: trailers', ['te']],
  ['Upgrade', 'Upgrade: h2c', ['upgrade']],
  ['Proxy-Connection', 'Proxy-Connection: close', ['proxy-connection']],
])('%s stays between the proxy and the upstream', async (_what, fields, names) => {
  const { base } = await start(says(`${OK}X-End: 1\r\n${fields}\r\n\r\nok`))
  const answer = await exchange(`${base}/x`)
  expect([answer.status, answer.body, answer.headers['x-end']]).toEqual([200, 'ok', '1'])
  for (const name of names) expect(answer.headers[name]).toBeUndefined()
  expect(answer.headers['keep-alive'] ?? '').not.toContain('timeout=7')
})

test('hop-by-hop fields of a caller stay with the proxy, and none of them removes the token', async () => {
  const { base, seen } = await start(says(`${OK}\r\nok`))
  const { host, pathname } = new URL(base)
  const fields = [
    'Connection: authorization, host, content-length, x-hop',
    'X-Hop: 1',
    'X-End: 1',
    'Authorization: Bearer of-the-caller',
    'Keep-Alive: timeout=5',
    'TE: trailers',
    'Trailer: X-After',
    'Proxy-Authorization: Basic eA==',
    'Proxy-Connection: keep-alive',
    'Content-Length: 4',
  ]
  const request = [`POST ${pathname}/x HTTP/1.1`, `Host: ${host}`, ...fields, '', 'body'].join('\r\n')
  expect(await raw(base, request, /ok$/)).toContain('HTTP/1.1 200 ')
  const [head = '', body] = (seen[0] ?? '').split('\r\n\r\n')
  const names = head
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(':')[0]?.toLowerCase())
  expect(names.sort()).toEqual(['authorization', 'connection', 'content-length', 'host', 'x-end'])
  expect(head).toContain('Authorization: Bearer t1')
  expect(body).toBe('body')
})

test.each([
  ['nothing at all', ''],
  ['no HTTP', 'hello\r\n\r\n'],
  ['HTTP/0.9', '<p>hello</p>'],
  ['a status that is none', 'HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 1000 X\r\nContent-Length: 0\r\n\r\n'],
  ['two lengths', `${OK}Content-Length: 3\r\n\r\nok`],
  ['a length beside chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
  ['another protocol that nobody asked for', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ['another protocol without its name', 'HTTP/1.1 101 X\r\n\r\n'],
  ['a head of 100 kB', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
])('%s is a bad gateway with problem details', async (_what, answer) => {
  const { base } = await start((_request, socket) => void socket.end(answer, 'latin1'))
  const { status, headers, body } = await exchange(`${base}/x`)
  expect([status, headers['content-type']]).toEqual([502, 'application/problem+json'])
  expect(JSON.parse(body)).toMatchObject({ status: 502, title: 'The upstream did not answer.' })
})

test.each([
  ['in the middle of a body', `HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart`],
  ['in the middle of a chunk', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart`],
  ['at a chunk without a length', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n`],
])('an answer that ends %s ends for the caller too, and is not complete', async (_where, answer) => {
  const { base } = await start((_request, socket) => void socket.end(answer, 'latin1'))
  await expect(exchange(`${base}/x`)).rejects.toThrow()
})

test('a caller that reads slowly gets an answer whose length only its end says', async () => {
  const content = 'x'.repeat(4 * 1024 * 1024)
  const { base } = await start((_request, socket) => void socket.end(`HTTP/1.1 200 OK\r\n\r\n${content}`))
  const { port, pathname } = new URL(base)
  const socket = connect(Number(port), '127.0.0.1')
  let received = 0
  socket.write(`GET ${pathname}/x HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
  socket.on('data', (chunk) => {
    received += chunk.length
    socket.pause()
    setImmediate(() => socket.resume())
  })
  await new Promise((resolve) => socket.once('close', resolve))
  expect(received).toBeGreaterThan(content.length)
})

test('an upstream that refuses another protocol is heard by the caller', async () => {
  const { base } = await start(says('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: yes\r\n\r\nno'))
  const { host, pathname } = new URL(base)
  const request = `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  const answer = await raw(base, request, /never/)
  expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*X-Why: yes[\s\S]*\r\n\r\nno$/)
})

describe('informational answers', () => {
  const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'
  const ask = async (answer: string, { version = '1.1', fields = '' } = {}) => {
    const { base } = await start(says(answer))
    const { host, pathname } = new URL(base)
    const head = `GET ${pathname}/x HTTP/${version}\r\nHost: ${host}\r\n${fields || 'Connection: close\r\n'}\r\n`
    return (await raw(base, head, /\r\n\r\n(?:ok|ab)$/)).replaceAll(/(?:Date|Keep-Alive): .*\r\n/g, '')
  }
  const statuses = (text: string) => [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)

  test.each([
    ['hints', HINTS, ['103']],
    ['twice, with a progress', `${HINTS}HTTP/1.1 102 Processing\r\n\r\n${HINTS}`, ['103', '102', '103']],
    ['one that was not asked for', 'HTTP/1.1 100 Continue\r\n\r\n', ['100']],
    ['one that nobody knows', 'HTTP/1.1 199 X\r\nX-Own: 1\r\n\r\n', ['199']],
    ['with a length, which it cannot have', 'HTTP/1.1 103 X\r\nContent-Length: 9\r\n\r\n', ['103']],
  ])('%s: passed on before the final one', async (_what, before, informational) => {
    const answer = await ask(`${before}${OK}\r\nok`)
    expect(statuses(answer)).toEqual([...informational, '200'])
    expect(answer).toMatch(/\r\n\r\nok$/)
    expect(answer).not.toContain('Content-Length: 9')
  })

  test('come at once, and keep their fields but those for one connection', async () => {
    const hops = 'Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 2\r\n'
    const { base } = await start(says(HINTS.replace('Link', `${hops}Link`))) // no final answer
    const { host, pathname } = new URL(base)
    const answer = await raw(base, `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /\r\n\r\n$/)
    expect(answer).toBe('HTTP/1.1 103 Early Hints\r\nX-Kept: 2\r\nLink: </a.css>; rel=preload\r\n\r\n')
  })

  test('a caller with HTTP/1.0 gets none', async () => {
    expect(statuses(await ask(`${HINTS}${OK}\r\nok`, { version: '1.0' }))).toEqual(['200'])
  })

  test('in a handshake for another protocol they come before its answer', async () => {
    const switches = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nab'
    const fields = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
    expect(statuses(await ask(HINTS + switches, { fields }))).toEqual(['103', '101'])
    expect(statuses(await ask(`${HINTS}HTTP/1.1 403 X\r\nContent-Length: 2\r\n\r\nok`, { fields }))).toEqual([
      '103',
      '403',
    ])
  })

  test('a thousand of them: the answer still comes', async () => {
    const answer = await ask(
      `${`HTTP/1.1 102 X\r\nX-Much: ${'x'.repeat(1_000)}\r\n\r\n`.repeat(1_000)}${OK}\r\nok`,
    )
    expect(answer).toMatch(/HTTP\/1\.1 200 [\s\S]*\r\n\r\nok$/)
  })
})

describe('trailers', () => {
  test.each([
    ['one', 'X-Sum: 1\r\n', 'X-Sum: 1\r\n'],
    ['several', 'grpc-status: 0\r\ngrpc-message: fine\r\n', 'grpc-status: 0\r\ngrpc-message: fine\r\n'],
    ['for one connection', 'TE: x\r\nKeep-Alive: timeout=5\r\nTrailer: x\r\n', ''],
    ['none', '', ''],
  ])('of an answer: %s', async (_what, sent, passed) => {
    const chunked = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\n${sent}\r\n`
    const { base } = await start(says(chunked))
    const { host, pathname } = new URL(base)
    const head = `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\nTE: trailers\r\n\r\n`
    expect(await raw(base, head, /\r\n0\r\n(?:.+\r\n)*\r\n$/)).toMatch(
      new RegExp(`\r\n2\r\nok\r\n0\r\n${passed}\r\n$`),
    )
  })

  test('a caller with HTTP/1.0 gets the answer without them', async () => {
    const { base } = await start(
      says('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n'),
    )
    const { host, pathname } = new URL(base)
    const answer = await raw(base, `GET ${pathname}/x HTTP/1.0\r\nHost: ${host}\r\n\r\n`, /never/)
    expect(answer).toMatch(/\r\n\r\nok$/)
  })

  test('of a request: passed on, but not what the caller must not set', async () => {
    let received = ''
    const { base } = await start((text, socket) => {
      received += text
      if (/\r\n0\r\n(?:.+\r\n)*\r\n$/.test(received)) socket.write(`${OK}\r\nok`)
    })
    const { host, pathname } = new URL(base)
    const trailers = 'X-Sum: 1\r\nAuthorization: Bearer mine\r\nHost: evil.example\r\nDPoP: x\r\n'
    const request = `PUT ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${trailers}\r\n`
    expect(await raw(base, request, /ok$/)).toMatch(/^HTTP\/1\.1 200 /)
    expect(received).toMatch(/\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n$/)
    expect(received).not.toMatch(/mine|evil|DPoP/)
  })
})

test('a caller that offers HTTP/2 gets its answer over HTTP/1.1', async () => {
  const { base, seen } = await start(says(`${OK}\r\nok`))
  const { host, pathname } = new URL(base)
  const fields = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
  const answer = await raw(base, `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`, /never/)
  expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok$/)
  expect(seen[0]).not.toMatch(/upgrade|http2-settings/i)
})

test('an answer that comes before the body was read arrives', async () => {
  const { base } = await start((request, socket) => {
    if (request.startsWith('PUT '))
      socket.end('HTTP/1.1 413 X\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig')
  })
  const { host, pathname } = new URL(base)
  const request = `PUT ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`
  expect(await raw(base, request, /big$/)).toMatch(/^HTTP\/1\.1 413 [\s\S]*\r\n\r\nbig$/)
})

test('TRACE is refused, because its answer would contain the token', async () => {
  const { base, seen } = await start(says(`${OK}\r\nok`))
  const { host, pathname } = new URL(base)
  const answer = await raw(base, `TRACE ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /request_invalid/)
  expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  expect(seen).toEqual([])
})

test.each(['/../x', '/a/%2e%2e/x', '/a/%252E./x', '/a/..;p=1/x', '/a/..%5cx', '/a\\..\\x', '/..'])(
  'the path %s is refused, because it could lead out',
  async (path) => {
    const { base, seen } = await start(says(`${OK}\r\nok`), '/api')
    const { host, pathname } = new URL(base)
    const answer = await raw(
      base,
      `GET ${pathname}${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      /request_invalid/,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(seen).toEqual([])
  },
)

test.each([
  ['/x/%E9/..a?q=/../', '/api/x/%E9/..a?q=/../'],
  ['', '/api'],
  ['//double', '/api//double'],
])('the path %j goes to %s as it was sent', async (path, outward) => {
  const { base, seen } = await start(says(`${OK}\r\nok`), '/api/')
  const { host, pathname } = new URL(base)
  await raw(base, `GET ${pathname}${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, /ok$/)
  expect(seen[0]).toMatch(/^GET \S+ /)
  expect(seen[0]?.split(' ')[1]).toBe(outward)
})

test.each([
  ['/api/next', '/secret/next'],
  ['//evil.example/api', '//evil.example/api'],
  ['https://other.example/api/x', 'https://other.example/api/x'],
  ['/apiary', '/apiary'],
])('a redirect to %s leads the caller to %s', async (location, inward) => {
  const { base } = await start(
    says(`HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ${location}\r\n\r\n`),
    '/api',
  )
  expect((await exchange(`${base}/x`)).headers['location']).toBe(inward)
})

test('a caller that resets its connection while the token is fetched does not end the proxy', async () => {
  const { base } = await start(says(`${OK}\r\nok`))
  const { host, port, pathname } = new URL(base)
  for (let round = 0; round < 20; round += 1) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.write(
      `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
    setImmediate(() => socket.resetAndDestroy())
    await new Promise((resolve) => socket.once('close', resolve))
  }
  expect((await exchange(`${base}/x`)).body).toBe('ok')
})

test.each([...METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE')])(
  '%s goes on',
  async (method) => {
    const { base, seen } = await start(says(`HTTP/1.1 207 Multi-Status\r\nContent-Length: 2\r\n\r\nok`))
    const { host, pathname } = new URL(base)
    const request = `${method} ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    expect(await raw(base, request, /ok$/)).toMatch(/^HTTP\/1\.1 207 /)
    expect(seen[0]).toContain(`${method} /x HTTP/1.1\r\n`)
  },
)

test.each([
  ['CONNECT', (host: string) => `CONNECT example.com:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  [
    'a method that Node.js does not know',
    (host: string) => `BREW /secret/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
  ],
])('%s is refused, and the upstream is not asked', async (_what, request) => {
  const { base, seen } = await start(says(`${OK}\r\nok`))
  expect(await raw(base, request(new URL(base).host), /never/)).toMatch(/^HTTP\/1\.1 400 /)
  expect(seen).toEqual([])
})

test.each([
  ['Destination', '{base}/b%20c?d', '{upstream}/api/b%20c?d'],
  ['Destination', '{local}/b', '{upstream}/api/b'],
  ['destination', 'http://other.example/secret/b', 'http://other.example/secret/b'],
  ['Destination', 'http://{host}/elsewhere/b', 'http://{host}/elsewhere/b'],
  [
    'If',
    '<{base}/b> (<urn:uuid:1> ["e"]) <{base}/c> (Not <x:y>)',
    '<{upstream}/api/b> (<urn:uuid:1> ["e"]) <{upstream}/api/c> (Not <x:y>)',
  ],
  ['X-Other', '{base}/b', '{base}/b'],
])('%s: %s is %s for the upstream', async (name, sent, arrived) => {
  const { base, seen, upstream } = await start(says(`${OK}\r\nok`), '/api')
  const { host, port, pathname } = new URL(base)
  const filled = (text: string) =>
    text
      .replaceAll('{base}', base)
      .replaceAll('{local}', `http://localhost:${port}${pathname}`)
      .replaceAll('{host}', host)
      .replaceAll('{upstream}', upstream)
  await raw(base, `MOVE ${pathname}/a HTTP/1.1\r\nHost: ${host}\r\n${name}: ${filled(sent)}\r\n\r\n`, /ok$/)
  expect(seen[0]).toContain(`\r\n${name}: ${filled(arrived)}\r\n`)
})

test('a Destination that could lead out is refused', async () => {
  const { base, seen } = await start(says(`${OK}\r\nok`), '/api')
  const { host, pathname } = new URL(base)
  const request = `COPY ${pathname}/a HTTP/1.1\r\nHost: ${host}\r\nDestination: ${base}/%2e%2e/b\r\n\r\n`
  expect(await raw(base, request, /request_invalid/)).toMatch(/^HTTP\/1\.1 400 /)
  expect(seen).toEqual([])
})

describe('a token that the upstream refuses', () => {
  const REFUSED = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n'
  const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  const SWITCHED = `HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}\r\n`
  /** An upstream that takes the new token alone. */
  const renewed = (refusal: string, answer: string) =>
    start((request, socket) => void socket.write(/Bearer t2\r\n/.test(request) ? answer : refusal), '', 't2')

  test.each([
    ['with a body that does not end', `${REFUSED}Transfer-Encoding: chunked\r\n\r\n4\r\nwait\r\n`],
    ['with a long body', `${REFUSED}Content-Length: 500000\r\n\r\n${'x'.repeat(500_000)}`],
    [
      'after an interim answer',
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${REFUSED}Content-Length: 0\r\n\r\n`,
    ],
  ])('%s: the request is sent again', async (_what, refusal) => {
    const { base, seen } = await renewed(refusal, `${OK}\r\nok`)
    expect(await exchange(`${base}/x`)).toMatchObject({ status: 200, body: 'ok' })
    expect(seen).toHaveLength(2)
  })

  test('HEAD has the length of the answer that counts, and no body', async () => {
    const { base } = await renewed(`${REFUSED}Content-Length: 9\r\n\r\n`, `${OK}\r\n`)
    const answer = await exchange(`${base}/x`, { method: 'HEAD' })
    expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([200, '2', ''])
  })

  test('in a handshake for another protocol: the caller gets one answer, the last', async () => {
    const { base, seen } = await renewed(`${REFUSED}Content-Length: 2\r\n\r\nno`, `${SWITCHED}hello ok`)
    const { host, pathname } = new URL(base)
    const answer = await raw(base, `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\n${UPGRADE}\r\n`, /ok$/)
    expect(answer).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\nhello ok$/)
    expect(answer).not.toContain('401')
    expect(seen).toHaveLength(2)
  })

  test('in a handshake, and the new one too: the caller hears 401', async () => {
    const { base } = await start(says(`${REFUSED}Content-Length: 2\r\n\r\nno`), '', 't2')
    const { host, pathname } = new URL(base)
    const answer = await raw(base, `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\n${UPGRADE}\r\n`, /no$/)
    expect(answer).toMatch(/^HTTP\/1\.1 401 [\s\S]*\r\n\r\nno$/)
  })

  test.each([
    ['before its answer', (socket: Socket) => void socket.destroy()],
    ['in the middle of it', (socket: Socket) => void socket.end('HTTP/1.1 101 Switching')],
    ['in the middle of its fields', (socket: Socket) => void socket.end('HTTP/1.1 101 X\r\nUpgrade: web')],
  ])('an upstream that closes a handshake %s is a bad gateway', async (_when, close) => {
    const { base } = await start((_request, socket) => close(socket))
    const { host, pathname } = new URL(base)
    const answer = await raw(base, `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\n${UPGRADE}\r\n`, /never/)
    expect(answer).toMatch(/^HTTP\/1\.1 502 /)
  })

  test('one that closes after the handshake closes for the caller', async () => {
    const { base } = await start((_request, socket) => void socket.end(SWITCHED))
    const { host, pathname } = new URL(base)
    const answer = await raw(base, `GET ${pathname}/x HTTP/1.1\r\nHost: ${host}\r\n${UPGRADE}\r\n`, /never/)
    expect(answer).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n$/)
  })

  test('a body that cannot be sent again gets the refusal; the next request has a new token', async () => {
    const { base, seen } = await renewed(
      `${REFUSED}Content-Length: 2\r\nConnection: close\r\n\r\nno`,
      `${OK}\r\nok`,
    )
    const { host, pathname } = new URL(base)
    const fields = `Host: ${host}\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue`
    const request = `POST ${pathname}/x HTTP/1.1\r\n${fields}\r\n\r\n4\r\nbody\r\n0\r\nX-Trailer: 1\r\n\r\n`
    const answer = await raw(base, request, /no$/)
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 401 /)
    expect(seen).toHaveLength(1)
    await expect.poll(() => raw(base, request, /(?:no|ok)$/)).toMatch(/HTTP\/1\.1 200 /)
  })
})
