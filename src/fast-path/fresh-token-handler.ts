/**
 * The short way of `GET /v1/tokens/{profile}` without a query, in front of the router: what tools ask a thousand times.
 *
 * Nothing is decided here. Who gets in is admission.ts, what a key allows is principal.ts, which token is served is the
 * token service's, and the answer's text is token-answer.ts. Whatever is not plainly such a request, is not let in, or
 * ends in a failure goes on to the routes (tokens.ts), which say why; test/fast-path/fresh-token-handler.test.ts holds the two
 * ways against each other.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import { PROFILE_NAME } from '../config/profile.js'
import { admit, type Gate } from '../http/access/admission.js'
import { mayGetToken, type Principal } from '../http/access/principal.js'
import { rememberFailure } from '../http/api/earlier-failure.js'
import type { ApiServices } from '../http/api/services.js'
import { type TokenAnswerText, tokenAnswerText } from '../http/api/token-answer.js'
import { ANSWER_HEADERS, type RequestHandler } from '../http/http-listener.js'
import type { TokenSet } from '../tokens/token-set.js'

const PREFIX = '/v1/tokens/'

export interface FreshTokenParts {
  readonly services: Pick<ApiServices, 'tokens' | 'tokenServed'>
  readonly gate: Gate
  readonly clock: Clock
  /** Requests that come before it resolves wait for it; when the daemon cannot start, the routes say so. */
  readonly started: Promise<void>
  /** The API's app. */
  readonly routes: RequestHandler
}

/** @returns The listener's handler: the short way where it will do, else the routes. */
export function freshTokenHandler({
  services,
  gate,
  clock,
  started,
  routes,
}: FreshTokenParts): RequestHandler {
  let isStarted = false
  started.then(
    () => {
      isStarted = true
    },
    () => {},
  )
  return (request, response) => {
    if (isStarted) handle(request, response)
    else {
      started.then(
        () => handle(request, response),
        () => routes(request, response),
      )
    }
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const profile = profileOf(request)
    const principal = profile === undefined ? undefined : callerOf(request, profile)
    if (profile === undefined || principal === undefined) {
      routes(request, response)
      return
    }
    const serve = (set: TokenSet) => {
      gate.keys.used(principal)
      services.tokenServed(principal.name, profile)
      send(response, tokenAnswerText(set, profile, request.headers.accept, clock.now()))
    }
    const fresh = services.tokens.peek(profile, undefined)
    if (fresh !== undefined) serve(fresh)
    else {
      services.tokens.get(profile, undefined).then(serve, (failure: unknown) => {
        rememberFailure(request, failure)
        routes(request, response)
      })
    }
  }

  /** `undefined` for who may not have it: the checks run again in the routes, and are told there. */
  function callerOf(
    { method = '', headers, socket }: IncomingMessage,
    profile: string,
  ): Principal | undefined {
    try {
      const principal = admit({ method, headers, socket }, gate)
      return mayGetToken(principal, profile) ? principal : undefined
    } catch {
      return undefined
    }
  }
}

/** Of a plain request for a token; a name that is percent-encoded, or has a query behind it, is the routes'. */
function profileOf({ method, url = '' }: IncomingMessage): string | undefined {
  if (method !== 'GET' || !url.startsWith(PREFIX)) return undefined
  const name = url.slice(PREFIX.length)
  return PROFILE_NAME.test(name) ? name : undefined
}

/** Names and values in turn: the form of headers that Node.js writes without looking at each object anew. */
const HEADERS = Object.entries(ANSWER_HEADERS).flat()

function send(response: ServerResponse, { contentType, text }: TokenAnswerText): void {
  const length = Buffer.byteLength(text)
  response
    .writeHead(200, [...HEADERS, 'content-type', contentType, 'content-length', String(length)])
    .end(text)
}
