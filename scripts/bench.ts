/**
 * What catchd costs, measured side by side in one run: rounds are interleaved, each ratio is formed inside its
 * round, and min / median / max of the ratios are printed. Absolute figures of shared machines drift; ratios hold.
 *
 * npm run bench
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Gateway } from '../src/demo/gateway.js'
import { PROGRAM } from '../test/support/program.js'
import { type SeedSystem, startSeedSystem } from '../test/support/seed-system.js'

const ROUNDS = 7
const REQUESTS = 1_500
const LOGINS = 15
const STARTS = 12

interface Target {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly path: string
  readonly headers: Record<string, string>
}

/** Milliseconds of one request on a kept connection. */
function timeRequest(target: Target, agent: Agent): Promise<number> {
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const sent = request({ ...target, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(performance.now() - startedAt))
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function medianLatency(target: Target): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times: number[] = []
  for (let count = 0; count < REQUESTS; count++) times.push(await timeRequest(target, agent))
  agent.destroy()
  return median(times)
}

/** Requests per second on 32 kept connections. */
async function throughput(target: Target): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const startedAt = performance.now()
  const worker = async () => {
    for (let count = 0; count < REQUESTS / 8; count++) await timeRequest(target, agent)
  }
  await Promise.all(Array.from({ length: 32 }, worker))
  agent.destroy()
  return (32 * (REQUESTS / 8)) / ((performance.now() - startedAt) / 1000)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const rows: string[] = []

interface Comparison {
  readonly what: string
  readonly against: string
  readonly unit: string
  readonly ours: () => Promise<number>
  readonly reference: () => Promise<number>
  readonly rounds?: number
}

/** Each round measures both sides, one right after the other, in turns. */
async function compare({ what, against, unit, ours, reference, rounds = ROUNDS }: Comparison): Promise<void> {
  const mine: number[] = []
  const theirs: number[] = []
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0 ? await ours() : await reference()
    const second = round % 2 === 0 ? await reference() : await ours()
    const [own, other] = round % 2 === 0 ? [first, second] : [second, first]
    mine.push(own)
    theirs.push(other)
    ratios.push(own / other)
  }
  const spread = [Math.min(...ratios), median(ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2))
  const figures = [median(mine), median(theirs)].map((figure) => `${figure.toFixed(2)} ${unit}`)
  rows.push(`| ${[what, against, ...figures, spread.join(' / ')].join(' | ')} |`)
  console.error(rows.at(-1))
}

/** A bare server in a process of its own, answering the same bytes as the API does. */
async function bareServer(body: string, socketPath: string) {
  const script = `
    const { createServer } = require('node:http')
    const body = ${JSON.stringify(body)}
    const serve = (request, response) => response.writeHead(200, {
      'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', 'content-length': body.length,
    }).end(body)
    createServer(serve).listen(${JSON.stringify(socketPath)})
    const tcp = createServer(serve).listen(0, '127.0.0.1', () => console.log(tcp.address().port))`
  const child = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: cleanEnv(),
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(line.toString()), stop: () => child.kill() }
}

/** Reading many certificates at each start would be measured as if it were ours. */
function cleanEnv(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _extra, ...env } = process.env
  return env
}

