/**
 * Finds an authorization server's endpoints: those in the profile, otherwise those in the server's metadata
 * (OpenID Connect Discovery 1.0 §4, RFC 8414 §3).
 *
 * A document is used only if its issuer is the requested one (RFC 8414 §3.3). If the profile names a resource server
 * instead of an issuer, the resource server's metadata names the issuer (RFC 9728).
 */
import type { Clock } from '../clock.js'
import { ENDPOINTS, type Endpoint, type Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { MetadataCache } from './metadata-cache.js'
import {
  completed,
  isIssuerTemplate,
  metadataAddresses,
  parseMetadata,
  type ServerMetadata,
  spellingsOf,
} from './metadata-document.js'
import { PublicRequests } from './public-requests.js'
import { failureOf, findPublished, shown, triedInWords, Unfit } from './published-document.js'
import type { ResourceIssuers } from './resource-issuers.js'
import { findProtectedResource, type ProtectedResource } from './resource-metadata.js'
import type { ServerConnections } from './server-connections.js'

/** Without these, other documents of the same issuer are read too. */
const ALWAYS_WANTED: readonly Endpoint[] = ['authorization_endpoint', 'token_endpoint']

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
    const issuers = await this.#issuersOf(profile)
    const [issuer] = issuers
    if (issuer === undefined) {
      if (stated !== undefined) return { issuer: stated, ...named }
      throw new CatchdError('profile_invalid', 'The profile has neither an issuer nor endpoints.')
    }
    const requests = this.search(profile.ca_file)
    const document = await this.ofIssuers(issuers, profile.ca_file, requests)
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
      `${issuer} publishes no metadata. Set authorization_endpoint and token_endpoint in the profile. ${triedInWords(requests.tried)}`.trim(),
    )
  }

  /** A search for what servers publish: its limits count for all calls that get it. */
  search(caFile: string | undefined): PublicRequests {
    return new PublicRequests(this.#connections, caFile)
  }

  /**
   * The metadata of the first of these issuers that has usable metadata.
   *
   * @param wanted - Endpoints that other documents of the same issuer may have, if the first one lacks them.
   * @returns `undefined` if the servers answer but publish no metadata.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`
   */
  async ofIssuers(
    issuers: readonly string[],
    caFile: string | undefined,
    requests = this.search(caFile),
    wanted: readonly Endpoint[] = [],
  ): Promise<ServerMetadata | undefined> {
    const key = keyOf(issuers, caFile)
    const server = await this.#issuers.of(key, () => findMetadata(requests, issuers))
    if (server === undefined) return undefined
    const whole = await completeMetadata(requests, server, wanted)
    for (const place of [key, keyOf([server.issuer], caFile)]) {
      if (whole !== server || this.#issuers.lastOf(place) === undefined) this.#issuers.put(place, whole)
    }
    return whole
  }

  /** The last fetched metadata, without the endpoints of the profile. Sends no request. */
  lastOf({ issuer, resource_server, ca_file }: Profile): ServerMetadata | undefined {
    if (issuer !== undefined) return this.#issuers.lastOf(keyOf([issuer], ca_file))
    const resource =
      resource_server === undefined ? undefined : this.#resources.lastOf(keyOf([resource_server], ca_file))
    return resource?.issuers
      .map((named) => this.#issuers.lastOf(keyOf(spellingsOf(named), ca_file)))
      .find((server) => server !== undefined)
  }

  /**
   * The metadata of the resource server at `url` (RFC 9728).
   *
   * @returns `undefined` if it answers but publishes no metadata.
   * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`
   */
  ofResource(
    url: string,
    caFile: string | undefined,
    requests = this.search(caFile),
  ): Promise<ProtectedResource | undefined> {
    return this.#resources.of(keyOf([url], caFile), () => findProtectedResource(requests, url))
  }

  /** Like {@link ofResource}, but never from the cache: the user wants to know what the resource says now. */
  ofResourceNow(
    url: string,
    caFile: string | undefined,
    requests = this.search(caFile),
  ): Promise<ProtectedResource | undefined> {
    this.#resources.forget(keyOf([url], caFile))
    return this.ofResource(url, caFile, requests)
  }

  /**
   * The issuer of the profile, or the spellings of the one that its resource server names.
   *
   * @throws CatchdError also what {@link ResourceIssuers.require} throws
   */
  async #issuersOf(profile: Profile): Promise<readonly string[]> {
    const { issuer, resource_server, ca_file } = profile
    if (issuer !== undefined) return [issuer]
    if (resource_server === undefined) return []
    const requests = this.search(ca_file)
    const resource = await this.ofResource(resource_server, ca_file, requests)
    if (resource === undefined) {
      throw new CatchdError(
        'provider_answer_invalid',
        `${resource_server} publishes no metadata that names its authorization server (RFC 9728). Set issuer in the profile. ${triedInWords(requests.tried)}`.trim(),
      )
    }
    const choose = () => this.#firstUsable(resource.issuers, ca_file, requests)
    const named = await (this.#resourceIssuers?.require(profile, resource_server, resource.issuers, choose) ??
      choose())
    return spellingsOf(named)
  }

  /** The resource server may list several authorization servers (RFC 9728 §2), and some of them may be gone. */
  async #firstUsable(
    issuers: readonly [string, ...string[]],
    caFile: string | undefined,
    requests: PublicRequests,
  ): Promise<string> {
    if (issuers.length === 1) return issuers[0]
    const server = await this.ofIssuers(issuers.flatMap(spellingsOf), caFile, requests)
    return issuers.find((named) => spellingsOf(named).includes(server?.issuer ?? '')) ?? issuers[0]
  }
}

