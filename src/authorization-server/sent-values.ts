/**
 * The secret values that one exchange sent, and masking them in the texts of its answer. server-fetch.ts adds them, where
 * the request leaves. Every text of an answer that is shown, logged or stored for display goes through this file
 * (SECURITY.md#no-secret-leaks).
 *
 * A server can repeat a value in many forms: escaped, percent-encoded, in Base64 or hex, cut off, several of these at
 * once. So the text is decoded (text-layers.ts), and the values are looked for in all that comes out. This finds:
 * any 8 consecutive bytes of a value, and a value of 4 to 7 bytes as a whole word. Shorter values are not masked, because
 * they are in many ordinary words.
 *
 * Masking is only for display. What an answer means is decided before, on the answer as it came.
 */
import type { Profile } from '../config/profile.js'
import { MARKER, type Secret } from '../secret.js'
import { printable } from '../text/printable.js'
import { scopesOf } from './authorization-request.js'
import { type Layer, visitLayers } from './text-layers.js'

/** Parameters whose values are configuration, which the profile also contains. */
export const SHOWN_PARAMETERS: ReadonlySet<string> = new Set([
  'access_type',
  'audience',
  'client_assertion_type',
  'client_id',
  'code_challenge_method',
  'duration',
  'grant_type',
  'prompt',
  'redirect_uri',
  'requested_token_type',
  'resource',
  'response_mode',
  'response_type',
  'scope',
  'subject_token_type',
  'token_access_type',
  'token_type_hint',
  'user_scope',
])

/** Headers that catchd sets itself, without a secret. */
const PUBLIC_HEADERS: ReadonlySet<string> = new Set(['accept', 'content-type', 'user-agent'])

/** A part of a value that is this long counts like the value. */
const PART_BYTES = 8
const LARGE_PART_BYTES = 16
const SHORTEST_BYTES = 4

export class SentValues {
  readonly #values = new Set<string>()
  /** Words that are no secrets, even if a secret is equal to one. */
  #public: ReadonlySet<string>
  #finder: Finder | undefined

  /** @param profile - Its client_id and scopes are public. */
  constructor(profile?: Pick<Profile, 'client_id' | 'scope' | 'scope_separator'>) {
    this.#public = new Set(profile === undefined ? [] : [profile.client_id, ...scopesOf(profile)])
  }

  add(...secrets: readonly (Secret | null)[]): this {
    for (const secret of secrets) if (secret !== null) this.#add(secret.reveal())
    return this
  }

  /** These values and more. */
  and(...secrets: readonly Secret[]): SentValues {
    const all = new SentValues()
    all.#public = this.#public
    for (const value of this.#values) all.#add(value)
    return all.add(...secrets)
  }

  /**
   * The parameters and headers of a request, except those that are known not to be secret. What is sent under such a name
   * is no secret under another name either (`redirectUri` beside `redirect_uri`).
   */
  addRequest(
    headers: Readonly<Record<string, string>>,
    parameters: URLSearchParams = new URLSearchParams(),
  ): void {
    const shown = new Set(
      [...parameters].flatMap(([name, value]) => (SHOWN_PARAMETERS.has(name) ? value : [])),
    )
    for (const [name, value] of parameters) {
      if (!SHOWN_PARAMETERS.has(name) && !shown.has(value)) this.#add(value)
    }
    for (const [name, value] of Object.entries(headers)) {
      if (name === 'authorization') this.#addCredentials(value)
      else if (!PUBLIC_HEADERS.has(name)) this.#add(value)
    }
  }

  /** The text with `[secret]` in the place of every sent value. */
  masked(text: string): string {
    this.#finder ??= new Finder(this.#values)
    return this.#finder.masked(text)
  }

  /** Whether the text contains one of the values, in any form. */
  areIn(text: string): boolean {
    return this.masked(text) !== text
  }

  /**
   * Whether the text contains 16 consecutive bytes of a value, or all of a shorter one, in any form. Tokens have public parts
   * (Salesforce: 15 characters that number the organization), which may be in other texts.
   */
  areLargelyIn(text: string): boolean {
    this.#finder ??= new Finder(this.#values)
    return this.#finder.isLargePartIn(text)
  }

  /** One masked line that can be shown, and that is not too long. */
  line(text: string, longest: number): string {
    // The part far behind this end is not shown, so it is not searched.
    const masked = this.masked(text.slice(0, 4 * longest))
    return printable(masked.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()).slice(0, longest)
  }

  /** A JSON value, with all texts and names of members masked. A number that repeats a value becomes a text. */
  maskedJson(value: unknown): unknown {
    if (typeof value === 'string') return this.masked(value)
    if (typeof value === 'number') return this.areIn(String(value)) ? MARKER : value
    if (Array.isArray(value)) return value.map((item) => this.maskedJson(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [this.masked(name), this.maskedJson(member)]),
    )
  }

  #add(value: string): void {
    // The scheme of a URL is in every other URL, too.
    const secret = value.replace(/^[a-z]{2,8}:\/\//i, '')
    if (this.#public.has(value) || Buffer.byteLength(secret) < SHORTEST_BYTES) return
    this.#values.add(secret)
    this.#finder = undefined
  }

  /** `Basic` has the password form-encoded (RFC 6749 §2.3.1) or as it is. */
  #addCredentials(header: string): void {
    const [, scheme = '', credentials = header] = /^(\S+) +(.*)$/.exec(header) ?? []
    this.#add(credentials)
    if (scheme.toLowerCase() !== 'basic') return
    const [, ...password] = Buffer.from(credentials, 'base64').toString().split(':')
    this.#add(password.join(':'))
    this.#add(new URLSearchParams(`v=${password.join(':')}`).get('v') ?? '')
  }
}

/** Finds values in all layers of a text, in a time that grows with the length of the text only. */
class Finder {
  readonly #short: Buffer[] = []
  /** Values without a large part. */
  readonly #medium: Buffer[] = []
  /** The parts of the long values: the first 4 bytes of each by its last 4 bytes. */
  readonly #parts = new Map<number, Set<number>>()
  /** Which ends of parts are possible at all. Most places of a text need no more than this. */
  readonly #ends = new Uint8Array(1 << 16)

