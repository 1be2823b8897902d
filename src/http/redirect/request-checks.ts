/**
 * Decides what a request to the redirect listener is for: an authorization response, the result page of a login, or a
 * refusal page that is shown again. The checks change nothing (SECURITY.md#nobody-else-gets-in).
 *
 * In this order: the Host header (DNS rebinding), the path exactly as it was sent, the method, prefetches, and Fetch
 * Metadata. src/login/authorization-response.ts reads the response itself.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { CatchdError, type FailureCode } from '../../failures.js'
import type { Logins } from '../../login/logins.js'
import { boundAddressOf } from './bound-address.js'
import { isRefusalCode } from './pages/refusal-page.js'

/** The parts of a request that the checks use. */
export interface RedirectRequest {
  readonly method: string
  /** The request target as it was sent, neither decoded nor normalised. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket
}

/** The part of the logins that the checks use. */
export type KnownRedirectUris = Pick<
  Logins,
  'findRedirectUri' | 'knowsAuthority' | 'knowsProfile' | 'responseCarriers'
>

/** What a request is for. */
export type Destination =
  | { readonly kind: 'redirect_uri'; readonly redirectUri: string; readonly query: string }
  | { readonly kind: 'result'; readonly loginId: string; readonly answeredBefore: boolean }
  | { readonly kind: 'refusal'; readonly code: FailureCode; readonly profile: string | undefined }

/** A failure with a more exact HTTP status than its code has. */
export class RefusedRequest extends CatchdError {
  readonly #status: number
  /** Value of the Allow header of a 405. */
  readonly allow: string | undefined

  constructor(status: number, failure: CatchdError, allow?: string) {
    super(failure.code, { detail: failure.message, next: failure.next })
    this.#status = status
    this.allow = allow
  }

  override get status(): number {
    return this.#status
  }
}

const ANSWERED_BEFORE = 'again'
const RESULT_PATH = /^\/catchd\/([\w-]{1,64})$/
const REFUSAL_PATH = /^\/catchd\/refused\/(\w+)(?:\/([\w.-]{1,64}))?$/

/** The path of a login's result page. */
export function resultPath(loginId: string, answeredBefore: boolean): string {
  return `/catchd/${loginId}${answeredBefore ? `?${ANSWERED_BEFORE}` : ''}`
}

/** The path at which a refusal can be shown again. */
export function refusalPath(code: FailureCode, profile?: string): string {
  return `/catchd/refused/${code}${profile === undefined ? '' : `/${profile}`}`
}

/** @throws CatchdError `host_refused`, `route_unknown`, `request_invalid` (status 405), `origin_refused` */
export function checkRequest(request: RedirectRequest, logins: KnownRedirectUris): Destination {
  checkHost(request, logins)
  const destination = findDestination(request, logins)
  if (destination === undefined) throw new CatchdError('route_unknown')
  checkMethod(request, destination, logins)
  checkNavigation(request)
  return destination
}

/**
 * The Host header must be exactly the authority of a redirect URI, at its own address. A web page can make another name
 * resolve to loopback (DNS rebinding). http-listener.ts refuses requests with two Host headers.
 */
function checkHost({ headers: { host = '' }, socket }: RedirectRequest, logins: KnownRedirectUris): void {
  const isOurs =
    host !== '' && logins.knowsAuthority(host) && boundAddressOf(socket)?.answersFor(host) !== false
  if (!isOurs) throw new CatchdError('host_refused')
}

/** Compares byte by byte: `/%63allback`, `//callback` and `/callback/` are other paths. */
function findDestination(
  { target, headers, socket }: RedirectRequest,
  logins: KnownRedirectUris,
): Destination | undefined {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = mark < 0 ? '' : target.slice(mark + 1)
  const redirectUri = logins.findRedirectUri(headers.host ?? '', path, boundAddressOf(socket)?.scheme)
  if (redirectUri !== undefined) return { kind: 'redirect_uri', redirectUri, query }
  const loginId = RESULT_PATH.exec(path)?.[1]
  if (loginId !== undefined) return { kind: 'result', loginId, answeredBefore: query === ANSWERED_BEFORE }
  const [, code, profile] = REFUSAL_PATH.exec(path) ?? []
  if (code === undefined || !isRefusalCode(code)) return undefined
  // Any page can send the browser to this path, so it names no profile that does not exist.
  if (profile !== undefined && !logins.knowsProfile(profile)) return undefined
  return { kind: 'refusal', code, profile }
}

/**
 * GET is always allowed, POST only if a login with the response mode form_post is pending, or if no login is pending. In
 * the second case, the response was already used or matches no login. A HEAD request must not do what a GET does.
 */
function checkMethod({ method }: RedirectRequest, destination: Destination, logins: KnownRedirectUris): void {
  const carriers =
    destination.kind === 'redirect_uri' ? logins.responseCarriers(destination.redirectUri) : undefined
  const allowsPost = carriers !== undefined && (carriers.size === 0 || carriers.has('form_post'))
  if (method === 'GET' || (method === 'POST' && allowsPost)) return
  const detail = 'This address does not support this method.'
  const failure = new CatchdError('request_invalid', { detail, next: 'catchd status' })
  throw new RefusedRequest(405, failure, allowsPost ? 'GET, POST' : 'GET')
}

const PREFETCH_HEADERS = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz']

/** Browsers prefetch pages that the user may open next. Only a page that the user opened counts. */
function checkNavigation({ headers }: RedirectRequest): void {
  const isPrefetch = PREFETCH_HEADERS.some((name) =>
    /prefetch|prerender|preview/i.test(String(headers[name])),
  )
  const { 'sec-fetch-mode': mode = 'navigate', 'sec-fetch-dest': dest = 'document' } = headers
  if (isPrefetch || mode !== 'navigate' || dest !== 'document') throw new CatchdError('origin_refused')
}
