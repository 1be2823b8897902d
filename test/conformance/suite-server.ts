/**
 * The authorization server that the OpenID conformance suite plays for relying parties, as far as its modules need:
 * each behaves well except for one thing. What a client does wrong is refused, and what it asked for is remembered
 * in order, so that a test can see where it stopped.
 */
import { createHash, type KeyObject, randomUUID, type webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  calculateJwkThumbprint,
  EmbeddedJWK,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'

export const CLIENT_ID = 'conformance-client'
export const CLIENT_SECRET = 'conformance-secret'
const SUBJECT = 'user-subject-1234531'

export interface Deviation {
  /** Changes of the published metadata. */
  readonly metadata?: object
  /** Changes of the claims of id_tokens; `undefined` leaves one out. */
  readonly idToken?: object
  /** The same for id_tokens of refreshes only. */
  readonly refreshedIdToken?: object
  readonly signing?: 'none' | 'broken' | 'no kid'
  /** Publishes a second key of the same kind. */
  readonly secondKey?: boolean
  /** Changes of the token response; `undefined` leaves a member out. */
  readonly tokens?: object
  /** Changes of the authorization response; `undefined` leaves a parameter out. */
  readonly response?: Readonly<Record<string, string | undefined>>
  readonly userinfo?: object
  /** How the scheme of challenges is written. */
  readonly challengeScheme?: string
  /** With PAR, `private_key_jwt` by this key, DPoP, and nonces unless they are switched off. */
  readonly fapi?: { readonly clientKey: KeyObject; readonly nonces: boolean }
}

type Endpoint = 'discovery' | 'jwks' | 'par' | 'authorize' | 'token' | 'refresh' | 'userinfo'

interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

interface SigningKey {
  readonly kid: string
  readonly privateKey: webcrypto.CryptoKey
  readonly jwk: JWK
}

/** Making RSA keys is most of the work here, so all servers of a run draw on the same ones. */
const keys: Promise<SigningKey>[] = []

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const kid = randomUUID()
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), use: 'sig', alg: 'RS256', kid } }
}

export class SuiteServer {
  /** Requests that were served well, in order. */
  readonly served: Endpoint[] = []
  readonly #deviation: Deviation
  readonly #server = createServer()
  readonly #codes = new Map<string, URLSearchParams>()
  readonly #pushed = new Map<string, URLSearchParams>()
  #keys: SigningKey[] = []
  #keysUsed = 0
  #nonce = randomUUID()
  base = ''

  private constructor(deviation: Deviation) {
    this.#deviation = deviation
  }

  static async start(deviation: Deviation): Promise<SuiteServer> {
    const suite = new SuiteServer(deviation)
    await suite.rotateKeys()
    const server = suite.#server
    server.on('request', (request, response) => {
      void suite.#answer(request).then(({ status, body, headers = {} }) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers })
        response.end(body === undefined ? '' : JSON.stringify(body))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    suite.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return suite
  }

  /** Ids are signed with new keys from now on, and the old ones are no longer published. */
  async rotateKeys(): Promise<void> {
    const another = () => {
      const index = this.#keysUsed++
      keys[index] ??= makeKey()
      return keys[index]
    }
    this.#keys = this.#deviation.secondKey === true ? [await another(), await another()] : [await another()]
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  /** What the browser does. @returns The authorization response. */
  async approve(authorizationUrl: string): Promise<string> {
    const answer = await fetch(authorizationUrl, { redirect: 'manual' })
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`The server refuses: ${answer.status} ${await answer.text()}`)
    return location
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '', this.base)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const form = new URLSearchParams(Buffer.concat(chunks).toString())
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /.well-known/openid-configuration':
        return this.#serve('discovery', this.#metadata())
      case 'GET /jwks':
        return this.#serve('jwks', { keys: this.#keys.map(({ jwk }) => this.#published(jwk)) })
      case 'POST /par':
        return this.#push(request, form)
      case 'GET /authorize':
        return this.#authorize(url.searchParams)
      case 'POST /token':
        return this.#token(request, form)
      case 'GET /userinfo':
        return this.#userinfo(request)
      default:
        return { status: 404 }
    }
  }

