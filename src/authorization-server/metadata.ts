/**
 * Finds an authorization server's endpoints: those in the profile, otherwise those in the server's metadata
 * (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
 *
 * A document is used only if its issuer is the requested one (RFC 8414 §3.3). If the profile names a resource server
 * instead of an issuer, the resource server's metadata names the issuer (RFC 9728).
 */
import * as z from 'zod'
import type { Clock } from '../clock.js'
import { ENDPOINTS, type Endpoint, type Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { printable } from '../text/printable.js'
import { MetadataCache } from './metadata-cache.js'
import { mayLeadTo, readPublished } from './published-document.js'
import type { ResourceIssuers } from './resource-issuers.js'
import { findProtectedResource, type ProtectedResource } from './resource-metadata.js'
import type { ServerConnections } from './server-connections.js'

const algorithms = z.array(z.string().max(32)).max(64).nullish()
const words = z.array(z.string().max(256)).max(1024).nullish()

/** The members that say what the server supports (RFC 8414 §2). */
const Announced = z.object({
  authorization_response_iss_parameter_supported: z.boolean().nullish(),
  require_pushed_authorization_requests: z.boolean().nullish(),
  id_token_signing_alg_values_supported: algorithms,
  token_endpoint_auth_signing_alg_values_supported: algorithms,
  dpop_signing_alg_values_supported: algorithms,
  authorization_signing_alg_values_supported: algorithms,
  token_endpoint_auth_methods_supported: words,
  code_challenge_methods_supported: words,
  grant_types_supported: words,
  response_modes_supported: words,
  scopes_supported: words,
  /** Whether a client_id can be the URL of a Client ID Metadata Document. */
  client_id_metadata_document_supported: z.boolean().nullish(),
})
type Announced = z.infer<typeof Announced>

/** The members that are used. The others are dropped, so that a thousand large documents fit into memory. */
const Document = Announced.extend({
  issuer: z.string(),
  ...Object.fromEntries(ENDPOINTS.map((name) => [name, z.string().nullish()])),
  mtls_endpoint_aliases: z
    .object(Object.fromEntries(ENDPOINTS.map((name) => [name, z.string().optional()])))
    .nullish(),
})

type Endpoints = Readonly<Partial<Record<Endpoint, string>>>

/** The known metadata of an authorization server. Also valid as oauth4webapi's type. */
export type ServerMetadata = Endpoints & {
  readonly [Name in keyof Announced]?: NonNullable<Announced[Name]>
} & {
  readonly issuer: string
  /** The endpoints for clients with a certificate (RFC 8705 §5). */
  readonly mtls_endpoint_aliases?: Endpoints
}

export class Metadata {
  readonly #connections: ServerConnections
  readonly #issuers: MetadataCache<ServerMetadata>
  readonly #resources: MetadataCache<ProtectedResource>
  readonly #resourceIssuers: ResourceIssuers | undefined

  /** @param resourceIssuers - Only unnecessary for a caller that sends no secrets. */
  constructor(connections: ServerConnections, clock: Pick<Clock, 'now'>, resourceIssuers?: ResourceIssuers) {
    this.#connections = connections
    this.#resourceIssuers = resourceIssuers
    this.#issuers = new MetadataCache(clock)
    this.#resources = new MetadataCache(clock)
  }

  /**
   * The published endpoints, replaced by those in the profile.
   *
   * @param needed - If the profile has all of these endpoints, no request is sent. If the list is empty, the metadata of
   *   the `issuer` is always fetched.
   * @returns For a profile without `issuer`, metadata whose `issuer` is the origin of the token endpoint. That is enough
   *   to send requests, but not to validate an `iss`.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`, `profile_invalid`
   *   if there is neither an `issuer` nor an endpoint
   */
  async of(profile: Profile, ...needed: readonly Endpoint[]): Promise<ServerMetadata> {
    const named = endpointsOf(profile)
    const isNamed = needed.length > 0 && needed.every((name) => named[name] !== undefined)
    const stated = profile.issuer ?? (profile.resource_server === undefined ? originOf(profile) : undefined)
    if (isNamed && stated !== undefined) return { issuer: stated, ...named }
    const issuer = await this.#issuerOf(profile)
    if (issuer === undefined) {
      if (stated !== undefined) return { issuer: stated, ...named }
      throw new CatchdError('profile_invalid', 'The profile has neither an issuer nor endpoints.')
    }
    const document = await this.ofIssuer(issuer, profile.ca_file)
    if (document !== undefined) {
      const isMutual = profile.token_endpoint_auth_method === 'tls_client_auth'
      return { ...document, ...(isMutual ? document.mtls_endpoint_aliases : {}), ...named }
    }
    // For a server without metadata, the issuer may be configured only to check `iss`.
    if (named.authorization_endpoint !== undefined && named.token_endpoint !== undefined) {
      return { issuer, ...named }
    }
    throw new CatchdError(
      'provider_answer_invalid',
      `${issuer} publishes no metadata. Set authorization_endpoint and token_endpoint in the profile.`,
    )
  }

  /**
   * The metadata of an issuer.
   *
   * @returns `undefined` if the server answers but publishes no metadata.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`
   */
  ofIssuer(issuer: string, caFile: string | undefined): Promise<ServerMetadata | undefined> {
    return this.#issuers.of(keyOf(issuer, caFile), async () => {
      const document = await readPublished(this.#connections, wellKnownUrls(issuer), caFile)
      return document === undefined ? undefined : parseMetadata(issuer, document)
    })
  }

  /** The last fetched metadata, without the endpoints of the profile. Sends no request. */
  lastOf({ issuer, resource_server, ca_file }: Profile): ServerMetadata | undefined {
    const resource =
      resource_server === undefined ? undefined : this.#resources.lastOf(keyOf(resource_server, ca_file))
    const named = issuer ?? resource?.issuer
    return named === undefined ? undefined : this.#issuers.lastOf(keyOf(named, ca_file))
  }

  /**
   * The metadata of the resource server at `url` (RFC 9728).
   *
   * @returns `undefined` if it answers but publishes no metadata.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`
   */
  ofResource(url: string, caFile: string | undefined): Promise<ProtectedResource | undefined> {
    return this.#resources.of(keyOf(url, caFile), () => findProtectedResource(this.#connections, url, caFile))
  }

  /** The issuer of the profile or of its resource server. @throws CatchdError also what {@link ResourceIssuers.require} throws */
  async #issuerOf(profile: Profile): Promise<string | undefined> {
    const { issuer, resource_server, ca_file } = profile
    if (issuer !== undefined || resource_server === undefined) return issuer
    const resource = await this.ofResource(resource_server, ca_file)
    if (resource !== undefined) {
      await this.#resourceIssuers?.require(profile, resource_server, resource.issuer)
      return resource.issuer
    }
    throw new CatchdError(
      'provider_answer_invalid',
      `${resource_server} publishes no metadata that names its authorization server (RFC 9728). Set issuer.`,
    )
  }
}

