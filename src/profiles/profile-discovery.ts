/**
 * Makes a profile from a URL: finds the authorization server, registers a client if the server allows that, and writes
 * the profile. If the URL already has a profile, that profile is used.
 */
import type {
  ClientDescription,
  DiscoveredServer,
  RegisteredClient,
  ServerDiscovery,
} from '../authorization-server/port.js'
import { absolutePath } from '../config/paths.js'
import { type ProfileEntry, ProfileName } from '../config/profile.js'
import { redirectUriRule, serverUrlRule } from '../config/rules.js'
import type { ConfigurationStore } from '../config/store.js'
import { asCatchdError, CatchdError } from '../failures.js'
import type { LockGate } from '../lock/gate.js'
import { sameUrl } from '../text/same-url.js'
import { itemName, type Vault } from '../vault/vault.js'
import type { ProfileResult, ProfileService } from './profile-service.js'
import { isAboutRedirectUri, onLocalhost, redirectUris } from './registered-redirect.js'
import {
  byHand,
  isExtended,
  namesOther,
  needsClient,
  nextWithClient,
  notNamed,
} from './registration-advice.js'

export interface DiscoveryRequest {
  /** A protected resource or an issuer. */
  readonly url: string
  /** Name of the profile; default: made from the host. */
  readonly profile?: string | undefined
  /** A client that the user registered; otherwise catchd registers one (RFC 7591). */
  readonly clientId?: string | undefined
  /** Replaces the scope that the resource asks for. */
  readonly scope?: string | undefined
  readonly caFile?: string | undefined
  /** A loopback URL, with port 0 for a new port at each login. Default: the one of the daemon's redirect listener. */
  readonly redirectUri?: string | undefined
  /** The authorization server that the user agreed to. Without it, a known profile stays at its server. */
  readonly issuer?: string | undefined
  /** The server no longer knows the client: catchd registers another one for the profile. */
  readonly registerAgain?: boolean | undefined
}

interface Parts {
  readonly discovery: ServerDiscovery
  readonly profiles: ProfileService
  readonly configuration: Pick<ConfigurationStore, 'entries'>
  readonly vault: Vault
  readonly lock: LockGate
  /** Port of the default redirect URI; 0: a new one for each login. */
  readonly redirectPort: number
  /** The URL of the client's own metadata document, if there is one. */
  readonly clientMetadataUrl: () => string | undefined
  /** For relative paths. */
  readonly configFolder: string
}

export class ProfileDiscovery {
  readonly #parts: Parts
  #tail: Promise<unknown> = Promise.resolve()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * The profile for a URL, created if there is none. One call at a time, so that two calls for one URL make one client and
   * one profile.
   *
   * @throws CatchdError `request_invalid`, `profile_invalid` (the user must register a client), `provider_refused`,
   *   `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`
   */
  fromUrl(request: DiscoveryRequest): Promise<ProfileResult> {
    const result = this.#tail.then(() => this.#parts.lock.use(() => this.#fromUrl(request)))
    this.#tail = result.catch(() => undefined)
    return result
  }

