import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wrapWords } from '../../src/text/word-wrap.js'

test.each([
  ['', 10, ['']],
  ['one two', 7, ['one two']],
  ['one two three', 7, ['one two', 'three']],
  ['https://example.com/long and more', 10, ['https://example.com/long', 'and more']],
  ['  → catchd login gw --no-browser', 10, ['  → catchd login gw --no-browser']],
])('%j in %i columns is %j', (text, width, lines) => {
  expect(wrapWords(text, width)).toEqual(lines)
})

test('no word is lost or broken, and only a single word is wider than the terminal', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 30 }), (text, width) => {
      const lines = wrapWords(text, width)
      expect(lines.join(' ')).toBe(text)
      if (!text.startsWith(' ')) {
        expect(lines.filter((line) => line.length > width && line.includes(' '))).toEqual([])
      }
    }),
  )
})
