/**
 * The app of the redirect listener: it receives authorization responses at the redirect URIs (RFC 6749 §4.1.2, RFC 8252
 * §7.3) and serves the pages for the browser. It never serves a token or the API.
 *
 * A refused request changes nothing. The answer to an authorization response is a 303 to a page whose address has no
 * code. No answer repeats a part of a URL. request-checks.ts checks requests, src/login has the logins, and listeners.ts
 * binds the addresses.
 */
import type { IncomingMessage } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Clock } from '../../clock.js'
import { asCatchdError, CatchdError, type FailureCode } from '../../failures.js'
import { ownerOfCaller } from '../../listener/tcp-table.js'
import { isSettled } from '../../login/login.js'
import type { Logins } from '../../login/logins.js'
import { ANSWER_HEADERS, WITHOUT_JSON_SCHEMA } from '../http-listener.js'
import { boundAddressOf } from './bound-address.js'
import { type Page, sendPage } from './pages/page.js'
import { refusalPage } from './pages/refusal-page.js'
import { relayPage } from './pages/relay-page.js'
import { resultPage } from './pages/result-page.js'
import { perMinute } from './refusal-limit.js'
import {
  checkRequest,
  type Destination,
  type KnownRedirectUris,
  RefusedRequest,
  refusalPath,
  resultPath,
} from './request-checks.js'

/** The limit for a form_post body. A query has the same limit, for the URL and all headers. */
const MOST_BODY_BYTES = 64 * 1024

/** Refusals of authorization responses that the user of a waiting login wants to hear of. */
const UNUSABLE_RESPONSE: ReadonlySet<FailureCode> = new Set(['redirect_malformed', 'state_unknown'])

/** Refusals of a request that may be the response of a login that waits at another address. */
const AT_ANOTHER_ADDRESS: ReadonlySet<FailureCode> = new Set([
  'state_unknown',
  'route_unknown',
  'host_refused',
])

/** Events for the log. They name the route, never a URL. */
export type RedirectEvent =
  | { readonly event: 'redirect.answered'; readonly login: string; readonly status: string }
  | {
      readonly event: 'redirect.refused'
      readonly route: Destination['kind'] | 'none'
      readonly code: string
      readonly status: number
    }

export interface RedirectAppParts {
  readonly logins: Pick<Logins, 'answer' | 'find' | 'noticeElsewhere' | 'profileAt'> & KnownRedirectUris
  /** Whether there are tokens of the profile; `undefined` if that is not known now. */
  readonly hasTokens: (profile: string) => Promise<boolean | undefined>
  readonly clock: Clock
  readonly log?: (event: RedirectEvent) => void
}

