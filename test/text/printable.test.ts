/** What of other people's text reaches a terminal, and what a printed command line is when it is pasted. */
import { execFileSync } from 'node:child_process'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { escapedInJson, printable, printableJson } from '../../src/text/printable.js'
import { shellWord } from '../../src/text/shell-word.js'

/** One of each kind: control characters, formats, tags, fillers, separators, half a pair. */
const UNSEEN = [
  '\u0000',
  '\u0007',
  '\b',
  '\t',
  '\n',
  '\r',
  '\u001b',
  '\u007f',
  '\u0085',
  '\u009b',
  '\u009d',
  '\u00ad',
  '\u034f',
  '\u061c',
  '\u115f',
  '\u1160',
  '\u17b4',
  '\u180e',
  '\u200b',
  '\u200d',
  '\u200e',
  '\u2028',
  '\u2029',
  '\u202e',
  '\u2060',
  '\u2066',
  '\u2069',
  '\u206f',
  '\u3164',
  '\ufe0f',
  '\ufeff',
  '\uffa0',
  '\ufff9',
  '\ud800',
  '\udfff',
  '\u{e0001}',
  '\u{e0041}',
  '\u{e0100}',
]

describe('printable', () => {
  test.each(UNSEEN.map((character) => [character.codePointAt(0)?.toString(16), character]))(
    'U+%s is escaped, in text and in JSON',
    (code, character) => {
      expect(printable(`a${character}b`)).toBe(`a\\u{${code}}b`)
      const json = printableJson({ [`n${character}`]: character })
      expect(json.replace(/\n/g, '')).toMatch(/^[\x20-\x7e]*$/)
      expect(JSON.parse(json)).toEqual({ [`n${character}`]: character })
    },
  )

  test('what can be seen stays', () => {
    const text = 'Grüße, 拒否 é→😀 ✓ \\ \'"'
    expect(printable(text)).toBe(text)
    expect(printableJson(text)).toBe(JSON.stringify(text))
  })

  test('nothing unseen is left of any text, and twice is once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = printable(text)
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u)
        expect(printable(shown)).toBe(shown)
        expect(JSON.parse(printableJson(text))).toBe(text)
      }),
    )
  })

  test.each([
    ['https://аpple.example/a', 'https://xn--pple-43d.example/a'],
    [
      'The issuer is https://bücher.example:8443, not https://b.example.',
      'The issuer is https://xn--bcher-kva.example:8443, not https://b.example.',
    ],
    ['https://example.com/straße', 'https://example.com/straße'],
    ['https://a。example/', 'https://a.example/'],
    ['https://a\u200bb.example/', 'https://ab.example/'],
    ['https://user:ü@bücher.example', 'https://user:%C3%BC@xn--bcher-kva.example'],
    ['https://xn--\u00fc.example/', 'https://xn--\\u{fc}.example/'],
  ])('%s', (text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  test('a log with a broken line keeps its lines', () => {
    expect(escapedInJson('{"a":"\u009b"}\nnot JSON \u001b[2J')).toBe('{"a":"\\u009b"}\nnot JSON \\u001b[2J')
  })
})

describe('a word of a command line', () => {
  test.each([
    ['gw', 'gw'],
    ['/home/me/.config/catchd', '/home/me/.config/catchd'],
    ['https://mcp.example.com/mcp', 'https://mcp.example.com/mcp'],
    ['', "''"],
    ['a b', "'a b'"],
    ["it's", "'it'\\''s'"],
    ['~/x', "'~/x'"],
    ['=ls', "'=ls'"],
    ['$(id)', "'$(id)'"],
  ])('%s → %s', (text, word) => {
    expect(shellWord(text, 'linux')).toBe(word)
  })

  test.skipIf(process.platform === 'win32')('a shell reads any text back as one word', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (words) => {
        const line = words.map((word) => shellWord(word.replaceAll('\0', ''), 'linux')).join(' ')
        const read = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${line}`]).toString()
        expect(read).toBe(words.map((word) => `${word.replaceAll('\0', '')}\0`).join(''))
      }),
      { numRuns: 50 },
    )
  })

  test.each([
    ['C:\\Users\\me\\key.pem', 'C:\\Users\\me\\key.pem'],
    ['C:\\my files\\a&b', '"C:\\my files\\a&b"'],
    ['a" & calc & "', '"a? & calc & ?"'],
    ['%PATH%$(calc)`n!', '"?PATH??(calc)?n?"'],
  ])('on Windows: %s → %s', (text, word) => {
    expect(shellWord(text, 'win32')).toBe(word)
  })
})
