import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Context } from '../../src/cli/context.js'
import { startDaemon } from '../../src/cli/daemon.js'
import { logLineForPeople } from '../../src/cli/daemon-logs.js'
import { shown } from '../../src/cli/output.js'
import { CatchdError } from '../../src/failures.js'
import { fakeDaemon, run, start } from './run.js'

/** A program that is started as the daemon would be: its second argument list is `daemon run …`. */
async function program(home: string, code: string): Promise<string> {
  const file = join(home, 'program.mjs')
  await writeFile(
    file,
    `import { createServer } from 'node:http'
import { mkdirSync, writeFileSync } from 'node:fs'
const home = ${JSON.stringify(home)}
const fail = (code, detail) => {
  process.stderr.write('a warning of the runtime\\n' + JSON.stringify({ code, detail }) + '\\n')
  process.exit(1)
}
const serve = (lifetimeMs) => {
  mkdirSync(home + '/run', { recursive: true })
  createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ pid: process.pid }))
  }).listen(home + '/run/catchd.sock')
  setTimeout(() => process.exit(), lifetimeMs)
}
${code}
`,
  )
  return file
}

let home = ''

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'catchd-start-test-'))
  for (const name of Object.keys(process.env)) if (name.startsWith('CATCHD_')) vi.stubEnv(name, '')
  vi.stubEnv('CATCHD_HOME', home)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(home, { recursive: true, force: true, maxRetries: 3 })
})

async function failureOf(call: Promise<unknown>): Promise<CatchdError> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(failure instanceof CatchdError)) throw new Error(`no CatchdError: ${String(failure)}`)
  return failure
}

describe('starting the daemon in the background', () => {
  test('resolves when it answers; it is detached and gets the words of the command', async () => {
    const file = await program(
      home,
      `writeFileSync(home + '/words', process.argv.slice(2).join(' ') + ' ' + process.env.JOURNAL_STREAM)
       setTimeout(() => serve(1000), 100)`,
    )
    vi.stubEnv('JOURNAL_STREAM', '9:9')
    const context = new Context(file)
    await startDaemon(context)
    const { pid } = await context.localClient().status()
    expect(pid).not.toBe(process.pid)
    expect(await readFile(join(home, 'words'), 'utf8')).toBe('daemon run --json --detached undefined')
  })

  test('what it ends with is the failure of the command', async () => {
    const file = await program(home, `fail('config_invalid', 'The folder is not yours.')`)
    const failure = await failureOf(startDaemon(new Context(file)))
    expect(failure).toMatchObject({ code: 'config_invalid', exitCode: 7, detail: 'The folder is not yours.' })
  })

  test('an end without words is daemon_unreachable', async () => {
    const failure = await failureOf(startDaemon(new Context(await program(home, 'process.exit(1)'))))
    expect(failure).toMatchObject({ code: 'daemon_unreachable', exitCode: 5 })
  })

  test('the second of two uses the first', async () => {
    await mkdir(join(home, 'run'))
    const file = await program(
      home,
      `import { mkdirSync as lock } from 'node:fs'
       try { lock(home + '/lock') } catch { fail('already_running', 'Another catchd serves.') }
       serve(1500)`,
    )
    await Promise.all([startDaemon(new Context(file)), startDaemon(new Context(file))])
  })

  test('a file at the socket’s path is said at once, and left alone', async () => {
    await mkdir(join(home, 'run'))
    await writeFile(join(home, 'run', 'catchd.sock'), 'mine')
    const file = await program(home, `fail('already_running', 'It is not a socket.')`)
    const failure = await failureOf(startDaemon(new Context(file)))
    expect(failure).toMatchObject({ code: 'already_running', exitCode: 8, detail: 'It is not a socket.' })
  })

  test('nothing is left in the folder for temporary files', async () => {
    await failureOf(startDaemon(new Context(await program(home, 'process.exit(1)'))))
    expect(readdirSync(tmpdir()).filter((name) => /^catchd-start-[\w-]{12}$/.test(name))).toEqual([])
  })

  test('a command starts it when nothing listens, and only then', async () => {
    const context = new Context(await program(home, 'serve(1500)'))
    const first = await context.client.status()
    expect(await new Context('/no/such/program').client.status()).toEqual(first)
  })

  test('over TCP nothing is started', async () => {
    const file = await program(home, `writeFileSync(home + '/started', '')`)
    vi.stubEnv('CATCHD_URL', 'http://127.0.0.1:9')
    expect((await failureOf(new Context(file).client.status())).code).toBe('daemon_unreachable')
    expect(existsSync(join(home, 'started'))).toBe(false)
  })
})

