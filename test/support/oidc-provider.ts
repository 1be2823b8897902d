/**
 * The npm package oidc-provider in this process, on a free loopback port: a certified OpenID Connect server
 * with discovery, PKCE, `iss`, rotation of refresh tokens and revocation, counted from outside.
 *
 * Its own sign-in and consent pages are driven over plain HTTP by `approve`.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { errors } from 'oidc-provider'
import { CookieSession, type HtmlForm, readForm, redirectTarget } from './http-client.js'

export interface OidcProviderOptions {
  readonly redirectUris: readonly string[]
  /** Default `none`: a public client. */
  readonly tokenEndpointAuthMethod?:
    | 'none'
    | 'client_secret_basic'
    | 'client_secret_post'
    | 'client_secret_jwt'
    | 'private_key_jwt'
  /** More of the client's registration (RFC 7591 §2): its keys, `require_pushed_authorization_requests`, … */
  readonly registration?: Readonly<Record<string, unknown>>
  /** Default false: authorization requests must be pushed (RFC 9126). */
  readonly requirePushedRequests?: boolean
  /** Default false: DPoP proofs need a nonce of the server (RFC 9449 §8). */
  readonly requireDpopNonce?: boolean
  /** Default 3600. */
  readonly accessTokenLifetimeSeconds?: number
  /** Default 3600. */
  readonly idTokenLifetimeSeconds?: number
  /** Default true: a refresh brings an id_token, which it need not (OpenID Connect Core §12.2). */
  readonly idTokenOnRefresh?: boolean
  /** Default 86,400. */
  readonly refreshTokenLifetimeSeconds?: number
  /** Default true. */
  readonly rotateRefreshTokens?: boolean
  /** Default false: also the device authorization grant. */
  readonly deviceFlow?: boolean
  /** Default false: clients may register themselves (RFC 7591). */
  readonly clientRegistration?: boolean
  /** Default false: access tokens of its own may be exchanged for others (RFC 8693). */
  readonly tokenExchange?: boolean
  /** Resource indicators (RFC 8707) that tokens may be asked for, with their scopes. */
  readonly resources?: Readonly<Record<string, string>>
}

/** What the server knows of an access token; expiry in seconds since the epoch. */
export interface IssuedToken {
  readonly clientId: string
  readonly scopes: string[]
  readonly expiresAt: number
  readonly audience: string | undefined
}

export interface OidcProviderCounts {
  /** Requests to the token endpoint, refused ones too. */
  readonly tokenRequests: number
  readonly codesRedeemed: number
  readonly refreshes: number
  readonly refreshTokensReused: number
  readonly revocations: number
  /** Pushed authorization requests, refused ones too. */
  readonly pushedRequests: number
  /** Clients that registered themselves (RFC 7591). */
  readonly registrations: number
  /** Those that were taken off the list again (RFC 7592). */
  readonly deregistrations: number
}

export interface OidcApproval {
  readonly login?: string
  /** Aborts at the first page: `error=access_denied`. */
  readonly deny?: boolean
}

/** A `response_mode=form_post` answer, which a browser would post by itself. */
export interface FormPost {
  readonly formPost: HtmlForm
}

export interface OidcProvider {
  readonly issuer: string
  readonly clientId: string
  /** `null` for a public client. */
  readonly clientSecret: string | null
  readonly counts: OidcProviderCounts
  /** The authorization response: the Location that leads to the redirect URI (not followed), or the form. */
  approve(authorizationUrl: string, approval?: OidcApproval): Promise<string | FormPost>
  /** Like {@link approve} for the response modes that redirect. */
  approveByRedirect(authorizationUrl: string, approval?: OidcApproval): Promise<string>
  findToken(token: string): Promise<IssuedToken | undefined>
  /** As if an administrator had removed it. */
  forgetClient(clientId: string): Promise<void>
  close(): Promise<void>
}

