/**
 * A demo authorization server that behaves like webMethods API Gateway, on its own loopback port. `catchd demo` and the
 * tests log in to it.
 *
 * This file starts the server, routes requests and produces the faults that tests ask for. gateway-authorize.ts has the
 * approval page, gateway-tokens.ts the token endpoints, and gateway-grants.ts the issued codes and tokens. Everything is
 * lost when the server closes. It protects nothing and is not for real use.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type AuthorizeRules, decideApproval, type GatewayUser, showApproval } from './gateway-authorize.js'
import { GatewayGrants, type GrantCounts } from './gateway-grants.js'
import { refusalPage } from './gateway-pages.js'
import {
  accessTokenEndpoint,
  type EndpointContext,
  introspectionEndpoint,
  refreshEndpoint,
  revocationEndpoint,
} from './gateway-tokens.js'
import {
  type Answer,
  errorAnswer,
  type Fault,
  jsonAnswer,
  parseFormMembers,
  type RecordedTokenRequest,
  readBody,
  recordTokenRequest,
  send,
} from './gateway-wire.js'

export type { GatewayUser } from './gateway-authorize.js'
export type { Fault, RecordedTokenRequest } from './gateway-wire.js'

export const GATEWAY_PATHS = {
  authorize: '/invoke/pub.apigateway.oauth2/authorize',
  getAccessToken: '/invoke/pub.apigateway.oauth2/getAccessToken',
  refreshAccessToken: '/invoke/pub.oauth/refreshAccessToken',
  revokeToken: '/invoke/pub.oauth/revokeToken',
  introspectToken: '/invoke/pub.oauth/introspectToken',
  resource: '/gateway/echo/1.0/hello',
} as const

export interface GatewayOptions {
  /** Redirect URIs of the single application, matched exactly; {@link Gateway.allowRedirectUri} adds more. */
  readonly redirectUris?: readonly string[]
  /** Whether the authorization response contains `state`. Default true. */
  readonly stateEcho?: boolean
  /** PEM. The gateway serves https instead of http. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Answers plain http with 400, as the real gateway does by default. Default false. */
  readonly requireHttps?: boolean
  readonly clientId?: string
  /** `null`: a public client. */
  readonly clientSecret?: string | null
  /** The scopes that exist, space-separated. Default `email`. */
  readonly scope?: string
  readonly users?: readonly GatewayUser[]
  /** Approves as the first user without showing a page. Default false. */
  readonly autoApprove?: boolean
  /** Default true. If a challenge was sent, it is always verified. */
  readonly enforcePkce?: boolean
  /** Default 600. */
  readonly codeLifetimeSeconds?: number
  /** Default 3600. */
  readonly accessTokenLifetimeSeconds?: number
  /** Default false: no refresh token, as with a refresh limit of 0. */
  readonly refreshTokens?: boolean
  /** A new refresh token at each refresh. Default false; true implies `refreshTokens`. */
  readonly rotateRefreshTokens?: boolean
  /** Called with each token request before it is served. The answer waits for a returned promise. */
  readonly onTokenRequest?: (request: RecordedTokenRequest) => void | Promise<void>
  /** Milliseconds since the Unix epoch. */
  readonly now?: () => number
}

export interface GatewayCounts extends Readonly<GrantCounts> {
  readonly authorizationRequests: number
  readonly tokenRequests: number
  readonly resourceRequests: number
}

const DEFAULT_USER: GatewayUser = { name: 'ada', password: 'lovelace' }

/** Starts a gateway on a free port of 127.0.0.1. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const gateway = new Gateway(options)
  await gateway.listen()
  return gateway
}

/** A running gateway, with one registered application. */
export class Gateway {
  readonly clientId: string
  readonly clientSecret: string | null
  readonly scope: string
  readonly users: readonly [GatewayUser, ...GatewayUser[]]
  /** Requests to the token and refresh endpoints, oldest first. */
  readonly tokenRequests: RecordedTokenRequest[] = []
  readonly #options: GatewayOptions
  readonly #redirectUris: Set<string>
  readonly #grants: GatewayGrants
  readonly #faults: Fault[] = []
  readonly #server: ReturnType<typeof createServer>
  readonly #closing = new AbortController()
  readonly #context: EndpointContext
  readonly #authorizeRules: AuthorizeRules
  #baseUrl = ''
  #authorizationRequests = 0
  #resourceRequests = 0

