/**
 * Where an authorization server's endpoints are: what the profile names, else what the server publishes
 * (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
 *
 * A document is believed only when it names the issuer that was asked (RFC 8414 §3.3). It is kept for ten minutes
 * in memory, asked for once by all who wait for it; a failure is not kept.
 */
import { z } from 'zod'
import type { Clock } from '../clock.js'
import { isLoopbackHost } from '../config/loopback.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import type { ServerConnections } from './server-connections.js'

const KEPT_MS = 600_000
/** Beyond this the oldest document is dropped and discovered again when it is needed. */
const MOST_KEPT = 256

const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
  'userinfo_endpoint',
  'pushed_authorization_request_endpoint',
  'device_authorization_endpoint',
  'jwks_uri',
] as const
export type Endpoint = (typeof ENDPOINTS)[number]

const algorithms = z.array(z.string().max(32)).max(64).nullish()

/** What is used of a document; the rest is dropped, so that a thousand large ones fit into memory. */
const Document = z.object({
  issuer: z.string(),
  ...Object.fromEntries(ENDPOINTS.map((name) => [name, z.string().nullish()])),
  authorization_response_iss_parameter_supported: z.boolean().nullish(),
  require_pushed_authorization_requests: z.boolean().nullish(),
  id_token_signing_alg_values_supported: algorithms,
  token_endpoint_auth_signing_alg_values_supported: algorithms,
  dpop_signing_alg_values_supported: algorithms,
  authorization_signing_alg_values_supported: algorithms,
  mtls_endpoint_aliases: z
    .object(Object.fromEntries(ENDPOINTS.map((name) => [name, z.string().optional()])))
    .nullish(),
})

/** An authorization server as far as it is known; a type of oauth4webapi's too. */
export type ServerMetadata = Readonly<Partial<Record<Endpoint, string>>> & {
  readonly issuer: string
  readonly authorization_response_iss_parameter_supported?: boolean
  readonly require_pushed_authorization_requests?: boolean
  readonly id_token_signing_alg_values_supported?: string[]
  readonly token_endpoint_auth_signing_alg_values_supported?: string[]
  readonly dpop_signing_alg_values_supported?: string[]
  readonly authorization_signing_alg_values_supported?: string[]
  /** Where clients with a certificate go instead (RFC 8705 §5). */
  readonly mtls_endpoint_aliases?: Readonly<Partial<Record<Endpoint, string>>>
}

export class Metadata {
  readonly #connections: ServerConnections
  readonly #clock: Pick<Clock, 'now'>
  readonly #discovered = new Map<string, { untilMs: number; document: Promise<ServerMetadata | undefined> }>()

  constructor(connections: ServerConnections, clock: Pick<Clock, 'now'>) {
    this.#connections = connections
    this.#clock = clock
  }

  /**
   * The profile's own endpoints over the published ones.
   *
   * @param needed - When the profile names all of these itself, nothing is asked; without any, what the `issuer`
   *   publishes always is.
   * @returns For a profile without `issuer`, a description whose `issuer` is the token endpoint's origin: enough
   *   to send requests, never to validate an `iss`.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`, `profile_invalid`
   *   when there is neither an `issuer` nor an endpoint
   */
  async of(profile: Profile, ...needed: readonly Endpoint[]): Promise<ServerMetadata> {
    const named = endpointsOf(profile)
    const { issuer } = profile
    if (issuer === undefined) return { issuer: anonymous(profile), ...named }
    if (needed.length > 0 && needed.every((name) => named[name] !== undefined)) return { issuer, ...named }
    const document = await this.#discover(profile, issuer)
    if (document !== undefined) {
      const isMutual = profile.token_endpoint_auth_method === 'tls_client_auth'
      return { ...document, ...(isMutual ? document.mtls_endpoint_aliases : {}), ...named }
    }
    // The issuer may be there for `iss` only, at a server without metadata.
    if (named.authorization_endpoint !== undefined && named.token_endpoint !== undefined) {
      return { issuer, ...named }
    }
    throw new CatchdError('provider_answer_invalid', {
      profile: profile.name,
      detail: `${issuer} publishes no metadata: the profile has to name authorization_endpoint and token_endpoint.`,
    })
  }