/** Sign-in and consent are two pages with a redirect before and after each. */
const MOST_STEPS = 12

export async function startOidcProvider(options: OidcProviderOptions): Promise<OidcProvider> {
  const server = createServer()
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const authMethod = options.tokenEndpointAuthMethod ?? 'none'
  const clientId = 'catchd'
  const clientSecret = authMethod.startsWith('client_secret') ? randomBytes(24).toString('hex') : null

  const counts = {
    tokenRequests: 0,
    codesRedeemed: 0,
    refreshes: 0,
    refreshTokensReused: 0,
    revocations: 0,
    pushedRequests: 0,
    registrations: 0,
    deregistrations: 0,
  }
  const provider = new Provider(issuer, configuration(options, { clientId, clientSecret, authMethod }))
  if (options.tokenExchange) registerTokenExchange(provider)
  if (options.idTokenOnRefresh === false) dropIdTokenOnRefresh(provider)
  provider.on('grant.success', ({ oidc }) => {
    if (oidc.params.grant_type === 'authorization_code') counts.codesRedeemed += 1
    if (oidc.params.grant_type === 'refresh_token') counts.refreshes += 1
  })
  provider.on('grant.error', (_context, error) => {
    if (error.error_detail === 'refresh token already used') counts.refreshTokensReused += 1
  })
  provider.on('registration_create.success', () => {
    counts.registrations += 1
  })
  provider.on('registration_delete.success', () => {
    counts.deregistrations += 1
  })
  const serve = provider.callback()
  server.on('request', (request, response) => {
    if (request.method === 'POST' && request.url === '/token') counts.tokenRequests += 1
    if (request.method === 'POST' && request.url === '/token/revocation') counts.revocations += 1
    if (request.method === 'POST' && request.url === '/request') counts.pushedRequests += 1
    void serve(request, response)
  })

  const approve = (url: string, approval: OidcApproval = {}) => walk(url, issuer, approval)
  return {
    issuer,
    clientId,
    clientSecret,
    counts,
    approve,
    async findToken(token) {
      const found = await provider.AccessToken.find(token)
      if (found?.clientId === undefined) return undefined
      const { clientId: holder, scope = '', exp = 0, aud } = found
      const audience = Array.isArray(aud) ? aud[0] : aud
      return { clientId: holder, scopes: scope.split(' '), expiresAt: exp, audience }
    },
    forgetClient: (id) => provider.Client.adapter.destroy(id),
    async approveByRedirect(url, approval) {
      const response = await approve(url, approval)
      if (typeof response !== 'string') throw new Error('The server answered with a form, not a redirect.')
      return response
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

interface Registration {
  readonly clientId: string
  readonly clientSecret: string | null
  readonly authMethod: string
}

function configuration(options: OidcProviderOptions, registration: Registration): Record<string, unknown> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const exchange = options.tokenExchange ? [TOKEN_EXCHANGE] : []
  const deviceGrant = options.deviceFlow ? ['urn:ietf:params:oauth:grant-type:device_code'] : []
  return {
    clients: [
      {
        client_id: registration.clientId,
        ...(registration.clientSecret === null ? {} : { client_secret: registration.clientSecret }),
        token_endpoint_auth_method: registration.authMethod,
        application_type: 'native',
        redirect_uris: options.redirectUris,
        grant_types: ['authorization_code', 'refresh_token', ...deviceGrant, ...exchange],
        id_token_signed_response_alg: 'ES256',
        authorization_signed_response_alg: 'ES256',
        ...options.registration,
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'test' }] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'offline_access', 'email'],
    claims: { openid: ['sub'], email: ['email'] },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org` }),
    }),
    // Also without prompt=consent, which this server asks of offline_access otherwise.
    issueRefreshToken: () => true,
    rotateRefreshToken: options.rotateRefreshTokens ?? true,
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      deviceFlow: { enabled: options.deviceFlow ?? false },
      jwtResponseModes: { enabled: true },
      registration: { enabled: options.clientRegistration ?? false },
      registrationManagement: { enabled: options.clientRegistration ?? false },
      resourceIndicators: {
        enabled: options.resources !== undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, resource: string) => {
          const scope = options.resources?.[resource]
          if (scope === undefined) throw new errors.InvalidTarget()
          return { scope, audience: resource, accessTokenFormat: 'opaque' }
        },
      },
      pushedAuthorizationRequests: {
        enabled: true,
        requirePushedAuthorizationRequests: options.requirePushedRequests ?? false,
      },
      dPoP: {
        enabled: true,
        nonceSecret: randomBytes(32),
        requireNonce: () => options.requireDpopNonce ?? false,
      },
    },
    ttl: {
      AccessToken: options.accessTokenLifetimeSeconds ?? 3600,
      RefreshToken: options.refreshTokenLifetimeSeconds ?? 86_400,
      AuthorizationCode: 60,
      IdToken: options.idTokenLifetimeSeconds ?? 3600,
      Interaction: 600,
      Session: 3600,
      Grant: 86_400,
      DeviceCode: 600,
    },
  }
}

function dropIdTokenOnRefresh(provider: Provider): void {
  provider.use(async (context, next) => {
    await next()
    if (context.oidc?.params?.grant_type !== 'refresh_token') return
    const { id_token: _dropped, ...answer } = context.body as Record<string, unknown>
    context.body = answer
  })
}

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** The little of RFC 8693 that a server must do: it takes its own access tokens, and says no in the words of §2.2.2. */
function registerTokenExchange(provider: Provider): void {
  const parameters = ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'scope']
  provider.registerGrantType(
    TOKEN_EXCHANGE,
    async (context) => {
      const { params, client } = context.oidc
      if (params['subject_token_type'] !== ACCESS_TOKEN) throw new errors.InvalidRequest('subject_token_type')
      const subject = await provider.AccessToken.find(params['subject_token'] ?? '')
      if (subject === undefined) throw new errors.InvalidRequest('subject_token is not active')
      if (params['audience'] === 'forbidden') throw new errors.InvalidTarget()
      const { accountId, grantId } = subject
      const token = new provider.AccessToken({
        accountId,
        grantId,
        client,
        gty: 'token-exchange',
        scope: 'email',
      })
      token.aud = params['audience']
      context.body = {
        access_token: await token.save(),
        issued_token_type: ACCESS_TOKEN,
        token_type: 'Bearer',
        expires_in: 300,
        scope: 'email',
      }
    },
    parameters,
  )
}

async function walk(
  authorizationUrl: string,
  issuer: string,
  approval: OidcApproval,
): Promise<string | FormPost> {
  const session = new CookieSession()
  let url = authorizationUrl
  let answer = await session.send(url)
  let hasDenied = false
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const target = redirectTarget(answer, url)
    if (target !== undefined && !target.startsWith(`${issuer}/`)) return target
    if (target !== undefined) {
      url = target
      answer = await session.send(url)
      continue
    }
    const form = readForm(answer.body, url)
    // Where a device was approved (RFC 8628 §3.3), no redirect follows.
    if (form === undefined && answer.status === 200) return url
    if (form === undefined) throw new Error(`The server shows no form but answers ${answer.status}.`)
    if (!form.action.startsWith(`${issuer}/`)) return { formPost: form }
    const isInteraction = form.action.includes('/interaction/')
    if (hasDenied && !isInteraction) return url // a device's code is asked for again
    const denies = approval.deny === true && isInteraction
    hasDenied ||= denies
    url = denies ? `${form.action}/abort` : form.action
    const fields = 'login' in form.fields ? { login: approval.login ?? 'ada', password: 'any' } : {}
    answer = denies ? await session.send(url) : await session.postForm(url, { ...form.fields, ...fields })
  }
  throw new Error('The server asks for more than signing in and consenting.')
}
