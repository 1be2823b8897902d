/** `catchd proxy` between a client and an upstream, against the same upstream asked directly. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Daemon } from '../../test/support/daemon.js'
import { environment, PROGRAM } from '../../test/support/program.js'
import { residentMegabytes, withoutExtraAuthorities } from './processes.js'
import { type Comparison, median } from './rounds.js'

const MEGABYTES = 256
const MUCH_MEGABYTES = 1_024
const REQUESTS = 300
const EVENTS = 100

export interface ProxyBench {
  readonly rows: readonly Comparison[]
  stop(): Promise<void>
}

export async function proxyRows(daemon: Daemon): Promise<ProxyBench> {
  const upstream = spawn(process.execPath, ['-e', UPSTREAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: withoutExtraAuthorities(process.env),
  })
  const direct = `http://127.0.0.1:${await firstLine(upstream)}`
  const proxy = spawn(process.execPath, [PROGRAM, 'proxy', 'gw', '--upstream', direct], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: environment({
      HOME: daemon.home,
      CATCHD_HOME: daemon.home,
      CATCHD_API_PORT: String(daemon.apiPort),
      CATCHD_REDIRECT_PORT: String(daemon.redirectPort),
    }),
  })
  const proxied = await firstLine(proxy)
  const memory = () => residentMegabytes(proxy.pid ?? 0)
  return {
    rows: [
      {
        what: 'small answer through catchd proxy, p50',
        against: 'the upstream itself',
        unit: 'ms',
        ours: () => smallAnswer(proxied),
        reference: () => smallAnswer(direct),
        goal: null,
      },
      {
        what: `${MEGABYTES} MB through catchd proxy`,
        against: 'the upstream itself',
        unit: 'ms',
        ours: () => download(proxied, MEGABYTES),
        reference: () => download(direct, MEGABYTES),
        goal: null,
        rounds: 3,
      },
      {
        what: 'server-sent event through catchd proxy, from its sending to its arrival, p50',
        against: 'the upstream itself',
        unit: 'ms',
        ours: () => eventDelay(proxied),
        reference: () => eventDelay(direct),
        goal: null,
      },
      {
        what: `memory of catchd proxy after ${MUCH_MEGABYTES} MB`,
        against: 'after 64 MB',
        unit: 'MB',
        ours: async () => {
          await download(proxied, MUCH_MEGABYTES)
          return memory()
        },
        reference: async () => {
          await download(proxied, 64)
          return memory()
        },
        goal: { most: 1.2 },
        rounds: 3,
      },
    ],
    async stop() {
      for (const child of [proxy, upstream]) {
        child.kill()
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }
    },
  }
}

/** `/bytes/N`: N megabytes; `/events`: the instant, a hundred times; else a few bytes. */
const UPSTREAM = `
const { createServer } = require('node:http')
const { Readable } = require('node:stream')
const megabyte = Buffer.alloc(1024 * 1024, 'x')
const server = createServer((request, response) => {
  const [, kind, count] = request.url.split('/')
  if (kind === 'bytes') return Readable.from(Array(Number(count)).fill(megabyte)).pipe(response)
  if (kind !== 'events') return response.end('{"ok":true}')
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let left = ${EVENTS}
  const timer = setInterval(() => {
    response.write('data: ' + (performance.timeOrigin + performance.now()) + '\\n\\n')
    left -= 1
    if (left === 0) { clearInterval(timer); response.end() }
  }, 5)
}).listen(0, '127.0.0.1', () => console.log(server.address().port))`

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('Its output is not read.')
  const [line] = (await once(stdout, 'data')) as [Buffer]
  return line.toString().trim()
}

async function smallAnswer(base: string): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < REQUESTS; count += 1) {
    const startedAt = performance.now()
    await read(`${base}/small`, () => {})
    times.push(performance.now() - startedAt)
  }
  return median(times)
}

async function download(base: string, megabytes: number): Promise<number> {
  let bytes = 0
  const startedAt = performance.now()
  await read(`${base}/bytes/${megabytes}`, (chunk) => {
    bytes += chunk.length
  })
  if (bytes !== megabytes * 1024 * 1024) throw new Error(`${bytes} bytes came.`)
  return performance.now() - startedAt
}

/** Both processes have the same clock. */
async function eventDelay(base: string): Promise<number> {
  const delays: number[] = []
  await read(`${base}/events`, (chunk) => {
    const nowMs = performance.timeOrigin + performance.now()
    for (const [, sentAt] of chunk.toString().matchAll(/data: ([\d.]+)/g)) delays.push(nowMs - Number(sentAt))
  })
  return median(delays)
}

function read(url: string, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      if (response.statusCode !== 200) reject(new Error(`It answered ${response.statusCode}.`))
      response.on('data', take).on('end', resolve).on('error', reject)
    }).on('error', reject)
  })
}