  #discover(profile: Profile, issuer: string): Promise<ServerMetadata | undefined> {
    const key = JSON.stringify([issuer, profile.ca_file])
    const known = this.#discovered.get(key)
    const now = this.#clock.now()
    // A clock that was set back must not keep a document for longer.
    if (known !== undefined && now < known.untilMs && known.untilMs - now <= KEPT_MS) return known.document
    const entry = { untilMs: now + KEPT_MS, document: this.#request(profile, issuer) }
    this.#discovered.delete(key)
    this.#discovered.set(key, entry)
    const forget = () => {
      if (this.#discovered.get(key) === entry) this.#discovered.delete(key)
    }
    entry.document.then((document) => document ?? forget(), forget)
    for (const oldest of this.#discovered.keys()) {
      if (this.#discovered.size <= MOST_KEPT) break
      this.#discovered.delete(oldest)
    }
    return entry.document
  }

  /** `undefined` where the server answers and publishes nothing. */
  async #request(profile: Profile, issuer: string): Promise<ServerMetadata | undefined> {
    let trouble: CatchdError | undefined
    for (const url of wellKnownUrls(issuer)) {
      const headers = { accept: 'application/json', 'user-agent': `catchd/${VERSION}` }
      const answer = await this.#connections.exchange(url, { method: 'GET', headers }, profile.ca_file)
      // A page that a web application gives for every address is no metadata either.
      const document = answer.status === 200 ? parseObject(answer.body) : undefined
      if (document !== undefined) return parseMetadata(issuer, document)
      if (answer.status === 429 || answer.status >= 500) trouble ??= busy(issuer, answer.status)
    }
    if (trouble !== undefined) throw trouble
    return undefined
  }
}

function endpointsOf(profile: Profile): Partial<Record<Endpoint, string>> {
  return Object.fromEntries(
    ENDPOINTS.flatMap((name) => (profile[name] === undefined ? [] : [[name, profile[name]]])),
  )
}

function anonymous(profile: Profile): string {
  const endpoint = profile.token_endpoint ?? profile.authorization_endpoint
  if (endpoint !== undefined && URL.canParse(endpoint)) return new URL(endpoint).origin
  throw new CatchdError('profile_invalid', {
    profile: profile.name,
    detail:
      profile.resource_server === undefined
        ? 'The profile names neither issuer nor endpoints.'
        : 'Discovery from resource_server is not supported by this version: set issuer.',
  })
}

/** OpenID Connect Discovery §4.1, RFC 8414 §3.1, and the path that RFC 8414 §5 allows for the former. */
function wellKnownUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    ...new Set([
      `${origin}${path}/.well-known/openid-configuration`,
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}/.well-known/openid-configuration${path}`,
    ]),
  ]
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * Issuers are compared as strings, not as URLs: `https://a` and `https://a/` are two (RFC 8414 §3.3).
 *
 * @throws CatchdError `issuer_mismatch`, `provider_answer_invalid` naming the member
 */
export function parseMetadata(issuer: string, value: object): ServerMetadata {
  const parsed = Document.safeParse(value)
  if (!parsed.success) {
    const member = String(parsed.error.issues[0]?.path[0] ?? 'document')
    throw new CatchdError('provider_answer_invalid', `The metadata of ${issuer} has an unusable ${member}.`)
  }
  const document = Object.fromEntries(
    Object.entries(parsed.data).filter(([, member]) => member !== undefined && member !== null),
  ) as ServerMetadata
  if (document.issuer !== issuer) {
    throw new CatchdError(
      'issuer_mismatch',
      `The metadata published for ${issuer} names another issuer; the profile's issuer has to be exactly that of the server.`,
    )
  }
  for (const name of ENDPOINTS) {
    requireUsable(issuer, name, document[name])
    requireUsable(issuer, name, document.mtls_endpoint_aliases?.[name])
  }
  return document
}

/**
 * A published endpoint decides what a browser opens and where a code goes: https, and only a server on loopback
 * may name loopback addresses, or it could aim our requests at other services of this machine.
 */
function requireUsable(issuer: string, name: Endpoint, endpoint: string | undefined): void {
  if (endpoint === undefined) return
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  const isWeb = url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password === ''
  const isLocal = isWeb && isLoopbackHost(url.hostname)
  if (isWeb && (isLocal ? isLoopbackHost(new URL(issuer).hostname) : url.protocol === 'https:')) return
  throw new CatchdError(
    'provider_answer_invalid',
    `The metadata of ${issuer} gives a ${name} that is neither https nor, for an issuer on loopback, on loopback.`,
  )
}

function busy(issuer: string, status: number): CatchdError {
  return new CatchdError(
    'provider_answer_invalid',
    `${issuer} answered ${status} when asked for its metadata.`,
  )
}
