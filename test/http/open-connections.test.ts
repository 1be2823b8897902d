/** Which connection gives way when a listener has as many as it may have (SECURITY.md#everything-bounded). */
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HttpListener, type ListenerLimits, type RequestHandler } from '../../src/http/http-listener.js'

const MOST = 8

/** `/wait` is answered when `finish` is called, `/body` when its body has come, everything else at once. */
async function start(limits: Partial<ListenerLimits> = {}) {
  const waiting: (() => void)[] = []
  const handler: RequestHandler = (request, response) => {
    if (request.url === '/wait') waiting.push(() => response.end('waited'))
    else if (request.url === '/body') request.resume().on('end', () => response.end('read'))
    else if (request.url === '/much') response.end('x'.repeat(32 * 1024 * 1024))
    else response.end('ok')
  }
  const listener = new HttpListener(handler, {
    maxHeaderBytes: 8192,
    mostConnections: MOST,
    keepAliveMs: 5_000,
    ...limits,
  })
  const { port, close } = await listener.open({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => close(0))
  return {
    port,
    finish: () => {
      for (const end of waiting.splice(0)) end()
    },
    waiting,
  }
}

async function send(port: number, bytes: string) {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const seen = { socket, text: '', isClosed: false }
  socket.on('error', () => {})
  socket.on('close', () => {
    seen.isClosed = true
  })
  await new Promise((resolve) => socket.once('connect', resolve))
  if (bytes !== '') socket.write(bytes)
  return seen
}

function reading<Seen extends { readonly socket: Socket; text: string }>(seen: Seen): Seen {
  seen.socket.on('data', (chunk) => {
    seen.text += chunk.toString()
  })
  return seen
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

test.each([
  ['nothing was sent', ''],
  ['half a head was sent', 'GET / HTTP/1.1\r\nHo'],
  ['half a body was sent', 'POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na'],
  ['half a chunk was sent', 'POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\na'],
  ['the answer came before the body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na'],
  ['the next request has not come', get('/')],
  ['the answer is not read', get('/much')],
])('connections give way where %s, and a request that is being answered does not', async (_what, bytes) => {
  const { port, finish, waiting } = await start()
  const first = reading(await send(port, get('/wait')))
  await expect.poll(() => waiting.length).toBe(1)
  for (let count = 0; count < 3 * MOST; count += 1) {
    const slow = await send(port, bytes)
    if (bytes === get('/')) await expect.poll(() => reading(slow).text).toContain('ok')
  }
  const late = reading(await send(port, get('/')))
  await expect.poll(() => late.text).toContain('ok')
  finish()
  await expect.poll(() => first.text).toContain('waited')
})

test('if every connection is being answered, a new one is refused', async () => {
  const { port, waiting } = await start()
  for (let count = 0; count < MOST; count += 1) await send(port, get('/wait'))
  await expect.poll(() => waiting.length).toBe(MOST)
  const late = reading(await send(port, get('/')))
  await expect.poll(() => late.isClosed).toBe(true)
  expect(late.text).toBe('')
})

test('a connection that gives way is reset, so the system does not remember it', async () => {
  const { port } = await start()
  const oldest = await send(port, '')
  const ended = new Promise((resolve) => {
    oldest.socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code))
    oldest.socket.once('end', () => resolve('end'))
  })
  oldest.socket.resume()
  for (let count = 0; count < MOST; count += 1) await send(port, '')
  expect(await ended).toBe('ECONNRESET')
})

describe('when unfinished requests hold too much memory in all, the largest give way', () => {
  const LIMITS = { maxHeaderBytes: 64 * 1024, mostConnections: 100, mostUnfinishedBytes: 160 * 1024 }
  const BIG = 30 * 1024
  const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nCookie: ${'x'.repeat(BIG)}`
  const body = `POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n${'x'.repeat(BIG)}`

  test.each([
    ['their heads', head('/')],
    ['their bodies', body],
    ['the heads of second requests on their connections', get('/') + head('/')],
    ['the heads of third requests on their connections', get('/') + get('/') + head('/')],
  ])('%s', async (_what, bytes) => {
    const { port, finish, waiting } = await start(LIMITS)
    const first = reading(await send(port, `${head('/wait')}\r\n\r\n`))
    await expect.poll(() => waiting.length).toBe(1)
    const small = reading(await send(port, 'GET / HTTP/1.1\r\nHo'))
    const large: ReturnType<typeof reading<Awaited<ReturnType<typeof send>>>>[] = []
    for (let count = 0; count < 8; count += 1) large.push(reading(await send(port, bytes)))
    await expect.poll(() => large.filter(({ isClosed }) => isClosed).length).toBeGreaterThanOrEqual(3)
    expect([first.isClosed, small.isClosed]).toEqual([false, false])
    small.socket.write('st: x\r\n\r\n')
    await expect.poll(() => small.text).toContain('ok')
    finish()
    await expect.poll(() => first.text).toContain('waited')
  })
})
