/** Binding what redirect URIs name: all of it or nothing, shared, and let go when no login needs it. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findPortHolder } from '../../../src/http/redirect/port-holder.js'
import type { PendingLogin } from '../../../src/login/login.js'
import { GENUINE, NOW_MS, openListener, openRedirects } from './opened-listener.js'
import { ask, dawdle, rawRequest } from './raw-http.js'

/** A clock whose timers fire when a test moves it. */
class StillClock {
  nowMs = NOW_MS
  readonly #timers = new Set<{ atMs: number; callback: () => void }>()

  now(): number {
    return this.nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  pass(ms: number): void {
    this.nowMs += ms
    for (const timer of this.#timers) {
      if (timer.atMs > this.nowMs) continue
      this.#timers.delete(timer)
      timer.callback()
    }
  }
}

async function open() {
  const clock = new StillClock()
  return { ...(await openRedirects({ clock, mostConnections: 100 })), clock }
}

type Scene = Awaited<ReturnType<typeof open>>

/** Holds a port as another program would. */
function squat(host: string, port = 0): Promise<{ port: number; free: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer()
    server.once('error', reject)
    server.listen({ host, port, ipv6Only: true, exclusive: true }, () => {
      const address = server.address()
      const free = () => new Promise<void>((done) => server.close(() => done()))
      onTestFinished(free)
      resolve({ port: typeof address === 'object' && address !== null ? address.port : 0, free })
    })
  })
}

async function freePort(host = '127.0.0.1'): Promise<number> {
  const { port, free } = await squat(host)
  await free()
  return port
}

async function isFree(host: string, port: number): Promise<boolean> {
  try {
    await (await squat(host, port)).free()
    return true
  } catch {
    return false
  }
}

async function hasIpv6(): Promise<boolean> {
  return isFree('::1', 0)
}

describe('what is bound', () => {
  test.each([
    ['http://127.0.0.1:PORT/cb', '127.0.0.1'],
    ['http://127.0.0.2:PORT/cb', '127.0.0.2'],
    ['http://[::1]:PORT/cb', '::1'],
  ])('a literal binds itself: %s', async (pattern, host) => {
    if (host === '::1' && !(await hasIpv6())) return
    const { listeners } = await open()
    const redirectUri = pattern.replace('PORT', String(await freePort(host)))
    const lease = await listeners.acquire(redirectUri, null)
    expect(lease.redirectUri).toBe(redirectUri)
    expect(listeners.addresses()).toEqual([new URL(redirectUri).origin])
  })

  test.each(['localhost', 'app.localhost'])('%s binds both families on one port', async (name) => {
    const { listeners } = await open()
    const lease = await listeners.acquire(`http://${name}:0/callback`, null)
    const { port } = new URL(lease.redirectUri)
    expect(lease.redirectUri).toBe(`http://${name}:${port}/callback`)
    const both = [`http://127.0.0.1:${port}`, `http://[::1]:${port}`]
    expect(listeners.addresses()).toEqual((await hasIpv6()) ? both : both.slice(0, 1))
  })

  test.each([
    ['http://127.0.0.1:0/cb', /^http:\/\/127\.0\.0\.1:[1-9]\d+\/cb$/],
    ['http://127.0.0.1:0', /^http:\/\/127\.0\.0\.1:[1-9]\d+$/],
    ['http://localhost:0/a:0/?b=:0', /^http:\/\/localhost:[1-9]\d+\/a:0\/\?b=:0$/],
  ])('port 0 is a fresh port, and nothing else of %s changes', async (redirectUri, expected) => {
    const { listeners } = await open()
    const [one, two] = [
      await listeners.acquire(redirectUri, null),
      await listeners.acquire(redirectUri, null),
    ]
    expect(one.redirectUri).toMatch(expected)
    expect(two.redirectUri).toMatch(expected)
    expect(two.redirectUri).not.toBe(one.redirectUri)
  })

  test('a redirect URI keeps its spelling, byte for byte', async () => {
    const { listeners } = await open()
    const redirectUri = `HTTP://LocalHost:${await freePort()}/Call%62ack/./x?`
    expect((await listeners.acquire(redirectUri, null)).redirectUri).toBe(redirectUri)
  })

  test('listen is bound instead of what the redirect URI names, and answers for its Host', async () => {
    const { listeners, pend } = await open()
    const port = await freePort()
    const redirectUri = 'https://tunnel.example/cb'
    const lease = await listeners.acquire(redirectUri, `127.0.0.1:${port}`)
    expect([lease.redirectUri, listeners.addresses()]).toEqual([redirectUri, [`http://127.0.0.1:${port}`]])
    await pend({ redirect_uri: redirectUri, listen: `127.0.0.1:${port}` })
    const target = `/cb?${GENUINE}`
    expect((await ask(port, rawRequest({ target, host: 'tunnel.example' }))).status).toBe(303)
  })

  test.each([
    ['a foreign host', 'http://example.com:3000/cb', null],
    ['a private address', 'http://192.168.1.5:3000/cb', null],
    ['the unspecified address', 'http://0.0.0.0:3000/cb', null],
    ['a mapped address', 'http://[::ffff:127.0.0.1]:3000/cb', null],
    ['https where there is no certificate', 'https://127.0.0.1:3000/cb', null],
    ['another scheme', 'myapp://127.0.0.1/cb', null],
    ['user information', 'http://u:0@127.0.0.1:3000/cb', null],
    ['a fragment', 'http://127.0.0.1:3000/cb#x', null],
    ['no URL', 'nonsense', null],
    ['listen that is not loopback', 'https://tunnel.example/cb', '0.0.0.0:3000'],
    ['listen without a port', 'https://tunnel.example/cb', '127.0.0.1'],
    ['listen on port 0', 'https://tunnel.example/cb', '127.0.0.1:0'],
    ['listen with a path', 'https://tunnel.example/cb', '127.0.0.1:3000/x'],
    ['a port out of range', 'https://tunnel.example/cb', '127.0.0.1:70000'],
    ['listen for a port 0', 'http://127.0.0.1:0/cb', '127.0.0.1:3000'],
  ])('%s is refused', async (_name, redirectUri, listen) => {
    const { listeners } = await open()
    await expect(listeners.acquire(redirectUri, listen)).rejects.toMatchObject({ code: 'profile_invalid' })
    expect(listeners.addresses()).toEqual([])
  })
})

