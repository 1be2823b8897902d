/**
 * Whether a refusal says that the refresh token is dead: by the code of the standard (RFC 6749 §5.2), by a code or a text
 * of other servers, or by the words that the profile names (`token_response.dead_refresh_token`).
 *
 * Pure, and strict: a page, a status, or a word that anybody between here and the server can say (Forbidden, Unauthorized)
 * is no such answer. It reads the answer as it came, because a secret can be an ordinary word; nothing of it is shown.
 */
import { isObject, type Members } from './json-object.js'

/** Codes for a refresh token that will never work again, in lower case. The standard's code is first. */
const DEAD_CODES: ReadonlySet<string> = new Set([
  'invalid_grant',
  'expired_token', // Baidu
  'token_expired', // Slack
  'token_revoked', // Slack
  'invalid_code', // Zoho
  'interaction_required', // Entra; OpenID Connect Core §3.1.2.6
  'login_required',
  'consent_required',
])

/** Codes that have another meaning, whatever the text beside them says. */
const OTHER_CODES: ReadonlySet<string> = new Set([
  'invalid_client',
  'invalid_dpop_proof',
  'invalid_scope',
  'invalid_target',
  'server_error',
  'slow_down',
  'temporarily_unavailable',
  'unsupported_grant_type',
  'use_dpop_nonce',
])

/** Texts that ask for patience, whatever the code beside them is. */
const LATER = /try (?:again|later)|too many|rate ?-?limit|throttl|temporar|unavailable|maintenance|overload/i

/** What a refusal says, unmasked. */
export interface RefusalWords {
  /** The error code, if there is one ({@link codeOfRefusal}). */
  readonly code: string | undefined
  /** All its texts and numbers, wherever they are. */
  readonly values: readonly string[]
}

/** @param dead - `dead_refresh_token` of the profile. */
export function saysDead({ code, values }: RefusalWords, dead: readonly (string | number)[] = []): boolean {
  if (dead.some((word) => isSaid(String(word), code, values))) return true
  const name = code?.toLowerCase() ?? ''
  if (DEAD_CODES.has(name)) return true
  if (OTHER_CODES.has(name)) return false
  if ([code ?? '', ...values].some((value) => isAboutDeadToken(value, 'refresh token'))) return true
  // RFC 6750 §3.1 has it for access tokens. At a token endpoint the token is the one that was sent (INDIGO IAM).
  return (
    name === 'invalid_token' && values.some((value) => value !== code && isAboutDeadToken(value, 'token'))
  )
}

/**
 * Whether a login may help if the server never answers anything else: the refusal is about no other part of the request,
 * and does not ask for patience.
 */
export function mayBeDead({ code, values }: RefusalWords): boolean {
  return !OTHER_CODES.has(code?.toLowerCase() ?? '') && !values.some((value) => LATER.test(value))
}

/** A code or a number is compared as a whole. A sentence may be a part of a longer text. */
function isSaid(word: string, code: string | undefined, values: readonly string[]): boolean {
  const wanted = word.trim().toLowerCase()
  if (wanted === '') return false
  const isSentence = /\s/.test(wanted)
  return [code ?? '', ...values].some((value) => {
    const said = value.trim().toLowerCase()
    return said === wanted || (isSentence && said.includes(wanted))
  })
}

/** Members that hold tokens or scopes. Their values are no words. */
const NO_WORDS: ReadonlySet<string> = new Set(['access_token', 'id_token', 'refresh_token', 'scope'])
const DEEPEST = 4
const MOST_VALUES = 100

/** The texts and numbers of a refusal, also nested ones: servers put them into `error`, `errors`, `data`, `body`. */
export function valuesOf(members: Members): string[] {
  const values: string[] = []
  const collect = (value: unknown, depth: number) => {
    if (values.length >= MOST_VALUES || depth > DEEPEST) return
    if (typeof value === 'string' || typeof value === 'number') values.push(String(value))
    else if (Array.isArray(value)) for (const item of value) collect(item, depth + 1)
    else if (isObject(value)) {
      for (const [name, member] of Object.entries(value)) if (!NO_WORDS.has(name)) collect(member, depth + 1)
    }
  }
  collect(members, 0)
  return values
}

/** Longer texts are pages. */
const LONGEST_TEXT = 1_000

const STATES =
  'invalid|invalidated|expired|revoked|unknown|unrecogni[sz]ed|malformed|inactive|bad|wrong|incorrect|illegal|blacklisted|reused|consumed|redeemed'
const NOT =
  'not (?:valid|found|known|active|exist|recogni[sz]ed)|no longer|does ?n[’ ]?t exist|(?:can ?not|could not|can[’ ]?t) be (?:found|used)|(?:already|been) used|used (?:already|before|twice)|reuse'
/** What a sentence about a refresh token can be about instead. */
const OTHER =
  'client|credentials?|endpoint|grants?|headers?|if|may|might|parameters?|redirect|requests?|scopes?|servers?|services?|store|storage|database|backend|types?|users?|when|is required|missing'

/** "invalid or expired refresh token", `INVALID_REFRESH_TOKEN` */
const stateBefore = (noun: string) =>
  `\\b(?!unknown parameter)(?:${STATES})(?: (?:${STATES}|missing|or|and|an?|the|your|value|for|of|parameter|provided|oauth2?))* ${noun}\\b(?! (?:${OTHER})\\b)`

/** "refresh_token is invalid", "Refresh token for value abc was not found", `refresh_token_reused` */
const stateAfter = (noun: string) =>
  `(?<!\\b(?:access|id|csrf|api|bearer|types?) )\\b${noun}\\b(?: (?!(?:${OTHER})\\b)[^ ]+){0,8}? (?:${STATES}|${NOT})\\b(?! (?:${OTHER})\\b)`

const patternOf = (noun: string) => new RegExp(`${stateBefore(noun)}|${stateAfter(noun)}`)
const PATTERNS = {
  'refresh token': patternOf('refresh ?token'),
  token: patternOf('token'),
}

/** Whether the text says of the token that it is invalid, expired, revoked, used or unknown. */
function isAboutDeadToken(value: string, noun: keyof typeof PATTERNS): boolean {
  const start = value.slice(0, LONGEST_TEXT)
  const words = /\s/.test(start) ? start : start.replaceAll(/([a-z])([A-Z])/g, '$1 $2')
  const text = words
    .replaceAll(/refreshToken/g, 'refresh token')
    .toLowerCase()
    .replaceAll(/[\s_\-()[\]{}"'`,:/|]+/g, ' ')
  return PATTERNS[noun].test(text)
}
