/**
 * The token endpoint: what local tools and the command line talk to (DESIGN: HTTP API). Served on the unix
 * socket and, with a key for every request, on TCP.
 *
 * Promises: nobody is let in by accident (admission.ts, permission.ts), unknown members and parameters are
 * refused, every error is problem details, and neither a log line nor an error repeats what came in. Routes are
 * one file a resource; what they call is services.ts.
 */
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { type Clock, systemClock } from '../../clock.js'
import { CatchdError } from '../../failures.js'
import { admit, type Gate, type IncomingCall, requireHost } from '../access/admission.js'
import { principalOf, requireRoutePermission } from '../access/permission.js'
import type { Principal } from '../access/principal.js'
import { admitPage } from '../access/session-checks.js'
import { ANSWER_HEADERS, WITHOUT_JSON_SCHEMA } from '../http-listener.js'
import { asRefusal, Refusal, sendProblem } from './problems.js'
import { type Routes, registerRoutes } from './routes.js'
import type { ApiServices } from './services.js'
import { Waits } from './waits.js'

/** A pasted authorization response or a profile is the longest body there is. */
const MOST_BODY_BYTES = 16 * 1024

/** Of every request: its route, never its URL. */
export interface AnsweredEvent {
  readonly event: 'api.answered'
  readonly method: string
  /** The pattern, `/v1/tokens/:profile`; `none` where nothing is served. */
  readonly route: string
  readonly status: number
  readonly duration_ms: number
  /** Whose key it was; `none` for who was not let in. */
  readonly client: string
  /** Code of the problem, where it was one. */
  readonly code?: string
}

/** An error that is not ours: where it was thrown, without its text, which may quote what came in. */
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
  /** One line for each answer, where somebody reads them. */
  readonly logAnswer?: ((event: AnsweredEvent) => void) | undefined
  /** Requests that come before it resolves wait for it, and end with its failure when the daemon cannot start. */
  readonly started?: Promise<void>
}

/**
 * @returns The app, ready to be served by a HttpListener whose connections are marked (doorkeeping.ts); it does not
 *   listen itself. Closing it ends the calls that wait for a login with how that login stands.
 */
export async function buildApiApp(parts: ApiAppParts): Promise<FastifyInstance> {
  const { services, keys, tcpAuthority, sessions, clock = systemClock } = parts
  const desk = new RequestGuard(parts)
  const app = Fastify({
    logger: false,
    schemaController: WITHOUT_JSON_SCHEMA,
    exposeHeadRoutes: false,
    trustProxy: false,
    bodyLimit: MOST_BODY_BYTES,
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => desk.refuseUnroutable(error, request, reply),
  })
  acceptJsonOnly(app)
  app.decorateRequest('principal', null)
  app.decorateRequest('failureCode', null)
  if (parts.started !== undefined) waitUntil(parts.started, app)
  // These hooks wait for nothing: calling back costs less than a promise for every request.
  app.addHook('onRequest', (request, reply, done) => done(desk.receive(request, reply)))
  if (parts.logAnswer !== undefined) {
    app.addHook('onResponse', (request, reply, done) => {
      desk.record(request, reply)
      done()
    })
  }
  app.setNotFoundHandler(() => {
    throw new CatchdError('route_unknown')
  })
  app.setErrorHandler((error, request, reply) => desk.refuse(error, request, reply))
  const waits = new Waits(undefined, (request) => {
    if (!keys.isStillGood(principalOf(request))) throw new CatchdError('unauthorized')
  })
  app.addHook('preClose', async () => waits.end())
  registerRoutes(
    app.withTypeProvider<ZodTypeProvider>(),
    {
      services,
      keys,
      waits,
      clock,
      sessions,
      tcpAuthority,
    },
    parts.pages,
  )
  await app.ready()
  return app
}

function waitUntil(started: Promise<void>, app: FastifyInstance): void {
  let isStarted = false
  started.then(
    () => {
      isStarted = true
    },
    () => {}, // whoever waits is told
  )
  app.addHook('onRequest', (_request, _reply, done) => {
    if (isStarted) done()
    else started.then(() => done(), done)
  })
}

class RequestGuard {
  readonly #gate: Gate
  readonly #log: (event: FaultEvent) => void
  readonly #logAnswerEvent: (event: AnsweredEvent) => void

  constructor({ keys, tcpAuthority, sessions, log = () => {}, logAnswer = () => {} }: ApiAppParts) {
    this.#gate = { keys, tcpAuthority, sessions }
    this.#log = log
    this.#logAnswerEvent = logAnswer
  }

  /** Before anything of a request is read but its head. @returns why it goes no further */
  receive(request: FastifyRequest, reply: FastifyReply): Error | undefined {
    reply.headers(ANSWER_HEADERS)
    try {
      this.#letIn(request)
      return undefined
    } catch (error) {
      return error instanceof Error ? error : new CatchdError('internal')
    }
  }

  #letIn(request: FastifyRequest): void {
    const { page } = request.routeOptions.config
    if (page !== undefined) {
      requireHost(incomingCallOf(request), this.#gate)
      admitPage(incomingCallOf(request), page)
      return
    }
    request.setDecorator<Principal>('principal', this.#admit(request))
    if (request.is404) return
    const { allow } = request.routeOptions.config
    requireRoutePermission(request)
    if (allow !== undefined) throw new Refusal(new CatchdError('route_unknown'), { status: 405, allow })
  }

  refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const refusal = asRefusal(error)
    request.setDecorator('failureCode', refusal.failure.code)
    if (refusal.failure.code === 'internal') this.#logFault(refusal.failure.cause ?? refusal.failure, request)
    return sendProblem(reply, refusal)
  }

  /** A path that cannot be decoded comes past the hooks, and is no way in either. */
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

  #logAnswer({ method }: FastifyRequest, answer: Omit<AnsweredEvent, 'event' | 'method'>): void {
    this.#logAnswerEvent({ event: 'api.answered', method, ...answer })
  }

  #logFault(error: unknown, request: FastifyRequest): void {
    const { name, stack = '' } = error instanceof Error ? error : new Error('not an error')
    const at = stack.split('\n').filter((line) => line.startsWith('    at '))
    this.#log({
      event: 'api.fault',
      route: routeOf(request),
      name,
      at: at
        .slice(0, 4)
        .map((line) => line.trim())
        .join(' | '),
    })
  }
}

function incomingCallOf({ method, headers, raw }: FastifyRequest): IncomingCall {
  return { method, headers, socket: raw.socket }
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'none'
}

/**
 * JSON is the only body, so that no page can post one unasked (forms and text/plain need no preflight). An
 * empty body is none, whatever type it claims.
 */
function acceptJsonOnly(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else parseJson(request, body, done)
  })
}
