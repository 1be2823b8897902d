/** Reading a fresh token: alone, among many, while something else hangs, with many profiles. */
import { startSeedSystem } from '../../test/support/seed-system.js'
import type { BareServer } from './bare-server.js'
import { type Comparison, median, percentile } from './rounds.js'
import { latencies, latenciesWhenNew, type Target, underLoad } from './wire.js'

const REQUESTS = 2_000
const PATH = '/v1/tokens/gw'
const BARE = 'bare node:http, same bytes'

export interface Served {
  readonly apiPort: number
  readonly socketPath: string
  adminKey(): Promise<string>
}

export async function tcpTarget(daemon: Served, path = PATH): Promise<Target> {
  const at = { host: '127.0.0.1', port: daemon.apiPort }
  return { at, path, authorization: `Bearer ${await daemon.adminKey()}` }
}

export async function readRows(daemon: Served, bare: BareServer): Promise<Comparison[]> {
  const tcp = await tcpTarget(daemon)
  const socket = { at: { path: daemon.socketPath }, path: PATH }
  const bareTcp = { ...tcp, at: { host: '127.0.0.1', port: bare.port } }
  const bareSocket = { ...socket, at: { path: bare.socketPath } }
  const p50 = (target: Target) => async () => median(await latencies(target, REQUESTS))
  const newEach = (target: Target) => async () => median(await latenciesWhenNew(target, REQUESTS / 4))
  const throughput = (target: Target, clients: number) => async () =>
    (await underLoad(target, clients, 4 * REQUESTS)).perSecond
  return [
    {
      what: 'token over TCP, key checked, p50',
      against: BARE,
      unit: 'ms',
      ours: p50(tcp),
      reference: p50(bareTcp),
      goal: { most: 1.1 },
    },
    {
      what: 'token over the socket, p50',
      against: BARE,
      unit: 'ms',
      ours: p50(socket),
      reference: p50(bareSocket),
      goal: { most: 1.1 },
    },
    {
      what: 'token over the socket, new connection each, p50',
      against: BARE,
      unit: 'ms',
      ours: newEach(socket),
      reference: newEach(bareSocket),
      goal: null,
    },
    ...[32, 256].map(
      (clients): Comparison => ({
        what: `tokens a second over TCP, ${clients} connections`,
        against: BARE,
        unit: '/s',
        ours: throughput(tcp, clients),
        reference: throughput(bareTcp, clients),
        goal: { least: 0.8 },
      }),
    ),
  ]
}

const MANY_PROFILES = 10_000
const MANY_CLIENTS = 1_000

/** A daemon with ten thousand profiles beside one with a single profile, each with a thousand clients. */
export async function scaleRow(small: Served): Promise<Comparison & { stop(): Promise<void> }> {
  const names = Array.from({ length: MANY_PROFILES }, (_, index) => `p${index}`)
  const more = Object.fromEntries(names.map((name) => [name, { extends: 'gw' }]))
  const system = await startSeedSystem({ profiles: more })
  await system.login()
  const [many, one] = [await tcpTarget(system.daemon), await tcpTarget(small)]
  const p99 = (target: Target) => async () =>
    percentile((await underLoad(target, MANY_CLIENTS, 20 * MANY_CLIENTS)).times, 0.99)
  return {
    what: `p99 with ${MANY_CLIENTS} clients, ${MANY_PROFILES} profiles`,
    against: 'the same with one profile',
    unit: 'ms',
    ours: p99(many),
    reference: p99(one),
    goal: { most: 1.15 },
    rounds: 5,
    stop: () => system.stop(),
  }
}
