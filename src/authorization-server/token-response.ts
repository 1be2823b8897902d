/**
 * Reads the answer of a token endpoint into a token response, whatever its format: the standard's (RFC 6749 §5.1),
 * form-encoded, nested, or with missing members. No other file does this.
 *
 * A token must be usable as it is. Of everything else, what cannot be used counts as absent.
 *
 * Pure. The differences of a server are data (`token_response` of its preset or profile); the code never checks a
 * server's name. token-refusal.ts reads refusals, also those with status 200.
 */
import type { TOKEN_RESPONSE_MEMBERS, TokenResponseShape } from '../config/token-response-shape.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import { parseMembers } from './answer-members.js'
import { LONGEST_SECONDS, readDuration, readInstant } from './duration.js'
import type { TokenResponse } from './issued-tokens.js'
import type { Members } from './json-object.js'
import type { SentValues } from './sent-values.js'
import { contextOf } from './token-context.js'
import { findRefusal } from './token-refusal.js'

/** The answer of a token endpoint, not read yet. */
export interface TokenAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
  /** The header of RFC 9110 §10.2.3, unchanged. */
  readonly retryAfter: string | null
  /** The server's clock (its Date header), or else that of this machine. The end of a token is an instant of that clock. */
  readonly answeredAtMs: number
}

/** Longer than the tokens of any server. A vault must be able to store a token. */
const LONGEST_TOKEN = 64 * 1024
const LONGEST_SCOPE = 16 * 1024
const LONGEST_SHOWN_TYPE = 60

export interface ReadingRules {
  readonly shape: TokenResponseShape | undefined
  readonly scopeSeparator: string
  /** The answer to a token exchange may be a token that is no access token (RFC 8693 §2.2.1). */
  readonly isExchange?: boolean
  /** `expires_in_default` of the profile. */
  readonly defaultLifetime?: number | undefined
  /** What the request sent. Like the tokens of the answer, it must not appear in a text that is shown. */
  readonly sent: SentValues
  /** Of a refresh: the type of the tokens before. What the answer leaves out stays as it was. */
  readonly tokenType?: string | undefined
}

/**
 * @throws CatchdError `provider_refused`, with the server's `error` and `error_description` if present;
 *   `provider_answer_invalid` if the answer contains neither tokens nor a refusal
 */
export function readTokenAnswer(answer: Omit<TokenAnswer, 'retryAfter'>, rules: ReadingRules): TokenResponse {
  const members = parseMembers(answer)
  if (members === undefined) throw notTokens(answer)
  const refused = findRefusal(members, answer.status, rules.sent.and(...tokensBeside(members)))
  if (refused !== undefined) throw refused
  return toTokenResponse(members, rules, answer.answeredAtMs)
}

const TOKENS: ReadonlySet<string> = new Set(['access_token', 'refresh_token', 'id_token'])
const MOST_TOKENS = 20

/**
 * The values of these names, at any depth. A refusal can come together with tokens, and its text can quote them. A profile
 * can point at one of them as something that is shown.
 */
function tokensBeside(members: Members): Secret[] {
  const found: Secret[] = []
  const collect = (value: Members | readonly unknown[]) => {
    for (const [name, member] of Object.entries(value)) {
      if (found.length === MOST_TOKENS) return
      if (typeof member === 'string' && TOKENS.has(name)) found.push(new Secret(member))
      else if (typeof member === 'object' && member !== null) collect(member as Members)
    }
  }
  collect(members)
  return found
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

function toTokenResponse(members: Members, rules: ReadingRules, answeredAtMs: number): TokenResponse {
  const { shape, scopeSeparator, sent } = rules
  const member = (name: ReadMember) => valuesOf(members, name, shape)[0]
  const accessToken = tokenWithoutBlanks(member('access_token'))
  if (accessToken === null) throw withoutAccessToken(member('id_token'))
  const refreshToken = usable(tokenOf, member('refresh_token'))
  const idToken = usable(tokenWithoutBlanks, member('id_token'))
  const tokens = [accessToken, refreshToken, idToken].filter((token) => token !== null)
  const secrets = sent.and(...tokens, ...tokensBeside(members))
  const lifetime = lifetimeOf(members, shape, answeredAtMs)
  const issuedType = members['issued_token_type']
  return {
    accessToken,
    tokenType: tokenTypeOf(member('token_type'), rules, secrets),
    // A new token that has ended can be renewed, or the server means that it does not end: Mailchimp, VK.
    expiresInSeconds: lifetime || (rules.defaultLifetime ?? (refreshToken === null ? null : lifetime)),
    refreshToken,
    refreshTokenExpiresInSeconds: refreshLifetimeOf(members),
    scope: masked(
      scopeOf(member('scope') ?? shape?.defaults?.scope, shape?.scope_separator ?? scopeSeparator),
      secrets,
    ),
    idToken,
    issuedTokenType: typeof issuedType === 'string' ? issuedType : null,
    issuer: null,
    subject: null,
    ...contextOf(withoutPointed(members, shape), secrets),
  }
}

/**
 * The refresh token of an answer that cannot be used otherwise: a server that rotates refresh tokens no longer accepts the
 * one before. `null` if the answer is an HTTP error, or has none.
 */
export function refreshTokenIn(answer: TokenAnswer, shape: TokenResponseShape | undefined): Secret | null {
  if (answer.status >= 300) return null
  return usable(tokenOf, refreshTokenOf(answer, shape))
}

function refreshTokenOf(answer: TokenAnswer, shape: TokenResponseShape | undefined): unknown {
  try {
    const members = parseMembers(answer)
    return members === undefined ? inCutJson(answer.body) : valuesOf(members, 'refresh_token', shape)[0]
  } catch {
    // Form encoding that repeats a parameter, which may be another one.
    return onlyOne(new URLSearchParams(answer.body.trim()).getAll('refresh_token'))
  }
}

/** In JSON that is cut off. A page is neither: one that quotes the request must not replace the refresh token. */
function inCutJson(body: string): unknown {
  if (!body.trimStart().startsWith('{')) return null
  return onlyOne([...body.matchAll(/"refresh_token"\s*:\s*"([^"\\]+)"/g)].map(([, value]) => value))
}

function onlyOne(values: readonly unknown[]): unknown {
  return values.length === 1 ? values[0] : null
}

/** A refresh token or an id_token that cannot be used counts as absent: the access token beside it is good. */
function usable(read: (value: unknown) => Secret | null, value: unknown): Secret | null {
  try {
    return read(value)
  } catch {
    return null
  }
}

type ReadMember = (typeof TOKEN_RESPONSE_MEMBERS)[number]

/** The values of a member: at the places that a profile names, or at its place in the standard. */
function valuesOf(members: Members, name: ReadMember, shape: TokenResponseShape | undefined): unknown[] {
  const pointers = shape?.pointers?.[name]
  const values =
    pointers === undefined
      ? [members[name]]
      : [pointers].flat().map((pointer) => at(members, stepsOf(pointer)))
  return values.filter((value) => value !== undefined && value !== null)
}

/** JSON Pointer (RFC 6901 §4). */
function at(members: Members, steps: readonly string[]): unknown {
  let found: unknown = members
  for (const name of steps) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Members)[name]
  }
  return found
}

