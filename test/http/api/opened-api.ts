/**
 * The API over the real services of a daemon (test/support/composed-daemon.ts), in two ways: its app alone, called without a socket, and behind the handler of fresh tokens, served by a HttpListener on a
 * unix socket and a free TCP port. Every answer is checked on its way: headers, and problem details where it is an error.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { expect, onTestFinished } from 'vitest'
import type * as z from 'zod'
import { freshTokenHandler } from '../../../src/fast-path/fresh-token-handler.js'
import { markConnection } from '../../../src/http/access/connection-kind.js'
import { DashboardSessions } from '../../../src/http/access/sessions.js'
import { type AnsweredEvent, buildApiApp, type FaultEvent } from '../../../src/http/api/api-app.js'
import { unreadProblem } from '../../../src/http/api/unread-problem.js'
import { ProblemAnswer } from '../../../src/http/api/wire.js'
import { dashboardRoutes } from '../../../src/http/dashboard/dashboard-routes.js'
import { ANSWER_HEADERS, HttpListener } from '../../../src/http/http-listener.js'
import { type ComposedDaemon, type ComposedOptions, composeDaemon } from '../../support/composed-daemon.js'
import { type RawAnswer, type RawRequest, rawRequest, readAnswer } from '../redirect/raw-http.js'

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

export interface OpenedApi extends Omit<ComposedDaemon, 'services' | 'start' | 'stop'> {
  readonly app: FastifyInstance
  /** The real ones; a test may replace a function to have it throw. */
  readonly services: {
    -readonly [Name in keyof ComposedDaemon['services']]: ComposedDaemon['services'][Name]
  }
  readonly events: (AnsweredEvent | FaultEvent)[]
  /** How many streams of events are subscribed. */
  readonly subscribed: () => number
  readonly adminKey: string
  call(
    method: string,
    url: string,
    options?: { body?: unknown; headers?: Record<string, string>; key?: string | null },
  ): Promise<Called>
}

async function openServices(options: ComposedOptions | undefined, authorities: ReadonlySet<string>) {
  const composed = await composeDaemon(options)
  await composed.start()
  const { clock, keys, folders } = composed
  let subscribed = 0
  const services = {
    ...composed.services,
    subscribe(listener: Parameters<typeof composed.services.subscribe>[0]) {
      const end = composed.services.subscribe(listener)
      subscribed += 1
      let isOpen = true
      return () => {
        end()
        if (isOpen) subscribed -= 1
        isOpen = false
      }
    },
  }
  const events: (AnsweredEvent | FaultEvent)[] = []
  const gate = { keys, tcpAuthority: () => authorities, sessions: new DashboardSessions(clock) }
  const app = await buildApiApp({
    ...gate,
    pages: dashboardRoutes,
    services,
    clock,
    log: (event) => events.push(event),
    logAnswer: (event) => events.push(event),
  })
  onTestFinished(() => app.close())
  const adminKey = readFileSync(join(folders.stateFolder, 'admin.key'), 'utf8')
  return { ...composed, gate, app, services, events, subscribed: () => subscribed, adminKey }
}

/** Calls come as over TCP, with the admin key unless `key` says otherwise. */
export async function openApi(options?: ComposedOptions): Promise<OpenedApi> {
  const opened = await openServices(options, new Set([AUTHORITY]))
  const { app, adminKey } = opened
  return {
    ...opened,
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

export async function serveApi(options?: ComposedOptions): Promise<ServedApi> {
  const authorities = new Set<string>()
  const opened = await openServices(options, authorities)
  const { app, services, gate, clock, folders } = opened
  const started = Promise.resolve()
  const listener = new HttpListener(
    freshTokenHandler({ services, gate, clock, started, routes: app.routing }),
    LIMITS,
    unreadProblem,
  )
  const socketPath = join(folders.runtimeFolder, 'api.sock')
  const socketListener = await listener.open({ path: socketPath }, (socket) =>
    markConnection(socket, 'socket'),
  )
  const tcpListener = await listener.open({ host: '127.0.0.1', port: 0 }, (socket) =>
    markConnection(socket, 'tcp'),
  )
  const authority = `127.0.0.1:${tcpListener.port}`
  authorities.add(authority).add(`localhost:${tcpListener.port}`)
  onTestFinished(async () => {
    await app.close()
    await Promise.all([socketListener.close(0), tcpListener.close(0)])
  })
  return {
    ...opened,
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
