/** `catchd forward` over OpenSSH's own client and server: another machine sees what its key may see, and no more. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../support/free-port.js'
import { exchange } from '../../support/http-client.js'
import { needs } from '../../support/needs.js'
import { PROGRAM } from '../../support/program.js'
import { SSHD, type Sshd, startSshd } from '../../support/sshd.js'
import { ToolBench, type ToolSystem } from '../../support/tool-system.js'

const bench = new ToolBench()
const missing = needs(SSHD, 'ssh', 'ssh-keygen')

interface Forwarded {
  readonly child: ChildProcess
  readonly facts: Readonly<Record<string, string>>
  readonly stderr: () => string
  readonly finished: Promise<number | null>
}

async function sshd(more: readonly string[] = []): Promise<Sshd> {
  const folder = join(bench.folder, 'sshd')
  await mkdir(folder)
  const server = await startSshd(folder, more)
  bench.after(() => server.close())
  return server
}

/** Starts it, and waits for what it prints once the other machine can use it, or for its end. */
async function forward({ env }: Pick<ToolSystem, 'env'>, words: readonly string[]): Promise<Forwarded> {
  const child = spawn(process.execPath, [PROGRAM, 'forward', ...words], { env, stdio: 'pipe' })
  bench.after(() => child.kill('SIGKILL'))
  let [out, err] = ['', '']
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString('utf8')
  })
  const finished = once(child, 'close').then(([code]) => code as number | null)
  await Promise.race([
    finished,
    new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString('utf8')
        if (out.includes('\n')) resolve()
      })
    }),
  ])
  const facts = out.startsWith('{') ? JSON.parse(out) : { text: out }
  return { child, facts, stderr: () => err, finished }
}

const names = async (system: ToolSystem) =>
  ((await system.daemon.api('GET', '/v1/clients')).json['clients'] as { client: string }[]).map(
    ({ client }) => client,
  )

test.skipIf(missing)(
  'the other machine uses the profile over a socket of its own, and nothing else',
  async () => {
    const [system, server] = [
      await bench.system({
        profiles: { other: { preset: 'webmethods', base_url: 'https://gw.example', client_id: 'x' } },
      }),
      await sshd(),
    ]
    const { words, destination } = server
    const forwarded = await forward(system, [...[destination, '--profiles', 'gw', '--json', '--', ...words]])
    const { socket = '', home = '' } = forwarded.facts
    expect(forwarded.facts).toMatchObject({ url: null, key_file: null })
    expect((await stat(socket)).mode & 0o777).toBe(0o600)

    const there = (path: string, options = {}) =>
      exchange(`http://localhost${path}`, { socketPath: socket, ...options })
    const answer = await there('/v1/tokens/gw')
    expect(JSON.parse(answer.body)).toMatchObject({ access_token: await system.token(), profile: 'gw' })
    // A caller's own key is not believed in place of the limited one.
    const authorization = `Bearer ${await system.daemon.adminKey()}`
    for (const [path, method] of [
      ['/v1/tokens/other', 'GET'],
      ['/v1/tokens/gw', 'DELETE'],
      ['/v1/tokens/gw/refresh', 'POST'],
      ['/v1/clients', 'GET'],
      ['/v1/daemon/stop', 'POST'],
    ] as const) {
      const refused = await there(path, { method, headers: { authorization } })
      expect({ path, method, status: refused.status }).toEqual({ path, method, status: 403 })
    }
    expect(JSON.parse((await there('/v1/profiles')).body).profiles).toHaveLength(1)

    // catchd there needs nothing but CATCHD_HOME.
    const { PATH = '' } = system.env
    const cli = await bench.run('catchd', ['token', 'gw', '--format', 'header'], { PATH, CATCHD_HOME: home })
    expect(cli.stdout).toBe(`Authorization: Bearer ${await system.token()}\n`)
    // Whoever asks for more is told who decides, and gets a command that works there.
    for (const words of [
      ['token', 'other'],
      ['client', 'list'],
    ]) {
      const refused: unknown = await bench.run('catchd', words, { PATH, CATCHD_HOME: home }).catch(String)
      expect(refused).toMatch(/--profiles and --actions choose .*\n {2}→ catchd profile list\n/)
    }
    const listed = await bench.run('catchd', ['profile', 'list'], { PATH, CATCHD_HOME: home })
    expect(listed.stdout).toContain('gw')

    forwarded.child.kill('SIGINT')
    expect(await forwarded.finished).toBe(130)
    expect(await names(system)).toEqual([])
    expect(existsSync(socket)).toBe(false)
    expect(await readdir(join(home, 'run'))).toEqual([])
  },
  60_000,
)