async function timeProcess(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, args, { stdio: 'ignore', env })
  const [exitCode] = (await once(child, 'exit')) as [number]
  if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}`)
  return performance.now() - startedAt
}

/** From the redirect's arrival to a readable token, and the same code exchange without catchd. */
async function measureLogins({ daemon, gateway, approve }: SeedSystem) {
  const ours = async () => {
    const times: number[] = []
    for (let count = 0; count < LOGINS; count++) {
      const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'gw' } })
      const response = await approve(String(begun.json['authorization_url']))
      const startedAt = performance.now()
      await daemon.follow(response)
      await daemon.api('GET', '/v1/tokens/gw')
      times.push(performance.now() - startedAt)
    }
    return median(times)
  }
  const bareCatcher: Server = createServer((_request, response) => response.end('ok'))
  bareCatcher.listen(0, '127.0.0.1')
  await once(bareCatcher, 'listening')
  const bareUri = `http://127.0.0.1:${(bareCatcher.address() as AddressInfo).port}/callback`
  gateway.allowRedirectUri(bareUri)
  const bare = async () => {
    const times: number[] = []
    for (let count = 0; count < LOGINS; count++) {
      const verifier = 'v'.repeat(43)
      const url = new URL(`${gateway.baseUrl}/invoke/pub.apigateway.oauth2/authorize`)
      url.search = new URLSearchParams({
        response_type: 'code',
        client_id: gateway.clientId,
        redirect_uri: bareUri,
        scope: 'email',
        state: 's',
        code_challenge: verifier,
        code_challenge_method: 'plain',
      }).toString()
      const response = await approve(url.href)
      const startedAt = performance.now()
      await daemon.follow(response)
      await redeemBare(gateway, new URL(response).searchParams.get('code') ?? '', bareUri, verifier)
      times.push(performance.now() - startedAt)
    }
    return median(times)
  }
  await compare({
    what: 'redirect → readable token',
    against: 'bare catch and exchange',
    unit: 'ms',
    ours,
    reference: bare,
    rounds: 5,
  })
  bareCatcher.close()
}

function redeemBare(gateway: Gateway, code: string, redirectUri: string, verifier: string): Promise<void> {
  const body = JSON.stringify({
    redirect_uri: redirectUri,
    scope: 'email',
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    client_id: gateway.clientId,
  })
  const url = `${gateway.baseUrl}/invoke/pub.apigateway.oauth2/getAccessToken`
  const credentials = Buffer.from(`${gateway.clientId}:${gateway.clientSecret}`).toString('base64')
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Basic ${credentials}` },
      },
      (response) => {
        response.resume()
        response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error('refused'))))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-bench-'))
  const system = await startSeedSystem()
  const { daemon } = system
  try {
    await system.login()
    const { text } = await daemon.api('GET', '/v1/tokens/gw')
    const bare = await bareServer(text, join(folder, 'bare.sock'))

    const path = '/v1/tokens/gw'
    const key = { authorization: `Bearer ${await daemon.adminKey()}` }
    const ourTcp = { host: '127.0.0.1', port: daemon.apiPort, path, headers: key }
    const bareTcp = { host: '127.0.0.1', port: bare.port, path, headers: key }
    const ourSocket = { socketPath: daemon.socketPath, path, headers: { host: 'localhost' } }
    const bareSocket = { socketPath: join(folder, 'bare.sock'), path, headers: { host: 'localhost' } }

    const bareHttp = { against: 'bare node:http, same bytes' }
    await compare({
      what: 'token over TCP, key checked, p50',
      ...bareHttp,
      unit: 'ms',
      ours: () => medianLatency(ourTcp),
      reference: () => medianLatency(bareTcp),
    })
    await compare({
      what: 'token over the socket, p50',
      ...bareHttp,
      unit: 'ms',
      ours: () => medianLatency(ourSocket),
      reference: () => medianLatency(bareSocket),
    })
    await compare({
      what: 'tokens a second over TCP, 32 connections',
      ...bareHttp,
      unit: '/s',
      ours: () => throughput(ourTcp),
      reference: () => throughput(bareTcp),
    })
    await measureLogins(system)
    const env = { ...cleanEnv(), CATCHD_HOME: daemon.home }
    await compare({
      what: '`catchd token` as a process',
      against: '`node -e 0`',
      unit: 'ms',
      ours: () => timeProcess([PROGRAM, 'token', 'gw'], env),
      reference: () => timeProcess(['-e', '0'], env),
      rounds: STARTS,
    })
    bare.stop()
  } finally {
    await system.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  console.log('| what | against | catchd | reference | ratio min / median / max |\n|---|---|---|---|---|')
  console.log(rows.join('\n'))
}

await main()