describe('daemon start and stop', () => {
  test('start says that it runs already', async () => {
    const daemon = await fakeDaemon({
      'GET /v1/status': { body: { pid: 42, listeners: { tcp_error: null } } },
    })
    const { exitCode, stdout } = await run(daemon, ['daemon', 'start'])
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: 'The daemon is already running (process 42).\n',
    })
  })

  test('stop without a daemon is fine, and says so', async () => {
    const daemon = await fakeDaemon()
    const elsewhere = { env: { CATCHD_HOME: `${daemon.home}/nowhere` } }
    expect(await run(daemon, ['daemon', 'stop'], elsewhere)).toEqual({
      exitCode: 0,
      stdout: 'The daemon is not running.\n',
      stderr: '',
    })
    const json = await run(daemon, ['daemon', 'stop', '--json'], elsewhere)
    expect(JSON.parse(json.stdout)).toEqual({ running: false, stopped: false })
  })

  test('stop waits until the process has ended', async () => {
    const process_ = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'])
    const daemon = await fakeDaemon({
      'GET /v1/status': { body: { pid: process_.pid } },
      'POST /v1/daemon/stop': () => {
        setTimeout(() => process_.kill(), 200)
        return { status: 202 }
      },
    })
    const { exitCode, stdout } = await run(daemon, ['daemon', 'stop'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'The daemon has stopped.\n' })
    expect(process_.signalCode ?? process_.exitCode).toBe('SIGTERM')
  })
})

describe('daemon logs', () => {
  const line = (name: string) =>
    `{"level":"info","time":"2026-11-23T14:03:22.123Z","event":"${name}","profile":"gw"}\n`

  async function withLog(text: string) {
    const daemon = await fakeDaemon()
    const file = join(daemon.home, 'state', 'catchd.log')
    await mkdir(join(daemon.home, 'state'))
    await writeFile(file, text)
    return { daemon, file }
  }

  test('prints the lines as they are where no person looks', async () => {
    const { daemon } = await withLog(line('one') + line('two é'))
    const { exitCode, stdout } = await run(daemon, ['daemon', 'logs'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: line('one') + line('two é') })
  })

  test('without a log it says so', async () => {
    const daemon = await fakeDaemon()
    const { exitCode, stdout, stderr } = await run(daemon, ['daemon', 'logs'])
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
    expect(stderr).toContain('no log yet')
  })

  test('--follow goes on, over a rotation, and ends with an interrupt', async () => {
    const { daemon, file } = await withLog(line('one'))
    const running = start(daemon, ['daemon', 'logs', '--follow'])
    const printed = async (name: string) => {
      for (;;) {
        const [chunk] = (await once(running.child.stdout, 'data')) as [Buffer]
        if (chunk.toString().includes(name)) return
      }
    }
    await printed('one')
    await appendFile(file, line('two').slice(0, 20))
    const two = printed('two')
    await appendFile(file, line('two').slice(20))
    await two
    await rename(file, `${file}.1`)
    const three = printed('three')
    await writeFile(file, line('three'))
    await three
    running.child.kill('SIGINT')
    expect((await running.finished()).exitCode).toBe(130)
  })

  test('ends when nobody reads any more', async () => {
    const { daemon, file } = await withLog(line('one'))
    const running = start(daemon, ['daemon', 'logs', '--follow'])
    await once(running.child.stdout, 'data')
    running.child.stdout.destroy()
    await appendFile(file, line('two'))
    expect((await running.finished()).exitCode).toBe(0)
  })

  test('for people: time, level, event, members', () => {
    const text = logLineForPeople(
      '{"level":"warn","time":"2026-11-23T14:03:22.123Z","event":"login.ended","profile":"gw","detail":"a b\\u001b"}',
    )
    expect(text).toContain('14:03:22')
    expect(text).toContain('warn')
    expect(text).toContain('login.ended')
    expect(text).toContain('profile=gw detail="a b\\u001b"')
    expect(shown(logLineForPeople('not JSON \u001b[2J'), process.stdout)).toBe('not JSON \\u{1b}[2J')
  })
})