/** @throws CatchdError like {@link Metadata.ofIssuers} */
async function findMetadata(
  requests: PublicRequests,
  issuers: readonly string[],
): Promise<ServerMetadata | undefined> {
  const issuersAt = new Map<string, string[]>()
  for (const issuer of issuers) {
    for (const address of metadataAddresses(issuer)) {
      issuersAt.set(address, [...(issuersAt.get(address) ?? []), issuer])
    }
  }
  const before = requests.tried.length
  const incomplete: ServerMetadata[] = []
  const found = await findPublished(requests, [...issuersAt.keys()], (document, address) => {
    const server = parseMetadata(document)
    if (server === undefined) return new Unfit('no metadata')
    if (!issuersAt.get(address)?.includes(server.issuer))
      return mismatch(issuersAt.get(address), server.issuer)
    if (ALWAYS_WANTED.every((name) => server[name] !== undefined)) return server
    incomplete.push(server)
    return new Unfit('not complete')
  })
  if (found !== undefined) return found
  const [first, ...others] = incomplete
  if (first !== undefined)
    return completed(
      first,
      others.filter(({ issuer }) => issuer === first.issuer),
    )
  const failure = failureOf(requests.tried.slice(before))
  if (failure !== undefined) throw failure
  return undefined
}

/** Reads the other documents of the same issuer, until one has what the first one lacks. */
async function completeMetadata(
  requests: PublicRequests,
  server: ServerMetadata,
  wanted: readonly Endpoint[],
): Promise<ServerMetadata> {
  const missing = wanted.filter((name) => server[name] === undefined)
  if (missing.length === 0) return server
  const others: ServerMetadata[] = []
  await findPublished(requests, metadataAddresses(server.issuer), (document) => {
    const other = parseMetadata(document)
    if (other?.issuer !== server.issuer) return new Unfit('of another issuer')
    others.push(other)
    return missing.every((name) => other[name] !== undefined) ? other : new Unfit('not complete')
  })
  return others.length === 0 ? server : completed(server, others)
}

/**
 * Issuers are compared as strings, not as URLs: `https://a` and `https://a/` are different (RFC 8414 §3.3).
 *
 * A server of many tenants may publish a template (`https://login.example/{tenantid}`), which no token and no response has.
 */
function mismatch([expected = '']: readonly string[] = [], named: string): Unfit {
  const advice = isIssuerTemplate(named)
    ? 'That is a template. Set issuer to the issuer of your tenant.'
    : "The issuer in the profile must be exactly the server's."
  return new Unfit(
    `names the issuer ${shown(named)}`,
    new CatchdError('issuer_mismatch', {
      detail: `The metadata published for ${expected} names another issuer: ${shown(named)}. ${advice}`,
      evidence: { issuer: named, issuerFrom: 'metadata' },
    }),
  )
}

function keyOf(addresses: readonly string[], caFile: string | undefined): string {
  return JSON.stringify([addresses, caFile])
}

function endpointsOf(profile: Profile): Readonly<Partial<Record<Endpoint, string>>> {
  return Object.fromEntries(
    ENDPOINTS.flatMap((name) => (profile[name] === undefined ? [] : [[name, profile[name]]])),
  )
}

/** Used as the issuer if only endpoints are known. */
function originOf({ token_endpoint, authorization_endpoint }: Profile): string | undefined {
  const endpoint = token_endpoint ?? authorization_endpoint
  return endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).origin : undefined
}
