/**
 * A text and all that it contains in encoded form: with percent signs, as a form value, escaped for JSON or HTML, in
 * Base64 or hex, also inside each other. Each byte of a layer knows which characters of the text it came from.
 *
 * Pure. Used to find secrets in the answers of servers (sent-values.ts). What is not an encoding stays as it is. Base64 and
 * hex are tried at every place, because a text can contain a part of them.
 */

export interface Layer {
  readonly bytes: Uint8Array
  /** For each byte, where its characters begin and end in the text. Both only grow. */
  readonly from: Uint32Array
  readonly to: Uint32Array
}

/** Servers have been seen that encode a value twice, and put the result into JSON. */
const MOST_LAYERS = 3
/** How much larger all layers together may be than the text. Usual texts stay far below it. */
const MOST_GROWTH = 32
const ALWAYS_BYTES = 64 * 1024

/**
 * @param visit - Called with the text itself and with every decoded layer.
 * @returns Whether all layers were visited; `false` for a text with so many encodings that this would take too long.
 */
export function visitLayers(text: string, visit: (layer: Layer) => void): boolean {
  let left = text.length * MOST_GROWTH + ALWAYS_BYTES
  const descend = (layer: Layer, depth: number, isBinary: boolean): boolean => {
    left -= layer.bytes.length
    if (left < 0) return false
    visit(layer)
    if (depth === MOST_LAYERS) return true
    // Most of what is read as Base64 or hex is not. Only the parts that are text can be encoded once more.
    const text = isBinary ? textParts(layer) : layer
    const inside = (decoders: readonly Decoder[], areBinary: boolean) =>
      decoders.every((decode) => {
        const inner = decode(text)
        return inner === undefined || descend(inner, depth + 1, areBinary)
      })
    return inside(ESCAPED, false) && inside(IN_DIGITS, true)
  }
  return descend(textLayer(text), 0, false)
}

class LayerBuilder {
  length = 0
  readonly #bytes: Uint8Array
  readonly #from: Uint32Array
  readonly #to: Uint32Array

  constructor(mostBytes: number) {
    this.#bytes = new Uint8Array(mostBytes)
    this.#from = new Uint32Array(mostBytes)
    this.#to = new Uint32Array(mostBytes)
  }

  push(byte: number, from: number, to: number): void {
    const index = this.length
    this.#bytes[index] = byte
    this.#from[index] = from
    this.#to[index] = to
    this.length = index + 1
  }

  /** The UTF-8 of a character. */
  pushCharacter(codePoint: number, from: number, to: number): void {
    const bytes = codePoint < 0x80 ? [codePoint] : Buffer.from(String.fromCodePoint(codePoint))
    for (const byte of bytes) this.push(byte, from, to)
  }

  build(): Layer {
    return {
      bytes: this.#bytes.subarray(0, this.length),
      from: this.#from.subarray(0, this.length),
      to: this.#to.subarray(0, this.length),
    }
  }
}

function textLayer(text: string): Layer {
  const bytes = Buffer.from(text)
  if (bytes.length === text.length) {
    const from = new Uint32Array(bytes.length + 1)
    for (let index = 0; index <= bytes.length; index += 1) from[index] = index
    return { bytes, from, to: from.subarray(1) }
  }
  const builder = new LayerBuilder(bytes.length)
  for (let index = 0; index < text.length; ) {
    const codePoint = text.codePointAt(index) ?? 0
    const next = index + (codePoint > 0xffff ? 2 : 1)
    builder.pushCharacter(codePoint, index, next)
    index = next
  }
  return builder.build()
}

/** @returns `undefined` if the layer contains nothing in this encoding. */
type Decoder = (layer: Layer) => Layer | undefined

/** Replaces every escape sequence. In form values (HTML §4.10.21), a `+` is a space; in all others it is itself. */
function unescaped({ bytes, from, to }: Layer, isForm: boolean): Layer | undefined {
  if (isForm ? !bytes.includes(PLUS) : !ESCAPE_SIGNS.some((sign) => bytes.includes(sign))) return undefined
  const builder = new LayerBuilder(bytes.length)
  let isChanged = isForm
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] as number
    const start = from[index] as number
    const found = ESCAPE_SIGNS.includes(byte) ? escapeAt(bytes, index) : undefined
    if (found === undefined) {
      builder.push(isForm && byte === PLUS ? SPACE : byte, start, to[index] as number)
      continue
    }
    index += found.length - 1
    const end = to[index] as number
    if ('byte' in found) builder.push(found.byte, start, end)
    else builder.pushCharacter(found.codePoint, start, end)
    isChanged = true
  }
  return isChanged ? builder.build() : undefined
}

const codes = (characters: string) => [...Buffer.from(characters)] as [number, number, number]
const [PLUS, SPACE] = codes('+ ')
const ESCAPE_SIGNS = codes('%\\&')
const [PERCENT, BACKSLASH] = ESCAPE_SIGNS

type Escape = { readonly length: number } & ({ readonly byte: number } | { readonly codePoint: number })

/** The longest of the sequences below is `&#x10FFFF;`. */
const LONGEST_ESCAPE = 12

