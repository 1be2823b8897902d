/**
 * The local reverse proxy: adds the Authorization header of a profile to every request on its way to one upstream,
 * streaming both ways (large bodies, server-sent events, WebSockets), on @fastify/http-proxy.
 *
 * After a 401 of the upstream, the request is sent once more with a new token, if that is possible: it has no body, or a
 * body small enough to keep. The caller's own Authorization header never reaches the upstream. With a token that is bound
 * to a key, each request has a proof (proofs.ts); WebSockets have none.
 */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import httpProxy from '@fastify/http-proxy'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { Agent } from 'undici'
import type { TokenAnswer } from '../client/api-types.js'
import { asCatchdError, CatchdError, toProblem } from '../failures.js'
import { WITHOUT_JSON_SCHEMA } from '../http/http-listener.js'
import type { CachedToken } from './cached-token.js'
import { RequestProofs } from './proofs.js'

export interface ProxyParts {
  /** http or https. If it has a path, that path goes before the caller's path. */
  readonly upstream: string
  /** The first segment that every path must have; `''`: none. */
  readonly secret: string
  readonly token: CachedToken
  /** The allowed Host headers, known once the proxy listens; `undefined` on a unix socket. */
  readonly authorities: () => ReadonlySet<string> | undefined
}

/** A body up to this size is kept for a second attempt. A larger body, or one of unknown length, is streamed. */
const MOST_KEPT_BYTES = 64 * 1024

/** The time limit for the headers of a response. Its body has no time limit (server-sent events). */
const HEAD_WITHIN_MS = 300_000

/** Headers that the caller must not set. */
const OURS = ['authorization', 'dpop', 'cookie2', 'proxy-authorization', 'origin', 'referer']

declare module 'fastify' {
  interface FastifyRequest {
    sentToken: TokenAnswer | null
    isSecondTry: boolean
  }
}

/** @returns The app. It does not listen yet. */
export async function buildProxyApp(parts: ProxyParts): Promise<FastifyInstance> {
  const proofs = new RequestProofs(parts.token, parts.upstream)
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    trustProxy: false,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    schemaController: WITHOUT_JSON_SCHEMA,
  })
  app.decorateRequest('sentToken', null)
  app.decorateRequest('isSecondTry', false)
  keepSmallBodies(app)
  app.addHook('onRequest', async (request) => checkCaller(request.headers, parts.authorities()))
  app.setErrorHandler((error, _request, reply) => sendFailure(reply, error))
  app.setNotFoundHandler((_request, reply) => void reply.code(404).send())
  await app.register(httpProxy, {
    upstream: parts.upstream,
    prefix: parts.secret === '' ? '' : `/${parts.secret}`,
    proxyPayloads: false,
    disableRequestLogging: true,
    undici: new Agent({ headersTimeout: HEAD_WITHIN_MS, bodyTimeout: 0 }),
    websocket: true,
    preValidation: async (request) => {
      request.sentToken = await parts.token.current()
    },
    handler: async (request, reply, dest, options) => {
      await proofs.make(request, dest)
      return send(reply, keep(request, dest, options))
    },
    replyOptions: {
      rewriteRequestHeaders: (request, headers) => ({
        ...without(headers, OURS),
        authorization: authorizationOf(request as FastifyRequest),
        ...proofs.headerOf(request as FastifyRequest),
      }),
      onResponse: (request, reply, response) =>
        void answer(
          parts,
          proofs,
          request as FastifyRequest,
          reply as unknown as FastifyReply,
          response,
        ).catch((error: unknown) => sendFailure(reply as unknown as FastifyReply, error)),
      onError: (reply, { error }) => void sendFailure(reply as unknown as FastifyReply, error),
    },
    wsClientOptions: {
      rewriteRequestHeaders: (headers: object, request: FastifyRequest) => ({
        ...headers,
        authorization: authorizationOf(request),
      }),
    } as object,
  })
  await app.ready()
  return app
}

