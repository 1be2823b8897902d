/**
 * Parses JSON with comments, and records the position of each value in the text.
 *
 * At most 1 MiB and 32 levels. A repeated name is refused, because a parser uses only one of the two values.
 * Trailing commas and a byte order mark are allowed. file.ts interprets the values, edit.ts changes the text.
 */
import {
  createScanner,
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser'
import { CatchdError } from '../failures.js'

export const LARGEST_FILE_BYTES = 1024 * 1024
const DEEPEST_LEVEL = 32
export const BYTE_ORDER_MARK = '\uFEFF'

/** Numbers of the scanner's const enum `SyntaxKind`, which `isolatedModules` cannot inline. */
export const TOKEN = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  endOfFile: 17,
} as const

export type JsonPath = readonly (string | number)[]

type Refuse = (offset: number, rule: string) => never

/** A parsed text. */
export interface Jsonc {
  /** Objects have no prototype. `undefined`: the text is empty, or contains only comments. */
  readonly value: unknown
  /** `file:line:column` of the value at `path`; with `name`, of that property's name in the object there. */
  locate(path: JsonPath, name?: string): string
  /** Its offset in the text, for sorting. */
  offset(path: JsonPath, name?: string): number
}

/**
 * @param path - For messages only.
 * @throws CatchdError `config_invalid` with `path:line:column` and the rule; never quotes the text.
 */
export function parseJsonc(text: string, path: string): Jsonc {
  if (Buffer.byteLength(text) > LARGEST_FILE_BYTES)
    throw new CatchdError('config_invalid', `${path} is larger than 1 MiB.`)
  const place = (offset: number) => `${path}:${lineAndColumn(text, offset)}`
  const refuse: Refuse = (offset, rule) => {
    throw new CatchdError('config_invalid', `${place(offset)}: ${rule}`)
  }
  // A space for the mark, so that offsets stay those of the file.
  const marked = text.startsWith(BYTE_ORDER_MARK) ? ` ${text.slice(1)}` : text
  const tooDeep = tooDeepAt(marked)
  if (tooDeep !== undefined) refuse(tooDeep, `nested deeper than ${DEEPEST_LEVEL} levels.`)
  const errors: ParseError[] = []
  const root = parseTree(marked, errors, { allowTrailingComma: true, allowEmptyContent: true })
  const [error] = errors
  if (error !== undefined) {
    const rule = SYNTAX_RULES.get(printParseErrorCode(error.error)) ?? 'this is not JSON'
    refuse(error.offset, `${rule}.`)
  }
  if (root !== undefined) refuseRepeatedNames(root, refuse)

  const offset = (at: JsonPath, name?: string) => {
    const node = root === undefined ? undefined : findNodeAtLocation(root, [...at])
    if (name === undefined) return node?.offset ?? 0
    return node?.children?.find((property) => nameOf(property) === name)?.offset ?? node?.offset ?? 0
  }
  return {
    value: root === undefined ? undefined : getNodeValue(root),
    locate: (at, name) => place(offset(at, name)),
    offset,
  }
}

/**
 * The value of a text that may have mistakes, as far as it can be read. Never throws.
 *
 * Only for settings that are checked one by one: what is read of a broken text may differ from what its author meant.
 */
export function looseValue(text: string): unknown {
  try {
    return parseJsonc(text, '').value
  } catch {
    if (Buffer.byteLength(text) > LARGEST_FILE_BYTES || tooDeepAt(text) !== undefined) return undefined
    const root = parseTree(text.replace(BYTE_ORDER_MARK, ' '), [], { allowTrailingComma: true })
    return root === undefined ? undefined : getNodeValue(root)
  }
}

/** The name of a property node. */
export function nameOf(property: Node): string {
  return String(property.children?.[0]?.value)
}

/**
 * The parser is recursive: a few hundred thousand brackets would overflow the stack.
 *
 * @returns Where the text is nested too deep; `undefined`: nowhere.
 */
function tooDeepAt(text: string): number | undefined {
  const scanner = createScanner(text, true)
  let level = 0
  for (let token: number = scanner.scan(); token !== TOKEN.endOfFile; token = scanner.scan()) {
    if (token === TOKEN.openBrace || token === TOKEN.openBracket) level += 1
    if (token === TOKEN.closeBrace || token === TOKEN.closeBracket) level -= 1
    if (level > DEEPEST_LEVEL) return scanner.getTokenOffset()
  }
  return undefined
}

function refuseRepeatedNames(node: Node, refuse: Refuse): void {
  const seen = new Set<string>()
  for (const child of node.children ?? []) {
    if (child.type === 'property') {
      const name = nameOf(child)
      if (seen.has(name)) refuse(child.offset, 'the same name is used twice in this object.')
      // zod ignores this one.
      if (name === '__proto__') refuse(child.offset, '"__proto__" is not a known name.')
      seen.add(name)
    }
    refuseRepeatedNames(child, refuse)
  }
}

const SYNTAX_RULES = new Map([
  ['InvalidNumberFormat', 'this number is not valid in JSON'],
  ['PropertyNameExpected', 'a name in double quotes is expected here'],
  ['ValueExpected', 'a value is expected here'],
  ['ColonExpected', 'a colon is expected here'],
  ['CommaExpected', 'a comma is expected here'],
  ['CloseBraceExpected', 'a closing } is expected here'],
  ['CloseBracketExpected', 'a closing ] is expected here'],
  ['EndOfFileExpected', 'there must be nothing after the closing }'],
  ['UnexpectedEndOfComment', 'this comment has no end'],
  ['UnexpectedEndOfString', 'this string has no closing quote'],
  ['InvalidEscapeCharacter', 'this string has an escape sequence that is not valid in JSON'],
  ['InvalidUnicode', 'this string has an escape sequence that is not valid in JSON'],
  ['InvalidCharacter', 'this string has a control character'],
])

/** Both count from 1, as editors do; columns in UTF-16 units. */
function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(text.startsWith(BYTE_ORDER_MARK) ? 1 : 0, offset).split(/\r\n|\n|\r/)
  return `${before.length}:${(before.at(-1) ?? '').length + 1}`
}
