/**
 * Who is at the other end: the built command line and the library send nothing to a listener that is not this user's
 * daemon, whatever listens there, on TCP and on a socket.
 */
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { createRelay } from '../../src/forward/relay.js'
import { findSocketPath } from '../../src/listener/socket-path.js'
import { Secret } from '../../src/secret.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { exchange } from '../support/http-client.js'
import { otherUserReason, spawnAsOtherUser } from '../support/other-user.js'
import { type Environment, runProgram } from '../support/program.js'
import { startSeedSystem } from '../support/seed-system.js'

const KEY = `key-canary-${'k'.repeat(40)}`
const SECRET = 'client-secret-canary'
const FORGED = '{"access_token":"forged","token_type":"Bearer"}'
const PROFILE = { client_id: 'c', issuer: 'https://id.example.com' }

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'catchd-other-end-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Answers every request like a daemon with a token, and keeps what it got. */
const STRANGER = `
const body = JSON.stringify({ access_token: 'from-a-stranger', token_type: 'Bearer', expires_in: 60, expires_at: null, scope: null, profile: 'gw' })
const server = require('net').createServer((socket) => {
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    process.stdout.write(chunk)
    socket.write('HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncatchd-proof: made-up\\r\\ncontent-length: ' + body.length + '\\r\\n\\r\\n' + body)
  })
})
const at = process.argv[1]
server.listen(/^\\d+$/.test(at) ? { port: Number(at), host: process.argv[2] } : { path: at }, () => console.log('up'))
`

/** @param at - A port and an address, or the path of a socket. @returns All that it got. */
async function startStranger(...at: string[]): Promise<() => string> {
  const child = spawnAsOtherUser(process.execPath, ['-e', STRANGER, ...at])
  onTestFinished(() => void child.kill())
  let seen = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    seen += chunk.toString('utf8')
  })
  await expect.poll(() => seen).toContain('up')
  return () => seen
}

/** The same in this process, so of this user. */
async function startImpostor(path: string | { port: number; host: string }) {
  let seen = ''
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        seen += chunk.toString('utf8')
        socket.write(
          `HTTP/1.1 200 OK\r\ncatchd-proof: made-up\r\ncontent-length: ${FORGED.length}\r\n\r\n${FORGED}`,
        )
      })
  })
  server.listen(typeof path === 'string' ? { path } : path)
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { seen: () => seen, port: Number((server.address() as { port?: number } | null)?.port) }
}

function overTcp(port: number, more: Environment = {}): Environment {
  return { HOME: folder(), CATCHD_URL: `http://127.0.0.1:${port}`, CATCHD_API_KEY: KEY, ...more }
}

async function start(): Promise<Daemon> {
  const daemon = await startDaemon({ config: { profiles: { gw: PROFILE } } })
  onTestFinished(() => daemon.stop())
  return daemon
}

