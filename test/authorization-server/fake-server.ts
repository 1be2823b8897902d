/** An authorization server on loopback that answers as a test lays out and remembers what it was sent. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { OAuthAuthorizationServers } from '../../src/authorization-server/authorization-servers.js'
import type { ProfileItems } from '../../src/authorization-server/profile-items.js'
import type { Clock } from '../../src/clock.js'
import { systemClock } from '../../src/clock.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Handler = (request: Seen, response: ServerResponse) => void

/** Called after the test. */
export function cleanUp(work: () => void): void {
  onTestFinished(work)
}

export const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))

export class FakeServer {
  readonly seen: Seen[] = []
  readonly routes = new Map<string, Handler>()
  base = ''

  readonly listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const seen = { method, url, headers, body: Buffer.concat(chunks).toString() }
      this.seen.push(seen)
      const handler = this.routes.get(new URL(url, 'http://x').pathname)
      if (handler === undefined) response.writeHead(404).end()
      else handler(seen, response)
    })
  }

  paths(): string[] {
    return this.seen.map(({ url }) => url)
  }

  form(): Record<string, string> {
    return Object.fromEntries(new URLSearchParams(this.seen.at(-1)?.body))
  }

  members(): Record<string, unknown> {
    return JSON.parse(this.seen.at(-1)?.body ?? '') as Record<string, unknown>
  }
}

/** @param tls - Key and certificate; without it plain http. */
export async function startFakeServer(tls?: { key: string; cert: string }): Promise<FakeServer> {
  const fake = new FakeServer()
  const server = tls === undefined ? createServer(fake.listener) : createTlsServer({ ...tls }, fake.listener)
  server.on('tlsClientError', () => undefined)
  const port = await listen(server)
  cleanUp(() => server.closeAllConnections())
  fake.base = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  return fake
}

/** On a free loopback port, until the test ends. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp(() => server.close())
  return (server.address() as AddressInfo).port
}

export function authorizationServers(
  parts: {
    secret?: string
    deadlineMs?: number
    clock?: Pick<Clock, 'now'>
    /** The records of DPoP keys by profile, as a vault would have them. */
    dpopKeys?: Map<string, Secret>
  } = {},
): OAuthAuthorizationServers {
  const { secret, deadlineMs, clock = systemClock } = parts
  const made = new OAuthAuthorizationServers({
    clock,
    clientSecrets: async () => (secret === undefined ? undefined : new Secret(secret)),
    dpopKeys: memoryKeys(parts.dpopKeys),
    resourceIssuers: memoryKeys(),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  })
  cleanUp(() => made.close())
  return made
}

/** DPoP keys that rest in a map. */
export function memoryKeys(items = new Map<string, Secret>()): ProfileItems {
  return {
    get: async (profile) => items.get(profile),
    set: async (profile, key) => void items.set(profile, key),
    delete: async (profile) => void items.delete(profile),
  }
}

/** The CatchdError that a promise ends in. */
export function failureOf(promise: Promise<unknown>): Promise<CatchdError> {
  return promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(CatchdError)
      return error as CatchdError
    },
  )
}
