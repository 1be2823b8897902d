/**
 * Reads an authorization response, which the browser brings to the redirect URI (RFC 6749 §4.1.2, RFC 8252 §7.3, RFC
 * 9207 §2.3), as parameters or as one signed token (JARM §2.3.1).
 *
 * Pure. It reads what the response contains: strictly what decides about a login, and everything else as well as it can.
 * login-index.ts checks whether a login expects it (`state`), and kinds/ has what a login does with its response.
 */
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'

interface Common {
  /** `null` when the response has none; then only a profile with `state_echo: false`, or a catch, can match. */
  readonly state: Secret | null
  readonly iss: string | null
  /** The text has a `state`, but not as a parameter that can be read: `&amp;state=`, `;state=`, `STATE=`, `state[]=`. */
  readonly hasMisplacedState: boolean
  /**
   * Parameters beyond the standard's (`realmId`); the context of the tokens is made of them. A value that cannot be decoded
   * exactly counts as absent.
   */
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
  /** What the server says to the user; not trusted. */
  readonly errorDescription: string | null
}
/** It has a `state`, but neither a code nor an error: some servers answer so if the user says no. */
export interface IncompleteResponse extends Common {
  readonly kind: 'incomplete'
  readonly errorDescription: string | null
}
export type AuthorizationResponse = CodeResponse | ErrorResponse | IncompleteResponse

/** More than any server sends. */
const MOST_PARAMETERS = 64

/**
 * @param encoded - The query, form body or fragment, still percent-encoded, without `?` or `#`.
 * @throws CatchdError `redirect_malformed` when a parameter is repeated (RFC 6749 §3.1), one of {@link DECISIVE} cannot be
 *   decoded, both of `code` and `error` are there, or none of `code`, `error` and `state`, or there are too many
 *   parameters. The error never quotes the response.
 */
export function parseAuthorizationResponse(encoded: string): AuthorizationResponse {
  const { sent, inexact } = decodeParameters(encoded)
  const signed = sent.get('code') || sent.get('error') ? undefined : sent.get('response') || undefined
  const parameters = signed === undefined ? sent : claimsOf(signed)
  // A parameter without a value counts as absent (RFC 6749 §3.1).
  const [code, error, state] = ['code', 'error', 'state'].map((name) => parameters.get(name) || undefined)
  const common = {
    state: secretOrNull(state),
    iss: parameters.get('iss') ?? null,
    hasMisplacedState: [...parameters].some(
      ([name, value]) => name !== 'state' && MISPLACED_STATE.test(`${name}=${value}`),
    ),
    extra: extraParameters(parameters, inexact),
    parameters: new Secret(JSON.stringify(Object.fromEntries(sent))),
  }
  if (code && error) {
    throw new CatchdError('redirect_malformed', 'The response has both a code and an error.')
  }
  if (code) return { ...common, kind: 'code', code: new Secret(code), signedResponse: secretOrNull(signed) }
  const errorDescription = parameters.get('error_description') || textsFor(parameters)
  if (error) return { ...common, kind: 'error', error, errorDescription }
  if (state) return { ...common, kind: 'incomplete', errorDescription }
  throw new CatchdError('redirect_malformed', 'The response has neither a code nor an error.')
}

/**
 * For a server that has another name for the code.
 *
 * @param name - Of the parameter with the code.
 * @returns The response as it would be with the standard's name: without that parameter there is no code.
 */
export function withCodeFrom(name: string, response: AuthorizationResponse): AuthorizationResponse {
  if (name === 'code' || response.kind === 'error') return response
  const { [name]: code, ...extra } = response.extra
  const { state, iss, hasMisplacedState, parameters } = response
  const common = { state, iss, hasMisplacedState, parameters, extra }
  return code
    ? { ...common, kind: 'code', code: new Secret(code), signedResponse: null }
    : {
        ...common,
        kind: 'incomplete',
        errorDescription: response.kind === 'code' ? null : response.errorDescription,
      }
}

/**
 * Some servers append their response with `?` to a redirect URI that has a query of its own, or begin it with a second
 * `?`.
 *
 * @returns The query with `&` there.
 */
