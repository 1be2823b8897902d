/**
 * The redirect listener: what browsers meet at a redirect URI (RFC 6749 §4.1.2, RFC 8252 §7.3). Serves
 * authorization responses and their pages; never a token, never the API.
 *
 * Promises: a request that is refused changes nothing; an authorization response is answered with a 303 to a
 * page whose address holds no code; no answer repeats anything of a URL. Judging requests is
 * request-checks.ts, logins are src/login, binding is listeners.ts.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Clock } from '../../clock.js'
import { asCatchdError, CatchdError } from '../../failures.js'
import type { RedirectAnswers } from '../../login/doorway.js'
import { ANSWER_HEADERS, WITHOUT_JSON_SCHEMA } from '../http-listener.js'
import { boundAddressOf } from './bound-address.js'
import type { Page } from './pages/page.js'
import { refusalPage } from './pages/refusal-page.js'
import { relayPage } from './pages/relay-page.js'
import { resultPage } from './pages/result-page.js'
import {
  type Destination,
  judge,
  type Refusal,
  refusalFor,
  refusalPath,
  resultPath,
} from './request-checks.js'

/** Largest form_post body; a query cannot be longer than the headers' 8 KiB either. */
const MOST_BODY_BYTES = 16 * 1024
/** As many answered logins as their service remembers. */
const MOST_ANSWERED = 1_000

/** Events worth a log line: routes, never URLs. */
export type RedirectEvent =
  | { readonly event: 'redirect.answered'; readonly login: string; readonly status: string }
  | {
      readonly event: 'redirect.refused'
      readonly route: Destination['kind'] | 'none'
      readonly code: string
      readonly status: number
    }

export interface RedirectAppParts {
  readonly answers: RedirectAnswers
  readonly clock: Clock
  readonly log?: (event: RedirectEvent) => void
}

/** @returns The app, ready to be served by a HttpListener; it does not listen itself. */
export async function buildRedirectApp(parts: RedirectAppParts): Promise<FastifyInstance> {
  const desk = new RedirectDesk(parts)
  const app = Fastify({
    logger: false,
    schemaController: WITHOUT_JSON_SCHEMA,
    exposeHeadRoutes: false, // a HEAD probe would run the GET handler and spend the code
    trustProxy: false,
    bodyLimit: MOST_BODY_BYTES,
    // The router decodes and normalises paths. It gets to see one path only; ours compare the one that was sent.
    rewriteUrl: () => '/',
    frameworkErrors: (_error, request, reply) =>
      desk.fail(request, reply, new CatchdError('request_invalid')),
  })
  app.removeAllContentTypeParsers()
  // A form is the only body there is (Form Post Response Mode §2): other types, which a web page could post
  // unasked, are 415. It stays encoded: authorization-response.ts decodes strictly, where a parser would repair.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  )
  app.decorateRequest('destination', null)
  app.addHook('onRequest', (request, reply) => desk.admit(request, reply))
  app.route({
    method: app.supportedMethods,
    url: '/',
    handler: (request, reply) => desk.answer(request, reply),
  })
  app.setNotFoundHandler((request, reply) => desk.fail(request, reply, new CatchdError('route_unknown')))
  app.setErrorHandler((error, request, reply) => desk.refuse(request, reply, translated(error)))
  await app.ready()
  return app
}

class RedirectDesk {
  readonly #answers: RedirectAnswers
  readonly #clock: Clock
  readonly #log: (event: RedirectEvent) => void
  readonly #answered = new Set<string>()

  constructor({ answers, clock, log = () => {} }: RedirectAppParts) {
    this.#answers = answers
    this.#clock = clock
    this.#log = log
  }

  /** Refuses a request before its body is read. */
  async admit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const { method, raw, headers } = request
    const verdict = judge({ method, headers, target: request.originalUrl, socket: raw.socket }, this.#answers)
    if ('refusal' in verdict) return this.refuse(request, reply, verdict.refusal)
    request.setDecorator<Destination>('destination', verdict.destination)
    return undefined
  }

