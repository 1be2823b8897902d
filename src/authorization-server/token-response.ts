/**
 * The one place where the answer of a token endpoint becomes a token response, whatever shape it has: the
 * standard's (RFC 6749 §5.1, §5.2), form-encoded, nested, with members missing, or an error inside a 200.
 *
 * Pure. What is odd about a server is data (`token_response` of its preset or profile), never its name.
 */
import type { TokenResponseShape } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import type { TokenResponse } from '../tokens/token-set.js'

/** Longer than any server issues; a vault has to take it. */
const LONGEST_TOKEN = 64 * 1024
/** Ten years; beyond it, "expires_in" is no lifetime but a mistake. */
const LONGEST_LIFETIME_SECONDS = 10 * 365 * 86_400
const LONGEST_TEXT = 500

type Members = Readonly<Record<string, unknown>>

export interface RawTokenAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface ReadingRules {
  readonly shape: TokenResponseShape | undefined
  readonly scopeSeparator: string
  /** Values that were sent and must not come back in an error text. */
  readonly sent: readonly Secret[]
}

/**
 * @throws CatchdError `provider_refused` with `error` and `error_description` where the server named them,
 *   `provider_answer_invalid` when the answer is neither tokens nor a refusal
 */
export function readTokenAnswer(answer: RawTokenAnswer, rules: ReadingRules): TokenResponse {
  const members = parseMembers(answer)
  const refusal = members === undefined ? undefined : findRefusal(members, rules.sent)
  if (refusal !== undefined) throw refusal
  if (members === undefined) throw notTokens(answer)
  if (answer.status >= 400) throw refused(rules.sent, String(answer.status), undefined)
  return toTokenResponse(members, rules)
}

/** JSON first, whatever the content type says; then the form encoding that some servers answer with. */
function parseMembers({ contentType, body }: RawTokenAnswer): Members | undefined {
  const text = body.trim()
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text) as Members
    } catch {
      return undefined
    }
  }
  const isForm = /^(application\/x-www-form-urlencoded|text\/plain)/i.test(contentType)
  if (!isForm || !/(^|&)(access_token|error)=/.test(text)) return undefined
  return Object.fromEntries(new URLSearchParams(text))
}

function notTokens({ status, body }: RawTokenAnswer): CatchdError {
  if (status >= 400 && status < 500) {
    return new CatchdError('provider_refused', `The token endpoint answered ${status} without saying why.`)
  }
  const what = body.trim() === '' ? 'an empty answer' : 'an answer that is not JSON'
  return new CatchdError('provider_answer_invalid', `The token endpoint gave ${what} (${status}).`)
}

/** Every way in which servers say no, an error inside a 200 among them. */
function findRefusal(members: Members, sent: readonly Secret[]): CatchdError | undefined {
  const { error, error_description: description, ok, errcode, errors, message } = members
  if (typeof error === 'string' && error !== '')
    return refused(sent, error, textOf(description) ?? textOf(message))
  if (typeof error === 'object' && error !== null) {
    const nested = error as Members
    return refused(
      sent,
      textOf(nested['type']) ?? textOf(nested['code']) ?? 'error',
      textOf(nested['message']),
    )
  }
  if (error === true || typeof error === 'number')
    return refused(sent, String(members['status'] ?? error), textOf(message))
  if (ok === false) return refused(sent, 'error', textOf(message))
  if (typeof errcode === 'number' && errcode !== 0)
    return refused(sent, String(errcode), textOf(members['errmsg']))
  if (Array.isArray(errors) && errors.length > 0) {
    const first = (errors[0] ?? {}) as Members
    const name = textOf(first['errorType']) ?? textOf(first['code']) ?? 'error'
    return refused(sent, name, textOf(first['message']) ?? textOf(message))
  }
  const status = members['status']
  if (typeof status === 'number' && status >= 400) return refused(sent, String(status), textOf(message))
  if (typeof message === 'string' && members['category'] !== undefined) {
    return refused(sent, textOf(members['category']) ?? 'error', message)
  }
  return undefined
}

function refused(sent: readonly Secret[], error: string, description: string | undefined): CatchdError {
  return new CatchdError('provider_refused', {
    detail: 'The token endpoint refused the request.',
    error: harmless(error, sent),
    ...(description === undefined ? {} : { errorDescription: harmless(description, sent) }),
  })
}

/** Nothing that splits a line, nothing longer than a sentence or two, none of our own secrets. */
function harmless(text: string, sent: readonly Secret[]): string {
  let clean = text
  for (const secret of sent) clean = clean.replaceAll(secret.reveal(), '[secret]')
  return clean.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, LONGEST_TEXT)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

const STANDARD = ['access_token', 'token_type', 'expires_in', 'refresh_token', 'scope', 'id_token'] as const
type Standard = (typeof STANDARD)[number]

function toTokenResponse(members: Members, rules: ReadingRules): TokenResponse {
  const value = (name: Standard) => {
    const pointer = rules.shape?.pointers?.[name]
    return pointer === undefined ? members[name] : at(members, pointer)
  }
  const accessToken = tokenOf(value('access_token'))
  if (accessToken === null) throw invalid('has no access_token')
  const rest = Object.entries(members).filter(([name]) => !(STANDARD as readonly string[]).includes(name))
  return {
    accessToken,
    tokenType: tokenTypeOf(value('token_type') ?? rules.shape?.defaults?.token_type),
    expiresInSeconds: lifetimeOf(value('expires_in'), rules.shape?.expires_in_unit ?? 's'),
    refreshToken: tokenOf(value('refresh_token')),
    scope: scopeOf(value('scope') ?? rules.shape?.defaults?.scope, rules.scopeSeparator),
    idToken: tokenOf(value('id_token')),
    issuer: null,
    subject: null,
    parameters: Object.fromEntries(rest),
  }
}

/** JSON Pointer (RFC 6901). */
function at(members: Members, pointer: string): unknown {
  let found: unknown = members
  for (const step of pointer.slice(1).split('/')) {
    if (typeof found !== 'object' || found === null) return undefined
    found = (found as Members)[step.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return found
}

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
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0) return null
  const seconds = Math.floor(unit === 'ms' ? number / 1000 : number)
  return seconds > LONGEST_LIFETIME_SECONDS ? null : seconds
}

function scopeOf(value: unknown, separator: string): string | null {
  const parts = Array.isArray(value)
    ? value.map(String)
    : typeof value === 'string'
      ? value.split(separator)
      : []
  const scopes = parts.flatMap((part) => part.split(' ')).filter((part) => part !== '')
  return scopes.length === 0 ? null : scopes.join(' ')
}

function invalid(what: string): CatchdError {
  return new CatchdError('provider_answer_invalid', `The token response ${what}.`)
}
