/**
 * A fuzz target: what an upstream of `catchd proxy` can answer, as raw bytes over structured pieces. Each answer goes to a
 * real caller of a real proxy, over real connections. An exception that nothing handles would end the process, so it counts
 * as an exit.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import fc from 'fast-check'
import { CachedToken } from '../../src/proxy/cached-token.js'
import { LocalProxy } from '../../src/proxy/local-proxy.js'

export interface HostileAnswer {
  readonly request: (typeof REQUESTS)[number]
  readonly bytes: Buffer
  /** Where the bytes are cut into pieces that arrive one after the other. */
  readonly cuts: readonly number[]
  readonly ending: 'stays' | 'ends' | 'resets'
}

const TOKEN = 'Canary-proxy-9f3b61'
const CRLF = '\r\n'

const REQUESTS = ['GET', 'HEAD', 'POST', 'upload', 'websocket', 'h2c', 'broken body'] as const

/** Most parsers refuse these. */
const BROKEN_FIELDS = [
  'Content-Length: 99999999999999999999',
  'Content-Length: -1',
  'Content-Length: 2, 2',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'X-Control: a\x01b',
  'X-Null: a\0b',
  'X-Fold: a\r\n b',
  'Bad Name: 1',
  ': empty',
  'no colon',
] as const

const FIELDS = [
  'Content-Length: 2',
  'Content-Length: 0',
  'Transfer-Encoding: chunked',
  'Trailer: Expires',
  'Trailer: X-After',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Upgrade',
  'Connection: close, x-hop, trailer, content-length',
  'Connection: ,,;',
  'Keep-Alive: timeout=5',
  'Keep-Alive: timeout=-1, max=x',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Sec-WebSocket-Accept: x',
  'Sec-WebSocket-Extensions: permessage-deflate; x',
  'Sec-WebSocket-Protocol: nobody-asked',
  'Proxy-Authenticate: Basic',
  'Proxy-Connection: keep-alive',
  'TE: trailers',
  'X-Hop: 1',
  'Location: /base/elsewhere',
  'Location: //evil.example',
  'Location:',
  'WWW-Authenticate: DPoP error="use_dpop_nonce"',
  'DPoP-Nonce: n',
  'Retry-After: 99999999',
  'Content-Encoding: gzip',
  'Content-Type: text/event-stream',
  'Set-Cookie: a=b',
  'Date: never',
  'X-Latin: \xe9\xff',
  '__proto__: 1',
  'constructor: 1',
] as const

const status = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('200', '201', '206', '301', '304', '204', '205', '401', '407', '503'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('100', '101', '102', '103', '199', '099', '000', '600', '999', '1000'),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
)
const reason = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(' OK', '', ' ') },
  { weight: 1, arbitrary: fc.string({ maxLength: 20, unit: 'binary-ascii' }).map((text) => ` ${text}`) },
)
const version = fc.oneof(
  { weight: 12, arbitrary: fc.constant('HTTP/1.1 ') },
  { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0 ', 'HTTP/0.9 ', 'HTTP/2.0 ', 'HTTP/9.9 ', 'ICY ', '') },
)
const field = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...FIELDS) },
  { weight: 2, arbitrary: fc.constantFrom(...BROKEN_FIELDS) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.string({ maxLength: 12, unit: 'binary-ascii' }),
        fc.string({ maxLength: 40, unit: 'binary-ascii' }),
      )
      .map(([name, value]) => `${name}: ${value}`),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 90_000 }).map((length) => `X-Long: ${'l'.repeat(length)}`),
  },
)
const body = fc.oneof(
  fc.constantFrom(
    '',
    'ok',
    'x'.repeat(70_000),
    '2\r\nok\r\n0\r\n\r\n',
    '2\r\nok\r\n0\r\nX-After: 1\r\nBad\r\n\r\n',
  ),
  fc.constantFrom(
    'ffffffffffffffff\r\nok',
    '-1\r\n',
    'zz\r\nok\r\n',
    '2;ext=\x01\r\nok\r\n',
    '2\nok\n0\n\n',
    '2\r\nokk\r\n',
  ),
  fc.string({ maxLength: 60, unit: 'binary-ascii' }),
  fc.constantFrom('\x81\x02hi', '\x88\x02\x03\xe8', '\xff\xff\xff', `\x81\x7f${'\xff'.repeat(8)}`),
)
const head = fc
  .tuple(version, status, reason, fc.array(field, { maxLength: 5 }))
  .map(([protocol, code, words, fields]) => [`${protocol}${code}${words}`, ...fields, '', ''].join(CRLF))
const upgraded = fc
  .array(field, { maxLength: 3 })
  .map((fields) =>
    ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket', ...fields, '', ''].join(
      CRLF,
    ),
  )
