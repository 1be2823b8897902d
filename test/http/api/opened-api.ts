/**
 * The API in two ways: its app alone, called without a socket, and behind its lane for tokens, served by a HttpListener on a
 * unix socket and a free TCP port. Every answer is checked on its way: headers, and problem details where it is an error.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { expect, onTestFinished } from 'vitest'
import type * as z from 'zod'
import { ApiKeys } from '../../../src/http/access/api-keys.js'
import { markConnection } from '../../../src/http/access/connection-kind.js'
import { DashboardSessions } from '../../../src/http/access/sessions.js'
import { type AnsweredEvent, buildApiApp, type FaultEvent } from '../../../src/http/api/api-app.js'
import { tokenLane } from '../../../src/http/api/token-lane.js'
import { unreadProblem } from '../../../src/http/api/unread-problem.js'
import { ProblemAnswer } from '../../../src/http/api/wire.js'
import { dashboardRoutes } from '../../../src/http/dashboard/dashboard-routes.js'
import { ANSWER_HEADERS, HttpListener } from '../../../src/http/http-listener.js'
import { ManualClock } from '../../support/manual-clock.js'
import { type RawAnswer, type RawRequest, rawRequest, readAnswer } from '../redirect/raw-http.js'
import { FakeServices } from './fake-services.js'

const AUTHORITY = '127.0.0.1:7636'
const LIMITS = { maxHeaderBytes: 16 * 1024, mostConnections: 1_000, keepAliveMs: 2_000 }

export interface Called {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  /** The answer, which is exactly what the schema knows. */
  json<Schema extends z.ZodType>(schema: Schema): z.infer<Schema>
  /** The answer as problem details. */
  problem(): z.infer<typeof ProblemAnswer>
}

export interface OpenedApi {
  readonly app: FastifyInstance
  readonly services: FakeServices
  readonly keys: ApiKeys
  readonly clock: ManualClock
  readonly events: (AnsweredEvent | FaultEvent)[]
  readonly folder: string
  readonly adminKey: string
  call(
    method: string,
    url: string,
    options?: { body?: unknown; headers?: Record<string, string>; key?: string | null },
  ): Promise<Called>
}

/** Calls come as over TCP, with the admin key unless `key` says otherwise. */
export async function openApi(): Promise<OpenedApi> {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-api-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const clock = new ManualClock()
  const keys = await ApiKeys.open(folder, clock)
  const adminKey = readFileSync(join(folder, 'admin.key'), 'utf8')
  const services = new FakeServices()
  const events: (AnsweredEvent | FaultEvent)[] = []
  const authorities = new Set([AUTHORITY])
  const app = await buildApiApp({
    services,
    pages: dashboardRoutes,
    keys,
    tcpAuthority: () => authorities,
    sessions: new DashboardSessions(clock),
    clock,
    log: (event) => events.push(event),
    logAnswer: (event) => events.push(event),
  })
  onTestFinished(() => app.close())

  return {
    app,
    services,
    keys,
    clock,
    events,
    folder,
    adminKey,
    async call(method, url, { body, headers = {}, key = adminKey } = {}) {
      const isText = typeof body === 'string'
      const answer = await app.inject({
        method: method as 'GET',
        url,
        headers: {
          host: AUTHORITY,
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: isText ? body : JSON.stringify(body) }),
      })
      return checked(answer.statusCode, answer.headers, answer.body)
    },
  }
}

export interface ServedApi extends OpenedApi {
  readonly port: number
  readonly socketPath: string
  /** Over TCP, with the right Host and no key unless told. */
  tcp(request: Omit<RawRequest, 'host'> & { readonly host?: string | null }): Promise<RawAnswer>
  /** Over the unix socket. */
  socket(request: Omit<RawRequest, 'host'> & { readonly host?: string | null }): Promise<RawAnswer>
}

export async function serveApi(): Promise<ServedApi> {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-api-'))
  const clock = new ManualClock()
  const keys = await ApiKeys.open(folder, clock)
  const services = new FakeServices()
  const events: (AnsweredEvent | FaultEvent)[] = []
  const authorities = new Set<string>()
  const gate = { keys, tcpAuthority: () => authorities, sessions: new DashboardSessions(clock) }
  const app = await buildApiApp({
    ...gate,
    services,
    pages: dashboardRoutes,
    clock,
    log: (event) => events.push(event),
    logAnswer: (event) => events.push(event),
  })
  const started = Promise.resolve()
  const listener = new HttpListener(
    tokenLane({ services, gate, clock, started, routes: app.routing }),
    LIMITS,
    unreadProblem,
  )
  const socketPath = join(folder, 'catchd.sock')
  const socketListener = await listener.open({ path: socketPath }, (socket) =>
    markConnection(socket, 'socket'),
  )
  const tcpListener = await listener.open({ host: '127.0.0.1', port: 0 }, (socket) =>
    markConnection(socket, 'tcp'),
  )
  const authority = `127.0.0.1:${tcpListener.port}`
  authorities.add(authority).add(`localhost:${tcpListener.port}`)
  const adminKey = readFileSync(join(folder, 'admin.key'), 'utf8')
  onTestFinished(async () => {
    await Promise.all([socketListener.close(0), tcpListener.close(0)])
    await app.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    app,
    services,
    keys,
    clock,
    events,
    folder,
    adminKey,
    port: tcpListener.port,
    socketPath,
    call: () => Promise.reject(new Error('a served API is called through its listeners')),
    tcp: (request) => send({ host: '127.0.0.1', port: tcpListener.port }, { host: authority, ...request }),
    socket: (request) => send({ path: socketPath }, { host: 'localhost', ...request }),
  }
}

async function send(
  address: { host: string; port: number } | { path: string },
  request: RawRequest,
): Promise<RawAnswer> {
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect(address, () => socket.write(rawRequest(request)))
    let read = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      read += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(read))
  })
  const answer = readAnswer(text)
  for (const [name, value] of Object.entries(ANSWER_HEADERS)) expect(answer.headers.get(name)).toBe(value)
  for (const name of answer.headers.keys()) expect(name).not.toMatch(/^access-control-/)
  return answer
}

function checked(status: number, headers: Readonly<Record<string, unknown>>, text: string): Called {
  for (const [name, value] of Object.entries(ANSWER_HEADERS)) expect(headers[name]).toBe(value)
  const called: Called = {
    status,
    headers,
    text,
    json(schema) {
      const answer: unknown = JSON.parse(text)
      expect(headers['content-type']).toBe('application/json; charset=utf-8')
      expect(schema.parse(answer)).toEqual(answer)
      return schema.parse(answer)
    },
    problem() {
      expect(headers['content-type']).toBe('application/problem+json')
      const problem = ProblemAnswer.parse(JSON.parse(text))
      expect(problem.status).toBe(status)
      return problem
    },
  }
  if (status >= 400 && text !== '') called.problem()
  return called
}
