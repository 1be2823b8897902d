/** Whether many profiles, many clients and slow connections are felt by the one who asks. */
import { connect, type Socket } from 'node:net'
import { startSeedSystem } from '../../test/support/seed-system.js'
import { residentMegabytes } from './processes.js'
import { type Served, tcpTarget } from './reads.js'
import { type Comparison, median, percentile } from './rounds.js'
import { latencies, type Target, underLoad } from './wire.js'

const MANY_PROFILES = 10_000
const MANY_CLIENTS = 1_000
const MANY_SLOW = 10_000
const REQUESTS = 2_000

export interface ScaleBench {
  readonly rows: readonly Comparison[]
  stop(): Promise<void>
}

/** A daemon with ten thousand profiles beside one with a single profile. */
export async function scaleRows(small: Served & { readonly pid: number }): Promise<ScaleBench> {
  const names = Array.from({ length: MANY_PROFILES }, (_, index) => `p${index}`)
  const more = Object.fromEntries(names.map((name) => [name, { extends: 'gw' }]))
  const system = await startSeedSystem({ profiles: more })
  await system.login()
  const [many, one] = [await tcpTarget(system.daemon), await tcpTarget(small)]
  const p99 = (target: Target) => async () =>
    percentile((await underLoad(target, MANY_CLIENTS, 20 * MANY_CLIENTS)).times, 0.99)
  const p50 = async () => median(await latencies(one, REQUESTS))
  return {
    rows: [
      {
        what: `p99 with ${MANY_CLIENTS} clients, ${MANY_PROFILES} profiles`,
        against: 'the same with one profile',
        unit: 'ms',
        ours: p99(many),
        reference: p99(one),
        goal: { most: 1.15 },
        rounds: 5,
      },
      {
        what: `resident memory with ${MANY_PROFILES} profiles`,
        against: 'the same with one profile',
        unit: 'MB',
        ours: async () => residentMegabytes(system.daemon.pid),
        reference: async () => residentMegabytes(small.pid),
        goal: null,
        rounds: 3,
      },
      {
        what: `token over TCP while ${MANY_SLOW} connections say nothing, p50`,
        against: 'the same read, idle',
        unit: 'ms',
        ours: () => whileSlow(small.apiPort, p50),
        reference: p50,
        goal: { most: 1.15 },
        rounds: 3,
      },
    ],
    stop: () => system.stop(),
  }
}

/** The daemon lets the oldest of them go when there are too many; that is part of what is measured. */
async function whileSlow(port: number, work: () => Promise<number>): Promise<number> {
  const slow: Socket[] = []
  while (slow.length < MANY_SLOW) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    slow.push(socket)
    await new Promise((resolve) => {
      socket.once('connect', () => socket.write('GET /'))
      socket.once('connect', resolve)
      socket.once('close', resolve)
    })
  }
  const result = await work()
  for (const socket of slow) socket.destroy()
  return result
}
