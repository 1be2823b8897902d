/**
 * Reads an authorization response, which the browser brings to the redirect URI (RFC 6749 §4.1.2, RFC 8252 §7.3, RFC
 * 9207 §2.3), as parameters or as one signed token (JARM §2.3.1).
 *
 * Pure. It reads what the response contains. login-index.ts checks whether a login expects it (`state`), and kinds/ has
 * what a login does with its response.
 */
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import type { Login } from './login.js'

interface Common {
  /** `null` when the response has none; then only a profile with `state_echo: false`, or a catch, can match. */
  readonly state: Secret | null
  readonly iss: string | null
  /** Parameters beyond the standard's (`realmId`); the context of the tokens is made of them. */
  readonly extra: Readonly<Record<string, string>>
  /** The whole response as a JSON object, for a tool that redeems it. */
  readonly parameters: Secret
}
export interface CodeResponse extends Common {
  readonly kind: 'code'
  readonly code: Secret
  /** The signed token that contained the response (JARM). Its signature is not checked yet. */
  readonly signedResponse: Secret | null
}
export interface ErrorResponse extends Common {
  readonly kind: 'error'
  readonly error: string
  readonly errorDescription: string | null
}
export type AuthorizationResponse = CodeResponse | ErrorResponse

/** More than any server sends. */
const MOST_PARAMETERS = 64

/**
 * @param encoded - The query, form body or fragment, still percent-encoded, without `?` or `#`.
 * @throws CatchdError `redirect_malformed` when a parameter is repeated (RFC 6749 §3.1), the encoding is broken, both or
 *   neither of `code` and `error` are there, or there are too many parameters. The error never quotes the response.
 */
export function parseAuthorizationResponse(encoded: string): AuthorizationResponse {
  const sent = decodeParameters(encoded)
  const signed = sent.has('code') || sent.has('error') ? undefined : sent.get('response')
  const parameters = signed === undefined ? sent : claimsOf(signed)
  const code = parameters.get('code')
  const error = parameters.get('error')
  const common = {
    state: secretOrNull(parameters.get('state')),
    iss: parameters.get('iss') ?? null,
    extra: extraParameters(parameters),
    parameters: new Secret(JSON.stringify(Object.fromEntries(sent))),
  }
  if (code !== undefined && error !== undefined) {
    throw new CatchdError('redirect_malformed', 'The response has both a code and an error.')
  }
  if (code) return { ...common, kind: 'code', code: new Secret(code), signedResponse: secretOrNull(signed) }
  if (error) {
    return { ...common, kind: 'error', error, errorDescription: parameters.get('error_description') ?? null }
  }
  throw new CatchdError('redirect_malformed', 'The response has neither a code nor an error.')
}

/**
 * Paste-back: the encoded parameters of the URL that a browser on another machine ended on. It must begin with the login's
 * own redirect URI.
 *
 * @throws CatchdError `redirect_malformed`
 */
export function responsePart(pasted: string, { redirectUri, profile }: Login): string {
  const url = URL.canParse(pasted.trim()) ? new URL(pasted.trim()) : undefined
  const expected = new URL(redirectUri)
  if (url === undefined || url.origin !== expected.origin || url.pathname !== expected.pathname) {
    throw new CatchdError('redirect_malformed', {
      profile: profile ?? undefined,
      detail: `The pasted text is not a URL that begins with ${redirectUri}.`,
    })
  }
  return url.search.length > 1 ? url.search.slice(1) : url.hash.slice(1)
}

/** Strict `application/x-www-form-urlencoded`: bad percent signs and bad UTF-8 are refused, not repaired. */
function decodeParameters(encoded: string): Map<string, string> {
  const parameters = new Map<string, string>()
  const pairs = encoded.split('&').filter((pair) => pair !== '')
  if (pairs.length > MOST_PARAMETERS)
    throw new CatchdError('redirect_malformed', 'The response has too many parameters.')
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals))
    if (parameters.has(name)) throw new CatchdError('redirect_malformed', 'The response repeats a parameter.')
    parameters.set(name, equals < 0 ? '' : decodeComponent(pair.slice(equals + 1)))
  }
  return parameters
}

/** Claims about the token itself (RFC 7519 §4.1), not parameters of the response. */
const OF_THE_TOKEN = new Set(['aud', 'exp', 'iat', 'nbf', 'jti'])

/**
 * The parameters in a signed response (JARM §2.1). They are needed to find the login, and with it the server that must have
 * signed it. The code is not sent before the signature is checked.
 */
function claimsOf(token: string): Map<string, string> {
  const [, payload = '', ...rest] = token.split('.')
  let claims: unknown
  try {
    claims = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(payload, 'base64url')))
  } catch {
    claims = undefined
  }
  if (rest.length !== 1 || typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new CatchdError('redirect_malformed', 'Its parameter response is not a signed token.')
  }
  const parameters = Object.entries(claims).filter(
    (claim): claim is [string, string] => typeof claim[1] === 'string' && !OF_THE_TOKEN.has(claim[0]),
  )
  return new Map(parameters)
}

function decodeComponent(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new CatchdError('redirect_malformed', 'The response has invalid percent-encoding.')
  }
}

function secretOrNull(value: string | undefined): Secret | null {
  return value ? new Secret(value) : null
}

const STANDARD = new Set(['code', 'state', 'iss', 'error', 'error_description', 'error_uri'])

/** Without a prototype: the names are not trusted, and one of them may be `__proto__`. */
function extraParameters(parameters: Map<string, string>): Record<string, string> {
  const extra: Record<string, string> = Object.create(null)
  for (const [name, value] of parameters) if (!STANDARD.has(name)) extra[name] = value
  return extra
}