function stepsOf(pointer: string): string[] {
  const steps = pointer.slice(1).split('/')
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The members without those that a profile names: they are the members of the standard under other names. */
function withoutPointed(members: Members, shape: TokenResponseShape | undefined): Members {
  const pointers = Object.values(shape?.pointers ?? {}).flat()
  if (pointers.length === 0) return members
  const rest = structuredClone(members)
  for (const pointer of pointers) {
    const steps = stepsOf(pointer)
    const parent = at(rest, steps.slice(0, -1))
    if (typeof parent === 'object' && parent !== null) {
      delete (parent as Record<string, unknown>)[steps.at(-1) ?? '']
    }
  }
  return rest
}

/**
 * Seconds from the answer until the access token ends; `null` if that is unknown; 0 if the answer says that it has ended.
 * An instant counts only where a profile names it.
 */
function lifetimeOf(
  members: Members,
  shape: TokenResponseShape | undefined,
  answeredAtMs: number,
): number | null {
  const instants = shape?.pointers?.expires_at === undefined ? [] : valuesOf(members, 'expires_at', shape)
  const ends = instants.map(readInstant).filter((end) => end !== null)
  const durations = valuesOf(members, 'expires_in', shape)
  const lifetimes = [
    ...ends.map((endMs) => Math.max(0, Math.floor((endMs - answeredAtMs) / 1000))),
    ...durations.map((value) => readDuration(value, shape?.expires_in_unit)),
  ]
  return lifetimes.find((seconds) => seconds !== null && seconds <= LONGEST_SECONDS) ?? null
}

/** The lifetime of a refresh token in seconds, as servers name it: Keycloak and webMethods, Google and GitHub, Intuit. */
const REFRESH_LIFETIMES = ['refresh_expires_in', 'refresh_token_expires_in', 'x_refresh_token_expires_in']

/** Servers that send 0 mean that it does not end. */
function refreshLifetimeOf(members: Members): number | null {
  const lifetimes = REFRESH_LIFETIMES.map((name) => readDuration(members[name]))
  return lifetimes.find((seconds) => seconds !== null && seconds > 0) ?? null
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

const TOKEN_TYPES = new Map([
  ['bearer', 'Bearer'],
  ['bearertoken', 'Bearer'], // Apigee
  ['dpop', 'DPoP'],
])

/**
 * RFC 6749 §7.1: the type is case-insensitive, and a token of an unknown type must not be used, unless the profile says
 * which type it is. A missing type means that of the tokens before, or Bearer.
 */
function tokenTypeOf(
  value: unknown,
  { shape, tokenType: before, isExchange = false }: ReadingRules,
  secrets: SentValues,
): string {
  const told = typeof value === 'string' ? value.trim() : value == null ? '' : JSON.stringify(value)
  const other = shape?.defaults?.token_type ?? (told === '' ? (before ?? 'Bearer') : told)
  // A token that is no access token has no type (RFC 8693 §2.2.1). Its holder can use it.
  if (isExchange && told.toUpperCase() === 'N_A') return 'Bearer'
  const type = knownType(told) ?? knownType(other)
  if (type !== undefined) return type
  const tokenType = secrets.line(other, LONGEST_SHOWN_TYPE)
  throw new CatchdError('provider_answer_invalid', {
    detail: `The token response has the token_type ${JSON.stringify(tokenType)}, which catchd does not know.`,
    evidence: { tokenType },
  })
}

function knownType(name: string): string | undefined {
  return TOKEN_TYPES.get(name.toLowerCase().replaceAll(/[\s_-]/g, ''))
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
