/**
 * The metadata of an authorization server as a document (RFC 8414 §2, OpenID Connect Discovery 1.0 §3): its addresses, what
 * is read of it, and how two documents of one issuer complete each other. Pure.
 */
import * as z from 'zod'
import { ENDPOINTS, type Endpoint } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { isObject, type Members } from './json-object.js'
import { mayLeadTo } from './published-document.js'
import { algorithms, flag, words } from './published-members.js'

/** The members that are used. The others are dropped, so that a thousand large documents fit into memory. */
const Announced = z.object({
  authorization_response_iss_parameter_supported: flag,
  require_pushed_authorization_requests: flag,
  id_token_signing_alg_values_supported: algorithms,
  token_endpoint_auth_signing_alg_values_supported: algorithms,
  dpop_signing_alg_values_supported: algorithms,
  authorization_signing_alg_values_supported: algorithms,
  token_endpoint_auth_methods_supported: words,
  code_challenge_methods_supported: words,
  grant_types_supported: words,
  response_modes_supported: words,
  scopes_supported: words,
  /** Whether a client_id can be the URL of a Client ID Metadata Document. */
  client_id_metadata_document_supported: flag,
})
type Announced = z.infer<typeof Announced>

type Endpoints = Readonly<Partial<Record<Endpoint, string>>>

/** The known metadata of an authorization server. Also valid as oauth4webapi's type. */
export type ServerMetadata = Endpoints & {
  readonly [Name in keyof Announced]?: NonNullable<Announced[Name]>
} & {
  readonly issuer: string
  /** The endpoints for clients with a certificate (RFC 8705 §5). */
  readonly mtls_endpoint_aliases?: Endpoints
  /** The endpoints that the document names, but that cannot be used: the end of a sentence that begins with their name. */
  readonly unusable?: Endpoints
}

/**
 * The addresses of OpenID Connect Discovery §4.1 and RFC 8414 §3.1, and the compatible one of RFC 8414 §5. The last one is
 * in no standard: some servers put everything below their own path. All are at the origin of the issuer, and a document
 * counts only for its own issuer, so the order only decides how many requests are sent.
 */
export function metadataAddresses(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/oauth-authorization-server`,
  ]
}

/** Two spellings of an issuer have the same well-known address. The document says which one is right. */
export function spellingsOf(issuer: string): string[] {
  const bare = issuer.replace(/\/$/, '')
  return [...new Set([issuer, bare, `${bare}/`, new URL(bare).href.replace(/\/$/, '')])]
}

/** Whether a server puts another text in place of a part of it, for each tenant: `{tenantid}`. */
export function isIssuerTemplate(issuer: string): boolean {
  return /[{}]|%7[bd]/i.test(issuer)
}

/** @returns The metadata; `undefined` if the document names no issuer, so it is none. */
export function parseMetadata(document: Members): ServerMetadata | undefined {
  const { issuer } = document
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) return undefined
  const { usable, unusable } = endpointsIn(issuer, document)
  const aliases = document['mtls_endpoint_aliases']
  const mutual = isObject(aliases) ? endpointsIn(issuer, aliases).usable : {}
  const announced = Object.entries(Announced.parse(document)).filter(([, member]) => member !== undefined)
  return {
    issuer,
    ...Object.fromEntries(announced),
    ...usable,
    ...(Object.keys(mutual).length === 0 ? {} : { mtls_endpoint_aliases: mutual }),
    ...(Object.keys(unusable).length === 0 ? {} : { unusable }),
  }
}

/** Members that the first document lacks come from the others, which are of the same issuer. */
export function completed(first: ServerMetadata, others: readonly ServerMetadata[]): ServerMetadata {
  return Object.assign({}, ...others.toReversed(), first)
}

/**
 * The error for a step that needs an endpoint which neither the profile nor the metadata has.
 *
 * @param needs - The sentence up to `, and`.
 * @param fix - Another sentence, with the setting that helps.
 * @returns `profile_invalid`; `provider_answer_invalid` if the metadata names one that cannot be used, with the reason.
 */
export function missingEndpoint(
  { unusable }: ServerMetadata,
  name: string,
  needs = `The profile has no ${name}`,
  fix = '',
): CatchdError {
  const why = (unusable as Readonly<Record<string, string>> | undefined)?.[name]
  if (why === undefined) {
    return new CatchdError('profile_invalid', `${needs}, and the metadata of the server names none.${fix}`)
  }
  return new CatchdError(
    'provider_answer_invalid',
    `${needs}, and the ${name} in the metadata of the server ${why}.${fix}`,
  )
}

function endpointsIn(issuer: string, members: Members): { usable: Endpoints; unusable: Endpoints } {
  const usable: Partial<Record<Endpoint, string>> = {}
  const unusable: Partial<Record<Endpoint, string>> = {}
  for (const name of ENDPOINTS) {
    const { [name]: value } = members
    if (value === undefined || value === null) continue
    if (typeof value === 'string' && mayLeadTo(issuer, value)) usable[name] = value
    else if (typeof value === 'string' && URL.canParse(value)) unusable[name] = UNSAFE
    else unusable[name] = 'is not an absolute URL'
  }
  return { usable, unusable }
}

const UNSAFE = 'is not https (plain http and loopback addresses are only for an issuer on loopback)'
