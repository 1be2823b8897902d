/**
 * The context of a token: what a server says beside it, in the token response and at the redirect URI, and without which it
 * is of no use (the host to call, the company or the patient that it is about). A program that may have the token may have the
 * context, so no secret may be in it (SECURITY.md#no-secret-leaks).
 *
 * Pure. A member is left out, at any depth, if its name is one of the protocol or says that it is a secret, if it contains
 * a token or what a request sent, or if it looks like a token. In doubt it is left out.
 */
import { TOKEN_RESPONSE_MEMBERS } from '../config/token-response-shape.js'
import { Secret } from '../secret.js'
import { printable } from '../text/printable.js'
import { isObject, type Members } from './json-object.js'
import type { SentValues } from './sent-values.js'

export interface TokenContext {
  readonly parameters: Members
  /** Names of members that are too large, or nested too deeply. */
  readonly leftOut: readonly string[]
}

/** For all members together, as JSON. Windows needs an item of the vault for every 2.4 KB. */
const MOST_BYTES = 16 * 1024
const LONGEST_NAME = 128
const LONGEST_TEXT = 2048
const DEEPEST = 8
const MOST_LEFT_OUT = 20
/** How much is searched for secrets, in characters. Each member counts as some, so that their number is limited too. */
const MOST_SEARCHED = 64 * 1024
const SEARCHED_PER_MEMBER = 32

/**
 * @param members - Of the token response, of the redirect, or of an earlier context.
 * @param secrets - The tokens, and what the requests sent.
 */
export function contextOf(members: Members, secrets: SentValues): TokenContext {
  const sieve = new Sieve(secrets.and(...secretsBeside(members)))
  const parameters: Record<string, unknown> = {}
  const leftOut: string[] = []
  let bytes = 0
  for (const [name, value] of Object.entries(members)) {
    if (value === null || !sieve.mayBeNamed(name)) continue
    const kept = JSON.stringify(value).length > MOST_BYTES ? TOO_LARGE : sieve.kept(value)
    if (kept === SECRET) continue
    const size = kept === TOO_LARGE ? MOST_BYTES : Buffer.byteLength(JSON.stringify({ [name]: kept }))
    if (kept === TOO_LARGE || bytes + size > MOST_BYTES) {
      if (leftOut.length < MOST_LEFT_OUT) leftOut.push(name)
      continue
    }
    bytes += size
    parameters[name] = kept
  }
  return { parameters, leftOut }
}

/** Letters and digits of a name: `accessToken`, `Access-Token` and `access_token` are the same. */
function plain(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
}

/** Members and parameters of the protocol that are not already excluded as secrets. */
const PROTOCOL: ReadonlySet<string> = new Set([
  ...TOKEN_RESPONSE_MEMBERS.map(plain),
  ...['scopes', 'granttype', 'responsetype', 'responsemode', 'redirecturi', 'clientid', 'codechallenge'],
  ...['codechallengemethod', 'iss', 'error', 'errordescription', 'erroruri', 'response', 'jti'],
])
const LIFETIME = /^(?:ext)?expir/
const SECRET_NAME =
  /token|secret|passw|passphrase|passcode|credential|assertion|jwt|cookie|session|verifier|nonce|bearer|refresh|webhook|signature|csrf|xsrf|authcode|authorizationcode|devicecode|usercode|(?:key|ticket)$|^(?:rt|at|sid|sig|otp|pin|pwd|pass|auth|authorization|code|state)$/
/** Names that would be something else in a program that copies members. */
const OF_OBJECTS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

const SECRET = Symbol('secret')
const TOO_LARGE = Symbol('too large')

