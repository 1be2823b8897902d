/**
 * The one place where the answer of a token endpoint becomes a token response, whatever shape it has: the
 * standard's (RFC 6749 §5.1), form-encoded, nested, or with members missing.
 *
 * Pure. What is odd about a server is data (`token_response` of its preset or profile), never its name. The many
 * ways of saying no, an error inside a 200 among them, are token-refusal.ts.
 */
import { TOKEN_RESPONSE_MEMBERS, type TokenResponseShape } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import type { TokenResponse } from './issued-tokens.js'
import { findRefusal, type Members } from './token-refusal.js'
import type { TokenAnswer } from './token-request.js'

/** Longer than any server issues; a vault has to take it. */
const LONGEST_TOKEN = 64 * 1024
const LONGEST_SCOPE = 16 * 1024
/** Ten years; beyond it, "expires_in" is no lifetime but a mistake. */
const LONGEST_LIFETIME_SECONDS = 10 * 365 * 86_400
/** Members beyond the standard's are kept with the token set, in a vault that does not take everything. */
const MOST_EXTRA_CHARACTERS = 32 * 1024
/** Token responses have three levels; thousands would overflow the stack when they are stored. */
const DEEPEST = 32

export interface ReadingRules {
  readonly shape: TokenResponseShape | undefined
  readonly scopeSeparator: string
  /** Values that were sent and must not come back in an error text. */
  readonly sent: readonly Secret[]
}

/**
 * @throws CatchdError `provider_refused`, with `error` and `error_description` where the server named them;
 *   `provider_answer_invalid` when the answer is neither tokens nor a refusal
 */
export function readTokenAnswer(
  answer: Pick<TokenAnswer, 'status' | 'contentType' | 'body'>,
  rules: ReadingRules,
): TokenResponse {
  const members = parseMembers(answer)
  if (members === undefined) throw notTokens(answer)
  const refused = findRefusal(members, answer.status, rules.sent)
  if (refused !== undefined) throw refused
  return toTokenResponse(members, rules)
}

/** JSON first, whatever the content type says; then the form encoding that some servers answer with. */
export function parseMembers({
  contentType,
  body,
}: Pick<TokenAnswer, 'contentType' | 'body'>): Members | undefined {
  const text = body.trim()
  if (text.startsWith('{')) return parseJson(text)
  const isForm = /^(application\/x-www-form-urlencoded|text\/plain)/i.test(contentType)
  if (!isForm || !/(^|&)(access_token|error)=/.test(text)) return undefined
  const parameters = new URLSearchParams(text)
  if (new Set(parameters.keys()).size !== parameters.size) throw invalid('repeats a parameter')
  return Object.fromEntries(parameters)
}

function parseJson(text: string): Members | undefined {
  let members: Members
  try {
    members = JSON.parse(text) as Members
  } catch {
    return undefined
  }
  if (isDeeperThan(members, DEEPEST)) throw invalid('is nested too deeply')
  return members
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((member) => isDeeperThan(member, levels - 1))
}

function notTokens({ status, body }: Pick<TokenAnswer, 'status' | 'body'>): CatchdError {
  if (status >= 400 && status < 500) {
    return new CatchdError('provider_refused', `The token endpoint answered ${status} without saying why.`)
  }
  const what = body.trim() === '' ? 'an empty answer' : 'an answer that is not JSON'
  return new CatchdError('provider_answer_invalid', `The token endpoint gave ${what} (${status}).`)
}

function toTokenResponse(members: Members, { shape, scopeSeparator }: ReadingRules): TokenResponse {
  const member = (name: (typeof TOKEN_RESPONSE_MEMBERS)[number]) => {
    const pointers = shape?.pointers?.[name]
    if (pointers === undefined) return members[name]
    const found = [pointers].flat().map((pointer) => at(members, pointer))
    return found.find((value) => value !== undefined && value !== null)
  }
  const accessToken = tokenOf(member('access_token'))
  if (accessToken === null) throw invalid('has no access_token')
  return {
    accessToken,
    tokenType: tokenTypeOf(member('token_type') ?? shape?.defaults?.token_type),
    // A lifetime beside the pointer is the same token's; a token beside it might be another's.
    expiresInSeconds: lifetimeOf(
      member('expires_in') ?? members['expires_in'],
      shape?.expires_in_unit ?? 's',
    ),
    refreshToken: tokenOf(member('refresh_token')),
    scope: scopeOf(member('scope') ?? shape?.defaults?.scope, shape?.scope_separator ?? scopeSeparator),
    idToken: tokenOf(member('id_token')),
    issuer: null,
    subject: null,
    parameters: extraOf(members),
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

/** RFC 6749 appendix A.12, A.17; what has line breaks or other characters would break a header. */
function tokenOf(value: unknown): Secret | null {
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string' || value.length > LONGEST_TOKEN || !/^[\x20-\x7e]+$/.test(value)) {
    throw invalid('has a token that is no printable ASCII text of at most 64 KiB')
  }
  return new Secret(value)
}

/** RFC 6749 §7.1: case-insensitive; one that we do not understand must not be used. */
function tokenTypeOf(value: unknown): string {
  if (typeof value !== 'string') throw invalid('has no token_type')
  if (value.toLowerCase() === 'bearer') return 'Bearer'
  if (value.toLowerCase() === 'dpop') return 'DPoP'
  throw invalid('has a token_type that catchd does not know')
}

/** What is no lifetime is unknown, and said so; it is not guessed. */
function lifetimeOf(value: unknown, unit: 's' | 'ms'): number | null {
  const isNumeric = typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value)
  const number = isNumeric ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0) return null
  const seconds = Math.floor(unit === 'ms' ? number / 1000 : number)
  return seconds > LONGEST_LIFETIME_SECONDS ? null : seconds
}

/** Space-separated as in RFC 6749 §3.3, without what could split a line. */
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

/** Members beyond the standard's, as long as they fit; a large one is left out rather than the tokens with it. */
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

function invalid(what: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The token response ${what}.`)
}
