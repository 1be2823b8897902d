/**
 * Finds the authorization server for a URL: a protected resource names it (RFC 9728), or the URL or its origin is
 * itself an issuer (RFC 8414, OpenID Connect Discovery).
 */
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { scopeSet } from '../text/scopes.js'
import { registerClient, unregisterClient } from './client-registration.js'
import type { Metadata } from './metadata.js'
import { isIssuerTemplate, missingEndpoint, type ServerMetadata, spellingsOf } from './metadata-document.js'
import { requireOneOperator } from './one-operator.js'
import type { ClientDescription, DiscoveredServer, RegisteredClient, ServerDiscovery } from './port.js'
import type { PublicRequests } from './public-requests.js'
import { failureOf, shown, triedInWords } from './published-document.js'
import { isOpen } from './resource-challenge.js'
import type { ProtectedResource } from './resource-metadata.js'
import type { ServerConnections } from './server-connections.js'

/** The scope that asks a server for a refresh token (OpenID Connect Core §11). */
const OFFLINE = 'offline_access'
/** Needed to register a client. Some servers have it in only one of their documents. */
const REGISTRATION = 'registration_endpoint'

export class PublishedServers implements ServerDiscovery {
  readonly #connections: ServerConnections
  readonly #metadata: Metadata

  constructor(connections: ServerConnections, metadata: Metadata) {
    this.#connections = connections
    this.#metadata = metadata
  }

  async discover(url: string, caFile?: string): Promise<DiscoveredServer> {
    const requests = this.#metadata.search(caFile)
    const resource = await this.#resourceAt(url, caFile, requests)
    const issuers = (resource?.issuers ?? [url, new URL(url).origin]).flatMap(spellingsOf)
    const server = await this.#metadata
      .ofIssuers(issuers, caFile, requests, [REGISTRATION])
      .catch((error: unknown) => {
        throw withNext((resource === undefined ? failureOf(requests.tried) : undefined) ?? error)
      })
    if (server === undefined) throw await nothingPublished(url, resource, requests)
    requireLogin(server)
    requirePkce(server)
    return {
      url,
      issuer: server.issuer,
      issuers: resource?.issuers ?? [server.issuer],
      resource: resource?.resource ?? null,
      scope: scopesToRequest(resource, server),
      wantsDpop: resource?.wantsDpop ?? false,
      registersClients: server.registration_endpoint !== undefined,
      takesClientMetadataDocuments: server.client_id_metadata_document_supported === true,
    }
  }

  /** What an unusable document leaves out, the URL itself or its origin may still publish as an issuer. */
  async #resourceAt(
    url: string,
    caFile: string | undefined,
    requests: PublicRequests,
  ): Promise<ProtectedResource | undefined> {
    try {
      return await this.#metadata.ofResourceNow(url, caFile, requests)
    } catch (error) {
      if (error instanceof CatchdError && error.code.startsWith('provider_')) return undefined
      throw error
    }
  }

  async register(issuer: string, description: ClientDescription, caFile?: string): Promise<RegisteredClient> {
    const server = (await this.#metadata.ofIssuers([issuer], caFile, undefined, [REGISTRATION])) ?? { issuer }
    requireOneOperator(undefined, server)
    const scope = scopeSet(description.scope ?? '') || null
    return registerClient(this.#connections, server, { ...description, scope }, caFile)
  }

  unregister(issuer: string, record: Secret, caFile?: string): Promise<void> {
    return unregisterClient(this.#connections, issuer, record, caFile)
  }
}

/** No profile exists yet that the usual command for another issuer could edit. */
function withNext(error: unknown): unknown {
  if (!(error instanceof CatchdError) || error.code !== 'issuer_mismatch') return error
  const isTemplate = isIssuerTemplate(error.evidence?.issuer ?? '')
  return error.saying({ next: isTemplate ? 'catchd presets' : 'catchd profile add --help' })
}

/** @returns The error for servers that answer, but with nothing that can be used. */
async function nothingPublished(
  url: string,
  resource: ProtectedResource | undefined,
  requests: PublicRequests,
): Promise<CatchdError> {
  const { tried } = requests
  if (resource === undefined) {
    const detail = `${url} publishes neither the metadata of a protected resource (RFC 9728) nor that of an authorization server (RFC 8414, OpenID Connect Discovery). ${triedInWords(tried)}`
    const failure = failureOf(tried)
    if (failure !== undefined) return failure
    const members = (await isOpen(requests, url)) ? { protected: false } : {}
    return new CatchdError('provider_answer_invalid', { detail, next: 'catchd presets', members })
  }
  return new CatchdError('provider_answer_invalid', {
    detail: `${url} names the authorization server ${resource.issuers.map(shown).join(', ')}, but that server publishes no metadata (RFC 8414). Add a profile with its authorization_endpoint and token_endpoint. ${triedInWords(tried)}`,
    next: 'catchd profile add --help',
  })
}

/** Both endpoints are needed. */
function requireLogin(server: ServerMetadata): void {
  for (const name of ['authorization_endpoint', 'token_endpoint'] as const) {
    if (server[name] !== undefined) continue
    throw missingEndpoint(server, name, `A login at ${server.issuer} needs its ${name}`)
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

/**
 * The scopes of the resource, or `openid` at an authorization server itself; with the one for refresh tokens if the server
 * announces it. Without `openid` if catchd could not check the id_token.
 */
function scopesToRequest(resource: ProtectedResource | undefined, server: ServerMetadata): string | null {
  const { scopes_supported: announced = [], jwks_uri } = server
  const wanted =
    resource === undefined ? announced.filter((scope) => scope === 'openid') : [resource.scope ?? '']
  const offline = announced.filter((scope) => scope === OFFLINE)
  const scopes = scopeSet(...wanted, ...offline).split(' ')
  return scopes.filter((scope) => scope !== 'openid' || jwks_uri !== undefined).join(' ') || null
}