describe.skipIf(otherUserReason !== undefined)('another user listens', () => {
  test.each([
    ['token', 'gw'],
    ['token', 'gw', '--login'],
    ['status'],
    ['profile', 'add', 'x', '--client-id', 'c', '--issuer', PROFILE.issuer, '--client-secret-stdin'],
  ])('on the TCP port, and the command %s %s sends nothing', async (...args) => {
    const port = await freePort()
    const seen = await startStranger(String(port), '127.0.0.1')
    const run = await runProgram(args, { env: overTcp(port), stdin: `${SECRET}\n` })
    expect(run.exitCode, run.stderr).toBe(5)
    expect(run.stderr).toContain('belongs to another user')
    expect(run.stdout).toBe('')
    expect(seen()).toBe('up\n')
  })

  test('on all addresses of the port', async () => {
    const port = await freePort()
    const seen = await startStranger(String(port), '::')
    expect((await runProgram(['status'], { env: overTcp(port) })).exitCode).toBe(5)
    expect(seen()).toBe('up\n')
  })

  test('on another address of the port: the daemon is used', async () => {
    const daemon = await start()
    await startStranger(String(daemon.apiPort), '127.0.0.2')
    const env = overTcp(daemon.apiPort, { CATCHD_API_KEY: await daemon.adminKey() })
    expect((await runProgram(['status'], { env })).exitCode).toBe(0)
  })

  test('on the TCP port: the library and the relay of catchd forward send nothing', async () => {
    const port = await freePort()
    const seen = await startStranger(String(port), '127.0.0.1')
    const api = `http://127.0.0.1:${port}`
    const client = new CatchdClient({ url: api, apiKey: KEY })
    await expect(client.token('gw')).rejects.toMatchObject({ code: 'daemon_unreachable' })
    const events = client.events()[Symbol.asyncIterator]()
    await expect(events.next()).rejects.toMatchObject({ code: 'daemon_unreachable' })
    const relay = createRelay({ api, key: new Secret(KEY) }).listen(0, '127.0.0.1')
    onTestFinished(() => void relay.close())
    await once(relay, 'listening')
    const answer = await exchange(
      `http://127.0.0.1:${(relay.address() as { port: number }).port}/v1/tokens/gw`,
    )
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'daemon_unreachable' })
    expect(seen()).toBe('up\n')
  })

  test('on a socket in a folder of that user', async () => {
    const shared = folder()
    chmodSync(shared, 0o1777)
    const home = join(shared, 'home')
    mkdirSync(join(home, 'run'), { recursive: true })
    for (const path of [home, join(home, 'run')]) chownSync(path, 65_432, 65_432)
    const seen = await startStranger(join(home, 'run', 'catchd.sock'))
    const env = { HOME: shared, CATCHD_HOME: home }
    const token = await runProgram(['token', 'gw'], { env })
    expect([token.exitCode, token.stdout], token.stderr).toEqual([7, ''])
    expect(token.stderr).toContain('belongs to another user')
    const added = await runProgram(
      ['profile', 'add', 'x', '--client-id', 'c', '--issuer', PROFILE.issuer, '--client-secret-stdin'],
      { env, stdin: `${SECRET}\n` },
    )
    expect(added.exitCode).toBe(7)
    expect(seen()).toBe('up\n')
  })

  test('on a socket that was put into a folder of this user, or that a link of this user leads to', async () => {
    const [home, elsewhere] = [folder(), folder()]
    chmodSync(elsewhere, 0o1777)
    const seen = await startStranger(join(elsewhere, 'x.sock'))
    mkdirSync(join(home, 'run'), { mode: 0o700 })
    const path = join(home, 'run', 'catchd.sock')
    const env = { HOME: home, CATCHD_HOME: home }
    symlinkSync(join(elsewhere, 'x.sock'), path)
    expect((await runProgram(['token', 'gw'], { env })).exitCode).toBe(8)
    renameSync(join(elsewhere, 'x.sock'), path)
    const run = await runProgram(['token', 'gw'], { env })
    expect(run.exitCode, run.stderr).toBe(8)
    expect(run.stderr).toContain(`ls -l ${path}`)
    expect(seen()).toBe('up\n')
  })
})

test('a socket in a folder that others can write to is not used', async () => {
  const daemon = await start()
  chmodSync(join(daemon.home, 'run'), 0o777)
  const run = await daemon.cli(['profile', 'list'])
  expect(run.exitCode, run.stderr).toBe(7)
  expect(run.stderr).toContain(`chmod 700 ${join(daemon.home, 'run')}`)
})

describe.skipIf(otherUserReason !== undefined)(
  'a folder above the socket that another user can exchange',
  () => {
    test('is refused before anything is sent, and by the daemon before anything is written', async () => {
      const theirs = join(folder(), 'theirs')
      const home = join(theirs, 'home')
      mkdirSync(join(home, 'run'), { recursive: true, mode: 0o700 })
      chownSync(theirs, 65_432, 65_432)
      const env = { CATCHD_HOME: home }
      for (const args of [
        ['profile', 'list'],
        ['token', 'gw'],
        ['daemon', 'run'],
      ]) {
        const run = await runProgram(args, { env })
        expect(run.exitCode, run.stderr).toBe(7)
        expect(run.stderr).toContain(`${theirs}`)
        expect(run.stderr).toContain('another user')
      }
      chownSync(theirs, 0, 0)
      chmodSync(theirs, 0o777)
      const run = await runProgram(['profile', 'list'], { env })
      expect([run.exitCode, run.stderr]).toEqual([7, expect.stringContaining(`chmod o-w`)])
      expect(readdirSync(home)).toEqual(['run'])
    })
  },
)

