/**
 * The API for local tools and the command line, on the unix socket and, with an API key for every request, on TCP.
 *
 * Every request is checked (admission.ts, permission.ts), unknown members and parameters are refused, every error is
 * problem details, and neither a log line nor an error repeats the request. Each resource has a file of routes; they call
 * services.ts.
 */
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { type Clock, systemClock } from '../../clock.js'
import { CatchdError, placeOf } from '../../failures.js'
import { admit, type Gate, type IncomingCall, requireHost } from '../access/admission.js'
import { requireRoutePermission } from '../access/permission.js'
import { holderOf, type Principal } from '../access/principal.js'
import { admitPage } from '../access/session-checks.js'
import { ANSWER_HEADERS, WITHOUT_JSON_SCHEMA } from '../http-listener.js'
import { asRefusal, Refusal, sendProblem } from './problems.js'
import { type Routes, registerRoutes } from './routes.js'
import type { ApiServices } from './services.js'
import { Waits } from './waits.js'

/** The longest bodies are a pasted authorization response and a profile. */
const MOST_BODY_BYTES = 16 * 1024

/** One for every request; it has the route, never the URL. */
export interface AnsweredEvent {
  readonly event: 'api.answered'
  readonly method: string
  /** The pattern, `/v1/tokens/:profile`; `none` for an unknown path. */
  readonly route: string
  readonly status: number
  readonly duration_ms: number
  /** Name of the API key; `none` when the request was refused. */
  readonly client: string
  /** Code of the failure, if it was one. */
  readonly code?: string
}

/** An error that is not ours: where it was thrown, without its text, which may quote the request. */
export interface FaultEvent {
  readonly event: 'api.fault'
  readonly route: string
  readonly name: string
  readonly at: string
}

export interface ApiAppParts extends Gate {
  readonly services: ApiServices
  /** The dashboard's routes. */
  readonly pages?: Routes
  readonly clock?: Clock
  readonly log?: (event: FaultEvent) => void
  /** For a verbose log: one line for each answer. */
  readonly logAnswer?: ((event: AnsweredEvent) => void) | undefined
  /** Requests that arrive earlier wait for it, and get its failure if the daemon cannot start. */
  readonly started?: Promise<void>
}

/**
 * @returns The app for a HttpListener whose connections are marked (connection-kind.ts); it does not listen itself. Closing
 *   it answers the calls that wait for a login with the login's current state.
 */
export async function buildApiApp(parts: ApiAppParts): Promise<FastifyInstance> {
  const { services, keys, tcpAuthority, sessions, clock = systemClock } = parts
  const guard = new RequestGuard(parts)
  const app = Fastify({
    logger: false,
    schemaController: WITHOUT_JSON_SCHEMA,
    exposeHeadRoutes: false,
    trustProxy: false,
    bodyLimit: MOST_BODY_BYTES,
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => guard.refuseUnroutable(error, request, reply),
  })
  acceptJsonOnly(app)
  app.decorateRequest('principal', null)
  app.decorateRequest('failureCode', null)
  if (parts.started !== undefined) waitUntil(parts.started, app)
  // These hooks wait for nothing: calling back costs less than a promise for every request.
  app.addHook('onRequest', (request, reply, done) => done(guard.receive(request, reply)))
  if (parts.logAnswer !== undefined) {
    app.addHook('onResponse', (request, reply, done) => {
      guard.record(request, reply)
      done()
    })
  }
  app.setNotFoundHandler(() => {
    throw new CatchdError('route_unknown')
  })
  app.setErrorHandler((error, request, reply) => guard.refuse(error, request, reply))
  const waits = new Waits({ keys, services })
  app.addHook('preClose', async () => waits.end())
  const routeParts = { services, keys, waits, clock, sessions, tcpAuthority }
  registerRoutes(app.withTypeProvider<ZodTypeProvider>(), routeParts, parts.pages)
  await app.ready()
  return app
}

function waitUntil(started: Promise<void>, app: FastifyInstance): void {
  let isStarted = false
  started.then(
    () => {
      isStarted = true
    },
    () => {}, // requests that wait get the failure
  )
  app.addHook('onRequest', (_request, _reply, done) => {
    if (isStarted) done()
    else started.then(() => done(), done)
  })
}

