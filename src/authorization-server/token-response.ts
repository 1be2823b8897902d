/**
 * Reads the answer of a token endpoint into a token response, whatever its format: the standard's (RFC 6749 §5.1),
 * form-encoded, nested, or with missing members. No other file does this.
 *
 * Pure. The differences of a server are data (`token_response` of its preset or profile); the code never checks a
 * server's name. token-refusal.ts reads refusals, also those with status 200.
 */
import { TOKEN_RESPONSE_MEMBERS, type TokenResponseShape } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { readDuration } from './duration.js'
import type { TokenResponse } from './issued-tokens.js'
import { type Members, parseObject } from './json-object.js'
import type { SentValues } from './sent-values.js'
import { findRefusal } from './token-refusal.js'

/** The answer of a token endpoint, not read yet. */
export interface TokenAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
  /** The header of RFC 9110 §10.2.3, unchanged. */
  readonly retryAfter: string | null
}

/** Longer than the tokens of any server. A vault must be able to store a token. */
const LONGEST_TOKEN = 64 * 1024
const LONGEST_SCOPE = 16 * 1024
/** Limit for members that the standard does not define. They are stored with the token set, and a vault has limits. */
const MOST_EXTRA_CHARACTERS = 32 * 1024

export interface ReadingRules {
  readonly shape: TokenResponseShape | undefined
  readonly scopeSeparator: string
  /** The answer to a token exchange may be a token that is no access token (RFC 8693 §2.2.1). */
  readonly isExchange?: boolean
  /** What the request sent. Like the tokens of the answer, it must not appear in a text that is shown. */
  readonly sent: SentValues
  /** Of a refresh: the type of the tokens before. What the answer leaves out stays as it was. */
  readonly tokenType?: string | undefined
}

/**
 * @throws CatchdError `provider_refused`, with the server's `error` and `error_description` if present;
 *   `provider_answer_invalid` if the answer contains neither tokens nor a refusal
 */
export function readTokenAnswer(
  answer: Pick<TokenAnswer, 'status' | 'contentType' | 'body'>,
  rules: ReadingRules,
): TokenResponse {
  const members = parseMembers(answer)
  if (members === undefined) throw notTokens(answer)
  const refused = findRefusal(members, answer.status, rules.sent.and(...tokensBeside(members)))
  if (refused !== undefined) throw refused
  return toTokenResponse(members, rules)
}

/** Tries JSON first, whatever the content type is, and then form encoding, which some servers use. */
export function parseMembers({
  contentType,
  body,
}: Pick<TokenAnswer, 'contentType' | 'body'>): Members | undefined {
  const text = body.trim()
  if (text.startsWith('{')) return parseObject(text)
  const isForm = /^(application\/x-www-form-urlencoded|text\/plain)/i.test(contentType)
  if (!isForm || !/(^|&)(access_token|error)=/.test(text)) return undefined
  const parameters = new URLSearchParams(text)
  if (new Set(parameters.keys()).size !== parameters.size) throw invalid('repeats a parameter')
  return Object.fromEntries(parameters)
}

/** A refusal can come together with tokens, and its text can quote them. */
function tokensBeside({ access_token, refresh_token, id_token }: Members): Secret[] {
  return [access_token, refresh_token, id_token]
    .filter((token) => typeof token === 'string')
    .map((token) => new Secret(token))
}

function notTokens({ status, body }: Pick<TokenAnswer, 'status' | 'body'>): CatchdError {
  if (status >= 400 && status < 500) {
    return new CatchdError(
      'provider_refused',
      `The token endpoint answered with status ${status} and no reason.`,
    )
  }
  const what = body.trim() === '' ? 'an empty answer' : 'an answer that is not JSON'
  return new CatchdError('provider_answer_invalid', `The token endpoint gave ${what} (${status}).`)
}

function toTokenResponse(
  members: Members,
  { shape, scopeSeparator, sent, tokenType, isExchange = false }: ReadingRules,
): TokenResponse {
  const member = (name: (typeof TOKEN_RESPONSE_MEMBERS)[number]) => memberOf(members, shape, name)
  const accessToken = tokenWithoutBlanks(member('access_token'))
  if (accessToken === null) throw withoutAccessToken(member('id_token'))
  const refreshToken = usable(tokenOf, member('refresh_token'))
  const idToken = usable(tokenWithoutBlanks, member('id_token'))
  const tokens = [accessToken, refreshToken, idToken].filter((token) => token !== null)
  return {
    accessToken,
    tokenType: tokenTypeOf(member('token_type') ?? shape?.defaults?.token_type ?? tokenType, isExchange),
    // A lifetime next to the pointer's target belongs to the same token. A token next to it may be another user's.
    expiresInSeconds: readDuration(
      member('expires_in') ?? members['expires_in'],
      shape?.expires_in_unit ?? 's',
    ),
    refreshToken,
    scope: masked(
      scopeOf(member('scope') ?? shape?.defaults?.scope, shape?.scope_separator ?? scopeSeparator),
      sent.and(...tokens),
    ),
    idToken,
    issuer: null,
    subject: null,
    parameters: extraOf(members),
  }
}

