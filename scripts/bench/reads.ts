/** Reading a fresh token: alone, on new connections, among many. */
import type { BareServer } from './bare-server.js'
import { type Comparison, median } from './rounds.js'
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
