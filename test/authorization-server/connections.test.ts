/** What the network and TLS do to an exchange, and what is never sent a second time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as zlib from 'node:zlib'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { ServerConnections } from '../../src/authorization-server/server-connections.js'
import { makeCertificates } from '../support/certificates.js'
import { cleanUp, failureOf, json, listen, startFakeServer } from './fake-server.js'

const get = { method: 'GET', headers: {} }
const post = { method: 'POST', headers: {}, body: 'code=code-1' }

function connections(deadlineMs?: number): ServerConnections {
  const made = new ServerConnections(deadlineMs)
  cleanUp(() => made.close())
  return made
}

/** A server below HTTP: each connection is handed over with its number. */
async function rawServer(serve: (socket: Socket, count: number) => void) {
  const seen = { connections: 0, requests: 0 }
  const server = createTcpServer((socket) => {
    seen.connections += 1
    socket.on('error', () => undefined)
    socket.on('data', () => {
      seen.requests += 1
    })
    cleanUp(() => socket.destroy())
    serve(socket, seen.connections)
  })
  const port = await listen(server)
  return { seen, port, url: `http://127.0.0.1:${port}/token` }
}

const answer = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`

describe('a connection that is cut', () => {
  const cutOnce = (socket: Socket, count: number) =>
    socket.once('data', () => (count === 1 ? socket.resetAndDestroy() : socket.end(answer('{}'))))

  test('a GET is repeated once', async () => {
    const { seen, url } = await rawServer(cutOnce)
    expect(await connections().exchange(url, get, undefined)).toMatchObject({ status: 200, body: '{}' })
    expect(seen.connections).toBe(2)
  })

  test('and not a second time', async () => {
    const { seen, url } = await rawServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
    const failure = await failureOf(connections().exchange(url, get, undefined))
    expect(failure).toMatchObject({ code: 'provider_unreachable' })
    expect(failure.message).toContain('closed before an answer')
    expect(seen.connections).toBe(2)
  })

  test('a POST that was written is never repeated', async () => {
    const { seen, url } = await rawServer(cutOnce)
    expect((await failureOf(connections().exchange(url, post, undefined))).code).toBe('provider_unreachable')
    expect(seen).toEqual({ connections: 1, requests: 1 })
  })

  test('a POST of which nothing was written is repeated once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'catchd-tls-'))
    cleanUp(() => rmSync(folder, { recursive: true }))
    const { key, cert, caFile } = makeCertificates(folder)
    const fake = await startFakeServer({ key, cert })
    fake.routes.set('/token', json({ ok: 1 }))
    // The first connection is cut during the TLS handshake, the second one is passed on.
    const { seen, port } = await rawServer((socket, count) => {
      if (count === 1) return socket.resetAndDestroy()
      const behind = new URL(fake.base)
      const passed = connect(Number(behind.port), '127.0.0.1')
      socket.pipe(passed).pipe(socket)
      return undefined
    })
    const answered = await connections().exchange(`https://127.0.0.1:${port}/token`, post, caFile)
    expect(answered).toMatchObject({ status: 200, body: '{"ok":1}' })
    expect(seen.connections).toBe(2)
    expect(fake.seen).toHaveLength(1)
  })

  test('an idle connection that the server closed is not used again', async () => {
    const { seen, url } = await rawServer((socket) =>
      socket.once('data', () => socket.write(answer('{}'), () => setTimeout(() => socket.destroy(), 1))),
    )
    const made = connections()
    for (let count = 0; count < 5; count++) {
      expect(await made.exchange(url, post, undefined)).toMatchObject({ status: 200 })
    }
    expect(seen.connections).toBe(5)
  })
})

