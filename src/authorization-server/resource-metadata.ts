/**
 * The metadata of a protected resource (RFC 9728): its authorization server and its scopes.
 *
 * The resource can name the address of the document in the `WWW-Authenticate` of a 401 (§5.1). Otherwise the document
 * is at a well-known address (§3.1). It is used only if it describes the requested resource (§3.3).
 */
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import { mayLeadTo, readPublished } from './published-document.js'
import type { ServerConnections } from './server-connections.js'

/** @see RFC 9728 §2 */
export interface ProtectedResource {
  /** Resource indicator (RFC 8707) of the resource. */
  readonly resource: string
  readonly issuer: string
  /** All authorization servers of the document. */
  readonly issuers: readonly string[]
  /** The scopes of the challenge, otherwise those of the document, separated by spaces; `null` if neither names one. */
  readonly scope: string | null
  /** Whether tokens must be bound to a key (RFC 9449). */
  readonly wantsDpop: boolean
}

const words = z.array(z.string().max(256)).max(1024).nullish()

const Document = z.object({
  resource: z.string(),
  authorization_servers: z.array(z.string()).max(64).nullish(),
  scopes_supported: words,
  dpop_bound_access_tokens_required: z.boolean().nullish(),
})

interface Challenge {
  readonly metadata: string | undefined
  readonly scope: string | undefined
}

/**
 * @param url - The URL of the resource, as a tool would request it.
 * @returns `undefined` if nothing is published.
 * @throws CatchdError `provider_unreachable`, `provider_answer_invalid`
 */
export async function findProtectedResource(
  connections: ServerConnections,
  url: string,
  caFile: string | undefined,
): Promise<ProtectedResource | undefined> {
  const challenge = await askUnauthorized(connections, url, caFile)
  const named = challenge?.metadata
  if (named !== undefined && !mayLeadTo(url, named)) {
    throw unusable(
      url,
      'has an address that is not https. Plain http is allowed only on loopback, and only if the resource is there too',
    )
  }
  const document = await readPublished(
    connections,
    named === undefined ? wellKnownUrls(url) : [named],
    caFile,
  )
  if (document !== undefined) return parse(url, document, challenge)
  if (named === undefined) return undefined
  throw unusable(url, 'is missing at the address in its WWW-Authenticate header')
}

/** The challenge for a request without a token; `undefined` if there is none. */
async function askUnauthorized(
  connections: ServerConnections,
  url: string,
  caFile: string | undefined,
): Promise<Challenge | undefined> {
  const headers = { accept: 'application/json, text/event-stream', 'user-agent': `catchd/${VERSION}` }
  const { status, headers: answered } = await connections.exchange(
    url,
    { method: 'GET', headers, headOnly: true },
    caFile,
  )
  const challenge = answered['www-authenticate']
  if (status !== 401 || challenge === undefined) return undefined
  return { metadata: parameterOf(challenge, 'resource_metadata'), scope: parameterOf(challenge, 'scope') }
}

/** An auth-param of a challenge (RFC 9110 §11.2): a token or a quoted string. */
function parameterOf(challenge: string, name: string): string | undefined {
  const pattern = new RegExp(`(?:^|[\\s,])${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]+))`, 'i')
  const [, quoted, token] = pattern.exec(challenge) ?? []
  return quoted?.replaceAll(/\\(.)/g, '$1') ?? token
}

/** RFC 9728 §3.1. Servers with only one resource use the second address. */
function wellKnownUrls(url: string): string[] {
  const { origin, pathname, search } = new URL(url)
  const place = `${origin}/.well-known/oauth-protected-resource`
  return [`${place}${pathname.replace(/\/$/, '')}${search}`, place]
}

function parse(url: string, value: object, challenge: Challenge | undefined): ProtectedResource {
  const parsed = Document.safeParse(value)
  if (!parsed.success) {
    throw unusable(url, `has an unusable ${String(parsed.error.issues[0]?.path[0] ?? 'document')}`)
  }
  const { resource, authorization_servers: servers, scopes_supported: scopes } = parsed.data
  if (!covers(resource, url)) throw unusable(url, 'is about another resource')
  // Before this member existed, the authorization server was at the resource's own origin.
  const issuer = servers?.[0] ?? new URL(url).origin
  if (!mayLeadTo(url, issuer)) {
    throw unusable(
      url,
      'names an authorization server that is not https. Plain http is allowed only on loopback, and only if the resource is there too',
    )
  }
  return {
    resource,
    issuer,
    issuers: servers ?? [issuer],
    scope: usableScope(url, challenge?.scope ?? (scopes?.length ? scopes.join(' ') : null)),
    wantsDpop: parsed.data.dpop_bound_access_tokens_required === true,
  }
}

/** It is sent to browsers in a URL and written to the configuration. Real ones have a few hundred characters. */
const LONGEST_SCOPE = 4 * 1024

/** RFC 6749 §3.3. @throws CatchdError `provider_answer_invalid` for a scope that is too long or contains other characters */
function usableScope(url: string, scope: string | null): string | null {
  const names = scope?.split(' ').filter((name) => name !== '') ?? []
  if (names.length === 0) return null
  if (names.join(' ').length > LONGEST_SCOPE) throw unusable(url, 'asks for a scope longer than 4 KiB')
  if (names.every((name) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name))) return names.join(' ')
  throw unusable(url, 'asks for a scope with characters that no scope can have')
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

function unusable(url: string, rule: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The resource metadata of ${url} ${rule}.`)
}