  constructor(values: Iterable<string>) {
    for (const value of values) {
      const bytes = Buffer.from(value)
      if (bytes.length < PART_BYTES) this.#short.push(bytes)
      else if (bytes.length < LARGE_PART_BYTES) this.#medium.push(bytes)
      for (let end = PART_BYTES; end <= bytes.length; end += 1) {
        const [first, last] = [bytes.readInt32BE(end - PART_BYTES), bytes.readInt32BE(end - PART_BYTES / 2)]
        const firsts = this.#parts.get(last) ?? new Set()
        this.#parts.set(last, firsts.add(first))
        this.#ends[last & 0xffff] = 1
      }
    }
  }

  masked(text: string): string {
    if (this.#short.length + this.#parts.size === 0 || text === '') return text
    const hidden = new Uint8Array(text.length)
    const isWhole = visitLayers(text, (layer) => {
      this.#hideParts(layer, hidden)
      for (const value of this.#short) hideWords(layer, value, hidden)
    })
    if (!isWhole) return MARKER
    let shown = ''
    for (let start = 0; start < text.length; ) {
      const end = hidden.indexOf(hidden[start] === 1 ? 0 : 1, start)
      const stop = end < 0 ? text.length : end
      shown += hidden[start] === 1 ? MARKER : text.slice(start, stop)
      start = stop
    }
    return shown
  }

  isLargePartIn(text: string): boolean {
    if (this.#short.length + this.#parts.size === 0 || text === '') return false
    let isFound = false
    const isWhole = visitLayers(text, ({ bytes }) => {
      const layer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      isFound ||=
        this.#medium.some((value) => layer.includes(value)) ||
        this.#short.some((value) => wordsIn(layer, value).length > 0) ||
        this.#hasLargePart(bytes)
    })
    return isFound || !isWhole
  }

  #hasLargePart(bytes: Uint8Array): boolean {
    const ends = this.#endsOfParts(bytes)
    const more = LARGE_PART_BYTES - PART_BYTES
    return ends.some((end, index) => ends[index + more] === end + more)
  }

  #hideParts({ bytes, from, to }: Layer, hidden: Uint8Array): void {
    for (const end of this.#endsOfParts(bytes)) hidden.fill(1, from[end + 1 - PART_BYTES], to[end])
  }

  /** The places of the last bytes of parts. */
  #endsOfParts(bytes: Uint8Array): number[] {
    const found: number[] = []
    let first = 0
    let last = 0
    for (let index = 0; index < bytes.length; index += 1) {
      first = (first << 8) | (last >>> 24)
      last = (last << 8) | (bytes[index] as number)
      if (this.#ends[last & 0xffff] === 0 || index + 1 < PART_BYTES) continue
      if (this.#parts.get(last)?.has(first)) found.push(index)
    }
    return found
  }
}

function hideWords({ bytes, from, to }: Layer, value: Buffer, hidden: Uint8Array): void {
  for (const start of wordsIn(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), value)) {
    hidden.fill(1, from[start], to[start + value.length - 1])
  }
}

/** The places where the value is a whole word. */
function wordsIn(text: Buffer, value: Buffer): number[] {
  const found: number[] = []
  for (let start = text.indexOf(value); start >= 0; start = text.indexOf(value, start + 1)) {
    if (!isOfWord(text[start - 1]) && !isOfWord(text[start + value.length])) found.push(start)
  }
  return found
}

/** Letters, digits, `_` and `-`, as in `invalid_grant`, and every byte of a character that is not ASCII. */
function isOfWord(byte: number | undefined): boolean {
  return byte !== undefined && (byte >= 0x80 || /[\w-]/.test(String.fromCharCode(byte)))
}