class RequestGuard {
  readonly #gate: Gate
  readonly #lock: ApiServices['lock']
  readonly #log: (event: FaultEvent) => void
  readonly #logAnswerEvent: (event: AnsweredEvent) => void

  constructor({ keys, tcpAuthority, sessions, services, log = () => {}, logAnswer = () => {} }: ApiAppParts) {
    this.#lock = services.lock
    this.#gate = { keys, tcpAuthority, sessions }
    this.#log = log
    this.#logAnswerEvent = logAnswer
  }

  /** Before the body of a request is read. @returns why it is refused */
  receive(request: FastifyRequest, reply: FastifyReply): Error | undefined {
    reply.headers(ANSWER_HEADERS)
    try {
      this.#letIn(request, reply)
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new CatchdError('internal')
    }
  }

  #letIn(request: FastifyRequest, reply: FastifyReply): void {
    const { page } = request.routeOptions.config
    if (page !== undefined) {
      requireHost(incomingCallOf(request), this.#gate)
      admitPage(incomingCallOf(request), page)
      return
    }
    const principal = this.#admit(request)
    request.setDecorator<Principal>('principal', principal)
    this.#count(principal, reply)
    if (request.is404) return
    const { allow } = request.routeOptions.config
    requireRoutePermission(request)
    if (allow !== undefined) throw new Refusal(new CatchdError('route_unknown'), { status: 405, allow })
    if (this.#lock.isLocked && request.routeOptions.config.whileLocked !== true)
      throw new CatchdError('locked')
  }

  refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const refusal = asRefusal(error)
    request.setDecorator('failureCode', refusal.failure.code)
    if (refusal.failure.code === 'internal') this.#logFault(refusal.failure.cause ?? refusal.failure, request)
    return sendProblem(reply, refusal)
  }

  /** The hooks do not run for a path that cannot be decoded, so the request is checked here. */
  refuseUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
    let refusal = asRefusal(error)
    try {
      this.#admit(request)
    } catch (notAdmitted) {
      refusal = asRefusal(notAdmitted)
    }
    const { code } = refusal.failure
    sendProblem(reply, refusal)
    const { statusCode: status } = reply
    this.#logAnswer(request, { route: 'none', status, duration_ms: 0, client: 'none', code })
  }

  record(request: FastifyRequest, reply: FastifyReply): void {
    const code = request.getDecorator<string | null>('failureCode')
    this.#logAnswer(request, {
      route: routeOf(request),
      status: reply.statusCode,
      duration_ms: Math.round(reply.elapsedTime),
      client: request.getDecorator<Principal | null>('principal')?.name ?? 'none',
      ...(code === null ? {} : { code }),
    })
  }

  #admit(request: FastifyRequest): Principal {
    const principal = admit(incomingCallOf(request), this.#gate)
    this.#gate.keys.used(principal)
    return principal
  }

  /** @throws CatchdError `too_many_logins` */
  #count(principal: Principal, { raw }: FastifyReply): void {
    const holder = holderOf(principal)
    if (holder === null) return
    const { openRequests } = this.#gate.keys
    openRequests.require(holder, 'requests are open')
    raw.once('close', openRequests.take(holder))
  }

  #logAnswer({ method }: FastifyRequest, answer: Omit<AnsweredEvent, 'event' | 'method'>): void {
    this.#logAnswerEvent({ event: 'api.answered', method, ...answer })
  }

  #logFault(error: unknown, request: FastifyRequest): void {
    const { name } = error instanceof Error ? error : new Error()
    this.#log({ event: 'api.fault', route: routeOf(request), name, at: placeOf(error) })
  }
}

function incomingCallOf({ method, headers, raw }: FastifyRequest): IncomingCall {
  return { method, headers, socket: raw.socket }
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'none'
}

/**
 * Only JSON bodies: a web page can post forms and text/plain without a preflight request, but not JSON. An empty body counts
 * as none, with any type.
 */
function acceptJsonOnly(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parseJson(request, body, done)
  })
}