export function joined(redirectUri: string, query: string): string {
  const own = new URL(redirectUri).search.slice(1)
  const response = query.startsWith('?') ? query.slice(1) : query
  return own !== '' && response.startsWith(`${own}?`) ? `${own}&${response.slice(own.length + 1)}` : response
}

const MISPLACED_STATE = /(?:^|[;?&])state(?:\[\])?=/i

/** Names of texts for the user that servers send beside or instead of `error`: `error_message`, `errmsg`, `error_reason`. */
const SERVER_TEXT = /err|message|msg|reason|denied|cancel/i

/** Such texts in one line; `null` if there are none. */
function textsFor(parameters: ReadonlyMap<string, string>): string | null {
  const texts = [...parameters].filter(
    ([name, value]) => SERVER_TEXT.test(name) && !STANDARD.has(name) && value !== '',
  )
  return texts.length === 0 ? null : texts.map(([name, value]) => `${name}: ${value}`).join(', ')
}

/** Decide which login is answered, and with what. They are decoded strictly: nothing in them is repaired. */
const DECISIVE: ReadonlySet<string> = new Set(['state', 'code', 'iss', 'error', 'response'])

interface Decoded {
  readonly sent: Map<string, string>
  /** Names of the parameters whose value is only the best guess. */
  readonly inexact: ReadonlySet<string>
}

/** `application/x-www-form-urlencoded`. */
function decodeParameters(encoded: string): Decoded {
  const sent = new Map<string, string>()
  const inexact = new Set<string>()
  const pairs = encoded.split('&').filter((pair) => pair !== '')
  if (pairs.length > MOST_PARAMETERS)
    throw new CatchdError('redirect_malformed', 'The response has too many parameters.')
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const { text: name } = decodeComponent(equals < 0 ? pair : pair.slice(0, equals))
    const { text, isExact } = decodeComponent(equals < 0 ? '' : pair.slice(equals + 1))
    if (sent.has(name)) throw new CatchdError('redirect_malformed', 'The response repeats a parameter.')
    if (!isExact && DECISIVE.has(name)) {
      throw new CatchdError('redirect_malformed', `The parameter ${name} has invalid percent-encoding.`)
    }
    sent.set(name, text)
    if (!isExact) inexact.add(name)
  }
  return { sent, inexact }
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
  const isObject = typeof claims === 'object' && claims !== null && !Array.isArray(claims)
  if (rest.length !== 1 || !isObject || hasDecisiveOtherThanText(claims as object)) {
    throw new CatchdError('redirect_malformed', 'Its parameter response is not a signed token.')
  }
  const parameters = Object.entries(claims as object).filter(
    (claim): claim is [string, string] => typeof claim[1] === 'string' && !OF_THE_TOKEN.has(claim[0]),
  )
  return new Map(parameters)
}

function hasDecisiveOtherThanText(claims: object): boolean {
  return Object.entries(claims).some(([name, value]) => DECISIVE.has(name) && typeof value !== 'string')
}

function decodeComponent(encoded: string): { readonly text: string; readonly isExact: boolean } {
  const spaced = encoded.replaceAll('+', ' ')
  try {
    return { text: decodeURIComponent(spaced), isExact: true }
  } catch {
    return { text: guessedText(spaced), isExact: false }
  }
}

/** As a person would read it: a bare percent sign is one, and bytes that are not UTF-8 are Latin-1. */
function guessedText(encoded: string): string {
  const bytes = Buffer.from(
    Buffer.from(encoded)
      .toString('latin1')
      .replace(/%([\da-f]{2})/gi, (_escape, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}

function secretOrNull(value: string | undefined): Secret | null {
  return value ? new Secret(value) : null
}

const STANDARD = new Set(['code', 'state', 'iss', 'error', 'error_description', 'error_uri'])

/** Without a prototype: the names are not trusted, and one of them may be `__proto__`. */
function extraParameters(
  parameters: ReadonlyMap<string, string>,
  inexact: ReadonlySet<string>,
): Record<string, string> {
  const extra: Record<string, string> = Object.create(null)
  for (const [name, value] of parameters) {
    if (!STANDARD.has(name) && !inexact.has(name)) extra[name] = value
  }
  return extra
}