  #serve(endpoint: Endpoint, body: unknown): Answer {
    this.served.push(endpoint)
    return { status: 200, body }
  }

  #metadata(): object {
    const { base } = this
    const isFapi = this.#deviation.fapi !== undefined
    return {
      issuer: base,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      userinfo_endpoint: `${base}/userinfo`,
      jwks_uri: `${base}/jwks`,
      id_token_signing_alg_values_supported: ['RS256'],
      ...(isFapi
        ? {
            pushed_authorization_request_endpoint: `${base}/par`,
            require_pushed_authorization_requests: true,
            authorization_response_iss_parameter_supported: true,
            dpop_signing_alg_values_supported: ['ES256'],
            token_endpoint_auth_signing_alg_values_supported: ['ES256', 'PS256'],
          }
        : {}),
      ...this.#deviation.metadata,
    }
  }

  #published({ kid, ...jwk }: JWK): JWK {
    return this.#deviation.signing === 'no kid' || kid === undefined ? jwk : { ...jwk, kid }
  }

  async #push(request: IncomingMessage, form: URLSearchParams): Promise<Answer> {
    const refused = (await this.#refuseClient(request, form)) ?? (await this.#refuseProof(request, form))
    if (refused !== undefined) return refused
    const reference = `urn:ietf:params:oauth:request_uri:${randomUUID()}`
    this.#pushed.set(reference, form)
    this.served.push('par')
    return { status: 201, body: { request_uri: reference, expires_in: 60 } }
  }

  #authorize(query: URLSearchParams): Answer {
    const reference = query.get('request_uri') ?? ''
    const asked = this.#deviation.fapi === undefined ? query : this.#pushed.get(reference)
    this.#pushed.delete(reference)
    if (asked === undefined) return { status: 400, body: { error: 'invalid_request_uri' } }
    const isComplete = ['state', 'redirect_uri', 'code_challenge'].every((name) => asked.has(name))
    if (!isComplete || asked.get('client_id') !== CLIENT_ID || asked.get('response_type') !== 'code') {
      return { status: 400, body: { error: 'invalid_request' } }
    }
    const code = randomUUID()
    this.#codes.set(code, asked)
    const location = new URL(asked.get('redirect_uri') ?? '')
    const response = { code, state: asked.get('state') ?? '', iss: this.base, ...this.#deviation.response }
    for (const [name, value] of Object.entries(response)) {
      if (value !== undefined) location.searchParams.set(name, value)
    }
    this.served.push('authorize')
    return { status: 302, headers: { location: location.href } }
  }

  async #token(request: IncomingMessage, form: URLSearchParams): Promise<Answer> {
    const refused = (await this.#refuseClient(request, form)) ?? (await this.#refuseProof(request))
    if (refused !== undefined) return refused
    const isRefresh = form.get('grant_type') === 'refresh_token'
    const asked = this.#codes.get(form.get('code') ?? '')
    this.#codes.delete(form.get('code') ?? '')
    if (!isRefresh && !isRedeemable(asked, form)) return { status: 400, body: { error: 'invalid_grant' } }
    if (isRefresh && form.get('refresh_token') !== 'refresh-1') {
      return { status: 400, body: { error: 'invalid_grant' } }
    }
    const isOpenid = isRefresh || (asked?.get('scope') ?? '').split(' ').includes('openid')
    this.served.push(isRefresh ? 'refresh' : 'token')
    return {
      status: 200,
      body: {
        access_token: isRefresh ? 'access-2' : 'access-1',
        token_type: this.#deviation.fapi === undefined ? 'Bearer' : 'DPoP',
        expires_in: 300,
        refresh_token: 'refresh-1',
        ...(isOpenid ? { id_token: await this.#idToken(isRefresh, asked?.get('nonce') ?? undefined) } : {}),
        ...this.#deviation.tokens,
      },
    }
  }

  async #idToken(isRefresh: boolean, nonce: string | undefined): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: this.base,
      sub: SUBJECT,
      aud: CLIENT_ID,
      iat: now,
      exp: now + 300,
      nonce,
      ...(isRefresh ? this.#deviation.refreshedIdToken : this.#deviation.idToken),
    } as JWTPayload
    const { signing } = this.#deviation
    const [key] = this.#keys
    if (key === undefined) throw new Error('There is no key.')
    if (signing === 'none') {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      return `${part({ alg: 'none' })}.${part(claims)}.`
    }
    const header = signing === 'no kid' ? { alg: 'RS256' } : { alg: 'RS256', kid: key.kid }
    const token = await new SignJWT(claims).setProtectedHeader(header).sign(key.privateKey)
    if (signing !== 'broken') return token
    const [head = '', body = '', signature = ''] = token.split('.')
    const bytes = Buffer.from(signature, 'base64url')
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20)
    return `${head}.${body}.${bytes.toString('base64url')}`
  }

  async #userinfo(request: IncomingMessage): Promise<Answer> {
    const [scheme = '', token = ''] = (request.headers.authorization ?? '').split(' ')
    const expected = this.#deviation.fapi === undefined ? 'bearer' : 'dpop'
    if (scheme.toLowerCase() !== expected || !token.startsWith('access-')) {
      return { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }
    }
    const refused = await this.#refuseProof(request, undefined, token)
    if (refused !== undefined) {
      const { challengeScheme = 'DPoP' } = this.#deviation
      const challenge = { 'www-authenticate': `${challengeScheme} error="use_dpop_nonce"` }
      return { status: 401, headers: { ...refused.headers, ...challenge } }
    }
    return this.#serve('userinfo', { sub: SUBJECT, ...this.#deviation.userinfo })
  }

  /** By `private_key_jwt` where the profile is FAPI's, else by `client_secret_basic`. */
  async #refuseClient(request: IncomingMessage, form: URLSearchParams): Promise<Answer | undefined> {
    const { fapi } = this.#deviation
    const refusal = { status: 401, body: { error: 'invalid_client' } }
    if (fapi === undefined) {
      const basic = Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')
      return request.headers.authorization === `Basic ${basic}` ? undefined : refusal
    }
    try {
      const { payload } = await jwtVerify(form.get('client_assertion') ?? '', fapi.clientKey, {
        issuer: CLIENT_ID,
        subject: CLIENT_ID,
        requiredClaims: ['jti', 'exp', 'iat'],
      })
      // FAPI 2.0 §5.3.2.1: the issuer as a string, not a list.
      return payload.aud === this.base ? undefined : refusal
    } catch {
      return refusal
    }
  }

  /** RFC 9449 §4.3, with a new nonce for each answer where nonces are wanted. */
  async #refuseProof(
    request: IncomingMessage,
    pushed?: URLSearchParams,
    accessToken?: string,
  ): Promise<Answer | undefined> {
    const { fapi } = this.#deviation
    if (fapi === undefined) return undefined
    const refusal = { status: 400, body: { error: 'invalid_dpop_proof' } }
    try {
      const { payload, protectedHeader } = await jwtVerify(String(request.headers['dpop']), EmbeddedJWK, {
        typ: 'dpop+jwt',
        algorithms: ['ES256'],
        maxTokenAge: 60,
      })
      const { pathname } = new URL(request.url ?? '', this.base)
      const isBound = payload['htm'] === request.method && payload['htu'] === `${this.base}${pathname}`
      const ath = accessToken === undefined ? undefined : digest(accessToken)
      const jkt = pushed?.get('dpop_jkt')
      const isKey = jkt == null || jkt === (await calculateJwkThumbprint(protectedHeader.jwk ?? { kty: '' }))
      if (!isBound || !isKey || payload['ath'] !== ath) return refusal
      if (!fapi.nonces || payload['nonce'] === this.#nonce) return undefined
      this.#nonce = randomUUID()
      return { status: 400, body: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': this.#nonce } }
    } catch {
      return refusal
    }
  }
}

function isRedeemable(asked: URLSearchParams | undefined, form: URLSearchParams): boolean {
  return (
    asked?.get('redirect_uri') === form.get('redirect_uri') &&
    asked?.get('code_challenge') === digest(form.get('code_verifier') ?? '')
  )
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
