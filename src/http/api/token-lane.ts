/**
 * The short way of `GET /v1/tokens/{profile}` without a query, in front of the router: what tools ask a thousand times.
 *
 * Nothing is decided here. Who gets in is admission.ts, what a key allows is principal.ts, which token is served is the
 * token service's, and the answer's text is prepared-token.ts. Whatever is not plainly such a request, is not let in, or
 * ends in a failure goes on to the routes (tokens.ts), which say why; test/http/api/token-lane.test.ts holds the two
 * ways against each other.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../clock.js'
import { PROFILE_NAME } from '../../config/profile.js'
import type { TokenSet } from '../../tokens/token-set.js'
import { admit, type Gate } from '../access/admission.js'
import { mayGetToken, type Principal } from '../access/principal.js'
import { ANSWER_HEADERS, type RequestHandler } from '../http-listener.js'
import { type TokenAnswerText, tokenAnswerText } from './prepared-token.js'
import type { ApiServices } from './services.js'

const PREFIX = '/v1/tokens/'

export interface TokenLaneParts {
  readonly services: Pick<ApiServices, 'tokens' | 'tokenServed'>
  readonly gate: Gate
  readonly clock: Clock
  /** Requests that come before it resolves wait for it; when the daemon cannot start, the routes say so. */
  readonly started: Promise<void>
  /** The API's app. */
  readonly routes: RequestHandler
}

/** Why a request got no token here; the routes tell it instead of asking once more. */
const failures = new WeakMap<IncomingMessage, { readonly failure: unknown }>()

/** @throws what the token service threw when it was asked for this request */
export function throwFailureOfLane(request: IncomingMessage): void {
  const failed = failures.get(request)
  if (failed !== undefined) throw failed.failure
}

/** @returns The listener's handler: the short way where it will do, else the routes. */
export function tokenLane({ services, gate, clock, started, routes }: TokenLaneParts): RequestHandler {
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
        failures.set(request, { failure })
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
