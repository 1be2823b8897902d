/**
 * Whether a request may be taken for an authorization response or for a look at a result: small checks in a
 * fixed order, none of which changes anything (DESIGN: promises 1 and 6).
 *
 * Host first (DNS rebinding), then the path as it was sent, byte for byte, then the method, last Fetch
 * Metadata. Reading the response itself is src/login/authorization-response.ts.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { CatchdError, type FailureCode } from '../../failures.js'
import type { RedirectAnswers } from '../../login/doorway.js'
import { boundAddressOf } from './bound-address.js'
import { isRefusalCode } from './pages/refusal-page.js'

/** A request as the checks see it. */
export interface RedirectRequest {
  readonly method: string
  /** The request target as sent: neither decoded nor normalised. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket
}

/** What a request is for. */
export type Destination =
  | { readonly kind: 'redirect_uri'; readonly redirectUri: string; readonly query: string }
  | { readonly kind: 'result'; readonly loginId: string; readonly answeredBefore: boolean }
  | { readonly kind: 'refusal'; readonly code: FailureCode }

/** Why a request is not answered; nothing was changed. */
export interface Refusal {
  readonly failure: CatchdError
  readonly status: number
  /** Value of the Allow header of a 405. */
  readonly allow?: string
}

/** Path of a login's result page. */
export function resultPath(loginId: string, answeredBefore: boolean): string {
  return `/catchd/${loginId}${answeredBefore ? `?${ANSWERED_BEFORE}` : ''}`
}

/** Path under which a refusal can be shown again. */
export function refusalPath(code: FailureCode): string {
  return `/catchd/refused/${code}`
}

const ANSWERED_BEFORE = 'again'
const RESULT_PATH = /^\/catchd\/([\w-]{1,64})$/
const REFUSAL_PATH = /^\/catchd\/refused\/(\w+)$/

/** All checks, in their order. */
export function judge(
  request: RedirectRequest,
  answers: RedirectAnswers,
): { destination: Destination } | { refusal: Refusal } {
  const hostRefusal = refuseHost(request, answers)
  if (hostRefusal !== undefined) return { refusal: hostRefusal }
  const destination = findDestination(request, answers)
  if (destination === undefined) return { refusal: refusalFor(new CatchdError('route_unknown')) }
  const refusal =
    refuseMethod(request, destination, answers) ?? refusePrefetch(request) ?? refuseFetchMetadata(request)
  return refusal === undefined ? { destination } : { refusal }
}

/** A failure as the refusal of a request. */
export function refusalFor(failure: CatchdError): Refusal {
  return { failure, status: failure.status }
}

/**
 * The Host header must be the authority of a redirect URI, exactly: a rebound name, `0.0.0.0` or the port of
 * another address is somebody else's idea of who we are. (A doubled Host never gets here: listener.ts.)
 */
function refuseHost({ headers, socket }: RedirectRequest, answers: RedirectAnswers): Refusal | undefined {
  const { host } = headers
  const isOurs = host !== undefined && host !== '' && answers.knowsAuthority(host)
  if (isOurs && (boundAddressOf(socket)?.answersFor(host) ?? true)) return undefined
  return refusalFor(new CatchdError('host_refused'))
}

/** Compared byte for byte: `/%63allback`, `//callback` and `/callback/` are other paths. */
function findDestination(
  { target, headers, socket }: RedirectRequest,
  answers: RedirectAnswers,
): Destination | undefined {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? '' : target.slice(mark + 1)
  const scheme = boundAddressOf(socket)?.scheme
  const redirectUri = answers.findRedirectUri(headers.host ?? '', path, scheme)
  if (redirectUri !== undefined) return { kind: 'redirect_uri', redirectUri, query }
  const loginId = RESULT_PATH.exec(path)?.[1]
  if (loginId !== undefined) return { kind: 'result', loginId, answeredBefore: query === ANSWERED_BEFORE }
  const code = REFUSAL_PATH.exec(path)?.[1]
  if (code !== undefined && isRefusalCode(code)) return { kind: 'refusal', code }
  return undefined
}

/**
 * GET; POST too where a form_post login pends, or none at all: then it can only be a replay, which shows its
 * result again, or matches nothing. HEAD must not run what GET runs.
 */
function refuseMethod(
  { method }: RedirectRequest,
  destination: Destination,
  answers: RedirectAnswers,
): Refusal | undefined {
  const modes =
    destination.kind === 'redirect_uri' ? answers.responseModes(destination.redirectUri) : undefined
  const takesPost = modes !== undefined && (modes.size === 0 || modes.has('form_post'))
  if (method === 'GET' || (method === 'POST' && takesPost)) return undefined
  return {
    failure: new CatchdError('request_invalid', {
      detail: 'This method is not served at this address.',
      next: 'catchd status',
    }),
    status: 405,
    allow: takesPost ? 'GET, POST' : 'GET',
  }
}

const SPECULATION_HEADERS = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz']

/** Browsers fetch what they guess the person will open next; nobody has opened it yet. */
function refusePrefetch({ headers }: RedirectRequest): Refusal | undefined {
  const isGuess = SPECULATION_HEADERS.some((name) =>
    /prefetch|prerender|preview/i.test(String(headers[name] ?? '')),
  )
  return isGuess ? refusalFor(new CatchdError('origin_refused')) : undefined
}

/** Fetch Metadata, where the browser sends it: only a top-level navigation counts. */
function refuseFetchMetadata({ headers }: RedirectRequest): Refusal | undefined {
  const { 'sec-fetch-mode': mode = 'navigate', 'sec-fetch-dest': dest = 'document' } = headers
  if (mode === 'navigate' && dest === 'document') return undefined
  return refusalFor(new CatchdError('origin_refused'))
}