const CONTROLS = /(?![\t\n\r])\p{Cc}/u
/** A JWT or a part of it, PEM, the user of a URL. */
const SECRET_FORMS = /\beyJ[\w-]{8}|-----BEGIN |:\/\/[^/?#\s]*@/
/** The value of an Authorization header. */
const CREDENTIALS = /^(?:basic|bearer|dpop|negotiate)\s+[\w.~+/-]{16,}=*$/i
/** A URL, a form or cookies in a text, after percent-decoding. */
const NAMED_IN_TEXT = /([\w.[\]-]{1,128})=/g
const PERCENT_ENCODED = /%([0-9a-f]{2})/gi
/** Longer than the identifiers of any vendor (FHIR: 64), and made of the characters of tokens (RFC 9110 §11.2). */
const LIKE_A_TOKEN = /^[\w.~+/=|!:*%-]{65,}$/
const URL_START = /^[a-z][a-z0-9+.-]*:\/\//i

class Sieve {
  readonly #secrets: SentValues
  #searched = 0

  constructor(secrets: SentValues) {
    this.#secrets = secrets
  }

  mayBeNamed(name: string): boolean {
    if (name === '' || name.length > LONGEST_NAME || printable(name) !== name || OF_OBJECTS.has(name))
      return false
    const words = plain(name)
    if (PROTOCOL.has(words) || LIFETIME.test(words) || SECRET_NAME.test(words)) return false
    return !this.#isSecret(name)
  }

  /** The value without what must not be in it. */
  kept(value: unknown, depth = 1): unknown {
    this.#searched += SEARCHED_PER_MEMBER
    if (depth > DEEPEST || this.#searched > MOST_SEARCHED) return TOO_LARGE
    if (typeof value === 'string') return this.#keptText(value)
    if (typeof value === 'number') return this.#secrets.areLargelyIn(String(value)) ? SECRET : value
    if (Array.isArray(value)) return this.#keptList(value, depth)
    return isObject(value) ? this.#keptObject(value, depth) : value
  }

  #keptText(text: string): unknown {
    if (text.length > LONGEST_TEXT) return TOO_LARGE
    return this.#isSecret(text) ? SECRET : text
  }

  #keptList(list: readonly unknown[], depth: number): unknown {
    const items = list.map((item) => this.kept(item, depth + 1))
    if (items.includes(TOO_LARGE)) return TOO_LARGE
    const kept = items.filter((item) => item !== SECRET)
    return kept.length === 0 && list.length > 0 ? SECRET : kept
  }

  #keptObject(object: Members, depth: number): unknown {
    const entries = Object.entries(object)
      .filter(([name]) => this.mayBeNamed(name))
      .map(([name, value]) => [name, this.kept(value, depth + 1)] as const)
    if (entries.some(([, value]) => value === TOO_LARGE)) return TOO_LARGE
    const kept = entries.filter(([, value]) => value !== SECRET)
    return kept.length === 0 && Object.keys(object).length > 0 ? SECRET : Object.fromEntries(kept)
  }

  #isSecret(text: string): boolean {
    this.#searched += text.length
    if (CONTROLS.test(text) || SECRET_FORMS.test(text) || CREDENTIALS.test(text) || isJson(text)) return true
    if (LIKE_A_TOKEN.test(text) && !URL_START.test(text)) return true
    const decoded = text.replaceAll(PERCENT_ENCODED, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    )
    const names = [...decoded.matchAll(NAMED_IN_TEXT)].map(([, name = '']) => plain(name))
    if (names.some((name) => SECRET_NAME.test(name))) return true
    return this.#searched > MOST_SEARCHED || this.#secrets.areLargelyIn(text)
  }
}

/** What it contains was not looked at. */
function isJson(text: string): boolean {
  if (!/^\s*[[{"]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Shorter values can be ordinary words: `state: "Colorado"`. */
const SHORTEST_SECRET = 16
const MOST_SECRETS = 50

/** Values of members that are left out for their name: another member may repeat them. */
function secretsBeside(members: Members): Secret[] {
  const found: Secret[] = []
  let visited = 0
  const collect = (value: unknown, isSecret: boolean): void => {
    visited += 1
    if (visited > 1_000 || found.length === MOST_SECRETS) return
    if (typeof value === 'string') {
      const isOpaque = value.length >= SHORTEST_SECRET && !/\s/.test(value) && !URL_START.test(value)
      if (isSecret && isOpaque) found.push(new Secret(value))
    } else if (Array.isArray(value)) {
      for (const item of value) collect(item, isSecret)
    } else if (isObject(value)) {
      for (const [name, member] of Object.entries(value)) {
        collect(member, isSecret || SECRET_NAME.test(plain(name)))
      }
    }
  }
  collect(members, false)
  return found
}
