/**
 * Finds the authorization server for a URL: a protected resource names it (RFC 9728), or the URL or its origin is
 * itself an issuer (RFC 8414, OpenID Connect Discovery).
 */
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { registerClient, unregisterClient } from './client-registration.js'
import type { Metadata, ServerMetadata } from './metadata.js'
import { requireOneOperator } from './one-operator.js'
import { isOpen } from './open-resource.js'
import type { ClientDescription, DiscoveredServer, RegisteredClient, ServerDiscovery } from './port.js'
import type { ServerConnections } from './server-connections.js'

/** The scope that asks a server for a refresh token (OpenID Connect Core §11). */
const OFFLINE = 'offline_access'

export class PublishedServers implements ServerDiscovery {
  readonly #connections: ServerConnections
  readonly #metadata: Metadata

  constructor(connections: ServerConnections, metadata: Metadata) {
    this.#connections = connections
    this.#metadata = metadata
  }

  async discover(url: string, caFile?: string): Promise<DiscoveredServer> {
    const resource = await this.#metadata.ofResource(url, caFile)
    if (resource === undefined) {
      const server = await this.#issuerAt(url, caFile)
      return { ...described(url, server), resource: null, scope: openid(server), wantsDpop: false }
    }
    const server = await this.#firstOf(withAndWithoutSlash(resource.issuer), caFile)
    if (server === undefined) {
      throw new CatchdError(
        'provider_answer_invalid',
        `${url} names the authorization server ${resource.issuer}, but that server publishes no metadata (RFC 8414).`,
      )
    }
    return {
      ...described(url, server),
      resource: resource.resource,
      scope: resource.scope === null ? offline(server) : `${resource.scope} ${offline(server) ?? ''}`.trim(),
      wantsDpop: resource.wantsDpop,
    }
  }

  async register(issuer: string, description: ClientDescription, caFile?: string): Promise<RegisteredClient> {
    const server = (await this.#metadata.ofIssuer(issuer, caFile)) ?? { issuer }
    requireOneOperator(undefined, server)
    return registerClient(this.#connections, server, description, caFile)
  }

  unregister(issuer: string, record: Secret, caFile?: string): Promise<void> {
    return unregisterClient(this.#connections, issuer, record, caFile)
  }

  /** The URL, or the whole origin. */
  async #issuerAt(url: string, caFile: string | undefined): Promise<ServerMetadata> {
    const issuers = [...withAndWithoutSlash(url), ...withAndWithoutSlash(new URL(url).origin)]
    const server = await this.#firstOf(issuers, caFile)
    if (server !== undefined) return server
    throw new CatchdError('provider_answer_invalid', {
      detail:
        `${url} publishes neither the metadata of a protected resource (RFC 9728) nor that of an authorization ` +
        'server (RFC 8414, OpenID Connect Discovery).',
      next: 'catchd presets',
      ...((await isOpen(this.#connections, url, caFile)) ? { members: { protected: false } } : {}),
    })
  }

  /** @throws CatchdError `issuer_mismatch` if there is metadata, but its issuer is none of these */
  async #firstOf(
    issuers: readonly string[],
    caFile: string | undefined,
  ): Promise<ServerMetadata | undefined> {
    let mismatch: unknown
    for (const issuer of new Set(issuers)) {
      try {
        const server = await this.#metadata.ofIssuer(issuer, caFile)
        if (server !== undefined) return server
      } catch (error) {
        if (!(error instanceof CatchdError) || error.code !== 'issuer_mismatch') throw error
        mismatch ??= error
      }
    }
    if (mismatch !== undefined) throw mismatch
    return undefined
  }
}

/** Two spellings of an issuer have the same well-known address. The document says which one is right. */
function withAndWithoutSlash(issuer: string): string[] {
  const bare = issuer.replace(/\/$/, '')
  return [issuer, bare, `${bare}/`]
}

function described(url: string, server: ServerMetadata) {
  requirePkce(server)
  return {
    url,
    issuer: server.issuer,
    registersClients: server.registration_endpoint !== undefined,
    takesClientMetadataDocuments: server.client_id_metadata_document_supported === true,
  }
}

/** A server that lists its methods without S256 would refuse the login, or not check PKCE (RFC 9700 §2.1.1). */
function requirePkce({ issuer, code_challenge_methods_supported: methods }: ServerMetadata): void {
  if (methods === undefined || methods.includes('S256')) return
  throw new CatchdError(
    'provider_answer_invalid',
    `${issuer} does not offer PKCE with S256 (code_challenge_methods_supported). To log in there anyway, add a profile yourself.`,
  )
}

/** `null` if the server does not announce the scope for refresh tokens. */
function offline({ scopes_supported: scopes }: ServerMetadata): string | null {
  return scopes?.includes(OFFLINE) ? OFFLINE : null
}

/** The scopes to request from an authorization server itself; `null` if it announces neither of them. */
function openid({ scopes_supported: scopes }: ServerMetadata): string | null {
  return ['openid', OFFLINE].filter((scope) => scopes?.includes(scope)).join(' ') || null
}