test.skipIf(missing)(
  'a port there wants the key, which reaches it in a file and stands in no command line',
  async () => {
    const [system, server] = [await bench.system(), await sshd()]
    const apiPort = await freePort()
    const forwarded = await forward(system, [
      ...[server.destination, '--profiles', 'gw', '--json'],
      ...['--port', String(apiPort), '--', ...server.words],
    ])
    const { url = '', key_file: keyFile = '' } = forwarded.facts
    const key = readFileSync(keyFile, 'utf8').trim()
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600)
    const running = commandLines()
    const ssh = running.filter(({ words }) => words.startsWith('ssh ') && words.includes(bench.folder))
    expect(ssh).toHaveLength(1)
    expect(running.filter(({ words }) => words.includes(key))).toEqual([])

    const headers = { authorization: `Bearer ${key}` }
    expect((await exchange(`${url}/v1/tokens/gw`)).status).toBe(401)
    expect((await exchange(`${url}/v1/tokens/gw`, { headers })).status).toBe(200)
    expect((await exchange(`${url}/v1/clients`, { headers })).status).toBe(403)
    const rebound = await exchange(`${url}/v1/tokens/gw`, { headers: { ...headers, host: 'evil.example' } })
    expect(JSON.parse(rebound.body)).toMatchObject({ code: 'host_refused' })

    // The connection breaks, and the key is worth nothing any more.
    for (const { pid } of ssh) process.kill(pid)
    expect(await forwarded.finished).toBe(5)
    expect(forwarded.stderr()).toContain('The connection ended')
    expect(await names(system)).toEqual([])
    const late = await exchange(`http://127.0.0.1:${system.daemon.apiPort}/v1/tokens/gw`, { headers })
    expect(late.status).toBe(401)
  },
  60_000,
)

test.skipIf(missing)(
  'a callback port is bound here for as long as it runs',
  async () => {
    const [system, server] = [await bench.system(), await sshd()]
    const port = await freePort()
    const words = [server.destination, '--profiles', 'gw', '--json', '--callback', String(port)]
    const forwarded = await forward(system, [...words, '--', ...server.words])
    expect(forwarded.facts).toHaveProperty('socket')
    // Both machines are this one: what came in would come in again. That it is bound has to do.
    await expect(bind(port)).rejects.toThrow('EADDRINUSE')
    forwarded.child.kill('SIGTERM')
    expect(await forwarded.finished).toBe(143)
    await bind(port)
  },
  60_000,
)

test.skipIf(missing).each([
  [
    'a socket that may not be forwarded',
    ['AllowStreamLocalForwarding no'],
    [],
    5,
    'AllowStreamLocalForwarding',
  ],
  [
    'a port that may not be forwarded',
    ['AllowTcpForwarding local'],
    ['--port', '15999'],
    5,
    'AllowTcpForwarding',
  ],
  ['a callback port that is taken', [], ['--callback', 'TAKEN'], 8, '--callback'],
])('%s is said, and leaves no key behind', async (_what, config, options, exitCode, said) => {
  const [system, server] = [await bench.system(), await sshd(config)]
  const taken = String(system.daemon.redirectPort)
  const forwarded = await forward(system, [
    ...[server.destination, '--profiles', 'gw', ...options.map((word) => word.replace('TAKEN', taken))],
    ...['--', ...server.words],
  ])
  expect({ exitCode: await forwarded.finished, text: forwarded.facts['text'] }).toEqual({
    exitCode,
    text: '',
  })
  expect(forwarded.stderr()).toContain(said)
  expect(await names(system)).toEqual([])
})

test.skipIf(missing)('a machine that does not let us in is said in the words of ssh', async () => {
  const [system, server] = [await bench.system(), await sshd(['DenyUsers *'])]
  const words = [server.destination, '--profiles', 'gw', '--', ...server.words]
  const forwarded = await forward(system, words)
  expect(await forwarded.finished).toBe(5)
  expect(forwarded.stderr()).toMatch(
    /catchd: The API was not forwarded to the other machine: .*Permission denied/,
  )
  expect(await names(system)).toEqual([])
})

test('without ssh, that is said', async () => {
  const system = await bench.system()
  const env = { ...system.env, PATH: join(bench.folder, 'bin') }
  const forwarded = await forward({ ...system, env }, ['me@host.example', '--profiles', 'gw'])
  expect(await forwarded.finished).toBe(5)
  expect(forwarded.stderr()).toContain('ssh (the OpenSSH client) is not installed on this machine')
  expect(await names(system)).toEqual([])
})

test('without another machine: a socket for a container', async () => {
  const system = await bench.system()
  const path = join(bench.folder, 'shared', 'run', 'catchd.sock')
  const forwarded = await forward(system, ['--socket', path, '--profiles', 'gw', '--actions', 'token,login'])
  expect(forwarded.facts['text']).toBe(`${path}\n`)
  const socketPath = path
  expect((await exchange('http://localhost/v1/tokens/gw', { socketPath })).status).toBe(200)
  expect((await exchange('http://localhost/v1/clients', { socketPath })).status).toBe(403)
  const body = JSON.stringify({ profile: 'gw', open: false })
  const headers = { 'content-type': 'application/json' }
  const begun = await exchange('http://localhost/v1/logins', { socketPath, method: 'POST', headers, body })
  expect(begun.status).toBe(201)
  await system.daemon.kill()
  const orphaned = await exchange('http://localhost/v1/tokens/gw', { socketPath })
  expect(JSON.parse(orphaned.body)).toMatchObject({ code: 'daemon_unreachable' })
  await system.daemon.start()

  // A socket that a killed program left behind is in nobody's way.
  forwarded.child.kill('SIGKILL')
  await forwarded.finished
  expect(existsSync(path)).toBe(true)
  const again = await forward(system, ['--socket', path, '--profiles', 'gw'])
  expect(again.facts['text']).toBe(`${path}\n`)
  again.child.kill('SIGTERM')
  expect(await again.finished).toBe(143)
  expect(existsSync(path)).toBe(false)
})

async function bind(port: number): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  await new Promise((resolve) => server.close(resolve))
}

/** Of all processes of this machine. */
function commandLines(): { pid: number; words: string }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => {
    try {
      return { pid: Number(pid), words: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }
    } catch {
      return { pid: Number(pid), words: '' } // it has ended
    }
  })
}
