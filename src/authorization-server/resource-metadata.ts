/**
 * The metadata of a protected resource (RFC 9728): its authorization servers and its scopes.
 *
 * The resource can name the address of the document in its challenge (§5.1, resource-challenge.ts). Otherwise, and if there
 * is nothing at that address, the document is at a well-known one (§3.1). It is used only if it describes the requested
 * resource (§3.3).
 */
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { SCOPE, scopeNames } from '../text/scopes.js'
import type { Members } from './json-object.js'
import type { PublicRequests } from './public-requests.js'
import { failureOf, findPublished, mayLeadTo, shown, Unfit } from './published-document.js'
import { flag, words } from './published-members.js'
import { askForChallenge, type ResourceChallenge } from './resource-challenge.js'

/** @see RFC 9728 §2 */
export interface ProtectedResource {
  /** Resource indicator (RFC 8707) of the resource. */
  readonly resource: string
  /** In the order of the resource. */
  readonly issuers: readonly [string, ...string[]]
  /** The scopes of the challenge, otherwise those of the document, separated by spaces; `null` if neither names one. */
  readonly scope: string | null
  /** Whether tokens must be bound to a key (RFC 9449). */
  readonly wantsDpop: boolean
}

const Document = z.object({
  resource: z.string().catch(''),
  authorization_servers: z.unknown().optional(),
  scopes_supported: words,
  dpop_bound_access_tokens_required: flag,
})

/** Each of them has several addresses. */
const MOST_SERVERS = 4

/**
 * @param url - The URL of the resource, as a tool would request it.
 * @returns `undefined` if nothing is published.
 * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`
 */
export async function findProtectedResource(
  requests: PublicRequests,
  url: string,
): Promise<ProtectedResource | undefined> {
  const before = requests.tried.length
  const challenge = await askForChallenge(requests, url)
  const addresses = [
    ...challenge.metadata.flatMap((named) => usableAddress(requests, url, named)),
    ...wellKnownUrls(url),
    ...wellKnownUrls(challenge.url),
  ]
  const found = await findPublished(requests, addresses, (document) => read(url, document, challenge))
  if (found !== undefined) return found
  const failure = failureOf(requests.tried.slice(before))
  if (failure !== undefined) throw failure
  return undefined
}

/** The address in a challenge: absolute, but some servers write a path, or http because TLS ends in front of them. */
function usableAddress(requests: PublicRequests, url: string, named: string): string[] {
  if (URL.canParse(named, url)) {
    const [address, resource] = [new URL(named, url), new URL(url)]
    if (address.host === resource.host) address.protocol = resource.protocol
    if (mayLeadTo(url, address.href)) return [address.href]
  }
  requests.tried.push({ address: named, why: 'not an https address' })
  return []
}

/**
 * RFC 9728 §3.1. Servers with only one resource use the address without its path. The last one is in no standard: some
 * servers put everything below their own path.
 */
function wellKnownUrls(url: string): string[] {
  const { origin, pathname, search } = new URL(url)
  const place = `${origin}/.well-known/oauth-protected-resource`
  const path = pathname.replace(/\/$/, '')
  return [
    `${place}${path}${search}`,
    ...(path !== '' && path !== pathname ? [`${place}${pathname}${search}`] : []),
    place,
    ...(path === '' ? [] : [`${origin}${path}/.well-known/oauth-protected-resource`]),
  ]
}

function read(url: string, document: Members, challenge: ResourceChallenge): ProtectedResource | Unfit {
  const { resource, authorization_servers, scopes_supported, dpop_bound_access_tokens_required } =
    Document.parse(document)
  if (resource === '') return new Unfit('names no resource')
  if (!covers(resource, url)) return new Unfit(`is about another resource: ${shown(resource)}`)
  const issuers = issuersIn(url, authorization_servers)
  if (issuers instanceof Unfit) return issuers
  return {
    resource,
    issuers,
    scope: usableScope(challenge.scopes) ?? usableScope(scopes_supported ?? []),
    wantsDpop: dpop_bound_access_tokens_required === true,
  }
}

/** Those that may be asked. Before this member existed, the authorization server was at the resource's own origin. */
function issuersIn(url: string, value: unknown): readonly [string, ...string[]] | Unfit {
  const named = value === undefined || value === null ? [] : [value].flat()
  if (named.length === 0) return [new URL(url).origin]
  const [first, ...others] = named
    .filter((issuer) => typeof issuer === 'string')
    .filter((issuer) => mayLeadTo(url, issuer))
  if (first !== undefined) return [first, ...others.slice(0, MOST_SERVERS - 1)]
  const rule =
    'names an authorization server that is not https. Plain http is allowed only on loopback, and only if the resource is there too'
  return new Unfit(
    'names no usable authorization server',
    new CatchdError('provider_answer_invalid', `The resource metadata of ${url} ${rule}.`),
  )
}

/** It is sent to browsers in a URL and written to the configuration. Real ones have a few hundred characters. */
const LONGEST_SCOPE = 4 * 1024

/** RFC 6749 §3.3. @returns `null` if none is named, or if they are too long. Names that no scope can have are left out. */
function usableScope(scopes: readonly string[]): string | null {
  const scope = scopeNames(scopes.join(' '))
    .filter((name) => SCOPE.test(name))
    .join(' ')
  return scope === '' || scope.length > LONGEST_SCOPE ? null : scope
}

/**
 * RFC 9728 §3.3 requires exactly the requested URL. But some servers name a parent path of it. Such a document is accepted
 * if it is on the same origin, because then it cannot belong to another server.
 */
function covers(resource: string, url: string): boolean {
  if (!URL.canParse(resource)) return false
  const whole = new URL(resource)
  const part = new URL(url)
  if (whole.hash !== '' || whole.origin !== part.origin) return false
  if (whole.search !== '' && whole.search !== part.search) return false
  const folder = whole.pathname.replace(/\/?$/, '/')
  return `${part.pathname}/`.startsWith(folder)
}
