import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { removeMember, SKELETON, setMember } from '../../src/config/edit.js'
import { parseConfiguration } from '../../src/config/file.js'
import type { ProfileEntry } from '../../src/config/profile.js'

const entriesOf = (text: string) => Object.fromEntries(parseConfiguration(text, 'config.jsonc').profiles)

const COMMENTED = `// mine, all mine
{
  "$schema": "./config.schema.json", // for the editor
  "profiles": {
    // the gateway at work
    "gw": {
      "preset": "webmethods", // endpoints
      /* the address */
      "base_url": "https://gw.example.com:5543",
      // issued in March
      "client_id": "374b1fae", // not secret
      "scope": "email" // more does not work
    },
    // the company's own
    "corp": { "issuer": "https://id.example.com", /* public */ "client_id": "catchd" }, // ask Kim
    // "old": { "client_id": "gone" },
  },
  // the end
}
`

describe('setting a profile', () => {
  test.each(['', '\n', '  '])('an empty file gets a commented skeleton: %j', (text) => {
    expect(setMember(text, ['profiles', 'gw'], { client_id: 'a', client_secret: { keychain: true } })).toBe(`{
  "$schema": "./config.schema.json",
  // One entry for each account at an authorization server; \`catchd presets\` lists the servers that are known.
  "profiles": {
    "gw": {
      "client_id": "a",
      "client_secret": {
        "keychain": true
      }
    }
  }
}
`)
  })

  test('a file of comments only keeps them', () => {
    const text = setMember('// to do\n', ['profiles', 'gw'], { client_id: 'a' })
    expect(text.startsWith(`// to do\n${SKELETON.slice(0, 20)}`)).toBe(true)
    expect(entriesOf(text)).toEqual({ gw: { client_id: 'a' } })
  })

  test('a new profile stands behind the others and what follows them, comments and all', () => {
    expect(setMember(COMMENTED, ['profiles', 'new'], { client_id: 'n', scope: 'x' })).toBe(
      COMMENTED.replace(
        '"gone" },\n',
        '"gone" },\n    "new": {\n      "client_id": "n",\n      "scope": "x"\n    },\n',
      ),
    )
  })

  test('one changed value changes nothing else', () => {
    const gw = entriesOf(COMMENTED)['gw']
    expect(setMember(COMMENTED, ['profiles', 'gw'], { ...gw, client_id: 'other' })).toBe(
      COMMENTED.replace('374b1fae', 'other'),
    )
  })

  test('a key that is added stands last, and the comment behind the last key stays with its key', () => {
    const gw = entriesOf(COMMENTED)['gw']
    expect(setMember(COMMENTED, ['profiles', 'gw'], { ...gw, dpop: true })).toBe(
      COMMENTED.replace(
        '"email" // more does not work\n',
        '"email", // more does not work\n      "dpop": true\n',
      ),
    )
  })

  test('a key that is removed takes the comment on its line with it and no other', () => {
    const { client_id: _client, ...gw } = entriesOf(COMMENTED)['gw'] ?? {}
    expect(setMember(COMMENTED, ['profiles', 'gw'], gw)).toBe(
      COMMENTED.replace('      "client_id": "374b1fae", // not secret\n', ''),
    )
  })

  test('when the last key is removed, the comma before it goes and the comment between them stays', () => {
    const { scope: _scope, ...gw } = entriesOf(COMMENTED)['gw'] ?? {}
    expect(setMember(COMMENTED, ['profiles', 'gw'], gw)).toBe(
      COMMENTED.replace(
        '"374b1fae", // not secret\n      "scope": "email" // more does not work\n',
        '"374b1fae" // not secret\n',
      ),
    )
  })

  test('a profile on one line stays on one line', () => {
    const text = setMember(COMMENTED, ['profiles', 'corp'], {
      issuer: 'https://id.example.com',
      scope: 'openid',
    })
    expect(text).toContain(
      '"corp": { "issuer": "https://id.example.com", /* public */ "scope": "openid" }, // ask Kim\n',
    )
  })

  test('nothing changes when nothing is different', () => {
    expect(setMember(COMMENTED, ['profiles', 'gw'], entriesOf(COMMENTED)['gw'] ?? {})).toBe(COMMENTED)
  })

  test.each([
    ['{}', { a: { client_id: 'x' } }],
    ['{ "profiles": {} }', { a: { client_id: 'x' } }],
    ['{"profiles":{"b":{}}}', { a: { client_id: 'x' }, b: {} }],
    ['{"profiles":{"b":{},}}', { a: { client_id: 'x' }, b: {} }],
    ['{"profiles":{ // none\n}}', { a: { client_id: 'x' } }],
    ['{"profiles":{"b":{} // last\n}}', { a: { client_id: 'x' }, b: {} }],
    ['{ // no profiles yet\n}', { a: { client_id: 'x' } }],
    ['{"$schema": "x" /* , */ }', { a: { client_id: 'x' } }],
  ])('%j stays a valid configuration', (text, entries) => {
    const edited = setMember(text, ['profiles', 'a'], { client_id: 'x' })
    expect(entriesOf(edited)).toEqual(entries)
    for (const comment of text.match(/\/\/.*|\/\*.*\*\//g) ?? []) expect(edited).toContain(comment)
  })

  test('tabs, CRLF and the byte order mark stay', () => {
    const text = '\uFEFF{\r\n\t"profiles": {\r\n\t\t"a": {\r\n\t\t\t"client_id": "x"\r\n\t\t}\r\n\t}\r\n}\r\n'
    const edited = setMember(text, ['profiles', 'b'], { client_id: 'y' })
    expect(edited).toBe(
      '\uFEFF{\r\n\t"profiles": {\r\n\t\t"a": {\r\n\t\t\t"client_id": "x"\r\n\t\t},\r\n\t\t"b": {\r\n\t\t\t"client_id": "y"\r\n\t\t}\r\n\t}\r\n}\r\n',
    )
    expect(removeMember(edited, ['profiles', 'b'])).toBe(text)
  })
})

describe('removing a profile', () => {
  test('the comments of the others stay', () => {
    const text = removeMember(COMMENTED, ['profiles', 'gw'])
    expect(Object.keys(entriesOf(text))).toEqual(['corp'])
    for (const comment of [
      '// mine',
      '// for the editor',
      "// the company's own",
      '// ask Kim',
      '// "old"',
      '// the end',
    ])
      expect(text).toContain(comment)
    expect(text).not.toContain('374b1fae')
  })

  test('the last one takes the comma before it along', () => {
    const text = '{\n  "profiles": {\n    "a": {}, // first\n    "b": {}\n  }\n}\n'
    expect(removeMember(text, ['profiles', 'b'])).toBe('{\n  "profiles": {\n    "a": {} // first\n  }\n}\n')
  })

  test.each(['', '// nothing', '{}', '{"profiles": {"b": {}}}'])(
    'one that is not there changes nothing: %j',
    (text) => expect(removeMember(text, ['profiles', 'a'])).toBe(text),
  )
})

const entry: fc.Arbitrary<ProfileEntry> = fc.record(
  {
    // Without what is copied along with it: a blank or a quotation mark at an end.
    client_id: fc.stringMatching(/^[!#-&(-~]([ -~]*[!#-&(-~])?$/),
    scope: fc.string({ unit: 'binary' }),
    client_secret: fc.oneof(
      fc.constant({ keychain: true as const }),
      fc.record({ command: fc.array(fc.string(), { minLength: 1 }) }),
    ),
    authorization_parameters: fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.string()),
    hosts: fc.array(fc.string({ minLength: 1 })),
    dpop: fc.boolean(),
  },
  { requiredKeys: [] },
)
const name = fc.stringMatching(/^[a-d]$/)
const edits = fc.array(fc.oneof(fc.tuple(name, entry), fc.tuple(name, fc.constant(null))), { maxLength: 8 })

test.each([
  ['commented', COMMENTED],
  ['empty', ''],
  ['minified', '{"profiles":{"a":{"client_id":"x","scope":"y"}}}'],
  [
    'commented everywhere',
    '/*1*/{/*2*/"profiles"/*3*/:/*4*/{/*5*/"gw"/*6*/:{/*7*/"dpop":true/*8*/}/*9*/,/*10*/}/*11*/}/*12*/',
  ],
])('any series of edits says what it should and keeps foreign comments: %s', (_name, text) => {
  const comments =
    text.match(/\/\*\d+\*\/|\/\/ (?:mine|for the editor|the gateway|the company|"old"|the end).*/g) ?? []
  fc.assert(
    fc.property(edits, (series) => {
      let edited = text
      const expected = { ...entriesOf(text) }
      for (const [profile, value] of series) {
        if (value === null) {
          edited = removeMember(edited, ['profiles', profile])
          delete expected[profile]
        } else {
          edited = setMember(edited, ['profiles', profile], value)
          expected[profile] = value
        }
        expect(entriesOf(edited)).toEqual(expected)
      }
      for (const comment of comments) expect(edited).toContain(comment)
    }),
  )
})
