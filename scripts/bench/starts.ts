/** Processes that start: `catchd token`, curl at the socket, the daemon itself, and what it holds when idle. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { environment, PROGRAM } from '../../test/support/program.js'
import { type SeedSystem, startSeedSystem } from '../../test/support/seed-system.js'
import type { BareServer } from './bare-server.js'
import { residentMegabytes, timeProcess, withoutExtraAuthorities } from './processes.js'
import { type Comparison, median } from './rounds.js'
import { type Target, Wire } from './wire.js'

const NODE = process.execPath
const EACH = 5

export function startRows(
  daemon: { readonly home: string; readonly socketPath: string },
  bare: BareServer,
): Comparison[] {
  const env = { ...bareEnv(), CATCHD_HOME: daemon.home }
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
  ]
}

/** How long it rests before its memory is read: V8 gives back what a start left behind after some ten seconds. */
const RESTS_MS = 15_000
const ANSWERS_WITHIN_MS = 15_000
/** The daemon drains for 5 s at most. */
const STOPS_WITHIN_MS = 8_000

/** The daemon as it is used: in a home with a profile that is logged in, in the sealed file, and not at its first start. */
export async function daemonRows(): Promise<{ rows: Comparison[]; stop(): Promise<void> }> {
  const system = await startSeedSystem({ env: { CATCHD_VAULT: 'file' } })
  await system.login()
  await system.daemon.kill('SIGTERM')
  // Its orderly end keeps the compiled code of what a start and a token need.
  await withStarted(system, TOKEN, () => 0)
  const start = { against: '`node -e 0`', unit: 'ms', reference: bareNode } as const
  const memory = {
    against: 'an idle server of node:http',
    unit: 'MB',
    reference: residentOfIdleServer,
    rounds: 3,
    warmsUp: false,
  } as const
  return {
    rows: [
      {
        ...start,
        what: 'daemon: start to first token',
        ours: () => several(() => withStarted(system, TOKEN, ({ answeredAfterMs }) => answeredAfterMs)),
        goal: { most: 5 },
      },
      {
        ...start,
        what: 'daemon: start to first status',
        ours: () => several(() => withStarted(system, STATUS, ({ answeredAfterMs }) => answeredAfterMs)),
        goal: null,
      },
      {
        ...memory,
        what: 'resident memory, idle',
        ours: () => withStarted(system, TOKEN, residentAtRest),
        goal: { most: 1.3 },
      },
      {
        ...memory,
        what: 'resident memory, idle after a login and a status',
        ours: () =>
          withStarted(system, TOKEN, async (started) => {
            await system.login()
            await system.daemon.api('GET', STATUS)
            return residentAtRest(started)
          }),
        goal: null,
      },
    ],
    stop: () => system.stop(),
  }
}

const TOKEN = '/v1/tokens/gw'
const STATUS = '/v1/status'

interface Started {
  readonly pid: number
  readonly answeredAfterMs: number
}

/** @param path - What it is asked first; the time is up to its answer. */
async function withStarted(
  { daemon, gateway }: SeedSystem,
  path: string,
  work: (started: Started) => number | Promise<number>,
): Promise<number> {
  const env = environment({
    HOME: daemon.home,
    CATCHD_HOME: daemon.home,
    CATCHD_VAULT: 'file',
    CATCHD_API_PORT: String(daemon.apiPort),
    CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
    CATCHD_BROWSER: 'none',
    GW_SECRET: gateway.clientSecret ?? '',
  })
  const startedAt = performance.now()
  const child = spawn(NODE, [PROGRAM, 'daemon', 'run'], { stdio: 'ignore', env })
  const ended = once(child, 'exit')
  try {
    await firstAnswer({ at: { path: daemon.socketPath }, path }, child)
    return await work({ pid: child.pid ?? 0, answeredAfterMs: performance.now() - startedAt })
  } finally {
    child.kill()
    const timer = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS)
    await ended
    clearTimeout(timer)
  }
}

async function firstAnswer(target: Target, daemon: ChildProcess): Promise<void> {
  const giveUpAtMs = Date.now() + ANSWERS_WITHIN_MS
  let cause: unknown
  while (daemon.exitCode === null && Date.now() < giveUpAtMs) {
    try {
      const wire = await Wire.open(target)
      await wire.get()
      return wire.close()
    } catch (error) {
      cause = error
      await delay(1)
    }
  }
  throw new Error(`No answer to ${target.path}; the daemon's exit code: ${daemon.exitCode}.`, { cause })
}

async function residentAtRest({ pid }: Pick<Started, 'pid'>): Promise<number> {
  await delay(RESTS_MS)
  return residentMegabytes(pid)
}

async function residentOfIdleServer(): Promise<number> {
  const script = "require('node:http').createServer().listen(0, '127.0.0.1')"
  const child = spawn(NODE, ['-e', script], { stdio: 'ignore', env: bareEnv() })
  const megabytes = await residentAtRest({ pid: child.pid ?? 0 })
  child.kill()
  await once(child, 'exit')
  return megabytes
}

function bareNode(): Promise<number> {
  return several(() => timeProcess(NODE, ['-e', '0'], bareEnv()))
}

function bareEnv(): NodeJS.ProcessEnv {
  return withoutExtraAuthorities(process.env)
}

async function several(measure: () => Promise<number>): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < EACH; count++) times.push(await measure())
  return median(times)
}
