/**
 * Dynamic client registration (RFC 7591): the daemon registers itself and gets a client_id, once per profile.
 *
 * The server's answer counts, even if it differs from the request (§3.2.1). An answer that cannot be used is refused
 * before anything is written.
 */
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { VERSION } from '../version.js'
import { type Members, parseObject } from './json-object.js'
import type { ServerMetadata } from './metadata.js'
import type { ClientDescription, RegisteredClient } from './port.js'
import { mayLeadTo } from './published-document.js'
import { SentValues } from './sent-values.js'
import type { ServerConnections } from './server-connections.js'
import type { ServerAnswer } from './server-exchanges.js'
import { findRefusal } from './token-refusal.js'

/** The methods that need only the result of a registration. The best one for a native app comes first. */
const METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt'] as const

const Answer = z.object({
  client_id: z.string().min(1).max(4096),
  client_secret: z.string().min(1).max(4096).nullish(),
  client_secret_expires_at: z.number().nullish(),
  token_endpoint_auth_method: z.enum(METHODS).nullish(),
  redirect_uris: z.array(z.string()).nullish(),
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
        software_id: 'catchd',
        software_version: VERSION,
        // RFC 8252 §8.4. OpenID Connect Registration §2 allows http on loopback only for native clients.
        application_type: 'native',
        redirect_uris: [description.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
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
  // The status is 201 (§3.2.1), but some servers answer 200.
  if (members === undefined || (answer.status !== 201 && answer.status !== 200)) {
    throw refused(server, answer.status, members)
  }
  const parsed = Answer.safeParse(members)
  if (!parsed.success) {
    const member = String(parsed.error.issues[0]?.path[0] ?? 'answer')
    throw unusable(server, `answered the registration with an unusable ${member}`)
  }
  const { client_id: clientId, client_secret: secret, redirect_uris: redirectUris } = parsed.data
  const clientSecret = secret ? new Secret(secret) : null
  const method = parsed.data.token_endpoint_auth_method ?? (clientSecret === null ? 'none' : asked)
  if (method !== 'none' && clientSecret === null) {
    throw unusable(server, `registered a client for ${method} without a client_secret`)
  }
  if (redirectUris && !redirectUris.includes(description.redirectUri)) {
    throw unusable(server, `registered other redirect URIs than ${description.redirectUri}`)
  }
  return {
    clientId,
    clientSecret: method === 'none' ? null : clientSecret,
    method,
    record: new Secret(answer.body),
  }
}

function refused(server: ServerMetadata, status: number, members: Members | undefined): CatchdError {
  const { origin } = new URL(server.issuer)
  const refusal = members && findRefusal(members, status, new SentValues()) // nothing secret is sent
  if (refusal === undefined && status < 400)
    return unusable(server, `answered the registration with ${status}`)
  return new CatchdError('provider_refused', {
    detail:
      status === 401 || status === 403
        ? `${origin} registers clients only for users that it knows (${status}).`
        : `${origin} did not register a client (${status}).`,
    error: refusal?.error,
    errorDescription: refusal?.errorDescription,
  })
}

function unusable(server: ServerMetadata, rule: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `${server.issuer} ${rule}.`)
}