/**
 * Programs on this machine that know the proxy's address may use it, web pages may not. The Host header must be the
 * proxy's own (DNS rebinding), and requests that a browser sends for a web page are refused.
 *
 * @param authorities - The allowed Host headers; `undefined` on a unix socket, which web pages cannot reach.
 * @throws CatchdError `host_refused`, `origin_refused`
 */
function checkCaller(headers: IncomingHttpHeaders, authorities: ReadonlySet<string> | undefined): void {
  if (authorities === undefined) return
  if (!authorities.has((headers.host ?? '').toLowerCase())) throw new CatchdError('host_refused')
  const { origin, 'sec-fetch-site': site } = headers
  const isOwn = typeof origin === 'string' && [...authorities].some((own) => origin === `http://${own}`)
  const isForeignPage = site !== undefined && site !== 'none' && site !== 'same-origin'
  if ((origin !== undefined && !isOwn) || isForeignPage) throw new CatchdError('origin_refused')
}

function keepSmallBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: IncomingMessage) => {
    const length = Number(request.headers['content-length'] ?? Number.NaN)
    return length <= MOST_KEPT_BYTES ? await buffer(payload) : payload
  })
}

interface UpstreamCall {
  readonly dest: string
  readonly options: object
}

/** The second attempt uses the destination and the options of the first. */
const sent = new WeakMap<FastifyRequest, UpstreamCall>()

function keep(request: FastifyRequest, dest: string, options: object): UpstreamCall {
  const { body, headers } = request
  const contentType = headers['content-type'] ?? 'application/octet-stream'
  const call = { dest, options: { ...options, ...(Buffer.isBuffer(body) ? { body, contentType } : {}) } }
  sent.set(request, call)
  return call
}

function send(reply: FastifyReply, { dest, options }: UpstreamCall): unknown {
  return (reply as unknown as { from(dest: string, options: object): unknown }).from(dest, options)
}

interface UpstreamResponse {
  readonly statusCode?: number
  readonly stream?: NodeJS.ReadableStream & { resume(): unknown }
}

async function answer(
  { token }: ProxyParts,
  proofs: RequestProofs,
  request: FastifyRequest,
  reply: FastifyReply,
  { statusCode, stream }: UpstreamResponse,
): Promise<void> {
  const lackedNonce = proofs.learnNonce(request, statusCode, reply)
  const call = sent.get(request)
  const tryAgain =
    call !== undefined &&
    isReplayable(request) &&
    (lackedNonce || (statusCode === 401 && (await takeNewToken(request, token))))
  if (!tryAgain) return void reply.send(stream)
  stream?.resume()
  await proofs.make(request, call.dest)
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
  send(reply, call)
}

/** @returns Whether there is a new token. Each request gets at most one. */
async function takeNewToken(request: FastifyRequest, token: CachedToken): Promise<boolean> {
  if (request.isSecondTry || request.sentToken === null) return false
  const better = await token.insteadOf(request.sentToken)
  if (better === undefined) return false
  request.isSecondTry = true
  request.sentToken = better
  return true
}

function isReplayable({ body }: FastifyRequest): boolean {
  return body === undefined || body === null || Buffer.isBuffer(body)
}

function authorizationOf({ sentToken }: FastifyRequest): string {
  return sentToken === null ? '' : `${sentToken.token_type} ${sentToken.access_token}`
}

function without<Headers extends object>(headers: Headers, names: readonly string[]): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name))) as Headers
}

/** Sends problem details, as the API does: the upstream was not reached, or there is no token for it. */
function sendFailure(reply: FastifyReply, error: unknown): FastifyReply {
  const status = (error as { statusCode?: number }).statusCode
  if (status !== undefined && status >= 500)
    return reply.code(status === 500 ? 502 : status).send({ title: 'The upstream did not answer.' })
  const problem = toProblem(asCatchdError(error))
  return reply.code(problem.status).type('application/problem+json').send(problem)
}