  constructor(options: GatewayOptions) {
    this.#options = options
    this.clientId = options.clientId ?? '374b1fae-0c5d-4f5c-9d7e-5a1b6c2d3e4f'
    this.clientSecret = options.clientSecret === undefined ? 'demo-gateway-secret' : options.clientSecret
    this.scope = options.scope ?? 'email'
    const [firstUser = DEFAULT_USER, ...otherUsers] = options.users ?? []
    this.users = [firstUser, ...otherUsers]
    this.#redirectUris = new Set(options.redirectUris)
    const now = options.now ?? Date.now
    const accessTokenLifetimeSeconds = options.accessTokenLifetimeSeconds ?? 3600
    const rotateRefreshTokens = options.rotateRefreshTokens ?? false
    this.#grants = new GatewayGrants({
      codeLifetimeSeconds: options.codeLifetimeSeconds ?? 600,
      accessTokenLifetimeSeconds,
      refreshTokens: options.refreshTokens ?? rotateRefreshTokens,
      rotateRefreshTokens,
      now,
    })
    this.#context = { client: this, grants: this.#grants, accessTokenLifetimeSeconds, now }
    this.#authorizeRules = {
      path: GATEWAY_PATHS.authorize,
      clientId: this.clientId,
      redirectUris: this.#redirectUris,
      scopes: this.scope.split(' '),
      stateEcho: options.stateEcho ?? true,
      enforcePkce: options.enforcePkce ?? true,
      users: this.users,
      autoApprove: options.autoApprove ?? false,
      issueCode: (approval) => this.#grants.issueCode(approval),
    }
    const listener: RequestListener = (request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    }
    this.#server = options.tls ? createTlsServer({ ...options.tls }, listener) : createServer(listener)
  }

  /** `http://127.0.0.1:PORT`, without a slash at the end: the preset's `base_url`. */
  get baseUrl(): string {
    return this.#baseUrl
  }

  get counts(): GatewayCounts {
    return {
      ...this.#grants.counts,
      authorizationRequests: this.#authorizationRequests,
      tokenRequests: this.tokenRequests.length,
      resourceRequests: this.#resourceRequests,
    }
  }

  get resourceUrl(): string {
    return `${this.baseUrl}${GATEWAY_PATHS.resource}`
  }

  allowRedirectUri(redirectUri: string): void {
    this.#redirectUris.add(redirectUri)
  }

  /** Queues a fault for the next request to the token or the refresh endpoint. */
  failNext(fault: Fault): void {
    this.#faults.push(fault)
  }

  expireAccessTokens(): void {
    this.#grants.expireAccessTokens()
  }

  /** Whether a refresh request with this token would succeed now. */
  isRefreshable(refreshToken: string): boolean {
    return this.#grants.isRefreshable(refreshToken)
  }

  /** Call once. {@link startGateway} does so. */
  async listen(): Promise<void> {
    this.#server.listen({ host: '127.0.0.1', port: 0 })
    await once(this.#server, 'listening')
    const { port } = this.#server.address() as AddressInfo
    this.#baseUrl = `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${port}`
  }

  /** Closes open connections too. Idempotent. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#options.requireHttps && !this.#options.tls) {
      return send(response, errorAnswer(400, 'invalid_request', 'HTTPS is required.'))
    }
    const { pathname, search } = new URL(request.url ?? '/', this.baseUrl)
    const body = await readBody(request)
    if (body === undefined)
      return send(response, errorAnswer(413, 'invalid_request', 'The body is too large.'))
    const route = `${request.method} ${pathname}`
    const isTokenRequest =
      route === `POST ${GATEWAY_PATHS.getAccessToken}` || route === `POST ${GATEWAY_PATHS.refreshAccessToken}`
    if (!isTokenRequest) return send(response, this.#answer(route, request, search.slice(1), body))

    const recorded = recordTokenRequest(request, pathname, body)
    this.tokenRequests.push(recorded)
    await this.#options.onTokenRequest?.(recorded)
    await this.#serveTokenRequest(route, request, response, body)
  }

  /** Sends the normal answer, or the next queued fault. */
  async #serveTokenRequest(
    route: string,
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
  ): Promise<void> {
    const fault = this.#faults.shift()
    const replaced = fault !== undefined && (fault.status !== undefined || fault.body !== undefined)
    const served = !(replaced || fault?.destroy) || fault?.afterServing
    const proper = served ? this.#answer(route, request, '', body) : undefined
    if (fault?.delayMs !== undefined) await delay(fault.delayMs, undefined, { signal: this.#closing.signal })
    if (fault?.destroy) {
      response.destroy()
    } else if (replaced || proper === undefined) {
      send(response, { status: fault?.status ?? 500, headers: fault?.headers ?? {}, body: fault?.body ?? '' })
    } else {
      send(response, { ...proper, headers: { ...proper.headers, ...fault?.headers } })
    }
  }

  #answer(route: string, { headers }: IncomingMessage, query: string, body: string): Answer {
    const request = { contentType: headers['content-type'], authorization: headers.authorization, body }
    switch (route) {
      case `GET ${GATEWAY_PATHS.authorize}`: {
        this.#authorizationRequests += 1
        const parameters = parseFormMembers(query)
        return parameters ? showApproval(parameters, this.#authorizeRules) : repeatedParameter()
      }
      case `POST ${GATEWAY_PATHS.authorize}`: {
        const form = parseFormMembers(body)
        return form ? decideApproval(form, headers.authorization, this.#authorizeRules) : repeatedParameter()
      }
      case `POST ${GATEWAY_PATHS.getAccessToken}`:
        return accessTokenEndpoint(request, this.#context)
      case `POST ${GATEWAY_PATHS.refreshAccessToken}`:
        return refreshEndpoint(request, this.#context)
      case `POST ${GATEWAY_PATHS.revokeToken}`:
        return revocationEndpoint(request, this.#context)
      case `POST ${GATEWAY_PATHS.introspectToken}`:
        return introspectionEndpoint(request, this.#context)
      case `GET ${GATEWAY_PATHS.resource}`:
        return this.#resource(headers.authorization)
      default:
        return refusalPage(404, 'There is nothing at this address.')
    }
  }

  /** The protected resource (RFC 6750 §2.1, §3). */
  #resource(authorization: string | undefined): Answer {
    this.#resourceRequests += 1
    const token = authorization?.match(/^bearer +(\S+)$/i)?.[1]
    const found = token === undefined ? undefined : this.#grants.findActive(token)
    if (found !== undefined) return jsonAnswer(200, { hello: found.user })
    return jsonAnswer(
      401,
      {
        Exception:
          '[ISS.0010.8046] Unauthorized application request: the access token is missing or not valid.',
      },
      { 'www-authenticate': token === undefined ? 'Bearer' : 'Bearer error="invalid_token"' },
    )
  }
}

function repeatedParameter(): Answer {
  return refusalPage(400, 'A parameter is repeated.')
}