/** @returns The app. It does not listen itself; a HttpListener serves it. */
export async function buildRedirectApp(parts: RedirectAppParts): Promise<FastifyInstance> {
  const { logins, clock, hasTokens, log = () => {} } = parts
  const logRefusal = perMinute(clock, log)
  const app = Fastify({
    logger: false,
    schemaController: WITHOUT_JSON_SCHEMA,
    exposeHeadRoutes: false, // a HEAD request would run the GET handler and use up the code
    trustProxy: false,
    bodyLimit: MOST_BODY_BYTES,
    // The router decodes and normalises paths, so it gets the same path for all requests. The checks use the original.
    rewriteUrl: () => '/',
    frameworkErrors: (_error, request, reply) => refuse(request, reply, new CatchdError('request_invalid')),
  })
  app.removeAllContentTypeParsers()
  // Only forms are accepted (Form Post Response Mode §2). The answer to any other body is 415. The form stays encoded,
  // because authorization-response.ts is stricter than a form parser, which would repair mistakes.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  )
  app.decorateRequest('destination', null)
  app.addHook('onRequest', async (request) => {
    const { method, raw, headers, originalUrl: target } = request
    request.setDecorator('destination', checkRequest({ method, headers, target, socket: raw.socket }, logins))
  })
  app.route({ method: app.supportedMethods, url: '/', handler: serve })
  app.setNotFoundHandler((request, reply) => refuse(request, reply, new CatchdError('route_unknown')))
  app.setErrorHandler((error, request, reply) => {
    // The connection is closed, so nobody reads a page. A flood of half requests must not fill the log either.
    if (request.raw.destroyed && !request.raw.complete) return reply.hijack()
    return refuse(request, reply, translated(error))
  })
  await app.ready()
  return app

  async function serve(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const destination = request.getDecorator<Destination>('destination')
    if (destination.kind === 'refusal')
      throw new CatchdError(destination.code, { profile: destination.profile })
    if (destination.kind === 'result') return showResult(request, reply, destination)
    const { redirectUri, query } = destination
    const isPost = request.method === 'POST'
    if (!isPost && isWithoutResponse(redirectUri, query)) {
      const carriers = logins.responseCarriers(redirectUri)
      // Some servers use the fragment without being asked to.
      if (carriers.size > 0) return send(reply, relayPage(carriers.has('fragment')))
    }
    const encoded = isPost ? String(request.body ?? '') : query
    const { login, isReplay } = await logins.answer(redirectUri, encoded, () =>
      refuseAnotherUser(request.raw),
    )
    log({ event: 'redirect.answered', login: login.id, status: login.status })
    return reply.headers(ANSWER_HEADERS).code(303).header('location', resultPath(login.id, isReplay)).send()
  }

  async function showResult(
    { raw }: FastifyRequest,
    reply: FastifyReply,
    { loginId, answeredBefore }: Destination & { kind: 'result' },
  ): Promise<FastifyReply> {
    const login = logins.find(loginId)
    if (login === undefined) throw new CatchdError('login_unknown')
    if (isSettled(login)) reply.raw.once('finish', () => boundAddressOf(raw.socket)?.resultPageSent())
    const isUnsuccessful = 'failure' in login && login.profile !== null
    const earlierTokens = isUnsuccessful ? await hasTokens(login.profile) : undefined
    return send(reply, resultPage(login, { nowMs: clock.now(), answeredBefore, earlierTokens }))
  }

  function refuse(request: FastifyRequest, reply: FastifyReply, refusal: CatchdError): FastifyReply {
    const destination = request.getDecorator<Destination | null>('destination')
    const redirectUri = destination?.kind === 'redirect_uri' ? destination.redirectUri : undefined
    const profile = redirectUri === undefined ? undefined : logins.profileAt(redirectUri)
    const isPlain = profile === undefined || refusal instanceof RefusedRequest
    const failure = isPlain ? refusal : refusal.of(profile)
    const { code, status } = failure
    logRefusal({ event: 'redirect.refused', route: destination?.kind ?? 'none', code, status })
    if (redirectUri !== undefined && UNUSABLE_RESPONSE.has(code))
      boundAddressOf(request.raw.socket)?.responseRefused(redirectUri, failure.message)
    if (AT_ANOTHER_ADDRESS.has(code)) logins.noticeElsewhere(redirectUri, sentIn(request))
    if (failure instanceof RefusedRequest && failure.allow !== undefined) reply.header('allow', failure.allow)
    const mayBeLoadedAgain = code === 'locked' || !request.originalUrl.includes('?')
    return send(reply, refusalPage(failure, mayBeLoadedAgain ? null : refusalPath(code, failure.profile)))
  }
}

/**
 * The authorization URL with its `state` is on the command line of the browser, where other users of the machine can read
 * it. A response that another user brings is refused where the system names the user (SECURITY.md#nobody-else-gets-in).
 *
 * @throws CatchdError `origin_refused`
 */
async function refuseAnotherUser({ socket }: IncomingMessage): Promise<void> {
  if (boundAddressOf(socket)?.isForwarded || (await ownerOfCaller(socket)) !== 'another user') return
  throw new CatchdError(
    'origin_refused',
    'The connection belongs to another user of this machine. Only the browser of the user who started the login can finish it.',
  )
}

/** The query or the form, still encoded. */
function sentIn({ body, originalUrl }: FastifyRequest): string {
  const mark = originalUrl.indexOf('?')
  if (typeof body === 'string') return body
  return mark < 0 ? '' : originalUrl.slice(mark + 1)
}

/** A redirect URI can have its own query, which is part of every response (RFC 6749 §3.1.2). */
function isWithoutResponse(redirectUri: string, query: string): boolean {
  return query === '' || query === new URL(redirectUri).search.slice(1)
}

function send(reply: FastifyReply, page: Page): FastifyReply {
  return sendPage(reply.headers(ANSWER_HEADERS), page)
}

/** If Fastify refuses a body (too large, incomplete), the client gets the status. Other errors are not described. */
function translated(error: unknown): CatchdError {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (error instanceof CatchdError || !(status >= 400 && status < 500)) return asCatchdError(error)
  return new RefusedRequest(
    status,
    new CatchdError('redirect_malformed', 'The posted authorization response could not be read.'),
  )
}