/**
 * The refresh token of an answer that cannot be used otherwise: a server that rotates refresh tokens no longer accepts the
 * one before. `null` if the answer is an HTTP error, or has none.
 */
export function refreshTokenIn(answer: TokenAnswer, shape: TokenResponseShape | undefined): Secret | null {
  if (answer.status >= 300) return null
  const members = answer.body.trimStart().startsWith('{') ? parseObject(answer.body.trim()) : undefined
  return usable(
    tokenOf,
    members === undefined ? spelledOut(answer.body) : memberOf(members, shape, 'refresh_token'),
  )
}

/** In JSON that is cut off, or form encoding that repeats another parameter: the value, if there is exactly one. */
function spelledOut(body: string): unknown {
  const found = body.trimStart().startsWith('{')
    ? [...body.matchAll(/"refresh_token"\s*:\s*"([^"\\]+)"/g)].map(([, value]) => value)
    : new URLSearchParams(body.trim()).getAll('refresh_token')
  return found.length === 1 ? found[0] : null
}

function memberOf(
  members: Members,
  shape: TokenResponseShape | undefined,
  name: (typeof TOKEN_RESPONSE_MEMBERS)[number],
): unknown {
  const pointers = shape?.pointers?.[name]
  if (pointers === undefined) return members[name]
  const found = [pointers].flat().map((pointer) => at(members, pointer))
  return found.find((value) => value !== undefined && value !== null)
}

/** A refresh token or an id_token that cannot be used counts as absent: the access token beside it is good. */
function usable(read: (value: unknown) => Secret | null, value: unknown): Secret | null {
  try {
    return read(value)
  } catch {
    return null
  }
}

/** JSON Pointer (RFC 6901 §4). */
function at(members: Members, pointer: string): unknown {
  let found: unknown = members
  for (const step of pointer.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Members)[name]
  }
  return found
}

/** RFC 6749 appendix A.12, A.17. Line breaks and other characters would break a header. */
function tokenOf(value: unknown): Secret | null {
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string' || value.length > LONGEST_TOKEN || !/^[\x20-\x7e]+$/.test(value)) {
    throw invalid('has a token that is not printable ASCII or is longer than 64 KiB')
  }
  return new Secret(value)
}

/**
 * A token that is given out. A blank cannot be in a Bearer token (RFC 6750 §2.1), and in `.netrc`, a header or the protocol
 * of a helper, what follows a blank could be read as something else.
 */
function tokenWithoutBlanks(value: unknown): Secret | null {
  const token = tokenOf(value)
  if (token?.reveal().includes(' ')) throw invalid('has an access token or id_token with a blank in it')
  return token
}

/**
 * RFC 6749 §7.1: the type is case-insensitive, and a token of an unknown type must not be used. A token that is no access
 * token has no type (RFC 8693 §2.2.1); whoever holds it can use it.
 */
function tokenTypeOf(value: unknown, isExchange: boolean): string {
  if (typeof value !== 'string') throw invalid('has no token_type')
  if (value.toLowerCase() === 'bearer') return 'Bearer'
  if (value.toLowerCase() === 'dpop') return 'DPoP'
  if (isExchange && value.toUpperCase() === 'N_A') return 'Bearer'
  throw invalid('has an unknown token_type')
}

/** Space-separated as in RFC 6749 §3.3, without line breaks. */
function scopeOf(value: unknown, separator: string): string | null {
  const parts = Array.isArray(value) ? value.filter((part) => typeof part === 'string') : [value]
  const scopes = parts
    .flatMap((part) => (typeof part === 'string' ? part.split(separator) : []))
    .flatMap((part) => part.split(/[\s\p{Cc}\p{Cf}]+/u))
    .filter((part) => part !== '')
  if (scopes.length === 0) return null
  const scope = scopes.join(' ')
  if (scope.length > LONGEST_SCOPE) throw invalid('has a scope longer than 16 KiB')
  return scope
}

/** The scope is shown in lists. */
function masked(scope: string | null, sent: SentValues): string | null {
  return scope === null ? null : sent.masked(scope)
}

/** Members that the standard does not define, up to the limit. A large one is left out so that the tokens can be stored. */
function extraOf(members: Members): Record<string, unknown> {
  const extra: Record<string, unknown> = {}
  let characters = 0
  for (const [name, value] of Object.entries(members)) {
    if ((TOKEN_RESPONSE_MEMBERS as readonly string[]).includes(name) || name === '__proto__') continue
    const length = name.length + JSON.stringify(value).length
    if (characters + length > MOST_EXTRA_CHARACTERS) continue
    characters += length
    extra[name] = value
  }
  return extra
}

/** The `reason` of the failure, for src/diagnosis. */
export const ID_TOKEN_ALONE = 'ID_TOKEN_ALONE'

function withoutAccessToken(idToken: unknown): CatchdError {
  const isAlone = typeof idToken === 'string' && idToken !== ''
  return new CatchdError('provider_answer_invalid', {
    detail: `The token response has no access_token${isAlone ? ', only an id_token' : ''}.`,
    evidence: isAlone ? { reason: ID_TOKEN_ALONE } : {},
  })
}

function invalid(what: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The token response ${what}.`)
}
