/** Refreshes: what they cost whoever waits for them, and whoever does not. */

import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { type SeedSystem, startSeedSystem } from '../../test/support/seed-system.js'
import { type Comparison, median } from './rounds.js'
import { latencies, openWires } from './wire.js'

const CALLERS = 1_000
const REQUESTS = 1_000
/** A server at some distance; on loopback its answer would be there before the callers are. */
const SERVER_MS = 100
/** A token that was refreshed just now is served whatever is asked for. */
const NOT_AGAIN_WITHIN_MS = 1_100
/** More than any token has left: the question makes a refresh. */
const DUE = '?min_ttl=86400'

export interface RefreshBench {
  readonly rows: readonly Comparison[]
  stop(): Promise<void>
}

export async function refreshRows(): Promise<RefreshBench> {
  const server = new SlowServer()
  const system = await startSeedSystem({
    rotateRefreshTokens: true,
    onTokenRequest: () => server.answer(),
  })
  await addSecondProfile(system)
  const socket = { path: system.daemon.socketPath }
  const read = async () => median(await latencies({ at: socket, path: '/v1/tokens/gw' }, REQUESTS))
  return {
    rows: [
      {
        what: 'cached read while the refresh of another profile hangs, p50',
        against: 'the same read, idle',
        unit: 'ms',
        ours: () => server.whileItHangs(() => system.daemon.api('POST', '/v1/tokens/other/refresh'), read),
        reference: read,
        goal: { most: 1.1 },
      },
      {
        what: `${CALLERS} callers at expiry, last one answered, without the transmission`,
        against: 'one caller at expiry',
        unit: 'ms',
        ours: async () =>
          (await lastAnswered(system, CALLERS, DUE)) - (await lastAnswered(system, CALLERS, '')),
        reference: () => lastAnswered(system, 1, DUE),
        goal: { most: 1.5 },
      },
    ],
    stop: () => system.stop(),
  }

  /** Milliseconds until all of them were answered, asking at once. */
  async function lastAnswered({ daemon }: SeedSystem, callers: number, query: string): Promise<number> {
    const target = { at: { path: daemon.socketPath }, path: `/v1/tokens/gw${query}` }
    if (query !== '') await delay(NOT_AGAIN_WITHIN_MS)
    const wires = await openWires(target, callers)
    server.delayMs = SERVER_MS
    const startedAt = performance.now()
    await Promise.all(wires.map((wire) => wire.get()))
    const took = performance.now() - startedAt
    server.delayMs = 0
    for (const wire of wires) wire.close()
    return took
  }
}

/** The authorization server's side of it: late, or for a while not at all. */
class SlowServer {
  delayMs = 0
  #hanging: Promise<void> = Promise.resolve()

  async answer(): Promise<void> {
    await this.#hanging
    if (this.delayMs > 0) await delay(this.delayMs)
  }

  async whileItHangs<Result>(begin: () => Promise<unknown>, work: () => Promise<Result>): Promise<Result> {
    let release = () => {}
    this.#hanging = new Promise((resolve) => {
      release = resolve
    })
    const begun = begin()
    const result = await work()
    release()
    await begun
    return result
  }
}

/** `other`: the same registration under a second name, logged in. */
async function addSecondProfile({ daemon, gateway, login, approve }: SeedSystem): Promise<void> {
  gateway.allowRedirectUri(daemon.redirectUri('other'))
  await daemon.api('PUT', '/v1/profiles/other', {
    body: {
      preset: 'webmethods',
      base_url: gateway.baseUrl,
      client_id: gateway.clientId,
      client_secret: { env: 'GW_SECRET' },
      scope: 'email',
    },
  })
  await login()
  await daemon.login('other', approve)
}