test('a link of this user leads to a socket of this user, as catchd forward makes it', async () => {
  const daemon = await start()
  const home = folder()
  mkdirSync(join(home, 'run'), { mode: 0o700 })
  symlinkSync(daemon.socketPath, join(home, 'run', 'catchd.sock'))
  const run = await runProgram(['profile', 'list'], { env: { HOME: home, CATCHD_HOME: home } })
  expect([run.exitCode, run.stdout], run.stderr).toEqual([0, expect.stringContaining('gw')])
})

describe('the system does not name the owner of a listener, so it must prove that it knows the key', () => {
  /** Hides the table of Linux, as on other systems. */
  function withoutTable(): Environment {
    const hook = join(folder(), 'hook.cjs')
    writeFileSync(
      hook,
      `const files = require('fs'); const real = files.readFileSync
files.readFileSync = (path, ...more) => {
  if (String(path).startsWith('/proc/net/')) throw Object.assign(new Error(), { code: 'ENOENT' })
  return real(path, ...more)
}
require('module').syncBuiltinESMExports()`,
    )
    return { NODE_OPTIONS: `--require ${hook}` }
  }

  test('the daemon does, for the admin key and for a limited one', async () => {
    const daemon = await start()
    const body = { client: 'ci', profiles: ['gw'], actions: ['token'] }
    const { json } = await daemon.api('POST', '/v1/clients', { body })
    for (const key of [await daemon.adminKey(), String(json['key'])]) {
      const env = overTcp(daemon.apiPort, { ...withoutTable(), CATCHD_API_KEY: key })
      const status = await runProgram(['status', '--json'], { env })
      expect(status.exitCode, status.stderr).toBe(0)
      expect((await runProgram(['token', 'gw'], { env })).exitCode).toBe(3)
    }
  })

  test('a program that does not know the key gets a challenge alone', async () => {
    const { seen, port } = await startImpostor({ port: 0, host: '127.0.0.1' })
    const run = await runProgram(['token', 'gw'], { env: overTcp(port, withoutTable()) })
    expect([run.exitCode, run.stdout]).toEqual([5, ''])
    expect(run.stderr).toContain('did not prove')
    expect(seen()).toMatch(/^GET \/v1\/status HTTP\/1.1\r\nhost: \S+\r\ncatchd-challenge: \S+\r\n\r\n$/)
    expect(seen()).not.toContain('canary')
  })

  test('the proof of the daemon at another address is not accepted', async () => {
    const daemon = await start()
    let seen = ''
    const between = createServer((socket) => {
      const onward = connect(daemon.apiPort, '127.0.0.1')
      socket.on('data', (chunk) => {
        seen += chunk.toString('utf8')
        onward.write(chunk.toString('latin1').replace(/^host: .*$/im, `host: 127.0.0.1:${daemon.apiPort}`))
      })
      onward.on('data', (chunk) => socket.write(chunk)).on('error', () => {})
      socket.on('error', () => {}).on('close', () => onward.destroy())
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void between.close())
    await once(between, 'listening')
    const { port } = between.address() as { port: number }
    const env = overTcp(port, { ...withoutTable(), CATCHD_API_KEY: await daemon.adminKey() })
    expect((await runProgram(['status'], { env })).exitCode).toBe(5)
    expect(seen).toContain('catchd-challenge')
    expect(seen.toLowerCase()).not.toContain('authorization')
  })

  test('without a key nothing is sent', async () => {
    const { seen, port } = await startImpostor({ port: 0, host: '127.0.0.1' })
    const env = overTcp(port, { ...withoutTable(), CATCHD_API_KEY: undefined })
    expect((await runProgram(['status'], { env })).exitCode).toBe(5)
    expect(seen()).toBe('')
  })

  test('a challenge without a key is a 401, and gets no proof at another name or for another key', async () => {
    const daemon = await start()
    const ask = async (headers: Record<string, string>) => {
      const { status, headers: answered } = await daemon.api('GET', '/v1/status', {
        via: 'tcp',
        key: null,
        headers,
      })
      return [status, answered['catchd-proof'] !== undefined]
    }
    const challenge = await challengeOf(await daemon.adminKey())
    expect(await ask({ 'catchd-challenge': challenge })).toEqual([401, true])
    expect(await ask({ 'catchd-challenge': challenge, host: 'evil.example' })).toEqual([403, false])
    expect(await ask({ 'catchd-challenge': await challengeOf(KEY) })).toEqual([401, false])
    expect(await ask({ 'catchd-challenge': 'x' })).toEqual([401, false])
  })
})

describe('the pipe of Windows, which any user can make: it must prove that it knows the admin key', () => {
  /** Lets the command line find the pipe as a socket of this name in its folder. */
  function asOnWindows(home: string) {
    const cwd = folder()
    const hook = join(cwd, 'hook.cjs')
    writeFileSync(hook, "Object.defineProperty(process, 'platform', { value: 'win32' })")
    const name = findSocketPath({ platform: 'win32', homeFolder: home, env: { CATCHD_HOME: home } })
    const env = { HOME: home, CATCHD_HOME: home, NODE_OPTIONS: `--require ${hook}` }
    return { pipe: join(cwd, name), run: (...args: string[]) => runProgram(args, { cwd, env }) }
  }

  test('the daemon does', async () => {
    const system = await startSeedSystem()
    onTestFinished(() => system.stop())
    await system.login()
    const { pipe, run } = asOnWindows(system.daemon.home)
    symlinkSync(system.daemon.socketPath, pipe)
    const status = await run('status', '--json')
    expect(status.exitCode, status.stderr).toBe(0)
    const token = await run('token', 'gw')
    expect([token.exitCode, token.stdout.length > 10], token.stderr).toEqual([0, true])
  })

  test('another program gets a challenge, no request, and its token is not printed', async () => {
    const home = folder()
    const { pipe, run } = asOnWindows(home)
    const { seen } = await startImpostor(pipe)
    // Without an admin key there was never a daemon.
    expect((await run('status')).exitCode).toBe(5)
    expect(seen()).toBe('')
    mkdirSync(join(home, 'state'))
    writeFileSync(join(home, 'state', 'admin.key'), KEY, { mode: 0o600 })
    const token = await run('token', 'gw')
    expect([token.exitCode, token.stdout]).toEqual([5, ''])
    const added = await run('profile', 'add', 'x', '--client-id', SECRET, '--issuer', PROFILE.issuer)
    expect(added.exitCode, added.stderr).toBe(5)
    expect(seen()).toContain('catchd-challenge')
    expect(seen()).not.toContain('canary')
  })
})

async function challengeOf(key: string): Promise<string> {
  const { challengeFor } = await import('../../src/listener/listener-proof.js')
  return challengeFor(key, '127.0.0.1').header
}

describe('localhost', () => {
  const byName = (daemon: Daemon) =>
    daemon.api('GET', '/v1/status', { via: 'tcp', headers: { host: `localhost:${daemon.apiPort}` } })

  test('the API has both of its addresses', async () => {
    const daemon = await start()
    expect((await byName(daemon)).status).toBe(200)
    const key = await daemon.adminKey()
    const answer = await exchange(`http://[::1]:${daemon.apiPort}/v1/status`, {
      headers: { host: `localhost:${daemon.apiPort}`, authorization: `Bearer ${key}` },
    })
    expect(answer.status).toBe(200)
    const squatter = createServer().listen(daemon.apiPort, '::1')
    expect(await once(squatter, 'error')).toMatchObject([{ code: 'EADDRINUSE' }])
  })

  test('another program has [::1]: the name is refused, the literal works, and status and log say it', async () => {
    const home = folder()
    const daemon = await startDaemon({ home })
    onTestFinished(() => daemon.stop())
    await daemon.kill()
    const { seen } = await startImpostor({ port: daemon.apiPort, host: '::1' })
    await daemon.start()
    expect((await byName(daemon)).json).toMatchObject({ code: 'host_refused' })
    const { json } = await daemon.api('GET', '/v1/status', { via: 'tcp' })
    expect(json).toMatchObject({
      listeners: { tcp_error: expect.stringContaining(`[::1]:${daemon.apiPort}`) },
    })
    expect((await daemon.cli(['status'])).stdout).toContain('does not answer to the name localhost')
    expect((await daemon.cli(['daemon', 'logs', '--json'])).stdout).toContain('api.localhost_unavailable')
    // The command line takes the name for 127.0.0.1.
    const env = { CATCHD_URL: `http://localhost:${daemon.apiPort}`, CATCHD_API_KEY: await daemon.adminKey() }
    expect((await runProgram(['status'], { env: { HOME: home, ...env } })).exitCode).toBe(0)
    expect(seen()).toBe('')
  })
})
