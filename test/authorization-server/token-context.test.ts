/** What a server says beside its tokens: what is kept, and what never is. */
import { describe, expect, test } from 'vitest'
import { SentValues } from '../../src/authorization-server/sent-values.js'
import { contextOf } from '../../src/authorization-server/token-context.js'
import { readTokenAnswer } from '../../src/authorization-server/token-response.js'
import { Secret } from '../../src/secret.js'

const ACCESS = '00Dx0000000BV7z!SGxvdmVseSB0b2tlbg.of.the.answer'
const CLIENT_SECRET = 'client-canary-51c0-7f1e'
const JWT = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2ln'
const PIN = 'pin-12'

/** The context of an answer, with a request that sent a client secret and a short password. */
function context(members: object, pointers?: Readonly<Record<string, string | string[]>>) {
  const sent = new SentValues().add(new Secret(CLIENT_SECRET), new Secret(PIN))
  const body = JSON.stringify({ access_token: ACCESS, token_type: 'Bearer', ...members })
  const shape = pointers === undefined ? undefined : { pointers }
  const answer = { status: 200, contentType: 'application/json', body, answeredAtMs: 0 }
  return readTokenAnswer(answer, { shape, scopeSeparator: ' ', sent })
}
const kept = (members: object) => context(members).parameters

describe('kept', () => {
  test.each<[string, object]>([
    [
      'Salesforce, whose tokens begin with the number of the organization',
      {
        instance_url: 'https://na139.example',
        id: 'https://login.example/id/00Dx0000000BV7z/005x',
        issued_at: '1278448384422',
      },
    ],
    [
      'SMART on FHIR',
      {
        patient: 'Tbt3KuCY0B5PSrJvCu2j-PlK.aiHsu2xUjUM8bWpetXoB',
        encounter: 'e1',
        need_patient_banner: true,
      },
    ],
    [
      'Slack',
      {
        ok: true,
        app_id: 'A1',
        team: { id: 'T1', name: 'Crew' },
        enterprise: { id: 'E1' },
        is_enterprise_install: false,
      },
    ],
    [
      'Notion',
      {
        bot_id: '7b0c',
        workspace_name: '❤️ [Dev] Basic plan',
        owner: { type: 'user', user: { id: 'u', emails: ['a@b.example'] } },
      },
    ],
    ['Square', { merchant_id: 'M', short_lived: false }],
    [
      'Zoho',
      {
        api_domain: 'https://www.zohoapis.eu',
        location: 'eu',
        'accounts-server': 'https://accounts.zoho.eu',
      },
    ],
    ['Keycloak', { 'not-before-policy': 0 }],
    [
      'RFC 9396',
      { authorization_details: [{ type: 'account', locations: ['https://bank.example/a?page=1'] }] },
    ],
    ['names that differ in case', { realmId: '1', realmid: '2', REALMID: 3 }],
    ['names of objects that are harmless', { toString: 'x', hasOwnProperty: 1, length: 2 }],
    ['other alphabets', { имя: 'Ада', 会社: '株式会社' }],
    ['null inside, empty values', { team: { lead: null }, tags: [], more: {}, text: '' }],
  ])('%s', (_name, members) => expect(kept(members)).toEqual(members))

  test('null at the top counts as absent', () => expect(kept({ patient: null, a: 1 })).toEqual({ a: 1 }))
})

describe('never in it, for its name', () => {
  const names = [
    ...['expires_in', 'scope', 'refresh_token', 'id_token', 'expires_at', 'scopes', 'issued_token_type'],
    ...[
      'state',
      'code',
      'iss',
      'nonce',
      'session_state',
      'error_uri',
      'grant_type',
      'client_id',
      'redirect_uri',
      'jti',
    ],
    ...[
      'accessToken',
      'AccessToken',
      'Access-Token',
      'ACCESS_TOKEN',
      'access token',
      'ａccess_token',
      'refreshToken',
    ],
    ...[
      'bot_access_token',
      'user_token',
      'token',
      'jwt',
      'ext_expires_in',
      'expires_on',
      'refresh_expires_in',
      'rt',
    ],
    ...[
      'client_secret',
      'ClientSecret',
      'device_secret',
      'password',
      'api_key',
      'apiKey',
      'signing-key',
      'passphrase',
    ],
    ...[
      'code_verifier',
      'client_assertion',
      'session_id',
      'sessionKey',
      'cookie',
      'incoming_webhook',
      'signature',
    ],
    ...[
      '__proto__',
      'constructor',
      'prototype',
      '',
      'a\nb',
      'a\u001b[2Jb',
      'a\u200bb',
      'a\u202eb',
      'x'.repeat(129),
    ],
  ]
  const withName = (name: string, value: unknown) =>
    JSON.parse(`{${JSON.stringify(name)}: ${JSON.stringify(value)}}`)

  test.each(names)('%j, nested as well', (name) => {
    expect(kept(withName(name, 'short'))).toEqual({})
    expect(kept({ a: { b: [withName(name, 'short')], c: 1 } })).toEqual({ a: { c: 1 } })
  })

  test('what holds nothing else is left out as a whole', () => {
    const authed_user = { id: 'U1', refresh_token: 'r-1', scope: 'a' }
    expect(kept({ authed_user, bot: { bot_access_token: 'b' }, list: [{ token: 't' }] })).toEqual({
      authed_user: { id: 'U1' },
    })
  })

  test('what a profile points at, wherever it is', () => {
    const pointers = { refresh_token: ['/none', '/data/1/renewal'], expires_at: '/until', scope: '/a~1b' }
    const { parameters, refreshToken } = context(
      { until: 1, 'a/b': 'x', data: [{ id: 1 }, { renewal: 'r-1', id: 2 }] },
      pointers,
    )
    expect(refreshToken?.reveal()).toBe('r-1')
    expect(parameters).toEqual({ data: [{ id: 1 }, { id: 2 }] })
  })
})

