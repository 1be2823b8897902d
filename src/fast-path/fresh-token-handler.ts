/**
 * Answers `GET /v1/tokens/{profile}` without a query, in front of the router.
 *
 * admission.ts checks the request, principal.ts what the key allows, the token service chooses the token, and
 * token-answer.ts writes the answer. All other requests, refusals and failures are passed to the routes (tokens.ts),
 * which explain them. test/fast-path/fresh-token-handler.test.ts compares the two.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ASKER_HEADER } from '../asker-header.js'
import type { Clock } from '../clock.js'
import { PROFILE_NAME } from '../config/profile.js'
import { admit, type Gate } from '../http/access/admission.js'
import { holderOf, mayGetToken, type Principal } from '../http/access/principal.js'
import { rememberFailure } from '../http/api/earlier-failure.js'
import type { ApiServices } from '../http/api/services.js'
import { type TokenAnswerText, tokenAnswerText } from '../http/api/token-answer.js'
import { ANSWER_HEADERS, type RequestHandler } from '../http/http-listener.js'
import type { TokenSet } from '../tokens/token-set.js'

const PREFIX = '/v1/tokens/'

export interface FreshTokenParts {
  readonly services: Pick<ApiServices, 'tokens' | 'tokenServed' | 'lock'>
  readonly gate: Gate
  readonly clock: Clock
  /** Requests that arrive earlier wait for it; if the daemon cannot start, the routes answer. */
  readonly started: Promise<void>
  /** The API's app. */
  readonly routes: RequestHandler
}

export function freshTokenHandler(parts: FreshTokenParts): RequestHandler {
  const { services, gate, clock, started, routes } = parts
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
    if (profile === undefined || principal === undefined || services.lock.isLocked) {
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
    else refresh(request, response, principal, profile, serve)
  }

  function refresh(
    request: IncomingMessage,
    response: ServerResponse,
    principal: Principal,
    profile: string,
    serve: (set: TokenSet) => void,
  ): void {
    const { openRequests } = gate.keys
    const holder = holderOf(principal)
    if (!openRequests.hasRoom(holder)) {
      routes(request, response)
      return
    }
    const giveBack = openRequests.take(holder)
    const asked = services.tokens.get(profile, undefined).finally(giveBack)
    asked.then(serve, (failure: unknown) => {
      rememberFailure(request, failure)
      routes(request, response)
    })
  }

  /** `undefined` if the caller is refused: the routes check again, and answer with the reason. */
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

/** `undefined` for every other request, also for a percent-encoded name, a query, or a call that names its asker. */
function profileOf({ method, url = '', headers }: IncomingMessage): string | undefined {
  if (method !== 'GET' || !url.startsWith(PREFIX) || headers[ASKER_HEADER] !== undefined) return undefined
  const name = url.slice(PREFIX.length)
  return PROFILE_NAME.test(name) ? name : undefined
}

/** Names and values in turn: Node.js writes this form of headers fastest. */
const HEADERS = Object.entries(ANSWER_HEADERS).flat()

function send(response: ServerResponse, { contentType, text }: TokenAnswerText): void {
  const length = Buffer.byteLength(text)
  response
    .writeHead(200, [...HEADERS, 'content-type', contentType, 'content-length', String(length)])
    .end(text)
}