const interim = fc.oneof(
  fc.constantFrom('HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'),
  fc.integer({ min: 2, max: 3_000 }).map((count) => 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(count)),
)
const text = fc
  .tuple(
    fc.option(interim, { nil: '', freq: 5 }),
    fc.oneof({ weight: 5, arbitrary: head }, { weight: 1, arbitrary: upgraded }),
    body,
    fc.option(head, { nil: '', freq: 6 }),
    fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 3 }),
  )
  .map(([before, first, content, another, flips]) => {
    const bytes = Buffer.from(before + first + content + another, 'latin1')
    for (const [at, value] of flips) if (value % 3 === 0 && at < bytes.length) bytes[at] = value
    return bytes
  })

const arbitrary: fc.Arbitrary<HostileAnswer> = fc.record({
  request: fc.constantFrom(...REQUESTS),
  bytes: text,
  cuts: fc.array(fc.nat({ max: 600 }), { maxLength: 3 }),
  ending: fc.constantFrom('stays', 'ends', 'resets'),
})

/** How long a caller waits for more after the upstream has sent everything. */
const PATIENCE_MS = 25

export const hostileUpstreams = { name: 'proxy-upstreams', weight: 0.3, arbitrary, start }

async function start() {
  const answers = new Map<string, { readonly answer: HostileAnswer; readonly given: () => void }>()
  let unhandled = 0
  const count = () => {
    unhandled += 1
  }
  process.on('uncaughtException', count)
  const upstream = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('data', (chunk) => {
      const id = / \/base\/(\d+)/.exec(chunk.toString('latin1'))?.[1] ?? ''
      const asked = answers.get(id)
      if (asked !== undefined) void give(socket, asked.answer).then(asked.given)
    })
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  const token = {
    access_token: TOKEN,
    token_type: 'Bearer',
    expires_in: 300,
    expires_at: null,
    scope: null,
    profile: 'gw',
    context: {},
  }
  const client = {
    token: async () => token,
    refresh: async () => token,
    proof: async () => ({ ...token, dpop: 'proof' }),
  }
  const { port } = upstream.address() as AddressInfo
  const proxy = new LocalProxy({
    upstream: new URL(`http://127.0.0.1:${port}/base`),
    secret: '',
    token: new CachedToken(client, 'gw'),
  })
  const base = new URL(await proxy.listen({ host: '127.0.0.1', port: 0 }))
  let runs = 0

  /** @returns `outcome`: `status 200`, or `closed` if the connection ended without an answer. */
  async function run(answer: HostileAnswer) {
    runs += 1
    const id = String(runs)
    const before = unhandled
    const seen = await call(Number(base.port), requestOf(answer.request, id, base.host), (given) => {
      answers.set(id, { answer, given })
    })
    answers.delete(id)
    const code = /^HTTP\/1\.1 (\d{3})/.exec(seen)?.[1]
    return {
      outcome: code === undefined ? 'closed' : `status ${code}`,
      shown: [seen],
      exited: unhandled > before,
    }
  }

  return {
    base,
    run,
    stop: async () => {
      await proxy.close()
      upstream.close()
      process.off('uncaughtException', count)
    },
  }
}

/** Sends the answer in its pieces. */
async function give(socket: Socket, { bytes, cuts, ending }: HostileAnswer): Promise<void> {
  let from = 0
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    if (cut <= from || cut >= bytes.length) continue
    socket.write(bytes.subarray(from, cut))
    from = cut
    await new Promise((resolve) => setImmediate(resolve))
  }
  await new Promise<void>((resolve) => {
    socket.once('close', resolve)
    socket.write(bytes.subarray(from), () => resolve())
  })
  if (ending === 'ends') socket.end()
  if (ending === 'resets') socket.resetAndDestroy()
}

function requestOf(kind: HostileAnswer['request'], id: string, host: string): string {
  const lines = (method: string, ...fields: string[]) =>
    [`${method} /${id} HTTP/1.1`, `Host: ${host}`, ...fields, '', ''].join(CRLF)
  if (kind === 'GET' || kind === 'HEAD') return lines(kind, 'Connection: close')
  if (kind === 'POST') return `${lines('POST', 'Content-Length: 4')}body`
  if (kind === 'upload') return `${lines('PUT', 'Transfer-Encoding: chunked')}4\r\nbody\r\n0\r\n\r\n`
  if (kind === 'broken body') return `${lines('PUT', 'Content-Length: 100000')}body`
  if (kind === 'h2c')
    return lines('GET', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AA')
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  return `${lines('GET', 'Connection: Upgrade', 'Upgrade: websocket', key, 'Sec-WebSocket-Version: 13')}\x81\x80abcd`
}

/**
 * @param expect - Called with what to call when the upstream has sent everything.
 * @returns All that a caller received until the proxy closed the connection, or the caller lost its patience.
 */
function call(port: number, bytes: string, expect: (given: () => void) => void): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let seen = ''
    let leave: NodeJS.Timeout | undefined
    expect(() => {
      leave = setTimeout(() => socket.destroy(), PATIENCE_MS)
    })
    socket.setEncoding('latin1')
    socket.on('connect', () => socket.write(bytes, 'latin1'))
    socket.on('data', (chunk) => {
      seen += String(chunk)
      leave?.refresh()
    })
    socket.on('end', () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(leave)
      resolve(seen)
    })
  })
}