  async #fromUrl(request: DiscoveryRequest): Promise<ProfileResult> {
    requireUsable(request)
    const known = this.#find(request)
    if (known === undefined) return this.#create(request)
    if (await this.#hasMoved(known, request)) return this.#move(known, request)
    this.#refuseOther(known, request)
    if (request.registerAgain) await this.#registerAgain(known)
    return { view: await this.#parts.profiles.show(known), created: false }
  }

  /** The profile that already exists for this URL. */
  #find({ url, profile }: DiscoveryRequest): string | undefined {
    const found = [...this.#parts.configuration.entries()]
      .filter(([, entry]) => isFor(entry, url))
      .map(([name]) => name)
    if (profile !== undefined) {
      if (found.includes(profile)) return profile
      if (!this.#parts.configuration.entries().has(profile)) return undefined
      throw new CatchdError('request_invalid', {
        profile,
        detail: `Profile "${profile}" already exists, and it is not for ${url}.`,
        next: `catchd profile show ${profile}`,
      })
    }
    const [first, ...more] = found
    if (more.length === 0) return first
    throw new CatchdError('request_invalid', {
      detail: `Several profiles are for ${url}: ${found.join(', ')}.`,
      next: `catchd login ${first}`,
    })
  }

  /** An existing profile is not changed here: the user should see the change. */
  #refuseOther(name: string, { clientId, scope, redirectUri }: DiscoveryRequest): void {
    const entry = this.#parts.configuration.entries().get(name) ?? {}
    const wanted = { client_id: clientId, scope, redirect_uri: redirectUri }
    const [other] = (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
      (key) => wanted[key] !== undefined && wanted[key] !== entry[key],
    )
    if (other === undefined) return
    throw new CatchdError('request_invalid', {
      profile: name,
      detail: `Profile "${name}" is already for this URL, with another ${other}.`,
      next: `catchd profile edit ${name}`,
    })
  }

  /**
   * Whether the resource of a profile now names another server, to which the user agreed. A resource that does not answer
   * now changes nothing: the login does not need it.
   *
   * @throws CatchdError `issuer_mismatch` unless the user agreed to this server
   */
  async #hasMoved(name: string, { url, issuer: agreed }: DiscoveryRequest): Promise<boolean> {
    const { issuer, resource_server, ca_file } = this.#parts.configuration.entries().get(name) ?? {}
    if (issuer === undefined || agreed === issuer) return false
    if (resource_server === undefined && agreed === undefined) return false
    const server = await this.#parts.discovery
      .discover(url, this.#absolute(ca_file))
      .catch((error: unknown) => {
        if (agreed !== undefined) throw error
      })
    if (server === undefined) return false
    const isSame = server.issuers.some((named) => sameUrl(named, issuer))
    if (agreed === undefined) {
      if (isSame) return false
      throw namesOther(name, issuer, server)
    }
    if (isSame || agreed !== server.issuer) throw notNamed(url, agreed, isSame ? issuer : server.issuer)
    return true
  }

  /**
   * The profile gets a new client at the server that the user agreed to. Nothing that belongs to the server before is kept:
   * its client, its secret, its endpoints and its parameters.
   */
  async #move(name: string, request: DiscoveryRequest): Promise<ProfileResult> {
    const { configuration, vault } = this.#parts
    this.#refuseHeirs(name)
    const entry = configuration.entries().get(name) ?? {}
    const result = await this.#create({
      redirectUri: entry.redirect_uri,
      caFile: entry.ca_file,
      ...request,
      profile: name,
    })
    if (request.clientId !== undefined) await vault.delete(itemName.registration(name))
    if (configuration.entries().get(name)?.client_secret === undefined) {
      await vault.delete(itemName.clientSecret(name))
    }
    return result
  }

  /** Their client secrets would go to the new server too, and the user agreed to it for one profile only. */
  #refuseHeirs(name: string): void {
    const heirs = [...this.#parts.configuration.entries()].filter(([, entry]) => entry.extends === name)
    const [[heir] = []] = heirs
    if (heir !== undefined) throw isExtended(name, heir)
  }

  async #create(request: DiscoveryRequest): Promise<ProfileResult> {
    const { discovery, profiles } = this.#parts
    const caFile = this.#absolute(request.caFile)
    const server = await discovery.discover(request.url, caFile)
    if (request.issuer !== undefined && request.issuer !== server.issuer) {
      throw notNamed(request.url, request.issuer, server.issuer)
    }
    const name = request.profile ?? this.#freeName(new URL(request.url))
    const scope = request.scope ?? server.scope
    const redirect = redirectUris(name, this.#parts.redirectPort, request.redirectUri)
    const entry: ProfileEntry = {
      ...(server.resource === null ? {} : { resource_server: request.url }),
      issuer: server.issuer,
      ...(server.resource === null ? {} : { resource: server.resource }),
      redirect_uri: redirect.configured,
      ...scopeKeys(scope),
      ...(server.wantsDpop ? { dpop: true } : {}),
      ...(caFile === undefined ? {} : { ca_file: caFile }),
    }
    const clientId = request.clientId ?? this.#clientMetadataUrl(server)
    if (clientId !== undefined) return profiles.put(name, { ...entry, client_id: clientId })
    if (!server.registersClients) throw needsClient(server, redirect.registered, nextWithClient(request))
    const at = { issuer: server.issuer, scope, caFile, next: nextWithClient(request) }
    try {
      return await this.#register(name, entry, { ...at, redirectUri: redirect.registered })
    } catch (error) {
      if (request.redirectUri !== undefined || !isAboutRedirectUri(error)) throw error
      // Some servers know loopback only by its name.
      const named = redirectUris(name, this.#parts.redirectPort, onLocalhost(redirect.configured))
      const again = { ...entry, redirect_uri: named.configured }
      const next = nextWithClient({ ...request, redirectUri: named.configured })
      return this.#register(name, again, { ...at, redirectUri: named.registered, next })
    }
  }

  /** Where it works, no client has to be registered. */
  #clientMetadataUrl({ takesClientMetadataDocuments }: DiscoveredServer): string | undefined {
    return takesClientMetadataDocuments ? this.#parts.clientMetadataUrl() : undefined
  }

  #absolute(caFile: string | undefined): string | undefined {
    return caFile === undefined ? undefined : absolutePath(caFile, this.#parts.configFolder)
  }

  /** For a registration that the server no longer knows. */
  async #registerAgain(name: string): Promise<void> {
    const entry = this.#parts.configuration.entries().get(name) ?? {}
    const { issuer, ca_file } = entry
    if (issuer === undefined || (await this.#parts.vault.get(itemName.registration(name))) === undefined) {
      throw new CatchdError('request_invalid', {
        profile: name,
        detail: `catchd did not register the client of profile "${name}", so it does not replace it.`,
        next: `catchd profile show ${name}`,
      })
    }
    await this.#register(name, entry, {
      issuer,
      redirectUri: redirectUris(name, this.#parts.redirectPort, entry.redirect_uri).registered,
      scope: entry.scope ?? null,
      caFile: this.#absolute(ca_file),
      next: `catchd profile edit ${name}`,
    })
  }

  async #register(
    name: string,
    entry: ProfileEntry,
    at: Omit<ClientDescription, 'clientName'> & { issuer: string; caFile: string | undefined; next: string },
  ): Promise<ProfileResult> {
    const { discovery, profiles, vault } = this.#parts
    const { issuer, caFile, next, ...description } = at
    let client: RegisteredClient
    try {
      client = await discovery.register(issuer, { ...description, clientName: 'catchd' }, caFile)
    } catch (error) {
      throw byHand(asCatchdError(error), description.redirectUri, next)
    }
    const { client_secret: _before, token_endpoint_auth_method: _method, ...rest } = entry
    const result = await profiles.put(name, {
      ...rest,
      client_id: client.clientId,
      ...(client.clientSecret === null
        ? {}
        : { client_secret: client.clientSecret.reveal(), token_endpoint_auth_method: client.method }),
    })
    await vault.set(itemName.registration(name), client.record)
    return result
  }

  /** Made from the host, which is what people call the server: `mcp.example.com`, `127.0.0.1-8080`. */
  #freeName({ hostname, port }: URL): string {
    const taken = this.#parts.configuration.entries()
    const host = `${hostname}${port === '' ? '' : `-${port}`}`
      .replaceAll(/[^a-z0-9._-]/g, '-')
      .replace(/^[^a-z0-9]+/, '')
    const base = ProfileName.safeParse(host.slice(0, 60)).success ? host.slice(0, 60) : 'server'
    for (let number = 1; ; number += 1) {
      const name = number === 1 ? base : `${base}-${number}`
      if (!taken.has(name)) return name
    }
  }
}

/** @throws CatchdError `request_invalid` */
function requireUsable({ url, redirectUri }: DiscoveryRequest): void {
  const rule = serverUrlRule(url, 'resource_server')
  if (rule !== undefined) throw new CatchdError('request_invalid', `url ${rule}`)
  // Before a client is registered with it.
  const redirectRule = redirectUri === undefined ? undefined : redirectUriRule(redirectUri)
  if (redirectRule !== undefined) throw new CatchdError('request_invalid', `redirect_uri ${redirectRule}`)
}

function isFor({ resource_server, issuer, resource }: ProfileEntry, url: string): boolean {
  if (resource_server !== undefined) return sameUrl(resource_server, url)
  return issuer !== undefined && resource === undefined && sameUrl(issuer, url)
}

/** OpenID Connect Core §11: a server may ignore `offline_access` if it does not ask for consent. */
function scopeKeys(scope: string | null): ProfileEntry {
  if (scope === null || scope === '') return {}
  const isOffline = scope.split(' ').includes('offline_access')
  return { scope, ...(isOffline ? { authorization_parameters: { prompt: 'consent' } } : {}) }
}
