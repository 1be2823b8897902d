/**
 * Where an authorization server's endpoints are: what the profile names, else what the server publishes
 * (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
 *
 * A document is believed only when it names the issuer that was asked (RFC 8414 §3.3), and kept for ten minutes.
 */
import type { AuthorizationServer } from 'oauth4webapi'
import type { Clock } from '../clock.js'
import { isLoopbackHost } from '../config/loopback.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { ServerConnections } from './server-connections.js'
import { serverFetch } from './server-fetch.js'

const KEPT_MS = 600_000
/** Beyond this the oldest document is dropped and discovered again when it is needed. */
const MOST_KEPT = 1_000

/** Endpoints that a profile may name itself. */
const ENDPOINTS = [
  'authorization_endpoint',
  'token_endpoint',
  'revocation_endpoint',
  'introspection_endpoint',
  'userinfo_endpoint',
  'jwks_uri',
] as const

export class Metadata {
  readonly #connections: ServerConnections
  readonly #clock: Pick<Clock, 'now'>
  readonly #discovered = new Map<
    string,
    { readonly untilMs: number; readonly document: Promise<AuthorizationServer> }
  >()

  constructor(connections: ServerConnections, clock: Pick<Clock, 'now'>) {
    this.#connections = connections
    this.#clock = clock
  }

  /**
   * The profile's own endpoints over the published ones.
   *
   * @returns For a profile without `issuer`, a description whose `issuer` is the token endpoint's origin: enough
   *   to send requests, never to validate an `iss`.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`
   */
  async of(profile: Profile): Promise<AuthorizationServer> {
    const named = Object.fromEntries(
      ENDPOINTS.flatMap((name) => (profile[name] === undefined ? [] : [[name, profile[name]]])),
    )
    if (profile.issuer === undefined) {
      return { issuer: new URL(profile.token_endpoint ?? 'http://localhost').origin, ...named }
    }
    const document = await this.#discover(profile, profile.issuer)
    // The same object where nothing is overridden: oauth4webapi keeps the JWKS by it.
    return Object.keys(named).length === 0 ? document : { ...document, ...named }
  }

  #discover(profile: Profile, issuer: string): Promise<AuthorizationServer> {
    const key = `${issuer} ${profile.ca_file ?? ''}`
    const known = this.#discovered.get(key)
    if (known !== undefined && this.#clock.now() < known.untilMs) return known.document
    const document = this.#request(profile, issuer)
    this.#discovered.set(key, { untilMs: this.#clock.now() + KEPT_MS, document })
    document.catch(() => this.#discovered.delete(key))
    for (const oldest of this.#discovered.keys()) {
      if (this.#discovered.size <= MOST_KEPT) break
      this.#discovered.delete(oldest)
    }
    return document
  }

  async #request(profile: Profile, issuer: string): Promise<AuthorizationServer> {
    const oauth = await import('oauth4webapi')
    const url = new URL(issuer)
    for (const algorithm of ['oidc', 'oauth2'] as const) {
      const response = await oauth.discoveryRequest(url, {
        algorithm,
        [oauth.customFetch]: serverFetch(this.#connections, profile),
        [oauth.allowInsecureRequests]: true, // beyond loopback, server-connections.ts refuses plain http
      })
      if (response.status !== 200) continue
      return readDocument(issuer, await response.text())
    }
    throw new CatchdError('provider_answer_invalid', {
      profile: profile.name,
      detail: `${issuer} publishes no metadata, so the profile has to name the endpoints itself.`,
    })
  }
}

/** Read here rather than by oauth4webapi, which compares issuers as URLs: they are compared as strings. */
function readDocument(issuer: string, text: string): AuthorizationServer {
  const document = parseObject(issuer, text)
  if (document['issuer'] !== issuer) {
    throw new CatchdError('issuer_mismatch', {
      detail: `The metadata published for ${issuer} names another issuer.`,
    })
  }
  for (const name of ENDPOINTS) requireUsable(issuer, name, document[name])
  return document as unknown as AuthorizationServer
}

function parseObject(issuer: string, text: string): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(text)
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>
  } catch {
    // said below
  }
  throw new CatchdError('provider_answer_invalid', `The metadata of ${issuer} is not a JSON object.`)
}

/** A published endpoint decides what a browser opens and where a code goes: http(s) only. */
function requireUsable(issuer: string, name: string, value: unknown): void {
  if (value === undefined) return
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  const usable = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname))
  if (usable) return
  throw new CatchdError(
    'provider_answer_invalid',
    `The metadata of ${issuer} gives a ${name} that is neither https nor on loopback.`,
  )
}
