/** Processes that start: `catchd token`, curl at the socket, the daemon itself, and what it holds when idle. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { PROGRAM } from '../../test/support/program.js'
import type { BareServer } from './bare-server.js'
import { residentMegabytes, timeProcess, withoutExtraAuthorities } from './processes.js'
import { type Comparison, median } from './rounds.js'
import { Wire } from './wire.js'

const NODE = process.execPath
const EACH = 5

export function startRows(
  daemon: { readonly home: string; readonly socketPath: string },
  bare: BareServer,
): Comparison[] {
  const env = { ...withoutExtraAuthorities(process.env), CATCHD_HOME: daemon.home }
  const bareNode = () => several(() => timeProcess(NODE, ['-e', '0'], env))
  const curl = (socketPath: string) => () =>
    several(() =>
      timeProcess(
        'curl',
        ['-sf', '-o', '/dev/null', '--unix-socket', socketPath, 'http://localhost/v1/tokens/gw'],
        env,
      ),
    )
  return [
    {
      what: '`catchd token` as a process',
      against: '`node -e 0`',
      unit: 'ms',
      ours: () => several(() => timeProcess(NODE, [PROGRAM, 'token', 'gw'], env)),
      reference: bareNode,
      goal: { most: 1.35 },
    },
    {
      what: '`curl --unix-socket`',
      against: 'the same at bare node:http',
      unit: 'ms',
      ours: curl(daemon.socketPath),
      reference: curl(bare.socketPath),
      goal: { most: 1.03 },
    },
    {
      what: 'daemon: start to first answer',
      against: '`node -e 0`',
      unit: 'ms',
      ours: () => several(() => withFreshDaemon((daemon) => daemon.firstAnswerMs)),
      reference: bareNode,
      goal: { most: 5 },
    },
    {
      what: 'resident memory, idle',
      against: 'an idle server of node:http',
      unit: 'MB',
      ours: () =>
        withFreshDaemon(async ({ pid }) => {
          await delay(SETTLED_MS)
          return residentMegabytes(pid)
        }),
      reference: async () => residentOfIdleServer(env),
      goal: { most: 1.3 },
      rounds: 3,
    },
  ]
}

const SETTLED_MS = 2_000

async function several(measure: () => Promise<number>): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < EACH; count++) times.push(await measure())
  return median(times)
}

interface FreshDaemon {
  readonly pid: number
  readonly firstAnswerMs: number
}

/** A daemon in an empty home, with the sealed file as its vault. */
async function withFreshDaemon(work: (daemon: FreshDaemon) => number | Promise<number>): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'catchd-bench-'))
  const env = {
    PATH: process.env['PATH'],
    CATCHD_HOME: home,
    CATCHD_VAULT: 'file',
    CATCHD_API_PORT: '0',
    CATCHD_REDIRECT_PORT: '18252',
  }
  const startedAt = performance.now()
  const child = spawn(NODE, [PROGRAM, 'daemon', 'run'], { stdio: 'ignore', env })
  const ended = once(child, 'exit')
  try {
    await firstAnswer(join(home, 'run', 'catchd.sock'), () => child.exitCode !== null)
    return await work({ pid: child.pid ?? 0, firstAnswerMs: performance.now() - startedAt })
  } finally {
    child.kill()
    await ended
    rmSync(home, { recursive: true, force: true })
  }
}

async function firstAnswer(socketPath: string, hasEnded: () => boolean): Promise<void> {
  while (!hasEnded()) {
    try {
      const wire = await Wire.open({ at: { path: socketPath }, path: '/v1/status' })
      await wire.get()
      return wire.close()
    } catch {
      await delay(1)
    }
  }
  throw new Error('The daemon ended.')
}

async function residentOfIdleServer(env: NodeJS.ProcessEnv): Promise<number> {
  const script = "require('node:http').createServer().listen(0, '127.0.0.1')"
  const child = spawn(NODE, ['-e', script], { stdio: 'ignore', env })
  await delay(SETTLED_MS)
  const megabytes = residentMegabytes(child.pid ?? 0)
  child.kill()
  await once(child, 'exit')
  return megabytes
}
