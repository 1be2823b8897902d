/**
 * Changes the text of the configuration file. Only differences are written, so comments and indentation stay.
 *
 * Pure; write.ts writes the file. When a key is removed, a comment on the same line goes with it. Comments on lines of
 * their own always stay. `modify` of jsonc-parser is not used, because it deletes comments between a removed property
 * and its neighbour.
 */
import { isDeepStrictEqual } from 'node:util'
import { createScanner, getNodeValue, type Node, parseTree } from 'jsonc-parser'
import { CatchdError } from '../failures.js'
import { BYTE_ORDER_MARK, nameOf, TOKEN } from './jsonc.js'

/** The beginning of a new file. `config.schema.json` is written beside it. */
export const SKELETON = `{
  "$schema": "./config.schema.json",
  // One entry for each account at an authorization server; \`catchd presets\` lists the servers that are known.
  "profiles": {}
}
`

/** A profile, or a key of another section. */
export type Place = readonly [section: string, name: string]

/**
 * @param text - A valid configuration, or an empty text.
 * @param value - JSON. Where it is an object, only what differs in it is written.
 * @returns The text in which the member `name` of the object `section` is exactly this value.
 */
export function setMember(text: string, [section, name]: Place, value: unknown): string {
  return withoutMark(text, (bare) => {
    const source = hasContent(bare) ? bare : bare.trim() === '' ? SKELETON : `${bare.trimEnd()}\n${SKELETON}`
    const layout = layoutOf(source)
    const property = propertyOf(objectIn(source), section)
    if (property === undefined) return insertProperty(source, section, { [name]: value }, layout)
    const [, node] = partsOf(property)
    return splice(source, node, (inner) =>
      setProperty(inner, name, value, { ...layout, indent: indentOf(source, property.offset) }),
    )
  })
}

/** @returns The text without this member; the same text when there is no such member. */
export function removeMember(text: string, [section, name]: Place): string {
  return withoutMark(text, (bare) => {
    if (!hasContent(bare)) return bare
    const property = propertyOf(objectIn(bare), section)
    if (property === undefined) return bare
    const [, node] = partsOf(property)
    return splice(bare, node, (inner) => removeProperty(inner, name))
  })
}

/** How new lines are written. */
interface Layout {
  readonly eol: string
  /** One level of indentation. */
  readonly unit: string
  /** Indentation of the line on which the object begins. */
  readonly indent: string
}

/** A value as it is written after its name. */
function print(value: unknown, { eol, unit, indent }: Layout): string {
  return JSON.stringify(value, null, unit).replaceAll('\n', `${eol}${indent}`)
}

function layoutOf(text: string): Layout {
  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  const [first] = objectIn(text).children ?? []
  const unit = first === undefined ? '' : indentOf(text, first.offset)
  return { eol, unit: unit === '' ? '  ' : unit, indent: '' }
}

/** The white space that the line of `offset` begins with. */
function indentOf(text: string, offset: number): string {
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset)
  return /^[ \t]*/.exec(line)?.[0] ?? ''
}

/** The same for a property that begins its line; `undefined` for one that does not. */
function ownIndent(text: string, offset: number): string | undefined {
  return /\n([ \t]*)$/.exec(text.slice(0, offset))?.[1]
}

/** `text` is one object, with nothing but comments around it. */
function setProperty(text: string, name: string, value: unknown, layout: Layout): string {
  const property = propertyOf(objectIn(text), name)
  if (property === undefined) return insertProperty(text, name, value, layout)
  const [, node] = partsOf(property)
  if (isDeepStrictEqual(plain(getNodeValue(node)), plain(value))) return text
  const here = { ...layout, indent: ownIndent(text, property.offset) ?? layout.indent }
  return splice(text, node, (inner) => {
    if (node.type === 'object' && isObject(value)) return setObject(inner, value, here)
    return text.includes('\n') ? print(value, here) : JSON.stringify(value)
  })
}

function setObject(text: string, target: Readonly<Record<string, unknown>>, layout: Layout): string {
  let result = text
  for (const property of objectIn(text).children ?? []) {
    const name = nameOf(property)
    if (target[name] === undefined) result = removeProperty(result, name)
  }
  for (const [name, value] of Object.entries(target)) {
    if (value !== undefined) result = setProperty(result, name, value, layout)
  }
  return result
}