describe('a compressed answer', () => {
  const encodings = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }

  test.each(Object.entries(encodings))('%s is read', async (encoding, compress) => {
    const fake = await startFakeServer()
    fake.routes.set('/token', (_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(compress('{"ok":1}')),
    )
    const answered = await connections().exchange(`${fake.base}/token`, get, undefined)
    expect(answered).toMatchObject({ status: 200, body: '{"ok":1}' })
  })

  const JSON_TEXT = '{"ok":1}'
  const zstd = (zlib as { readonly zstdCompressSync?: (body: string) => Buffer }).zstdCompressSync
  test.each<[string, string | Buffer]>([
    ...[
      'UTF-8',
      'utf8',
      'none',
      'identity',
      'binary',
      '',
      ' , ',
      'chunked',
      'application/json',
      'compress',
    ].map((name): [string, string] => [name, JSON_TEXT]),
    ['x-gzip', gzipSync(JSON_TEXT)],
    ['GZip', gzipSync(JSON_TEXT)],
    ['UTF-8, gzip', gzipSync(JSON_TEXT)],
    ['gzip, identity', gzipSync(JSON_TEXT)],
    ['br, gzip', gzipSync(brotliCompressSync(JSON_TEXT))],
    ['deflate', deflateRawSync(JSON_TEXT)],
    ...(zstd === undefined ? [] : [['zstd', zstd(JSON_TEXT)] as [string, Buffer]]),
    // A proxy has decoded it, and left the header as it was.
    ['gzip', JSON_TEXT],
    ['deflate', JSON_TEXT],
    ['br', JSON_TEXT],
  ])('%j', async (encoding, body) => {
    const fake = await startFakeServer()
    fake.routes.set('/token', (_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(body),
    )
    const answered = await connections().exchange(`${fake.base}/token`, post, undefined)
    expect(answered).toMatchObject({ status: 200, body: JSON_TEXT })
  })

  test.each<[string, Buffer]>([
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0])],
    ['gzip', gzipSync(JSON_TEXT).subarray(0, -12)],
    ['br', gzipSync(JSON_TEXT)],
    ['gzip, gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(gzipSync(JSON_TEXT))))],
  ])('%s that cannot be decoded', async (encoding, body) => {
    const fake = await startFakeServer()
    fake.routes.set('/token', (_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(body),
    )
    const failure = await failureOf(connections().exchange(`${fake.base}/token`, get, undefined))
    expect(failure.message).toContain('cannot be decompressed')
  })

  test.each(['gzip', 'gzip, UTF-8', 'gzip, gzip'])(
    '%s may not be larger than 1 MiB once it is unpacked',
    async (encoding) => {
      const fake = await startFakeServer()
      const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024))
      fake.routes.set('/token', (_request, response) =>
        response
          .writeHead(200, { 'content-encoding': encoding })
          .end(encoding === 'gzip, gzip' ? gzipSync(bomb) : bomb),
      )
      const failure = await failureOf(connections().exchange(`${fake.base}/token`, get, undefined))
      expect(failure.code).toBe('provider_answer_invalid')
    },
  )
})

describe('an answer that never ends in a response ends in a failure', () => {
  const SHORT_MS = 150
  const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
  const HEAD = 'HTTP/1.1 200 OK\r\n'
  const answersWith = (text: string) => (socket: Socket) => void socket.once('data', () => socket.write(text))
  const endsWith = (text: string) => (socket: Socket) => void socket.once('data', () => socket.end(text))
  /** Writes again and again, so that no limit on silence would notice. */
  const keepsSaying = (first: string, again: string) => (socket: Socket) => {
    socket.once('data', () => {
      socket.write(first)
      const timer = setInterval(() => socket.write(again), 5)
      socket.once('close', () => clearInterval(timer))
    })
  }

  test.each<[string, (socket: Socket) => void, string]>([
    ['101', answersWith(SWITCHED), 'provider_answer_invalid'],
    ['101 without Upgrade', answersWith('HTTP/1.1 101 Odd\r\n\r\n'), 'provider_answer_invalid'],
    ['101 and the end of the connection', endsWith(SWITCHED), 'provider_answer_invalid'],
    ['100 again and again', keepsSaying('', 'HTTP/1.1 100 Continue\r\n\r\n'), 'provider_unreachable'],
    ['103 again and again', keepsSaying('', 'HTTP/1.1 103 Hints\r\n\r\n'), 'provider_unreachable'],
    ['100 and the end of the connection', endsWith('HTTP/1.1 100 Continue\r\n\r\n'), 'provider_unreachable'],
    ['the end of the connection', endsWith(''), 'provider_unreachable'],
    ['nothing', () => {}, 'provider_unreachable'],
    ['a head without an end', keepsSaying(HEAD, 'x-more: 1\r\n'), 'provider_unreachable'],
    ['a body without an end', keepsSaying(`${HEAD}\r\n`, ' '), 'provider_unreachable'],
    [
      'chunks without an end',
      keepsSaying(`${HEAD}transfer-encoding: chunked\r\n\r\n`, '1\r\n \r\n'),
      'provider_unreachable',
    ],
    ['a body that stops', answersWith(`${HEAD}content-length: 9\r\n\r\n{`), 'provider_unreachable'],
    ['a body that is cut', endsWith(`${HEAD}content-length: 9\r\n\r\n{`), 'provider_answer_invalid'],
  ])('%s', async (_, serve, code) => {
    const { url } = await rawServer(serve)
    const deadlineMs = code === 'provider_unreachable' ? SHORT_MS : undefined
    for (const request of [get, post]) {
      const failure = await failureOf(connections(deadlineMs).exchange(url, request, undefined))
      expect(failure.code).toBe(code)
    }
  })

  test('data after the answer does not change it', async () => {
    const { url } = await rawServer(endsWith(`${answer('{"ok":1}')}HTTP/1.1 101 Odd\r\n\r\n`))
    expect(await connections().exchange(url, post, undefined)).toMatchObject({ body: '{"ok":1}' })
  })

  test('a server that is silent in the TLS handshake', async () => {
    const { port } = await rawServer(() => {})
    const failure = await failureOf(
      connections(SHORT_MS).exchange(`https://127.0.0.1:${port}/token`, post, undefined),
    )
    expect(failure.message).toContain('did not answer within')
  })
})