  async answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const destination = destinationOf(request)
    switch (destination?.kind) {
      case 'redirect_uri':
        return this.#answerResponse(request, reply, destination)
      case 'result':
        return this.#showResult(request, reply, destination)
      case 'refusal':
        return this.refuse(request, reply, refusalFor(new CatchdError(destination.code)))
      default:
        throw new CatchdError('internal', 'A request came past the checks of the redirect listener.')
    }
  }

  fail(request: FastifyRequest, reply: FastifyReply, failure: CatchdError): FastifyReply {
    return this.refuse(request, reply, refusalFor(failure))
  }

  async #answerResponse(
    request: FastifyRequest,
    reply: FastifyReply,
    { redirectUri, query }: Destination & { kind: 'redirect_uri' },
  ): Promise<FastifyReply> {
    const isPost = request.method === 'POST'
    if (
      !isPost &&
      isWithoutResponse(redirectUri, query) &&
      this.#answers.responseModes(redirectUri).has('fragment')
    ) {
      return send(reply, relayPage())
    }
    const login = await this.#answers.answer(redirectUri, isPost ? String(request.body ?? '') : query)
    this.#log({ event: 'redirect.answered', login: login.id, status: login.status })
    const answeredBefore = this.#answered.has(login.id)
    this.#remember(login.id)
    return reply
      .headers(ANSWER_HEADERS)
      .code(303)
      .header('location', resultPath(login.id, answeredBefore))
      .send()
  }

  #showResult(
    request: FastifyRequest,
    reply: FastifyReply,
    { loginId, answeredBefore }: Destination & { kind: 'result' },
  ): FastifyReply {
    const login = this.#answers.find(loginId)
    if (login === undefined) return this.fail(request, reply, new CatchdError('login_unknown'))
    const isSettled = login.status !== 'pending' && login.status !== 'exchanging'
    const { socket } = request.raw
    if (isSettled) reply.raw.once('finish', () => boundAddressOf(socket)?.resultPageSent())
    return send(reply, resultPage(login, this.#clock.now(), answeredBefore))
  }

  /** Every refusal ends here. */
  refuse(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
    const { failure, status, allow } = refusal
    this.#log({
      event: 'redirect.refused',
      route: destinationOf(request)?.kind ?? 'none',
      code: failure.code,
      status,
    })
    if (allow !== undefined) reply.header('allow', allow)
    const hadQuery = request.originalUrl.includes('?')
    return send(reply, refusalPage(failure, status, hadQuery ? refusalPath(failure.code) : null))
  }

  #remember(loginId: string): void {
    this.#answered.add(loginId)
    for (const oldest of this.#answered) {
      if (this.#answered.size <= MOST_ANSWERED) return
      this.#answered.delete(oldest)
    }
  }
}

function destinationOf(request: FastifyRequest): Destination | null {
  return request.getDecorator<Destination | null>('destination')
}

/** A redirect URI may have a query of its own, which comes back with every response (RFC 6749 §3.1.2). */
function isWithoutResponse(redirectUri: string, query: string): boolean {
  return query === '' || query === new URL(redirectUri).search.slice(1)
}

function send(reply: FastifyReply, { status, body, contentSecurityPolicy }: Page): FastifyReply {
  return reply
    .headers(ANSWER_HEADERS)
    .header('content-security-policy', contentSecurityPolicy)
    .type('text/html; charset=utf-8')
    .code(status)
    .send(body)
}

/** Fastify's own refusals of a body (too large, cut short) are the client's; what else is not ours keeps its text. */
function translated(error: unknown): Refusal {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (error instanceof CatchdError || !(status >= 400 && status < 500))
    return refusalFor(asCatchdError(error))
  return {
    failure: new CatchdError('redirect_malformed', 'The posted authorization response could not be read.'),
    status,
  }
}