function escapeAt(bytes: Uint8Array, start: number): Escape | undefined {
  if (bytes[start] === PERCENT) {
    const [high = NO_DIGIT, low = NO_DIGIT] = [HEX[bytes[start + 1] ?? 0], HEX[bytes[start + 2] ?? 0]]
    return high === NO_DIGIT || low === NO_DIGIT ? undefined : { byte: high * 16 + low, length: 3 }
  }
  const text = String.fromCharCode(...bytes.subarray(start, start + LONGEST_ESCAPE))
  return bytes[start] === BACKSLASH ? backslashEscape(text) : htmlEscape(text)
}

/** JSON (RFC 8259 §7), and `\xHH` of other languages. */
function backslashEscape(text: string): Escape | undefined {
  const [all = '', high, low, unit, byte, character] =
    /^\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|u([0-9a-f]{4})|x([0-9a-f]{2})|(["'\\/bfnrt]))/i.exec(
      text,
    ) ?? []
  const { length } = all
  if (length === 0) return undefined
  if (byte !== undefined) return { byte: Number.parseInt(byte, 16), length }
  if (unit !== undefined) return { codePoint: Number.parseInt(unit, 16), length }
  if (character !== undefined) {
    return { byte: (CONTROLS.get(character) ?? character).charCodeAt(0), length }
  }
  const units = [high, low].map((digits) => Number.parseInt(digits ?? '', 16))
  return { codePoint: String.fromCharCode(...units).codePointAt(0) ?? 0, length }
}

const CONTROLS: ReadonlyMap<string, string> = new Map(
  Object.entries({ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }),
)

function htmlEscape(text: string): Escape | undefined {
  const [all = '', hex, decimal, name] = /^&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,6}));/i.exec(text) ?? []
  const named = NAMED.get(name ?? '')?.charCodeAt(0)
  const codePoint = named ?? (hex === undefined ? Number(decimal) : Number.parseInt(hex, 16))
  return codePoint <= 0x10_ff_ff ? { codePoint, length: all.length } : undefined
}

/** The names of the printable ASCII characters that are not letters or digits (HTML §13.5). */
const NAMED: ReadonlyMap<string, string> = new Map(
  Object.entries({
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    apos: "'",
    excl: '!',
    num: '#',
    dollar: '$',
    percnt: '%',
    lpar: '(',
    rpar: ')',
    ast: '*',
    plus: '+',
    comma: ',',
    period: '.',
    sol: '/',
    colon: ':',
    semi: ';',
    equals: '=',
    quest: '?',
    commat: '@',
    lsqb: '[',
    bsol: '\\',
    rsqb: ']',
    Hat: '^',
    lowbar: '_',
    grave: '`',
    lcub: '{',
    verbar: '|',
    vert: '|',
    rcub: '}',
  }),
)

/**
 * Base64, Base64url or hex.
 *
 * @param digits - The value of each digit; 255 for other bytes.
 * @param bits - Bits of a digit.
 * @param skipped - How many digits at the beginning of each run belong to an earlier byte.
 */
function digitRuns(digits: Uint8Array, bits: number, skipped: number): Decoder {
  return ({ bytes, from, to }) => {
    const builder = new LayerBuilder(bytes.length)
    let start = 0
    for (let end = 0; end <= bytes.length; end += 1) {
      if (end < bytes.length && digits[bytes[end] as number] !== NO_DIGIT) continue
      if (end - start >= SHORTEST_RUN) {
        let value = 0
        let size = 0
        for (let index = start + skipped; index < end; index += 1) {
          value = (value << bits) | (digits[bytes[index] as number] as number)
          size += bits
          if (size < 8) continue
          size -= 8
          // The byte began in this digit or in the one before.
          builder.push((value >> size) & 0xff, from[index - 1] as number, to[index] as number)
          value &= 0xff
        }
        const place = to[end - 1] as number
        builder.push(0, place, place) // the next run is another text
      }
      start = end + 1
    }
    return builder.length === 0 ? undefined : builder.build()
  }
}

const NO_DIGIT = 255

/** The printable stretches of a layer, each as a text of its own. */
function textParts({ bytes, from, to }: Layer): Layer {
  const builder = new LayerBuilder(bytes.length)
  for (let start = 0; start < bytes.length; ) {
    let end = start
    while (end < bytes.length && isPrintable(bytes[end] ?? 0)) end += 1
    if (end - start >= SHORTEST_RUN) {
      for (let index = start; index < end; index += 1) {
        builder.push(bytes[index] ?? 0, from[index] ?? 0, to[index] ?? 0)
      }
      if (end < bytes.length) builder.push(0, to[end] ?? 0, to[end] ?? 0)
    }
    start = end + 1
  }
  return builder.build()
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e
}

/** Base64 of the shortest value that is looked for. */
const SHORTEST_RUN = 6

function digitValues(...alphabets: readonly string[]): Uint8Array {
  const values = new Uint8Array(256).fill(NO_DIGIT)
  for (const alphabet of alphabets) {
    for (const [value, digit] of [...alphabet].entries()) values[digit.charCodeAt(0)] = value
  }
  return values
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const BASE64 = digitValues(`${LETTERS}+/`, `${LETTERS}-_`)
const HEX = digitValues('0123456789abcdef', '0123456789ABCDEF')

const ESCAPED: readonly Decoder[] = [(layer) => unescaped(layer, false), (layer) => unescaped(layer, true)]
const IN_DIGITS: readonly Decoder[] = [
  ...[0, 1, 2, 3].map((skipped) => digitRuns(BASE64, 6, skipped)),
  ...[0, 1].map((skipped) => digitRuns(HEX, 4, skipped)),
]