/** After the last property and the comments that follow it. */
function insertProperty(text: string, name: string, value: unknown, layout: Layout): string {
  const object = objectIn(text)
  const last = object.children?.at(-1)
  const closing = object.offset + object.length - 1
  const isMultiline = last === undefined || text.slice(object.offset, closing).includes('\n')
  const neighbour = last === undefined ? undefined : ownIndent(text, last.offset)
  const inner = { ...layout, indent: neighbour ?? layout.indent + layout.unit }
  const property = `${JSON.stringify(name)}: ${isMultiline ? print(value, inner) : JSON.stringify(value)}`
  const hasComma = last !== undefined && tokenAfter(text, end(last), TOKEN.comma) !== undefined
  const after = hasComma ? ',' : ''
  // A line comment may be before the brace. Then the following text must begin on its own line.
  const lastContent = text.slice(0, closing).trimEnd().length
  const head =
    last === undefined || hasComma
      ? text.slice(0, lastContent)
      : `${text.slice(0, end(last))},${text.slice(end(last), lastContent)}`
  if (!isMultiline) return `${head} ${property}${after}${text.slice(lastContent)}`
  const brace = text.slice(lastContent, closing).includes('\n')
    ? text.slice(lastContent)
    : `${layout.eol}${layout.indent}${text.slice(closing)}`
  return `${head}${layout.eol}${inner.indent}${property}${after}${brace}`
}

function removeProperty(text: string, name: string): string {
  const object = objectIn(text)
  const index = object.children?.findIndex((property) => nameOf(property) === name) ?? -1
  const property = object.children?.[index]
  if (property === undefined) return text
  const comma = tokenAfter(text, end(property), TOKEN.comma)
  const previous = object.children?.[index - 1]
  let result = cutLine(text, property.offset, end(property), comma)
  if (comma === undefined && previous !== undefined) {
    const orphan = tokenAfter(text, end(previous), TOKEN.comma)
    if (orphan !== undefined) result = result.slice(0, orphan) + result.slice(orphan + 1)
  }
  return result
}

/** Cuts a property and its comma; with the whole line, if only a comment is also on it. */
function cutLine(text: string, from: number, to: number, comma: number | undefined): string {
  // Only comments can be between the property and its comma.
  const stop = comma === undefined ? to : comma + 1
  const lineStart = text.lastIndexOf('\n', from - 1) + 1
  const startsLine = text.slice(lineStart, from).trim() === ''
  const rest = /^[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/[ \t]*)?(\r\n|\n|\r|$)/.exec(text.slice(stop))
  if (startsLine && rest !== null) return text.slice(0, lineStart) + text.slice(stop + rest[0].length)
  const gap = /^[ \t]*/.exec(text.slice(stop))?.[0].length ?? 0
  return text.slice(0, from) + text.slice(stop + gap)
}

/** Offset of the next token after `offset` if it is of this kind. Comments and white space are skipped. */
function tokenAfter(text: string, offset: number, kind: number): number | undefined {
  const scanner = createScanner(text, true)
  scanner.setPosition(offset)
  const token: number = scanner.scan()
  return token === kind ? scanner.getTokenOffset() : undefined
}

function splice(text: string, node: Node, change: (inner: string) => string): string {
  return text.slice(0, node.offset) + change(text.slice(node.offset, end(node))) + text.slice(end(node))
}

function end(node: Node): number {
  return node.offset + node.length
}

function propertyOf(object: Node, name: string): Node | undefined {
  return object.children?.find((property) => nameOf(property) === name)
}

function partsOf(property: Node): [name: Node, value: Node] {
  const [name, value] = property.children ?? []
  if (name === undefined || value === undefined) throw notEditable()
  return [name, value]
}

function objectIn(text: string): Node {
  const root = parseTree(text, [], { allowTrailingComma: true })
  if (root?.type !== 'object') throw notEditable()
  return root
}

/** Callers check the file first; this is for a caller who did not. */
function notEditable(): CatchdError {
  return new CatchdError('config_invalid', 'The configuration file must contain a JSON object.')
}

function hasContent(text: string): boolean {
  return parseTree(text, [], { allowTrailingComma: true, allowEmptyContent: true }) !== undefined
}

function withoutMark(text: string, change: (bare: string) => string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK + change(text.slice(1)) : change(text)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The parser's objects have no prototype, which makes a difference for strict equality. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}
