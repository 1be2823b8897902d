/** Tokens inside a running shell: the functions of `catchd shell-init`. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { needs } from '../support/needs.js'
import { environment, PROGRAM } from '../support/program.js'
import { type SeedSystem, startSeedSystem } from '../support/seed-system.js'

let folder = ''
let system: SeedSystem
let bin = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catchd-shell-'))
  system = await startSeedSystem()
  await system.login()
  bin = join(folder, 'bin')
  await mkdir(bin)
  // Says so when the command line is started after all.
  const text = `#!/bin/sh\necho "$@" >> "${folder}/started"\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`
  await writeFile(join(bin, 'catchd'), text)
  await chmod(join(bin, 'catchd'), 0o755)
})
afterEach(async () => {
  await system.stop()
  await rm(folder, { recursive: true })
})

interface ShellAnswer {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a line after the functions were defined; how often a process was started for it is read from a file. */
async function shell(name: string, line: string): Promise<ShellAnswer & { readonly started: string[] }> {
  const { daemon } = system
  const env = environment({
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: folder,
    CATCHD_HOME: daemon.home,
    CATCHD_API_PORT: String(daemon.apiPort),
    CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
  })
  const define = name === 'fish' ? 'catchd shell-init fish | source' : `eval "$(catchd shell-init ${name})"`
  await rm(join(folder, 'started'), { force: true })
  const answer = await new Promise<ShellAnswer>((resolve) => {
    execFile(name, ['-c', `${define}\n${line}`], { env }, (error, stdout, stderr) =>
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
  const started = await readFile(join(folder, 'started'), 'utf8').catch(() => '')
  return { ...answer, started: started.split('\n').slice(1, -1) }
}

/** What scripts set before they call the functions. */
const SCRIPTS = [
  'set -e',
  'set -eEu -o pipefail',
  'set -x',
  `set -x; PS4='$(echo "$key $answer")'`,
  'set -C -f',
  'set -a',
  'IFS=:.0',
  'IFS=',
  'unset IFS',
  'export LC_ALL=C.UTF-8',
  "trap 'exit 9' ERR",
  'TMOUT=30',
  'key=mine answer=mine fd=mine line=mine',
]

async function token(): Promise<string> {
  return String((await system.daemon.api('GET', '/v1/tokens/gw')).json['access_token'])
}

describe.each(['bash', 'zsh'])('%s', (name) => {
  const skip = needs(name) !== undefined

  test.skipIf(skip)('the token and the header, without starting a process', async () => {
    const { stdout, stderr, started } = await shell(name, 'catchd_token gw; catchd_header gw')
    expect(stdout).toBe(`${await token()}\nAuthorization: Bearer ${await token()}\n`)
    expect({ stderr, started }).toEqual({ stderr: '', started: [] })
  })

  test.skipIf(skip)('a failure is told as the command line tells it, with its exit code', async () => {
    await system.daemon.api('DELETE', '/v1/tokens/gw')
    const { exitCode, stdout, stderr, started } = await shell(name, 'catchd_token gw')
    expect({ exitCode, stdout, started }).toEqual({
      exitCode: 3,
      stdout: '',
      started: ['token gw --format raw'],
    })
    expect(stderr).toMatch(/^catchd: .*\n {2}→ catchd login gw\n(?:This shell .*\n)?$/)
    const quiet = await shell(name, 'set -e; catchd_header gw 2>/dev/null; echo after')
    expect(quiet).toMatchObject({ exitCode: 3, stdout: '', started: ['token gw --format header'] })
  })

  test.skipIf(skip)(
    'whatever a script sets, it gets the token, keeps its settings, and shows no secret',
    async () => {
      const [secret, key] = [await token(), await system.daemon.adminKey()]
      for (const line of SCRIPTS) {
        const { exitCode, stdout, stderr, started } = await shell(name, `${line}; catchd_token gw; echo end`)
        expect.soft({ exitCode, stdout, started }, line).toEqual({
          exitCode: 0,
          stdout: `${secret}\nend\n`,
          started: [],
        })
        expect.soft(stderr.includes(secret) || stderr.includes(key), line).toBe(false)
      }
      const kept = 'set -eu; IFS=:; before="$-$IFS"; catchd_token gw >/dev/null; [ "$-$IFS" = "$before" ]'
      expect(await shell(name, kept)).toMatchObject({ exitCode: 0, stderr: '' })
    },
  )

  test.skipIf(skip)('in a $(…), a condition and a pipe of a careful script', async () => {
    const line = 'set -euo pipefail; if x=$(catchd_token gw); then catchd_header gw | cat; fi; echo "$x"'
    const { stdout, stderr, started } = await shell(name, line)
    const secret = await token()
    expect(stdout).toBe(`Authorization: Bearer ${secret}\n${secret}\n`)
    expect({ stderr, started }).toEqual({ stderr: '', started: [] })
  })

  test.skipIf(skip)('what is no plain name goes to the command line as it is', async () => {
    const { exitCode, stdout, started } = await shell(name, `catchd_token 'gw HTTP/1.1'`)
    expect(exitCode).not.toBe(0)
    expect(stdout).toBe('')
    expect(started).toEqual(['token gw HTTP/1.1 --format raw'])
  })

  test.skipIf(skip)('without a daemon the command line starts one', async () => {
    await system.daemon.kill('SIGTERM')
    const { exitCode, stderr, started } = await shell(name, 'catchd_token gw')
    expect(started).toEqual(['token gw --format raw'])
    // The tokens were in memory and left with the daemon.
    expect(exitCode).toBe(3)
    expect(stderr).toContain('catchd login gw')
  })

  test.skipIf(skip)('a key is in neither argv nor the environment', async () => {
    const { stdout } = await shell(name, 'catchd_token gw >/dev/null; env; set')
    expect(stdout).not.toContain(await system.daemon.adminKey())
  })
})

test.skipIf(needs('bash') !== undefined || process.getuid?.() !== 0)(
  'the key is not sent to a listener of somebody else',
  async () => {
    await system.daemon.kill('SIGTERM')
    const heard: string[] = []
    const squatter = createServer((socket) => socket.on('data', (chunk) => heard.push(chunk.toString())))
    process.seteuid?.(65534) // nobody
    await new Promise<void>((resolve) => squatter.listen(system.daemon.apiPort, '127.0.0.1', resolve))
    process.seteuid?.(0)
    try {
      const { started } = await shell('bash', 'catchd_token gw')
      expect(started).toHaveLength(1)
      expect(heard).toEqual([])
    } finally {
      squatter.close()
    }
  },
)

test.skipIf(needs('bash') !== undefined)(
  'bash: POSIX mode, a trace in a file, and traps in functions',
  async () => {
    const [secret, key] = [await token(), await system.daemon.adminKey()]
    for (const line of [
      'set -o posix',
      'set -o posix; set -e; POSIXLY_CORRECT=1',
      `exec 7>'${folder}/trace'; BASH_XTRACEFD=7; set -x`,
      'set -T; trap \'printf %s "$BASH_COMMAND" >&2\' DEBUG',
      "set -E; trap 'exit 9' ERR; trap 'exit 8' RETURN",
      'shopt -s nullglob failglob extglob nocasematch',
      'shopt -s inherit_errexit; set -e',
    ]) {
      const { stdout, stderr, started } = await shell('bash', `${line}; catchd_token gw`)
      expect.soft({ stdout, started }, line).toEqual({ stdout: `${secret}\n`, started: [] })
      expect.soft(stderr.includes(secret) || stderr.includes(key), line).toBe(false)
    }
    const trace = await readFile(join(folder, 'trace'), 'utf8')
    expect(trace).toContain('_catchd_ask raw gw')
    expect(trace.includes(secret) || trace.includes(key)).toBe(false)
  },
)

test.skipIf(needs('bash') !== undefined)(
  'a bash that is too old for them runs the command line',
  async () => {
    // BASH_VERSINFO cannot be set, so its name in the functions is replaced.
    const old =
      'old=(3 2); eval "$(catchd shell-init bash | sed s/BASH_VERSINFO/old/g)"; set -eu; catchd_token gw'
    const { stdout, started } = await shell('bash', `unset -f catchd_token; ${old}`)
    expect(stdout).toBe(`${await token()}\n`)
    expect(started).toEqual(['shell-init bash', 'token gw'])
  },
)

test.skipIf(needs('bash') !== undefined).each([
  ['cut off', '{"access_token":"tok","token_type":"Bea'],
  ['longer than is read', `{"access_token":"${'x'.repeat(70_000)}","token_type":"Bearer"}`],
  ['empty', ''],
  ['without a token', '{"profile":"gw"}'],
  ['not plain ASCII', '{"access_token":"ü","token_type":"Bearer"}'],
  ['escaped', '{"access_token":"a\\u0062","token_type":"Bearer"}'],
])('an answer that is %s goes to the command line', async (_what, body) => {
  await system.daemon.kill('SIGTERM')
  const server = createServer((socket) => {
    socket.on('error', () => {}) // bash hangs up when it has read enough
    socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${body}`))
  })
  await new Promise<void>((resolve) => server.listen(system.daemon.apiPort, '127.0.0.1', resolve))
  try {
    const { stdout, started } = await shell('bash', 'catchd_token gw')
    expect({ stdout, started }).toEqual({ stdout: '', started: ['token gw --format raw'] })
  } finally {
    server.close()
  }
})

test.skipIf(needs('fish') !== undefined)('fish has the same functions', async () => {
  const { stdout } = await shell('fish', 'catchd_token gw; catchd_header gw')
  expect(stdout).toBe(`${await token()}\nAuthorization: Bearer ${await token()}\n`)
  const traced = await shell('fish', 'set fish_trace 1; catchd_token gw')
  expect(traced.stdout).toBe(`${await token()}\n`)
  expect(traced.stderr).not.toContain(await token())
  await system.daemon.api('DELETE', '/v1/tokens/gw')
  const failed = await shell('fish', 'catchd_token gw')
  expect(failed).toMatchObject({ exitCode: 3, stdout: '' })
  expect(failed.stderr).toContain('→ catchd login gw')
})
