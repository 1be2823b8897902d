/**
 * Dynamic client registration (RFC 7591): the daemon registers itself and gets a client_id, once per profile.
 *
 * The server's answer counts, even if it differs from the request (§3.2.1). Only a client_id is needed. A member that
 * cannot be used counts as absent, so it does not cost the registration. An answer without a usable client is refused
 * before anything is written.
 */
import * as z from 'zod'
import { isLoopbackHost } from '../config/loopback.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { HOMEPAGE, VERSION } from '../version.js'
import { type Members, parseObject } from './json-object.js'
import type { ServerMetadata } from './metadata-document.js'
import type { ClientDescription, RegisteredClient } from './port.js'
import { mayLeadTo } from './published-document.js'
import { SentValues } from './sent-values.js'
import type { ServerConnections } from './server-connections.js'
import type { ServerAnswer } from './server-exchanges.js'
import { findRefusal } from './token-refusal.js'

/** The methods that need only the result of a registration. The best one for a native app comes first. */
const METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt'] as const

/** Methods that need a key or a certificate of the client, which a registration does not bring. */
const NEEDS_A_KEY = ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth']

/** The grants that catchd uses with a registered client. */
const GRANTS = ['authorization_code', 'refresh_token']

const text = z.string().min(1).max(4096).optional().catch(undefined)

const Answer = z.object({
  client_id: z
    .union([z.string().min(1).max(4096), z.int().nonnegative().transform(String)])
    .optional()
    .catch(undefined),
  client_secret: text,
  token_endpoint_auth_method: text,
  redirect_uris: z
    .union([z.array(z.string()), z.string().transform((uri) => [uri])])
    .optional()
    .catch(undefined),
})

/**
 * @param server - Must have a `registration_endpoint`.
 * @throws CatchdError `provider_refused` with the server's `error` (§3.2.2), `provider_unreachable`,
 *   `provider_answer_invalid`
 */
export async function registerClient(
  connections: ServerConnections,
  server: ServerMetadata,
  description: ClientDescription,
  caFile: string | undefined,
): Promise<RegisteredClient> {
  const { registration_endpoint: endpoint } = server
  if (endpoint === undefined) throw unusable(server, 'has no registration_endpoint')
  const asked = askedMethod(server)
  const answer = await connections.exchange(
    endpoint,
    {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'user-agent': `catchd/${VERSION}`,
      },
      body: JSON.stringify({
        client_name: description.clientName,
        client_uri: HOMEPAGE,
        software_id: 'catchd',
        software_version: VERSION,
        // RFC 8252 §8.4. OpenID Connect Registration §2 allows http on loopback only for native clients.
        application_type: 'native',
        redirect_uris: [description.redirectUri],
        grant_types: grantsOf(server),
        response_types: ['code'],
        token_endpoint_auth_method: asked,
        ...signingAlgorithms(server),
        ...scopeOf(description, server),
      }),
    },
    caFile,
  )
  return read(server, description, asked, answer)
}

const Management = z.object({
  registration_client_uri: z.string(),
  registration_access_token: z
    .string()
    .min(1)
    .regex(/^[\x21-\x7e]+$/),
})

/**
 * Deletes the client at the server (RFC 7592 §2.3), if the registration's answer said how. The client is no longer
 * needed, so a failure does not matter: never throws.
 *
 * @param issuer - Decides which addresses the server may name.
 * @param record - The answer to the registration.
 */
export async function unregisterClient(
  connections: ServerConnections,
  issuer: string,
  record: Secret,
  caFile: string | undefined,
): Promise<void> {
  const parsed = Management.safeParse(parseObject(record.reveal()))
  if (!parsed.success || !mayLeadTo(issuer, parsed.data.registration_client_uri)) return
  const { registration_client_uri: url, registration_access_token: token } = parsed.data
  const headers = { authorization: `Bearer ${token}`, 'user-agent': `catchd/${VERSION}` }
  await connections.exchange(url, { method: 'DELETE', headers }, caFile).catch(() => undefined)
}

/** RFC 8414 §2: a server that does not say what it supports supports client_secret_basic. */
function askedMethod(server: ServerMetadata): (typeof METHODS)[number] {
  const supported = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  const method = METHODS.find((name) => supported.includes(name))
  if (method !== undefined) return method
  throw unusable(server, 'accepts no client authentication that a registered client could use')
}

/** Strict servers refuse a grant that they do not list. A list without authorization_code cannot be right. */
function grantsOf({ grant_types_supported: listed }: ServerMetadata): string[] {
  if (listed === undefined || !listed.includes('authorization_code')) return GRANTS
  return GRANTS.filter((grant) => listed.includes(grant))
}

/** A server may refuse a resource's scopes that it does not know. Without any scope, the registration is not limited. */
function scopeOf({ scope }: ClientDescription, { scopes_supported: known }: ServerMetadata): object {
  const isKnown = known === undefined || scope?.split(' ').every((name) => known.includes(name))
  return scope !== null && isKnown ? { scope } : {}
}

