/**
 * Decides for each request with a secret whether its endpoint belongs to the server that the secret is bound to
 * (SECURITY.md#one-secret-one-server). client-requests.ts asks before anything is sent. Pure.
 *
 * Tokens may follow their issuer: an endpoint that its metadata names is the choice of that server. A code goes only to the
 * URLs that were known when its login began. Otherwise metadata that changes during a login could redirect the code.
 */
import { needsNoPerson } from '../config/grants.js'
import type { Profile, ServerUrl } from '../config/profile.js'
import { type BoundServer, changeOfPlace, secretUrls } from '../config/server-binding.js'
import { CatchdError } from '../failures.js'
import { missingEndpoint, type ServerMetadata } from './metadata-document.js'

/** Where a request goes, and what its secrets are bound to. */
export interface Destination {
  readonly server: ServerMetadata
  /** The key of the endpoint. */
  readonly key: ServerUrl
  /**
   * The server that the login or the tokens in the request belong to; `undefined` in records of earlier versions.
   * `client`: only the client authenticates, with a secret that goes to the server of its profile.
   */
  readonly bound: 'client' | { readonly login: Bound } | { readonly tokens: Bound }
}

type Bound = BoundServer | null | undefined

/**
 * @returns The URL of the endpoint.
 * @throws CatchdError `profile_invalid` if there is none; `login_required` for tokens and `issuer_mismatch` for a login
 *   of another server, with what changed
 */
export function requireBelongs(profile: Profile, { server, key, bound }: Destination): string {
  const configured = profile[key]
  const url = configured ?? (server as Readonly<Partial<Record<ServerUrl, string>>>)[key]
  if (url === undefined) {
    throw missingEndpoint(server, key)
  }
  if (bound === 'client') return url
  const isLogin = 'login' in bound
  const boundTo = isLogin ? bound.login : bound.tokens
  if (boundTo == null) return url
  const publishedBy = isLogin || configured !== undefined ? null : resolvedIssuer(profile, server)
  const change = changeOfPlace(boundTo, { key, url, publishedBy })
  if (change === undefined) return url
  if (isLogin) {
    throw new CatchdError('issuer_mismatch', {
      detail: `The server changed during the login: ${change}. The code was not sent.`,
      next: 'catchd login {profile}',
    })
  }
  const next = `catchd ${needsNoPerson(profile.grant) ? 'refresh' : 'login'} ${profile.name}`
  throw new CatchdError('login_required', {
    detail: `The tokens belong to another server: ${change}. They were not sent. To get tokens for it, run: ${next}`,
    next,
  })
}

/** The server as it is now, for secrets that it issues. */
export function boundServer(profile: Profile, server: ServerMetadata): BoundServer {
  return { issuer: resolvedIssuer(profile, server), urls: { ...secretUrls(server), ...secretUrls(profile) } }
}

/** The issuer of the profile, or the one that its resource server names. `null` if the profile has neither. */
export function resolvedIssuer(profile: Profile, server: ServerMetadata): string | null {
  return profile.issuer ?? (profile.resource_server === undefined ? null : server.issuer)
}
