import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseXml, textAt, XmlUnreadable } from '../../../src/cli/credential/xml.js'

test('elements, attributes, empty elements, entities', () => {
  const root = parseXml(
    '<?xml version="1.0"?>\n<a xmlns="urn:x"><b>1 &lt; 2 &#38; &#x41;</b><c/><d x:y="z">\n </d></a>\n',
  )
  expect(root.name).toBe('a')
  expect(textAt(root, 'b')).toBe('1 < 2 & A')
  expect([textAt(root, 'c'), textAt(root, 'd')]).toEqual(['', ''])
})

test.each([
  ['nothing', ''],
  ['text alone', 'a'],
  ['two roots', '<a/><b/>'],
  ['text around', '<a/>x'],
  ['an open end', '<a><b></b>'],
  ['a crossed end', '<a><b></a></b>'],
  ['an end too many', '<a/></a>'],
  ['a comment', '<a><!-- x --></a>'],
  ['CDATA', '<a><![CDATA[x]]></a>'],
  ['a document type', '<!DOCTYPE a><a/>'],
  ['an unknown entity', '<a>&x;</a>'],
  ['a lone ampersand', '<a>x & y</a>'],
  ['no character', '<a>&#x110000;</a>'],
  ['an attribute without quotes', '<a b=c/>'],
  ['depth without end', '<a>'.repeat(1000)],
])('%s is unreadable', (_what, text) => {
  expect(() => parseXml(text)).toThrow(XmlUnreadable)
})

test('a path leads through elements that stand there once', () => {
  const root = parseXml('<a><b>1</b><b>2</b><c><d>3</d></c></a>')
  expect(textAt(root, 'c', 'd')).toBe('3')
  for (const path of [['b'], ['x'], ['c']]) expect(() => textAt(root, ...path)).toThrow(XmlUnreadable)
})

test('whatever text is escaped comes back', () => {
  const escaped = (text: string) => text.replace(/[&<>]/g, (sign) => `&#${sign.codePointAt(0)};`)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(textAt(parseXml(`<a>${escaped(text)}</a>`))).toBe(text.trim())
    }),
  )
})

test('whatever comes, it is an element or unreadable', () => {
  const piece = fc.constantFrom('<a>', '</a>', '<b/>', '&amp;', '&', '<', '>', ' ', 'x', '<?xml ?>', '"', '=')
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      try {
        expect(parseXml(pieces.join('')).name).toMatch(/^[ab]$/)
      } catch (error) {
        expect(error).toBeInstanceOf(XmlUnreadable)
      }
    }),
  )
})