/** The default is RS256 (OpenID Connect Registration §2, JARM §3), but not every server can sign with it. */
function signingAlgorithms(server: ServerMetadata): object {
  return {
    ...unlessUsual('id_token_signed_response_alg', server.id_token_signing_alg_values_supported),
    ...unlessUsual('authorization_signed_response_alg', server.authorization_signing_alg_values_supported),
  }
}

function unlessUsual(name: string, supported: readonly string[] | undefined): object {
  if (supported === undefined || supported.includes('RS256')) return {}
  const algorithm = supported.find((candidate) => /^(?:ES|PS|RS)\d+$|^Ed/.test(candidate))
  return algorithm === undefined ? {} : { [name]: algorithm }
}

function read(
  server: ServerMetadata,
  description: ClientDescription,
  asked: (typeof METHODS)[number],
  answer: ServerAnswer,
): RegisteredClient {
  const members = parseObject(answer.body)
  // The status is 201 (§3.2.1), but some servers answer 200 or 202.
  if (members === undefined || answer.status < 200 || answer.status > 299) {
    throw refused(server, answer, members)
  }
  const { client_id: clientId, client_secret: secret, ...registered } = Answer.parse(members)
  if (clientId === undefined) {
    const refusal = findRefusal(members, answer.status, new SentValues())
    throw refusal === undefined
      ? unusable(server, 'answered the registration with an unusable client_id')
      : refused(server, answer, members)
  }
  const clientSecret = secret === undefined ? null : new Secret(secret)
  const method = methodOf(server, registered.token_endpoint_auth_method, asked, clientSecret !== null)
  if (method !== 'none' && clientSecret === null) {
    throw unusable(server, `registered a client for ${method} without a client_secret`)
  }
  const uris = registered.redirect_uris ?? []
  if (uris.length > 0 && !uris.some((uri) => isSameRedirect(uri, description.redirectUri))) {
    throw unusable(server, `registered other redirect URIs than ${description.redirectUri}`)
  }
  return {
    clientId,
    clientSecret: method === 'none' ? null : clientSecret,
    method,
    record: new Secret(answer.body),
  }
}

/**
 * The method of the answer. Without one, a secret says that the client has to use it (§2: `client_secret_basic`).
 *
 * @param named - May be a word that is no method.
 */
function methodOf(
  server: ServerMetadata,
  named: string | undefined,
  asked: (typeof METHODS)[number],
  hasSecret: boolean,
): (typeof METHODS)[number] {
  const word = named?.trim().toLowerCase() ?? ''
  if (NEEDS_A_KEY.includes(word)) {
    throw unusable(
      server,
      `registered a client for the token_endpoint_auth_method ${word}, which needs a key`,
    )
  }
  const method = METHODS.find((name) => name === word)
  if (method !== undefined) return method
  if (!hasSecret) return 'none'
  if (asked !== 'none') return asked
  const supported = server.token_endpoint_auth_methods_supported ?? []
  return METHODS.find((name) => name !== 'none' && supported.includes(name)) ?? 'none'
}

/**
 * Whether the server registered this redirect URI, in this or another spelling. At a loopback address a server may leave out the
 * port (RFC 8252 §7.3). A wrong answer costs only the login: the server compares redirect URIs itself.
 */
function isSameRedirect(registered: string, asked: string): boolean {
  const [one, other] = [registered, asked].map((uri) => {
    const url = URL.canParse(uri.trim()) ? new URL(uri.trim()) : undefined
    if (url === undefined) return uri
    const host = isLoopbackHost(url.hostname) ? url.hostname : url.host
    return `${url.protocol}//${host}${url.pathname.replace(/\/$/, '')}${url.search}`
  })
  return one === other
}

/** Errors of a server that registers clients only for those it knows (§3: an initial access token). */
const FOR_KNOWN_USERS =
  /^(?:invalid_token|access_denied|unauthorized|authentication_required|login_required)$/i

function refused(
  server: ServerMetadata,
  { status, headers }: ServerAnswer,
  members: Members | undefined,
): CatchdError {
  const { origin } = new URL(server.issuer)
  const refusal = members && findRefusal(members, status, new SentValues()) // nothing secret is sent
  if (refusal === undefined && status < 400)
    return unusable(server, `answered the registration with ${status}`)
  if (status === 429 || status >= 500) {
    return unusable(server, `cannot register a client at the moment (${status}). Try again later`)
  }
  const { error, errorDescription } = refusal ?? {}
  const isChallenge = status === 401 && headers['www-authenticate'] !== undefined
  const detail =
    isChallenge || FOR_KNOWN_USERS.test(error ?? '')
      ? `${origin} registers clients only for users that it knows (${status}).`
      : (status === 401 || status === 403) && error === undefined
        ? `The registration at ${origin} was blocked (${status}), but not by an OAuth server: probably by a firewall in front of it. Try again from another network.`
        : `${origin} did not register a client (${status}).`
  return new CatchdError('provider_refused', { detail, error, errorDescription })
}

function unusable(server: ServerMetadata, rule: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `${server.issuer} ${rule}.`)
}
