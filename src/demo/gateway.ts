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
import { decideApproval, showApproval } from './gateway-authorize.js'
import { GatewayGrants } from './gateway-grants.js'
import { refusalPage } from './gateway-pages.js'
import { DEFAULT_RULES, type GatewayRules } from './gateway-rules.js'
import {
  accessTokenEndpoint,
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

export const GATEWAY_PATHS = {
  authorize: '/invoke/pub.apigateway.oauth2/authorize',
  getAccessToken: '/invoke/pub.apigateway.oauth2/getAccessToken',
  refreshAccessToken: '/invoke/pub.oauth/refreshAccessToken',
  revokeToken: '/invoke/pub.oauth/revokeToken',
  introspectToken: '/invoke/pub.oauth/introspectToken',
  resource: '/gateway/echo/1.0/hello',
} as const

/** Settings that differ from the defaults. */
export type GatewayOptions = Partial<GatewayRules>

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
  readonly users: GatewayRules['users']
  /** Requests to the token and refresh endpoints, oldest first. */
  readonly tokenRequests: RecordedTokenRequest[] = []
  readonly #redirectUris: string[]
  readonly #rules: GatewayRules
  readonly #grants: GatewayGrants
  readonly #faults: Fault[] = []
  readonly #server: ReturnType<typeof createServer>
  readonly #closing = new AbortController()
  #baseUrl = ''
  #authorizationRequests = 0
  #resourceRequests = 0

  constructor(options: GatewayOptions) {
    this.#redirectUris = [...(options.redirectUris ?? [])]
    this.#rules = { ...DEFAULT_RULES, ...options, redirectUris: this.#redirectUris }
    const { clientId, clientSecret, users, tls } = this.#rules
    this.clientId = clientId
    this.clientSecret = clientSecret
    this.users = users
    this.#grants = new GatewayGrants(this.#rules)
    const listener: RequestListener = (request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    }
    this.#server = tls ? createTlsServer({ ...tls }, listener) : createServer(listener)
  }

  /** `http://127.0.0.1:PORT`, without a slash at the end: the preset's `base_url`. */
  get baseUrl(): string {
    return this.#baseUrl
  }

  get counts() {
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
    this.#redirectUris.push(redirectUri)
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
    this.#baseUrl = `${this.#rules.tls ? 'https' : 'http'}://127.0.0.1:${port}`
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
    if (this.#rules.requireHttps && !this.#rules.tls) {
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
    await this.#rules.onTokenRequest?.(recorded)
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
    const [rules, grants] = [this.#rules, this.#grants]
    switch (route) {
      case `GET ${GATEWAY_PATHS.authorize}`: {
        this.#authorizationRequests += 1
        const parameters = parseFormMembers(query)
        return parameters
          ? showApproval(GATEWAY_PATHS.authorize, parameters, rules, grants)
          : repeatedParameter()
      }
      case `POST ${GATEWAY_PATHS.authorize}`: {
        const form = parseFormMembers(body)
        return form ? decideApproval(form, headers.authorization, rules, grants) : repeatedParameter()
      }
      case `POST ${GATEWAY_PATHS.getAccessToken}`:
        return accessTokenEndpoint(request, { rules, grants })
      case `POST ${GATEWAY_PATHS.refreshAccessToken}`:
        return refreshEndpoint(request, { rules, grants })
      case `POST ${GATEWAY_PATHS.revokeToken}`:
        return revocationEndpoint(request, { rules, grants })
      case `POST ${GATEWAY_PATHS.introspectToken}`:
        return introspectionEndpoint(request, { rules, grants })
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
