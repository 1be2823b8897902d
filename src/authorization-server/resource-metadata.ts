/**
 * What a protected resource says about itself (RFC 9728): which authorization server it trusts, and what it wants to
 * be asked for.
 *
 * The resource may say where in the `WWW-Authenticate` of a 401 (§5.1), else the document stands at a well-known
 * address (§3.1). It is believed only about the resource that was asked (§3.3).
 */
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { VERSION } from '../version.js'
import { mayLeadTo, readPublished } from './published-document.js'
import type { ServerConnections } from './server-connections.js'

/** @see RFC 9728 §2 */
export interface ProtectedResource {
  /** Resource indicator (RFC 8707) of what was asked. */
  readonly resource: string
  readonly issuer: string
  /** What the challenge wants, else what the document offers, separated by spaces; `null` when neither says. */
  readonly scope: string | null
  /** Tokens have to be bound to a key (RFC 9449). */
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
 * @param url - The resource, as a tool would ask it.
 * @returns `undefined` where nothing is published.
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
      'is said to stand where it may not: neither on https nor, for a resource on loopback, on loopback',
    )
  }
  const document = await readPublished(
    connections,
    named === undefined ? wellKnownUrls(url) : [named],
    caFile,
  )
  if (document !== undefined) return parse(url, document, challenge)
  if (named === undefined) return undefined
  throw unusable(url, 'does not stand where its WWW-Authenticate says')
}

/** The challenge that a request without a token gets; `undefined` where it gets none. */
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

/** RFC 9728 §3.1; the second is where servers put it that have one resource in all. */
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
  // Without the member, the resource's own origin is where the authorization server was before there was one.
  const issuer = servers?.[0] ?? new URL(url).origin
  if (!mayLeadTo(url, issuer)) {
    throw unusable(
      url,
      'names an authorization server that is neither on https nor, for a resource on loopback, on loopback',
    )
  }
  return {
    resource,
    issuer,
    scope: challenge?.scope ?? (scopes?.length ? scopes.join(' ') : null),
    wantsDpop: parsed.data.dpop_bound_access_tokens_required === true,
  }
}

/**
 * RFC 9728 §3.3 wants the very URL that was asked. Servers whose resource is a whole folder name that one: a document
 * that speaks for a part of the same origin which the URL lies in cannot be another server's.
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