function keyOf(address: string, caFile: string | undefined): string {
  return JSON.stringify([address, caFile])
}

function endpointsOf(profile: Profile): Endpoints {
  return Object.fromEntries(
    ENDPOINTS.flatMap((name) => (profile[name] === undefined ? [] : [[name, profile[name]]])),
  )
}

/** Used as the issuer if only endpoints are known. */
function originOf({ token_endpoint, authorization_endpoint }: Profile): string | undefined {
  const endpoint = token_endpoint ?? authorization_endpoint
  return endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).origin : undefined
}

/** The addresses of OpenID Connect Discovery §4.1 and RFC 8414 §3.1, and the compatible one of RFC 8414 §5. */
function wellKnownUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ]
}

/** In characters: an issuer in a message. */
const LONGEST_SHOWN = 200

/**
 * Issuers are compared as strings, not as URLs: `https://a` and `https://a/` are different (RFC 8414 §3.3).
 *
 * @throws CatchdError `issuer_mismatch`, `provider_answer_invalid` with the member
 */
function parseMetadata(issuer: string, value: object): ServerMetadata {
  const parsed = Document.safeParse(value)
  if (!parsed.success) {
    const member = String(parsed.error.issues[0]?.path[0] ?? 'document')
    throw new CatchdError('provider_answer_invalid', `The metadata of ${issuer} has an unusable ${member}.`)
  }
  const document = Object.fromEntries(
    Object.entries(parsed.data).filter(([, member]) => member !== undefined && member !== null),
  ) as ServerMetadata
  if (document.issuer !== issuer) {
    throw new CatchdError('issuer_mismatch', {
      detail: `The metadata published for ${issuer} names another issuer: ${printable(document.issuer).slice(0, LONGEST_SHOWN)}. Both must be exactly the same.`,
      evidence: { issuer: document.issuer, issuerFrom: 'metadata' },
    })
  }
  for (const name of ENDPOINTS) {
    requireUsable(issuer, name, document[name])
    requireUsable(issuer, name, document.mtls_endpoint_aliases?.[name])
  }
  return document
}

function requireUsable(issuer: string, name: Endpoint, endpoint: string | undefined): void {
  if (endpoint === undefined || mayLeadTo(issuer, endpoint)) return
  throw new CatchdError(
    'provider_answer_invalid',
    `The metadata of ${issuer} has a ${name} that is not https. Plain http is allowed only on loopback, and only if the issuer is there too.`,
  )
}
