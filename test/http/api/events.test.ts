/** `/v1/events`: server-sent events, each key's own. */
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openApi, type ServedApi, serveApi } from './opened-api.js'

async function listen(api: ServedApi, key?: string) {
  const socket = key === undefined ? connect(api.socketPath) : connect(api.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  let isOver = false
  socket.on('data', (chunk) => {
    text += chunk.toString()
  })
  socket.on('close', () => {
    isOver = true
  })
  const host = key === undefined ? 'localhost' : `127.0.0.1:${api.port}`
  const authorization = key === undefined ? '' : `Authorization: Bearer ${key}\r\n`
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: ${host}\r\n${authorization}\r\n`)
  await expect.poll(() => text).toContain('retry: 2000')
  return { socket, text: () => text, isOver: () => isOver }
}

test('what happens is told as it happens, with its instant', async () => {
  const api = await serveApi()
  const { text } = await listen(api)
  expect(text()).toContain('content-type: text/event-stream')
  const { id } = await api.services.logins.begin({ profile: 'gw', open: false })
  api.services.logins.cancel(id)
  const data = `{"event":"login.ended","profile":"gw","login_id":"${id}","code":"login_required","at":"2026-01-01T00:00:00Z"}`
  await expect.poll(text).toContain(`event: login.ended\ndata: ${data}\n\n`)
})

test('a key hears of its profiles alone, and of nothing that is about none', async () => {
  const api = await serveApi()
  await api.logIn('gw')
  await api.logIn('corp')
  const { key } = await api.keys.add({
    name: 'ci',
    profiles: ['gw'],
    actions: ['token'],
    expiresInSeconds: null,
  })
  const { text } = await listen(api, key.reveal())
  await api.services.tokens.refresh('corp')
  api.services.clientChanged('client.added', 'other')
  await api.services.tokens.refresh('gw')
  await expect.poll(text).toContain('"profile":"gw"')
  expect(text()).not.toContain('corp')
  expect(text()).not.toContain('other')
})

test('a key does not hear who else got the tokens of its profiles', async () => {
  const api = await serveApi()
  const ci = { name: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: null } as const
  const { key } = await api.keys.add(ci)
  const [limited, owner] = [await listen(api, key.reveal()), await listen(api)]
  api.services.tokenServed('somebody', 'gw')
  api.services.tokenServed('ci', 'gw')
  await expect.poll(limited.text).toContain('"client":"ci"')
  expect(limited.text()).not.toContain('somebody')
  await expect.poll(owner.text).toContain('somebody')
})

describe.each(['removed', 'expired'])('a key that was %s meanwhile', (how) => {
  async function listening() {
    const api = await serveApi()
    await api.logIn('gw')
    const ci = { name: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: 60 } as const
    const { key } = await api.keys.add(ci)
    const stream = await listen(api, key.reveal())
    const end = async () => {
      if (how === 'expired') return void api.clock.jump(60_000)
      await api.keys.remove('ci')
      await api.keys.add(ci) // another key of the same name
    }
    return { api, stream, end }
  }

  test('hears of nothing that happens afterwards', async () => {
    const { api, stream, end } = await listening()
    await api.services.tokens.refresh('gw')
    await expect.poll(stream.text).toContain('token.refreshed')
    await end()
    await api.services.logins.begin({ profile: 'gw', open: false })
    await expect.poll(stream.isOver).toBe(true)
    expect(stream.text()).not.toContain('login.begun')
  })

  test('is let go where nothing happens', async () => {
    const { api, stream, end } = await listening()
    await end()
    await api.clock.pass(16_000)
    await expect.poll(stream.isOver).toBe(true)
    expect(api.subscribed()).toBe(0)
  })
})

test('without a key there is no stream', async () => {
  const api = await serveApi()
  expect((await api.tcp({ target: '/v1/events' })).status).toBe(401)
  expect(api.subscribed()).toBe(0)
})

test('whoever leaves is forgotten', async () => {
  const api = await serveApi()
  const { socket } = await listen(api)
  expect(api.subscribed()).toBe(1)
  socket.destroy()
  await expect.poll(() => api.subscribed()).toBe(0)
})

test('a silent stream is kept alive by comments', async () => {
  const api = await serveApi()
  const { text } = await listen(api)
  await api.clock.pass(31_000)
  await expect.poll(() => text().split('\n:\n').length).toBeGreaterThanOrEqual(2)
})

test('a reader that does not read is let go', async () => {
  const api = await serveApi()
  const { socket, isOver } = await listen(api)
  socket.pause()
  for (let count = 0; count < 200; count++) {
    api.services.tokenServed('socket', `${count}${'x'.repeat(60_000)}`)
    if (count % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await expect.poll(() => api.subscribed()).toBe(0)
  socket.resume()
  await expect.poll(isOver).toBe(true)
})

test('there are a hundred streams at most', async () => {
  const api = await serveApi()
  for (let count = 0; count < 100; count++) await listen(api)
  expect((await api.socket({ target: '/v1/events' })).status).toBe(429)
})

test('the end of the daemon ends every stream', async () => {
  const api = await serveApi()
  const { isOver } = await listen(api)
  await api.app.close()
  await expect.poll(isOver).toBe(true)
})

test('keys that come and go are told', async () => {
  const api = await openApi()
  const body = { client: 'ci', profiles: ['gw'], actions: ['token'] }
  await api.call('POST', '/v1/clients', { body })
  await api.call('DELETE', '/v1/clients/ci')
  expect(api.effects).toEqual(['client.added ci', 'client.removed ci'])
})

test('one key has a quarter of the streams, and the user still gets one', async () => {
  const api = await serveApi()
  const ci = { name: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: null } as const
  const { key } = await api.keys.add(ci)
  for (let count = 0; count < 25; count++) await listen(api, key.reveal())
  const headers = [`Authorization: Bearer ${key.reveal()}`]
  expect((await api.tcp({ target: '/v1/events', headers })).status).toBe(429)
  await listen(api)
  expect(api.subscribed()).toBe(26)
})

test('a stream ends at once when its key is removed', async () => {
  const api = await serveApi()
  const ci = { name: 'ci', profiles: ['gw'], actions: ['token'], expiresInSeconds: null } as const
  const { key } = await api.keys.add(ci)
  const [limited, owner] = [await listen(api, key.reveal()), await listen(api)]
  await api.keys.remove('ci')
  api.services.clientChanged('client.removed', 'ci')
  await expect.poll(limited.isOver).toBe(true)
  expect(owner.isOver()).toBe(false)
})