describe('never in it, for its value', () => {
  const values: [string, unknown][] = [
    ['the access token', ACCESS],
    ['the access token in a text', `use ${ACCESS} now`],
    ['the access token in Base64', Buffer.from(ACCESS).toString('base64')],
    ['the access token in hex', Buffer.from(ACCESS).toString('hex')],
    ['the access token, percent-encoded', `x ${encodeURIComponent(ACCESS)}`],
    ['the client secret', CLIENT_SECRET],
    ['most of the client secret', CLIENT_SECRET.slice(3)],
    ['the client secret in a URL', `https://x.example/${CLIENT_SECRET}/`],
    ['a short password as a word', `the ${PIN} again`],
    ['a JWT', JWT],
    ['a JWT in a URL', `https://x.example/${JWT}`],
    ['Base64 of JSON (client_info)', Buffer.from('{"uid":"1","utid":"2"}').toString('base64url')],
    ['a header', `Bearer ${'x'.repeat(20)}`],
    ['Basic credentials', `Basic ${Buffer.from('client:secret-1').toString('base64')}`],
    ['a PEM file', '-----BEGIN PRIVATE KEY-----\nMIIB'],
    ['a URL with a password', 'https://ada:pw@x.example/'],
    ['a URL with a token', 'https://x.example/#access_token=abc'],
    ['a URL with a code', 'https://x.example/?page=1&code=abc'],
    ['a URL in a URL', `https://x.example/?next=${encodeURIComponent('https://y.example/?sig=abc')}`],
    ['a form', 'a=1&refresh_token=abc'],
    ['a cookie', 'sid=abc; Path=/'],
    ['JSON in a text', '{"token":"abc"}'],
    ['a list in a text', ' ["abc"]'],
    ['text that could be a token', 'Zm9v'.repeat(20)],
    ['control characters', 'a\u001b[2Jb'],
    ['a C1 character', 'a\u009b2Jb'],
    ['a NUL', 'a\u0000b'],
  ]
  test.each(values)('%s', (_name, value) => {
    expect(kept({ other: value })).toEqual({})
    expect(kept({ other: { list: [value, 'fine'] } })).toEqual({ other: { list: ['fine'] } })
  })

  test('a name that is a secret, and a number', () => {
    expect(kept({ [ACCESS]: 1, [`x-${CLIENT_SECRET}`]: { a: 1 } })).toEqual({})
    const digits = new SentValues().add(new Secret('12345678'))
    expect(contextOf({ a: 12345678, b: 1234 }, digits).parameters).toEqual({ b: 1234 })
  })

  test('what another member repeats that is left out for its name', () => {
    const other = 'xoxp-1234567890-abcdef'
    expect(kept({ authed_user: { access_token: other }, copy: other, link: `see ${other}`, id: 1 })).toEqual({
      id: 1,
    })
  })
})

describe('bounds', () => {
  test('16 KiB in all: what does not fit is left out and named, and what fits stays', () => {
    const text = 'a b '.repeat(500)
    const members = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`m${index}`, text]))
    const { parameters, leftOut } = context({ ...members, last: 1 })
    expect(Object.keys(parameters)).toEqual([...Array.from({ length: 8 }, (_, index) => `m${index}`), 'last'])
    expect(leftOut).toEqual(['m8', 'm9', 'm10', 'm11'])
    expect(JSON.stringify(parameters).length).toBeLessThan(16 * 1024)
  })

  test.each<[string, unknown]>([
    ['a long text', 'a b '.repeat(1_000)],
    ['a long text inside', { id: 1, text: 'a b '.repeat(1_000) }],
    ['nine levels', [[[[[[[[[1]]]]]]]]]],
    ['many members', Array.from({ length: 10_000 }, () => 1)],
    ['many bytes in few characters', ['€'.repeat(2_000), '€'.repeat(2_000), '€'.repeat(2_000)]],
  ])('%s', (_name, value) => {
    expect(context({ large: value, id: 1 })).toMatchObject({ parameters: { id: 1 }, leftOut: ['large'] })
  })

  test('a server that fills the answer costs no more than that', () => {
    const many = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [`eyJ-${index}`, `eyJ${'-eyJ'.repeat(5)}`]),
    )
    const { parameters, leftOut } = context(many)
    expect(Object.keys(parameters)).toEqual([])
    expect(leftOut.length).toBeLessThanOrEqual(20)
  })
})
