/**
 * The mutations that all targets share. A mutant is a valid sample and a few edits, so that it comes further into the
 * program than noise would, and fast-check shrinks it to the edits that matter.
 *
 * JSON is edited as a tree with the text of each value, because a JavaScript value can hold neither a member twice nor
 * `1e999` nor `-0`.
 */
import fc from 'fast-check'

const DEEP = 20_000

/** What parsers, terminals, headers, URLs, paths and templates treat in a special way. */
const ODD_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  '\r\nX-Injected: 1\r\n\r\n',
  '\n\n',
  '\t',
  '\x1b]0;title\x07\x1b[2J',
  '\u202egpj.exe',
  '\u2028',
  '\ufeff',
  '\ud800',
  '𝒳é',
  '"',
  "'",
  '\\',
  '<script>alert(1)</script>',
  '&amp;',
  '$&$1$`',
  '{scope}{client_id}{{x}}',
  '%',
  '%zz',
  '%00',
  '+',
  ';',
  '=',
  '#',
  '?',
  '../../../etc/passwd',
  '/dev/zero',
  '__proto__',
  'constructor',
  'toString',
  'then',
  'null',
  'NaN',
  '12',
  '-1',
  '1e300',
  '99999999999999999999',
  '2026-13-45T99:99:99Z',
  'http://',
  'http://[::1',
  'http://127.0.0.1:1/',
  'http://127.0.0.1:99999/',
  'http://user:pass@127.0.0.1:1/',
  'javascript:alert(1)',
  'file:///etc/passwd',
  'localhost.',
  'bücher.example',
  'a'.repeat(5_000),
  'a b '.repeat(20_000),
]

/** Values as JSON text. */
const ODD_VALUES: readonly string[] = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '-1',
  '0.5',
  '1e300',
  '-1e300',
  '1e999',
  '9007199254740993',
  '8640000000000001',
  '4102444800000',
  '{}',
  '[]',
  '[null]',
  '[[],{}]',
  '{"toString":null,"valueOf":1}',
  '{"__proto__":{"polluted":true}}',
  '{"then":"x","length":-1,"constructor":{}}',
  '{"access_token":1,"error":{"error":["x"]}}',
  '"\\ud800"',
  '"\\u0000"',
  `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
  `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`,
  `[${'0,'.repeat(5_000)}0]`,
]

export const oddText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
)

/** Any value, as JSON text. */
export const oddValue: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...ODD_VALUES) },
  { weight: 2, arbitrary: oddText.map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
)

/** JSON text, or a list or object; the names in a list are not printed. */
type Tree = string | { readonly kind: 'list' | 'object'; readonly entries: Entry[] }
interface Entry {
  name: string
  value: Tree
}

function treeOf(value: unknown): Tree {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([name, member]) => ({ name, value: treeOf(member) }))
  return { kind: Array.isArray(value) ? 'list' : 'object', entries }
}

function print(tree: Tree): string {
  if (typeof tree === 'string') return tree
  if (tree.kind === 'list') return `[${tree.entries.map(({ value }) => print(value)).join(',')}]`
  return `{${tree.entries.map(({ name, value }) => `${JSON.stringify(name)}:${print(value)}`).join(',')}}`
}

/** Every entry, at any depth, with the list that holds it. */
function placesIn(tree: Tree): { readonly among: Entry[]; readonly entry: Entry }[] {
  if (typeof tree === 'string') return []
  const { entries } = tree
  return entries.flatMap((entry) => [{ among: entries, entry }, ...placesIn(entry.value)])
}

const jsonEdit = fc.record({
  edit: fc.constantFrom('replace', 'replace', 'text', 'text', 'remove', 'insert', 'repeat', 'wrap'),
  at: fc.nat(),
  offset: fc.nat(),
  value: oddValue,
  text: oddText,
})

function editTree(root: Tree, { edit, at, offset, value, text }: Value<typeof jsonEdit>): Tree {
  const places = placesIn(root)
  const place = places[at % Math.max(1, places.length)]
  if (place === undefined) return value
  const { among, entry } = place
  const index = among.indexOf(entry)
  if (edit === 'remove') among.splice(index, 1)
  else if (edit === 'insert') among.splice(index, 0, { name: text, value })
  else if (edit === 'repeat') among.push({ name: entry.name, value })
  else if (edit === 'wrap') entry.value = { kind: 'list', entries: [{ name: '0', value: entry.value }] }
  else if (edit === 'text') entry.value = textIn(entry.value, text, offset) ?? value
  else entry.value = value
  return root
}

type Value<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Generated> ? Generated : never

/** With an odd text in a string; `undefined` for another value. */
function textIn(tree: Tree, odd: string, offset: number): string | undefined {
  if (typeof tree !== 'string' || !tree.startsWith('"')) return undefined
  try {
    return JSON.stringify(spliced(String(JSON.parse(tree)), odd, offset))
  } catch {
    return undefined
  }
}

/** Inserts at the start, at the end or inside; replaces it now and then. */
function spliced(text: string, odd: string, offset: number): string {
  if (offset % 4 === 0) return odd
  const index = offset % (text.length + 1)
  return text.slice(0, index) + odd + text.slice(offset % 3 === 0 ? index + 1 : index)
}

/** JSON text near one of the samples, mostly still JSON. */
export function mutatedJson(...samples: readonly unknown[]): fc.Arbitrary<string> {
  const edited = fc
    .tuple(fc.constantFrom(...samples), fc.array(jsonEdit, { minLength: 0, maxLength: 4 }))
    .map(([sample, edits]) => print(edits.reduce(editTree, treeOf(sample))))
  return fc.oneof(
    { weight: 8, arbitrary: edited },
    { weight: 1, arbitrary: edited.chain((text) => mutatedText(text)) },
    { weight: 1, arbitrary: oddValue },
  )
}

const textEdit = fc.record({
  edit: fc.constantFrom('insert', 'remove', 'double', 'cut', 'flip'),
  at: fc.nat(),
  length: fc.integer({ min: 1, max: 40 }),
  odd: oddText,
})

function editText(text: string, { edit, at, length, odd }: Value<typeof textEdit>): string {
  const index = at % (text.length + 1)
  const [before, here, after] = [
    text.slice(0, index),
    text.slice(index, index + length),
    text.slice(index + length),
  ]
  if (edit === 'insert') return before + odd + here + after
  if (edit === 'remove') return before + after
  if (edit === 'double') return before + here + here + after
  if (edit === 'cut') return before
  return before + String.fromCharCode((here.charCodeAt(0) || 0) ^ (1 << (at % 8))) + here.slice(1) + after
}

/** Text near one of the samples. */
export function mutatedText(...samples: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(textEdit, { maxLength: 4 }))
    .map(([sample, edits]) => edits.reduce(editText, sample))
}
