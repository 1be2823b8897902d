/**
 * Parses the simple XML of a service's answer: elements and text. Pure.
 *
 * The parser is strict, not complete. It refuses document types, comments, CDATA and processing instructions. Such
 * answers do not contain them, and they are what attacks on XML parsers use.
 */

export interface XmlElement {
  /** The name as written. Prefixes are not resolved. */
  readonly name: string
  readonly children: readonly XmlElement[]
  /** The text directly inside the element, decoded. */
  readonly text: string
}

export class XmlUnreadable extends Error {
  override readonly name = 'XmlUnreadable'
}

interface OpenElement {
  readonly name: string
  readonly children: XmlElement[]
  text: string
}

const DECLARATION = /^\s*(?:<\?xml\s[^?<>]*\?>)?\s*/
const PIECE =
  /<(?<slash>\/?)(?<name>[A-Za-z_][\w.-]*)(?:\s+[A-Za-z_][\w:.-]*="[^"<]*")*\s*(?<empty>\/?)>|(?<text>[^<]+)/y
const DEEPEST = 16

/** @throws XmlUnreadable */
export function parseXml(text: string): XmlElement {
  const document: OpenElement = { name: '', children: [], text: '' }
  const open = [document]
  PIECE.lastIndex = DECLARATION.exec(text)?.[0].length ?? 0
  while (PIECE.lastIndex < text.length) {
    const groups = PIECE.exec(text)?.groups
    const parent = open.at(-1)
    if (groups === undefined || parent === undefined) throw new XmlUnreadable()
    const { slash, name = '', empty, text: between } = groups
    if (between !== undefined) {
      parent.text += decoded(between)
    } else if (slash === '/') {
      if (empty === '/' || parent === document || parent.name !== name) throw new XmlUnreadable()
      open.pop()
    } else {
      const element: OpenElement = { name, children: [], text: '' }
      parent.children.push(element)
      if (empty !== '/') open.push(element)
      if (open.length > DEEPEST) throw new XmlUnreadable()
    }
  }
  const [root, ...more] = document.children
  if (root === undefined || more.length > 0 || open.length > 1 || document.text.trim() !== '') {
    throw new XmlUnreadable()
  }
  return root
}

/** The text at a path of elements. Each must exist exactly once. @throws XmlUnreadable */
export function textAt(element: XmlElement, ...path: readonly string[]): string {
  const [name, ...rest] = path
  if (name === undefined) {
    if (element.children.length > 0) throw new XmlUnreadable()
    return element.text.trim()
  }
  const [child, ...more] = element.children.filter((one) => one.name === name)
  if (child === undefined || more.length > 0) throw new XmlUnreadable()
  return textAt(child, ...rest)
}

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));|&/g, (_all, decimal, hex, name) => {
    if (name !== undefined && Object.hasOwn(NAMED, name)) return NAMED[name] ?? ''
    const point = decimal === undefined ? Number.parseInt(hex ?? 'x', 16) : Number(decimal)
    if (Number.isNaN(point) || point > 0x10ffff) throw new XmlUnreadable()
    return String.fromCodePoint(point)
  })
}
