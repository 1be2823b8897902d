/** What was sent is found in a text in every form in which a server could repeat it, and ordinary text stays. */
import { describe, expect, test } from 'vitest'
import { SentValues } from '../../src/authorization-server/sent-values.js'
import { Secret } from '../../src/secret.js'

/** With the characters that encodings change. */
const SECRET = 'K7+q w%Zr/=ü"<&\\x-0123456789'
const base64 = (text: string) => Buffer.from(text).toString('base64')
const everyCharacter = (write: (code: string) => string, radix = 16) =>
  [...SECRET].map((character) => write(character.charCodeAt(0).toString(radix))).join('')
const formEncoded = new URLSearchParams({ '': SECRET }).toString().slice(1)

const FORMS: readonly [string, string][] = [
  ['as it is', SECRET],
  ['percent-encoded', encodeURIComponent(SECRET)],
  [
    'percent-encoded in lower case',
    encodeURIComponent(SECRET).replaceAll(/%../g, (code) => code.toLowerCase()),
  ],
  ['every byte percent-encoded', Buffer.from(SECRET).toString('hex').replaceAll(/../g, '%$&')],
  ['form-encoded', formEncoded],
  ['encoded twice', encodeURIComponent(encodeURIComponent(SECRET))],
  ['in JSON', JSON.stringify(SECRET)],
  ['in JSON in JSON', JSON.stringify(JSON.stringify(SECRET))],
  ['escaped for JavaScript', everyCharacter((code) => `\\u${code.padStart(4, '0')}`)],
  ['escaped with \\x', everyCharacter((code) => `\\x${code.padStart(2, '0')}`)],
  ['escaped for HTML', everyCharacter((code) => `&#x${code};`)],
  ['escaped for HTML in decimal', everyCharacter((code) => `&#${code};`, 10)],
  [
    'escaped for HTML by name',
    SECRET.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;'),
  ],
  ...[0, 1, 2].flatMap((offset): [string, string][] => {
    const behind = base64(`${'i:'.padStart(offset, 'd').slice(0, offset)}${SECRET}`)
    return [
      [`in Base64 with offset ${offset}`, behind],
      [`in Base64 with offset ${offset}, without padding`, behind.replaceAll('=', '')],
      [`in Base64url with offset ${offset}`, Buffer.from(behind, 'base64').toString('base64url')],
    ]
  }),
  ['as Basic credentials', `Basic ${base64(`client-1:${SECRET}`)}`],
  ['as Basic credentials, form-encoded', `Basic ${base64(`client-1:${formEncoded}`)}`],
  ['in a slice of Basic credentials', base64(`client-1:${SECRET}`).slice(7)],
  ['in a slice of Basic credentials, percent-encoded', encodeURIComponent(base64(`x:${SECRET}`).slice(1))],
  ['in Base64 in Base64', base64(base64(SECRET))],
  ['in hex', Buffer.from(SECRET).toString('hex')],
  ['in hex in capitals', Buffer.from(SECRET).toString('hex').toUpperCase()],
  ['cut off', SECRET.slice(0, 12)],
  ['in the middle', SECRET.slice(9)],
]

/** Whether a reader could still get the secret, or 8 characters of it, out of the text. */
function contains(text: string): boolean {
  return new SentValues().add(new Secret(SECRET)).areIn(text)
}

test.each(FORMS)('%s', (_, form) => {
  const sent = new SentValues().add(new Secret(SECRET))
  for (const text of [form, `before ${form} after`, `a=${form}&b`, `"${form}",${form}`]) {
    const masked = sent.masked(text)
    expect(masked).toContain('[secret]')
    expect(contains(masked)).toBe(false)
  }
  expect(sent.masked(`before ${form} after`)).toMatch(/^before .* after$/)
})

test('every part of a JWT', () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const jwt = [part({ alg: 'ES256', kid: 'k' }), part({ sub: 'ada', jti: '1' }), 'c2lnbmF0dXJl-_0123456789']
  const sent = new SentValues().add(new Secret(jwt.join('.')))
  for (const each of jwt) expect(sent.masked(`saw ${each}!`)).toBe('saw [secret]!')
})

describe('short values', () => {
  test.each([
    ['grant', 'invalid_grant', 'invalid_grant'],
    ['pending', 'authorization_pending', 'authorization_pending'],
    ['grant', 'The secret is grant.', 'The secret is [secret].'],
    ['grant', 'client_secret=grant&x', 'client_secret=[secret]&x'],
    ['grant', `Basic ${base64('id:grant')}`, 'Basic aWQ6[secret]='],
    ['abc', 'abc', 'abc'],
    ['', 'text', 'text'],
  ])('%s in %j', (secret, text, shown) => {
    expect(new SentValues().add(new Secret(secret)).masked(text)).toBe(shown)
  })
})

test('ordinary words are not masked because a configured value is a URL or the name of a scope', () => {
  const profile = { client_id: 'desktop-client', scope: 'openid offline_access', scope_separator: ' ' }
  const sent = new SentValues(profile)
  sent.addRequest(
    { authorization: `Basic ${base64('desktop-client:s3cret-value')}`, accept: 'application/json' },
    new URLSearchParams({ x: 'https://contoso.test/', scope: 'openid', client_id: 'desktop-client' }),
  )
  const text = 'desktop-client may not ask for offline_access: https://docs.example.org, application/json'
  expect(sent.masked(text)).toBe(text)
  expect(sent.masked('s3cret-value and https://contoso.test/')).toBe('[secret] and https://[secret]')
})

test('names of members and numbers are masked, too', () => {
  const sent = new SentValues().add(new Secret('1234567890'))
  expect(
    sent.maskedJson({ '1234567890': [1234567890, { a: '=1234567890' }], b: 7, c: null, d: true }),
  ).toEqual({
    '[secret]': ['[secret]', { a: '=[secret]' }],
    b: 7,
    c: null,
    d: true,
  })
})

test('a line is one line, short, and masked before it is cut', () => {
  const sent = new SentValues().add(new Secret('0123456789'))
  expect(sent.line('  a\r\nb\u202e0123456789 c ', 100)).toBe('a b\\u{202e}[secret] c')
  expect(sent.line(`${'x'.repeat(6)} 0123456789`, 12)).toBe('xxxxxx [secr')
})

describe('the work is limited by the length of the text', () => {
  const MIB = 1024 * 1024
  const secrets = Array.from({ length: 200 }, (_, count) => new Secret(`${count}-${SECRET}`.repeat(20)))
  const sent = new SentValues().add(...secrets)
  test.each([
    ['words', 'the quick brown fox '],
    ['percent signs', '%25'],
    ['escapes', '\\u0041&#65;'],
    ['plus signs', '+%2B'],
    ['letters', 'AAAA'],
    ['parts of secrets', SECRET.slice(0, 7)],
  ])('1 MiB of %s and 200 secrets', (_, part) => {
    const text = part.repeat(MIB / part.length)
    expect(contains(sent.masked(text))).toBe(false)
  })

  test('a text that is nothing but layers of encodings is hidden as a whole', () => {
    let text = SECRET.repeat(4_000)
    for (let layer = 0; layer < 12; layer += 1) text = encodeURIComponent(text)
    expect(contains(sent.masked(text))).toBe(false)
  })
})