describe('a taken port', () => {
  test('is named, with the process that holds it', async () => {
    const { listeners } = await open()
    const { port } = await squat('127.0.0.1')
    const acquiring = listeners.acquire(`http://127.0.0.1:${port}/cb`, null)
    await expect(acquiring).rejects.toMatchObject({
      code: 'redirect_port_in_use',
      detail: expect.stringContaining(`Port ${port} is in use by`),
    })
    expect(listeners.addresses()).toEqual([])
  })

  test.skipIf(process.platform !== 'linux')('the holder is found on both families', async () => {
    for (const host of ['127.0.0.1', ...((await hasIpv6()) ? ['::1'] : [])]) {
      const { port } = await squat(host)
      expect(await findPortHolder(port)).toMatchObject({ pid: process.pid })
    }
    expect(await findPortHolder(await freePort())).toBeUndefined()
  })

  test.each(['127.0.0.1', '::1'])('one family squatted (%s): nothing stays bound', async (squatted) => {
    if (!(await hasIpv6())) return
    const { listeners } = await open()
    const { port } = await squat(squatted)
    const acquiring = listeners.acquire(`http://localhost:${port}/cb`, null)
    await expect(acquiring).rejects.toMatchObject({ code: 'redirect_port_in_use' })
    expect(listeners.addresses()).toEqual([])
    expect(await isFree(squatted === '::1' ? '127.0.0.1' : '::1', port)).toBe(true)
  })

  test('one family squatted leaves alone what another login holds', async () => {
    if (!(await hasIpv6())) return
    const { listeners } = await open()
    const { port } = await squat('::1')
    await listeners.acquire(`http://127.0.0.1:${port}/cb`, null)
    await expect(listeners.acquire(`http://localhost:${port}/cb`, null)).rejects.toMatchObject({
      code: 'redirect_port_in_use',
    })
    expect(listeners.addresses()).toEqual([`http://127.0.0.1:${port}`])
  })

  test('many at once on a taken port all fail, and all succeed once it is free', async () => {
    const { listeners } = await open()
    const { port, free } = await squat('127.0.0.1')
    const acquire = () =>
      Promise.allSettled([1, 2, 3].map(() => listeners.acquire(`http://127.0.0.1:${port}/`, null)))
    expect((await acquire()).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    await free()
    expect((await acquire()).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  })

  test('a taken default port does not stop the daemon, and the next login tries again', async () => {
    const { listeners } = await open()
    const { port, free } = await squat('127.0.0.1')
    await listeners.openDefault(port)
    expect(listeners.addresses()).toEqual([])
    expect(listeners.defaultFailure).toMatchObject({ code: 'redirect_port_in_use' })
    await free()
    const lease = await listeners.acquire(`http://127.0.0.1:${port}/callback/gw`, null)
    expect(listeners.defaultFailure).toBeUndefined()
    lease.release()
    expect(listeners.addresses()).toEqual([`http://127.0.0.1:${port}`])
  })
})

describe('how long an address stays bound', () => {
  test('the default one as long as the daemon lives', async () => {
    const { listeners, clock } = await open()
    const port = await freePort()
    await listeners.openDefault(port)
    const lease = await listeners.acquire(`http://127.0.0.1:${port}/callback/gw`, null)
    lease.release()
    clock.pass(3_600_000)
    expect(listeners.addresses()).toEqual([`http://127.0.0.1:${port}`])
    await listeners.close(0)
    expect(await isFree('127.0.0.1', port)).toBe(true)
  })

  test('no default port where 0 is asked for', async () => {
    const { listeners } = await open()
    await listeners.openDefault(0)
    expect(listeners.addresses()).toEqual([])
  })

  test('logins on one port share it; the last one lets it go, after a pause if the browser follows', async () => {
    const { listeners, clock } = await open()
    const redirectUri = `http://127.0.0.1:${await freePort()}/cb`
    const [one, two] = await Promise.all([
      listeners.acquire(redirectUri, null),
      listeners.acquire(redirectUri, null),
    ])
    one.release()
    one.release()
    clock.pass(60_000)
    expect(listeners.addresses()).toHaveLength(1)
    two.release(true)
    clock.pass(9_999)
    expect(listeners.addresses()).toHaveLength(1)
    clock.pass(1)
    expect(listeners.addresses()).toEqual([])
    await expect.poll(() => isFree('127.0.0.1', Number(new URL(redirectUri).port))).toBe(true)
  })

  test('a new login in the pause keeps it', async () => {
    const { listeners, clock } = await open()
    const redirectUri = `http://127.0.0.1:${await freePort()}/cb`
    ;(await listeners.acquire(redirectUri, null)).release(true)
    clock.pass(5_000)
    const lease = await listeners.acquire(redirectUri, null)
    clock.pass(60_000)
    expect(listeners.addresses()).toHaveLength(1)
    lease.release(true)
    clock.pass(10_000)
    expect(listeners.addresses()).toEqual([])
  })

  test('shortly after the result page was fetched, but a waiting login keeps it', async () => {
    const { listeners, clock, pend, answer } = await open()
    const lease = await listeners.acquire('http://127.0.0.1:0/cb', null)
    const { port, host } = new URL(lease.redirectUri)
    const { redirectUri } = lease
    const other = await listeners.acquire(redirectUri, null)
    const { id } = await pend({ redirect_uri: redirectUri })
    expect((await answer(redirectUri, GENUINE)).status).toBe('succeeded')
    const look = () => ask(Number(port), rawRequest({ target: `/catchd/${id}`, host }))
    lease.release()
    expect((await look()).status).toBe(200)
    clock.pass(60_000)
    expect(listeners.addresses()).toHaveLength(1)
    other.release(true)
    expect((await look()).status).toBe(200)
    clock.pass(2_999)
    expect((await look()).status).toBe(200) // a reload begins the pause again
    clock.pass(2_999)
    expect(listeners.addresses()).toHaveLength(1)
    clock.pass(1)
    expect(listeners.addresses()).toEqual([])
  })

  test('reloading does not keep it for ever', async () => {
    const { listeners, clock, pend, answer } = await open()
    const lease = await listeners.acquire('http://127.0.0.1:0/cb', null)
    const { port, host } = new URL(lease.redirectUri)
    const { id } = await pend({ redirect_uri: lease.redirectUri })
    expect((await answer(lease.redirectUri, GENUINE)).status).toBe('succeeded')
    lease.release(true)
    for (let ms = 0; ms < 10_000; ms += 2_000) {
      await ask(Number(port), rawRequest({ target: `/catchd/${id}`, host }))
      clock.pass(2_000)
    }
    expect(listeners.addresses()).toEqual([])
  })

  test('one that no browser will come back to closes at once, and can be bound again in the same moment', async () => {
    const { listeners } = await open()
    let lease = await listeners.acquire('http://localhost:0/cb', null)
    for (let round = 0; round < 5; round += 1) {
      lease.release()
      expect(listeners.addresses()).toEqual([])
      lease = await listeners.acquire(lease.redirectUri, null)
    }
  })

  test.each([
    ['cancelled', async ({ logins }: Scene, { id }: PendingLogin) => void logins.cancel(id)],
    ['timed out', async ({ logins }: Scene, { id }: PendingLogin) => void logins.cancel(id, 'timeout')],
    [
      'answered by a pasted URL',
      async ({ logins }: Scene, login: PendingLogin) =>
        void (await logins.paste(login.id, `${login.redirectUri}?${GENUINE}`)),
    ],
  ])('that is so for a login that was %s', async (_how, end) => {
    const scene = await open()
    const login = await scene.pend({ redirect_uri: `http://localhost:${await freePort()}/cb` })
    expect(scene.listeners.addresses().length).toBeGreaterThan(0)
    await end(scene, login)
    expect(scene.listeners.addresses()).toEqual([])
  })

  test('both addresses of localhost close together after the page, whatever the browser keeps open', async () => {
    const { listeners, clock, pend } = await open()
    const login = await pend({ redirect_uri: `http://localhost:${await freePort()}/cb` })
    const { port, host } = new URL(login.redirectUri)
    const families = listeners.addresses().length
    const idle = await dawdle(Number(port))
    const keptAlive = connect(Number(port), '127.0.0.1').resume()
    onTestFinished(() => void idle.destroy())
    const closed = Promise.all(
      [idle, keptAlive].map((each) => new Promise((resolve) => each.once('close', resolve))),
    )
    keptAlive.on('error', () => {}).write(`GET /catchd/none HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    const send = (target: string) => ask(Number(port), rawRequest({ target, host }))
    expect((await send(`/cb?${GENUINE}`)).status).toBe(303)
    expect((await send(`/catchd/${login.id}`)).status).toBe(200)
    clock.pass(2_999)
    expect(listeners.addresses()).toHaveLength(families)
    clock.pass(1)
    expect(listeners.addresses()).toEqual([])
    for (const each of ['127.0.0.1', '::1'].slice(0, families))
      await expect.poll(() => isFree(each, Number(port))).toBe(true)
    await closed
  })

  test('after close nothing is bound any more', async () => {
    const { listeners } = await open()
    const acquiring = listeners.acquire('http://localhost:0/cb', null)
    acquiring.catch(() => {})
    await listeners.close(0)
    await expect(acquiring).rejects.toMatchObject({ code: 'daemon_unreachable' })
    await expect(listeners.acquire('http://127.0.0.1:0/cb', null)).rejects.toThrow('stopping')
    expect(listeners.addresses()).toEqual([])
  })
})

test('2,000 slow connections: the callback is answered, and the oldest of them give way', async () => {
  const listener = await openListener({}, { mostConnections: 500 })
  const slow: Socket[] = []
  for (let n = 0; n < 2_000; n += 100) {
    slow.push(...(await Promise.all(Array.from({ length: 100 }, () => dawdle(listener.port)))))
  }
  const answer = await listener.send({ target: `/callback/gw?${GENUINE}` })
  expect([answer.status, listener.tokenRequests()]).toEqual([303, 1])
  await expect.poll(() => slow.filter((socket) => !socket.destroyed).length).toBeLessThanOrEqual(500)
  for (const socket of slow) socket.destroy()
})
