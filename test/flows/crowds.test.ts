/** Crowds and shortages: no descriptors left, no log to write to, everybody at once. */
import { mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { type SeedSystemOptions, startSeedSystem } from '../support/seed-system.js'

const cleanUps: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(options: SeedSystemOptions) {
  const system = await startSeedSystem(options)
  cleanUps.push(() => system.stop())
  return system
}

/** A connection that says nothing. */
async function silent(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  cleanUps.push(() => void socket.destroy())
  await new Promise((resolve) => {
    socket.once('connect', resolve)
    socket.once('close', resolve)
  })
  return socket
}

test('no descriptor left: when there are some again, logins and tokens go on', async () => {
  const { daemon, login } = await start({ openFiles: 64 })
  await login()
  const crowd = await Promise.all(
    Array.from({ length: 200 }, (_unused, index) =>
      silent(index % 2 === 0 ? daemon.redirectPort : daemon.apiPort),
    ),
  )
  await delay(300)
  for (const socket of crowd) socket.destroy()
  // Until it has seen that they are gone, a new connection may be dropped.
  const answered = () =>
    daemon.api('GET', '/v1/status').then(
      ({ status }) => status,
      () => 0,
    )
  await expect.poll(answered).toBe(200)
  await delay(300)
  const { login: second } = await login()
  expect(second).toMatchObject({ status: 'succeeded' })
  expect((await daemon.api('GET', '/v1/tokens/gw', { via: 'tcp' })).status).toBe(200)
  expect(daemon.exitCode).toBeNull()
})

test('requests that end before their body neither get a page nor fill the log', async () => {
  const { daemon } = await start({})
  const head = `POST /callback/gw HTTP/1.1\r\nHost: 127.0.0.1:${daemon.redirectPort}\r\n`
  const half = `${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na`
  const sockets = await Promise.all(Array.from({ length: 20 }, () => silent(daemon.redirectPort)))
  await Promise.all(
    sockets.map((socket) => new Promise<void>((resolve) => socket.end(half, () => resolve()))),
  )
  // The daemon has read them when it has answered the next request.
  const next = await daemon.follow(`http://127.0.0.1:${daemon.redirectPort}/callback/gw?error=x&state=y`)
  expect(next.status).toBe(400)
  await expect.poll(() => refusalsInLog(daemon.home)).toBe(1)
})

test('a flood of refused requests does not push the other events out of the log', async () => {
  const { daemon } = await start({})
  const url = `http://127.0.0.1:${daemon.redirectPort}/callback/gw?error=x&state=y`
  for (let round = 0; round < 30; round += 1) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => daemon.follow(url)))
    expect(answers.every(({ status }) => status === 400)).toBe(true)
  }
  await expect.poll(() => refusalsInLog(daemon.home)).toBeGreaterThanOrEqual(100)
  // A minute may have ended meanwhile, or two.
  expect(await refusalsInLog(daemon.home)).toBeLessThanOrEqual(300)
})

async function refusalsInLog(home: string): Promise<number> {
  const log = await readFile(join(home, 'state', 'catchd.log'), 'utf8')
  return log.split('\n').filter((line) => line.includes('redirect.refused')).length
}

describe('a log that nobody takes', () => {
  test('the reader of its output went away: logins and tokens go on', async () => {
    // Under a service manager the log goes to the output too.
    const { daemon, login } = await start({ env: { JOURNAL_STREAM: '8:1' } })
    expect(daemon.output).toContain('daemon.started')
    daemon.closeOutput()
    const { login: done } = await login()
    expect(done).toMatchObject({ status: 'succeeded' })
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(200)
    expect(daemon.exitCode).toBeNull()
  })

  test('the disk under it is full: logins and tokens go on', async () => {
    const { daemon, login } = await start({})
    await daemon.kill('SIGTERM')
    await mkdir(join(daemon.home, 'state'), { recursive: true, mode: 0o700 })
    await rm(join(daemon.home, 'state', 'catchd.log'), { force: true })
    await symlink('/dev/full', join(daemon.home, 'state', 'catchd.log'))
    await daemon.start()
    const { login: done } = await login()
    expect(done).toMatchObject({ status: 'succeeded' })
    expect((await daemon.api('GET', '/v1/tokens/gw')).status).toBe(200)
    expect(daemon.exitCode).toBeNull()
  })
})

test('a hundred logins at once, each with its own page and none crossed', async () => {
  const { daemon, gateway, approve } = await start({})
  const walks = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw', open: false } })
      const id = String(begun.json['login_id'])
      const response = await approve(String(begun.json['authorization_url']))
      const { status, headers } = await daemon.deliver(response)
      return { id, status, location: String(headers['location']) }
    }),
  )
  for (const { id, status, location } of walks) {
    expect(status).toBe(303)
    expect(location).toContain(id)
    expect((await daemon.api('GET', `/v1/logins/${id}`)).json).toMatchObject({ status: 'succeeded' })
  }
  expect(gateway.counts.codesRedeemedTwice).toBe(0)
})

test('a thousand callers at a moment when the daemon is busy: each finds room on the socket and is answered', async () => {
  const { daemon, login } = await start({})
  await login()
  process.kill(daemon.pid, 'SIGSTOP')
  cleanUps.push(() => void process.kill(daemon.pid, 'SIGCONT'))
  const callers = Array.from({ length: 1_000 }, () => ask(daemon.socketPath, '/v1/tokens/gw'))
  await delay(200)
  process.kill(daemon.pid, 'SIGCONT')
  expect(new Set(await Promise.all(callers))).toEqual(new Set(['HTTP/1.1 200 OK']))
})

/** @returns The status line, or why there is none. */
function ask(path: string, target: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`))
    socket.once('data', (chunk: Buffer) => {
      resolve(chunk.toString().split('\r\n')[0] ?? '')
      socket.destroy()
    })
    socket.once('error', (error) => resolve(error.message))
  })
}
