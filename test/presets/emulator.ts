/**
 * A vendor's authorization server on a loopback port, made from its description (vendor.ts). It is as strict as the
 * vendor documents itself to be, and says why it refused.
 *
 * All hosts of the vendor live on one port: `https://HOST/PATH` is found at `ORIGIN/HOST/PATH`.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { authorizationRefusal, type Client, redirectTarget, scopesIn } from './authorization-rules.js'
import { decodeBasic, placeOf, random, readParameters, send, sha256 } from './emulator-wire.js'
import { JWKS, signIdToken } from './id-tokens.js'
import {
  type Answer,
  type Issued,
  type Parameters,
  type Refusal,
  standardAnswer,
  standardRefusal,
  type Vendor,
} from './vendor.js'

const JWKS_URL = 'https://keys.vendor.example/jwks'
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

interface Grant {
  readonly scopes: readonly string[]
  readonly authorization: Parameters
  readonly redirectUri: string
  readonly nonce: string | undefined
  isRefreshable: boolean
}

type Headers = Readonly<Record<string, string | undefined>>

class Refused extends Error {
  readonly refusal: Refusal

  constructor(message: string, error: Refusal['error'], about: Refusal['about'], sent = '') {
    super(message)
    this.refusal = { error, about, sent }
  }
}

export class Emulator {
  readonly #vendor: Vendor
  readonly #client: Client
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  readonly #codes = new Map<string, Grant>()
  readonly #refreshTokens = new Map<string, Grant>()
  readonly #accessTokens = new Set<string>()
  origin = ''
  /** Why requests were refused, or answered with less, for whoever reads a failure. */
  readonly refusals: string[] = []
  /** The tokens of the newest answer, as the vendor means them. */
  last: Issued | undefined

  constructor(vendor: Vendor, client: Client) {
    this.#vendor = vendor
    this.#client = client
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  /** Where something of the vendor's is emulated. */
  moved(url: string): string {
    return url.replace('https://', `${this.origin}/`)
  }

  /** The person withdraws all consent. */
  endGrants(): void {
    this.#refreshTokens.clear()
  }

  knows(token: string): boolean {
    return this.#accessTokens.has(token) || this.#refreshTokens.has(token)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL((request.url ?? '').replace('/', 'https://'))
    try {
      const answer = request.method === 'GET' ? this.#page(url, response) : await this.#endpoint(url, request)
      if (answer !== undefined) send(response, answer)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.refusals.push(error.message)
      send(response, (this.#vendor.refuse ?? standardRefusal)(error.refusal))
    }
  }

  #page(url: URL, response: ServerResponse): Answer | undefined {
    const { authorize, discovery } = this.#vendor
    const place = placeOf(url)
    if (place === authorize) return this.#authorize(url, response)
    if (place === JWKS_URL) return { body: JWKS }
    if (discovery === undefined) return this.#nothing(place)
    const wellKnown = `${discovery.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    return place === wellKnown ? { body: this.#metadata() } : this.#nothing(place)
  }

  #nothing(place: string): Answer {
    this.refusals.push(`there is nothing at ${place}`)
    return { status: 404, body: {} }
  }

  async #endpoint(url: URL, request: IncomingMessage): Promise<Answer> {
    const place = placeOf(url)
    const { token, refresh = token, revoke, introspect, device } = this.#vendor
    if (![token, refresh, revoke, introspect, device].includes(place)) return this.#nothing(place)
    const headers = request.headers as Headers
    const parameters = await this.#parameters(request)
    if (place === device) return this.#authorizeDevice(parameters)
    this.#authenticate(headers, parameters)
    if (place === revoke) return this.#revoke(parameters)
    if (place === introspect) return this.#introspect(parameters)
    return this.#token(place, parameters, headers)
  }

  #authorize(url: URL, response: ServerResponse): Answer | undefined {
    const parameters: Parameters = Object.fromEntries(url.searchParams)
    const refusal = authorizationRefusal(this.#vendor, this.#client, parameters)
    if (refusal !== undefined) {
      this.refusals.push(refusal)
      return { status: 400, body: { page: refusal } }
    }
    const asked = scopesIn(this.#vendor, parameters[this.#vendor.scopeParameter ?? 'scope'])
    const code = this.#begin(this.#granted(asked), parameters)
    const target = redirectTarget(this.#vendor, this.#client, parameters['redirect_uri'] ?? '')
    if (target === undefined) return { status: 400, body: {} }
    const echo = this.#vendor.dropsState ? {} : { state: parameters['state'] ?? '' }
    const answer = { [this.#vendor.names?.code ?? 'code']: code, ...echo, ...this.#vendor.callback }
    for (const [name, value] of Object.entries(answer)) target.searchParams.set(name, value)
    response.writeHead(302, { location: target.href }).end()
    return undefined
  }

  /** The person unticks the last of the client's own scopes; only a vendor that says so lets anybody know. */
  #granted(asked: readonly string[]): string[] {
    const { scopes, saysScope } = this.#vendor
    const isUnticked = saysScope !== false && scopes.length > 1
    return isUnticked ? asked.filter((scope) => scope !== scopes.at(-1)) : [...asked]
  }

  #begin(scopes: readonly string[], authorization: Parameters): string {
    const { redirect_uri: redirectUri = '', nonce } = authorization
    const code = random('code')
    this.#codes.set(code, { scopes, authorization, redirectUri, nonce, isRefreshable: false })
    return code
  }

  #authorizeDevice(parameters: Parameters): Answer {
    if (parameters['client_id'] !== this.#client.id) {
      throw new Refused('the client_id is unknown', 'invalid_client', 'client')
    }
    const why = this.#vendor.refusesDevice?.(parameters)
    if (why !== undefined) throw new Refused(why, 'invalid_request', 'request')
    const code = this.#begin(this.#granted(scopesIn(this.#vendor, parameters['scope'])), {})
    const page = 'https://vendor.example/device'
    return {
      body: { device_code: code, user_code: 'AB-CD', verification_uri: page, expires_in: 900, interval: 5 },
    }
  }

  async #parameters(request: IncomingMessage): Promise<Parameters> {
    const parameters = await readParameters(request, this.#vendor.body)
    if (parameters !== undefined) return parameters
    throw new Refused(`the body is ${request.headers['content-type']}`, 'invalid_request', 'request')
  }

  #authenticate(headers: Headers, parameters: Parameters): void {
    const { id, secret, kind } = this.#client
    const { credentials, names } = this.#vendor
    const idName = names?.client_id ?? 'client_id'
    const secretName = names?.client_secret ?? 'client_secret'
    const { [idName]: bodyId, [secretName]: bodySecret } = parameters
    if (idName !== 'client_id' && bodyId === undefined)
      throw new Refused(`${idName} is missing`, 'invalid_client', 'client')
    if (secretName !== 'client_secret' && bodySecret === undefined)
      throw new Refused(`${secretName} is missing`, 'invalid_client', 'client')
    const sent = decodeBasic(headers['authorization'], credentials)
    const rules = {
      public: [
        bodyId === id && bodySecret === undefined && sent === undefined,
        'a public client sends its id',
      ],
      body: [sent === undefined && bodyId === id && bodySecret === secret, 'the secret is not in the body'],
      header: [bodySecret === undefined && sent === `${id}:${secret}`, 'the secret is not in the header'],
    } as const
    const [holds, what] = rules[kind === 'public' ? 'public' : credentials === 'body' ? 'body' : 'header']
    if (!holds) throw new Refused(what, 'invalid_client', 'client')
  }

  async #token(place: string, parameters: Parameters, headers: Headers): Promise<Answer> {
    const { members, token, refresh = token, refusesToken, kindOfRequest } = this.#vendor
    const unknown = Object.keys(parameters).find((name) => members?.includes(name) === false)
    if (unknown !== undefined) throw new Refused(`${unknown} is not documented`, 'invalid_request', 'request')
    if (kindOfRequest !== undefined) {
      const kind = parameters[kindOfRequest.name] ?? ''
      if (kind === '') throw new Refused(`${kindOfRequest.name} is missing`, 'invalid_request', 'request')
      const wanted = parameters['code'] === undefined ? kindOfRequest.refresh : kindOfRequest.code
      if (kind !== wanted)
        throw new Refused(`${kindOfRequest.name} has to be ${wanted}`, 'invalid_request', 'request')
    }
    const isRefresh = parameters['grant_type'] === 'refresh_token'
    if (place !== (isRefresh ? refresh : token)) {
      throw new Refused(`${place} does not do that`, 'invalid_request', 'request')
    }
    const grant = isRefresh ? this.#refreshed(parameters) : this.#redeemed(parameters)
    const why = refusesToken?.(parameters, { headers, redirectUri: grant.redirectUri })
    if (why !== undefined) throw new Refused(why, 'invalid_request', 'request')
    return this.#issue(grant, parameters, headers)
  }

  #redeemed(parameters: Parameters): Grant {
    const isDevice = parameters['grant_type'] === DEVICE_CODE
    const code = parameters[isDevice ? 'device_code' : 'code'] ?? ''
    const grant = this.#codes.get(code)
    this.#codes.delete(code)
    if (grant === undefined) throw new Refused('the code is unknown', 'invalid_grant', 'code', code)
    if (isDevice) return grant
    if (
      parameters['grant_type'] !== 'authorization_code' ||
      parameters['redirect_uri'] !== grant.redirectUri
    ) {
      throw new Refused('grant_type or redirect_uri does not fit', 'invalid_grant', 'code', code)
    }
    const challenge = grant.authorization['code_challenge']
    const encoding = this.#vendor.pkce === 'required in hex' ? 'hex' : 'base64url'
    if (challenge !== undefined && challenge !== sha256(parameters['code_verifier'] ?? '', encoding)) {
      throw new Refused('the code_verifier does not fit', 'invalid_grant', 'code', code)
    }
    return grant
  }

  #refreshed(parameters: Parameters): Grant {
    const sent = parameters['refresh_token'] ?? ''
    const grant = this.#refreshTokens.get(sent)
    if (grant === undefined) {
      throw new Refused('the refresh token is dead', 'invalid_grant', 'refresh_token', sent)
    }
    if (this.#vendor.rotates) this.#refreshTokens.delete(sent)
    return grant
  }

  async #issue(grant: Grant, token: Parameters, headers: Headers): Promise<Answer> {
    const { rotates, lifetime, answer, discovery } = this.#vendor
    const { scopes } = grant
    const isRefresh = token['grant_type'] === 'refresh_token'
    if (!isRefresh) grant.isRefreshable = this.#mayRefresh(grant, token)
    const refreshToken = grant.isRefreshable && (!isRefresh || rotates) ? random('refresh') : null
    if (refreshToken !== null) this.#refreshTokens.set(refreshToken, grant)
    const accessToken = random('access')
    this.#accessTokens.add(accessToken)
    const givesIdToken = discovery !== undefined && scopes.includes('openid')
    const issued: Issued = {
      grant: isRefresh ? 'refresh' : token['device_code'] === undefined ? 'code' : 'device',
      accessToken,
      refreshToken,
      sent: token['refresh_token'] ?? null,
      scopes,
      idToken: givesIdToken ? await this.#idToken(grant, isRefresh) : null,
      headers,
    }
    this.last = issued
    return (answer ?? standardAnswer(lifetime))(issued)
  }

  #mayRefresh({ scopes, authorization }: Grant, token: Parameters): boolean {
    const { neverRefreshes, withholdsRefreshToken } = this.#vendor
    const why = withholdsRefreshToken?.({ scopes, authorization, token })
    if (why !== undefined) this.refusals.push(`no refresh token, because ${why}`)
    return neverRefreshes !== true && why === undefined
  }

  /** OpenID Connect Core §12.2: without a nonce on refresh. */
  #idToken({ nonce }: Grant, isRefresh: boolean): Promise<string> {
    const issuer = this.moved(this.#vendor.discovery?.issuer ?? '')
    const audience = this.#client.id
    return signIdToken(issuer, audience, nonce === undefined || isRefresh ? {} : { nonce })
  }

  #introspect({ token = '' }: Parameters): Answer {
    const active = this.knows(token)
    return { body: { active: this.#vendor.activeIsText ? String(active) : active } }
  }

  #revoke({ token = '' }: Parameters): Answer {
    this.#accessTokens.delete(token)
    this.#refreshTokens.delete(token)
    return { body: {} }
  }

  #metadata(): Readonly<Record<string, unknown>> {
    const { authorize, token, revoke, device, introspect, discovery } = this.#vendor
    const optional = {
      revoke: ['revocation_endpoint', revoke],
      device: ['device_authorization_endpoint', device],
      introspect: ['introspection_endpoint', introspect],
    } as const
    const named = (discovery?.names ?? []).map((name) => {
      const [member, url = ''] = optional[name]
      return [member, this.moved(url)] as const
    })
    return {
      issuer: this.moved(discovery?.issuer ?? ''),
      authorization_endpoint: this.moved(authorize),
      token_endpoint: this.moved(token),
      jwks_uri: this.moved(JWKS_URL),
      ...Object.fromEntries(named),
    }
  }
}
