/** The shapes that token endpoints really answer with, and the ones that must store nothing. */
import { describe, expect, test } from 'vitest'
import { SentValues } from '../../src/authorization-server/sent-values.js'
import { type ReadingRules, readTokenAnswer } from '../../src/authorization-server/token-response.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { rotated, tokenSetFrom } from '../../src/tokens/token-set.js'

type RawTokenAnswer = Parameters<typeof readTokenAnswer>[0]

const ANSWERED_AT_MS = Date.parse('2026-11-30T20:00:00Z')
const RULES: ReadingRules = { shape: undefined, scopeSeparator: ' ', sent: new SentValues() }

function read(body: unknown, rules: Partial<ReadingRules> = {}, answer: Partial<RawTokenAnswer> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return readTokenAnswer(
    { status: 200, contentType: 'application/json', body: text, answeredAtMs: ANSWERED_AT_MS, ...answer },
    { ...RULES, ...rules },
  )
}

function plain(response: ReturnType<typeof read>) {
  return {
    access: response.accessToken.reveal(),
    type: response.tokenType,
    expires: response.expiresInSeconds,
    refresh: response.refreshToken?.reveal() ?? null,
    scope: response.scope,
  }
}

describe('accepted', () => {
  test('webMethods', () => {
    expect(plain(read({ access_token: 'b5b30d', token_type: 'Bearer', expires_in: 3600 }))).toEqual({
      access: 'b5b30d',
      type: 'Bearer',
      expires: 3600,
      refresh: null,
      scope: null,
    })
  })

  test('webMethods refresh: the echoed grant_type is no error, the scope is trimmed', () => {
    const body = {
      grant_type: 'refresh_token',
      refresh_token: 'f78d',
      scope: 'TestRefreshtoken ',
      access_token: 'c102',
      token_type: 'Bearer',
      expires_in: 3600,
    }
    expect(plain(read(body))).toMatchObject({ refresh: 'f78d', scope: 'TestRefreshtoken' })
  })

  test('GitHub: form-encoded, comma scopes, a type in lower case', () => {
    const body = 'access_token=gho_1&scope=repo%2Cgist&token_type=bearer'
    const answer = { contentType: 'application/x-www-form-urlencoded; charset=utf-8' }
    expect(plain(read(body, { scopeSeparator: ',' }, answer))).toEqual({
      access: 'gho_1',
      type: 'Bearer',
      expires: null,
      refresh: null,
      scope: 'repo gist',
    })
  })

  test('GitLab: created_at beside expires_in is kept, not used', () => {
    const response = read({
      access_token: 'a',
      token_type: 'bEaReR',
      expires_in: 7200,
      created_at: 1_700_000_000,
    })
    expect(plain(response)).toMatchObject({ type: 'Bearer', expires: 7200 })
    expect(response.parameters).toEqual({ created_at: 1_700_000_000 })
  })

  test('Slack: the nested token of the user, by pointers', () => {
    const body = {
      ok: true,
      access_token: 'bot',
      token_type: 'bot',
      authed_user: { access_token: 'user', token_type: 'user', scope: 'a,b' },
    }
    const shape = {
      pointers: {
        access_token: '/authed_user/access_token',
        token_type: '/none',
        scope: '/authed_user/scope',
      },
      defaults: { token_type: 'Bearer' },
    } as const
    expect(plain(read(body, { shape, scopeSeparator: ',' }))).toMatchObject({
      access: 'user',
      type: 'Bearer',
      scope: 'a b',
    })
  })

  test('Notion: no expires_in and a null refresh_token', () => {
    const body = { access_token: 'a', token_type: 'bearer', refresh_token: null }
    expect(plain(read(body))).toMatchObject({ expires: null, refresh: null })
  })

  test('Shopify: no token_type, where the preset says what it is', () => {
    const shape = { defaults: { token_type: 'Bearer' } }
    expect(plain(read({ access_token: 'a' }, { shape })).type).toBe('Bearer')
  })

  test('Azure AD v1: expires_in as a string', () => {
    expect(
      plain(read({ access_token: 'a', token_type: 'Bearer', expires_in: '3599', expires_on: '1461865782' }))
        .expires,
    ).toBe(3599)
  })

  test('Twitch: scope as an array', () => {
    expect(plain(read({ access_token: 'a', token_type: 'bearer', scope: ['a', 'b'] })).scope).toBe('a b')
  })

  test('Zoho: milliseconds, by the preset', () => {
    const body = { access_token: 'a', token_type: 'Bearer', expires_in_sec: 3600, expires_in: 3_600_000 }
    expect(plain(read(body, { shape: { expires_in_unit: 'ms' } })).expires).toBe(3600)
    expect(plain(read(body, { shape: { pointers: { expires_in: '/expires_in_sec' } } })).expires).toBe(3600)
  })

  test('Withings: nested in body, by the preset', () => {
    const body = { status: 0, body: { access_token: 'a', token_type: 'Bearer', expires_in: 10 } }
    const pointers = {
      access_token: '/body/access_token',
      token_type: '/body/token_type',
      expires_in: '/body/expires_in',
    }
    expect(plain(read(body, { shape: { pointers } }))).toMatchObject({ access: 'a', expires: 10 })
  })

  test.each([[-1], ['soon'], [1e308], [Number.MAX_SAFE_INTEGER], [null], [{}], [true]])(
    'a lifetime of %j is unknown, not guessed',
    (lifetime) => {
      expect(
        plain(read({ access_token: 'a', token_type: 'Bearer', expires_in: lifetime })).expires,
      ).toBeNull()
    },
  )

  test('DPoP', () => {
    expect(plain(read({ access_token: 'a', token_type: 'dpop' })).type).toBe('DPoP')
  })
})

describe('refused by the server, whatever the status says', () => {
  const rows: [string, unknown, number, string | undefined][] = [
    ['GitHub, 200', { error: 'bad_verification_code', error_description: 'x' }, 200, 'bad_verification_code'],
    ['Zoho, 200', { error: 'invalid_code' }, 200, 'invalid_code'],
    ['WeChat, 200', { errcode: 40029, errmsg: 'invalid code' }, 200, '40029'],
    ['Slack, 200', { ok: false, error: 'invalid_code' }, 200, 'invalid_code'],
    ['Twitch', { status: 400, message: 'Invalid authorization code' }, 400, undefined],
    ['Twitch, a phrase for a code', { error: 'Bad Request', status: 400, message: 'no' }, 400, undefined],
    [
      'Strava',
      { message: 'Bad Request', errors: [{ resource: 'AuthorizationCode', field: 'code', code: 'invalid' }] },
      400,
      'invalid_code',
    ],
    ['an integer error', { message: 'Unauthorized', error: 401 }, 401, undefined],
    ['a boolean error', { error: true, status: 400, message: 'no' }, 400, undefined],
    [
      'an object error',
      { error: { message: 'no', type: 'OAuthException', code: 100 } },
      400,
      'OAuthException',
    ],
    ['HubSpot', { message: 'no', correlationId: 'x', category: 'VALIDATION_ERROR' }, 400, 'VALIDATION_ERROR'],
    ['RFC 6749', { error: 'invalid_grant' }, 400, 'invalid_grant'],
    [
      'tokens beside an error',
      { error: 'invalid_grant', access_token: 'a', token_type: 'Bearer' },
      200,
      'invalid_grant',
    ],
  ]
  test.each(rows)('%s', (_name, body, status, error) => {
    try {
      read(body, {}, { status })
      expect.unreachable()
    } catch (failure) {
      expect(failure).toMatchObject({ code: 'provider_refused', error })
    }
  })

  test('Fitbit echoes the token: it is cut out of the text', () => {
    const sent = new SentValues().add(new Secret('the-refresh-token'))
    const body = {
      errors: [{ errorType: 'invalid_grant', message: 'Refresh token invalid: the-refresh-token' }],
      success: false,
    }
    try {
      read(body, { sent }, { status: 400 })
      expect.unreachable()
    } catch (failure) {
      expect(failure).toMatchObject({
        error: 'invalid_grant',
        errorDescription: 'Refresh token invalid: [secret]',
      })
    }
  })

  test('a token that comes with a refusal is masked in its text', () => {
    const body = {
      error: 'x',
      error_description: 'new is refresh-of-answer',
      refresh_token: 'refresh-of-answer',
    }
    try {
      read(body, {}, { status: 400 })
      expect.unreachable()
    } catch (failure) {
      expect((failure as CatchdError).errorDescription).toBe('new is [secret]')
    }
  })

  test('Entra: CR and LF do not split a log line or a page', () => {
    try {
      read(
        { error: 'invalid_grant', error_description: 'AADSTS1\r\nTrace ID: 1\u2028x' },
        {},
        { status: 400 },
      )
      expect.unreachable()
    } catch (failure) {
      expect((failure as CatchdError).errorDescription).toBe('AADSTS1 Trace ID: 1 x')
    }
  })
})

test('a scope that repeats a token of the same answer is masked', () => {
  const response = read({
    access_token: 'token-of-answer',
    token_type: 'Bearer',
    scope: 'email token-of-answer',
  })
  expect(response.scope).toBe('email [secret]')
})

describe('nothing that could be stored', () => {
  const rows: [string, string, Partial<RawTokenAnswer>, string][] = [
    ['XML', '<token>a</token>', { contentType: 'text/xml' }, 'provider_answer_invalid'],
    [
      'an HTML 502',
      '<html>bad gateway</html>',
      { status: 502, contentType: 'text/html' },
      'provider_answer_invalid',
    ],
    ['an empty 200', '', {}, 'provider_answer_invalid'],
    ['truncated JSON', '{"access_token":"a","token_ty', {}, 'provider_answer_invalid'],
    ['deeply nested JSON', `${'{"a":'.repeat(100_000)}1`, {}, 'provider_answer_invalid'],
    ['an array', '["access_token"]', {}, 'provider_answer_invalid'],
    ['no access_token', '{"token_type":"Bearer"}', {}, 'provider_answer_invalid'],
    ['a type nobody knows', '{"access_token":"a","token_type":"mac"}', {}, 'provider_answer_invalid'],
    [
      'a token with a line break',
      '{"access_token":"a\\nb","token_type":"Bearer"}',
      {},
      'provider_answer_invalid',
    ],
    ['a number as token', '{"access_token":1,"token_type":"Bearer"}', {}, 'provider_answer_invalid'],
    [
      'a token of 100 KiB',
      JSON.stringify({ access_token: 'a'.repeat(100 * 1024), token_type: 'Bearer' }),
      {},
      'provider_answer_invalid',
    ],
    [
      'a 401 page (a dead refresh token at glewlwyd)',
      'no',
      { status: 401, contentType: 'text/plain' },
      'provider_refused',
    ],
  ]
  test.each(rows)('%s', (_name, body, answer, code) => {
    try {
      read(body, {}, answer)
      expect.unreachable()
    } catch (failure) {
      expect(failure).toBeInstanceOf(CatchdError)
      expect((failure as CatchdError).code).toBe(code)
    }
  })
})

describe('a lifetime that cannot be is unknown, and the tokens are good all the same', () => {
  test.each([
    ...[1e300, -1, Number.MAX_SAFE_INTEGER, '99999999999999999', '1e9', 'soon', '', null, true, [], {}],
    ...['PT1H', 'P30D', '3600s', '1 hour', '3600abc', '-0.5', 'NaN', 'Infinity', '0x10', [3600], ['3600']],
    ...['2026-11-30T21:00:00Z', 'Never', '٣٦٠٠', { seconds: 3600 }, 1_796_072_400, 1_796_072_400_000],
  ])('%j', (expires_in) => {
    const answer = read({ access_token: 'a', expires_in, refresh_expires_in: expires_in, refresh_token: 'r' })
    expect(answer.expiresInSeconds).toBeNull()
    const set = tokenSetFrom(answer, { authorizationServer: 'https://as.example', clientId: 'c' }, null, 0)
    expect([set.expiresAtMs, set.refreshTokenExpiresAtMs]).toEqual([null, null])
  })
})

describe('when an access token ends', () => {
  const REFRESHABLE = { refresh_token: 'r' }
  const POINTED = { pointers: { expires_at: '/expires_at' } } as const
  const at = (expires_at: unknown) => ({ expires_at, ...REFRESHABLE })
  type LifetimeRow = [string, object, ReadingRules['shape'], number | null]
  const rows: LifetimeRow[] = [
    ['Mailchimp: 0, and nothing to refresh with', { expires_in: 0, scope: null }, undefined, null],
    ['VK: 0 as text', { expires_in: '0', user_id: 1 }, undefined, null],
    ['less than a second, and nothing to refresh with', { expires_in: 0.4 }, undefined, null],
    ['0 beside a refresh token: it has ended', { expires_in: 0, ...REFRESHABLE }, undefined, 0],
    ['part of a second is not promised', { expires_in: '3599.98' }, undefined, 3599],
    ['text with blanks', { expires_in: ' 3600 ' }, undefined, 3600],
    ['no expires_in, and expires_at without a pointer', at('2026-11-30T21:00:00Z'), undefined, null],

    ['Square: a date', at('2026-11-30T21:00:00Z'), POINTED, 3600],
    ['a date with seven digits, .NET', at('2026-11-30T21:00:00.1234567Z'), POINTED, 3600],
    ['a date with nine digits, Go', at('2026-11-30T23:00:00.123456789+02:00'), POINTED, 3600],
    ['an offset without a colon', at('2026-11-30T16:00:00-0500'), POINTED, 3600],
    ['an offset of hours', at('2026-11-30T22:00:00+01'), POINTED, 3600],
    ['Ruby', at('2026-11-30 21:00:00 UTC'), POINTED, 3600],
    ['Ruby with an offset', at('2026-11-30 22:00:00 +0100'), POINTED, 3600],
    ['Java', at('2026-11-30T22:00:00+01:00[Europe/Berlin]'), POINTED, 3600],
    ['an HTTP date', at('Mon, 30 Nov 2026 21:00:00 GMT'), POINTED, 3600],
    ['seconds since 1970', at(1_796_072_400), POINTED, 3600],
    ['seconds since 1970 as text', at('1796072400'), POINTED, 3600],
    ['milliseconds since 1970', at(1_796_072_400_900), POINTED, 3600],
    ['milliseconds since 1970 as text', at('1796072400900'), POINTED, 3600],
    ['the instant goes before expires_in', { expires_in: 60, ...at(1_796_072_400) }, POINTED, 3600],
    ['an unusable instant counts as absent', { expires_in: 60, ...at('soon') }, POINTED, 60],
    [
      'the unit of expires_in is not that of an instant',
      at(1_796_072_400),
      { ...POINTED, expires_in_unit: 'ms' },
      3600,
    ],
    ['in the past beside a refresh token', at('2026-11-30T19:00:00Z'), POINTED, 0],
    ['in the past, and nothing to refresh with', { expires_at: '2026-11-30T19:00:00Z' }, POINTED, null],
    [
      'Katana',
      { '.expires': 'Mon, 30 Nov 2026 21:00:00 GMT' },
      { pointers: { expires_at: '/.expires' } },
      3600,
    ],
    ['nested', { data: [{ until: 1_796_072_400 }] }, { pointers: { expires_at: '/data/0/until' } }, 3600],
    ...[
      ...[
        '2026-11-30T21:00:00',
        '2026-11-30 21:00:00',
        '2026-11-30',
        '30.11.2026 21:00 UTC',
        'tomorrow',
        '',
        'PT1H',
      ],
      ...[
        '2026-13-30T21:00:00Z',
        '2126-11-30T21:00:00Z',
        0,
        -1,
        1e18,
        1e300,
        '-5',
        true,
        {},
        [1_796_072_400],
      ],
    ].map((value): LifetimeRow => [`no instant: ${JSON.stringify(value)}`, at(value), POINTED, null]),

    ['a pointer that finds nothing', { expires_in: 60 }, { pointers: { expires_in: '/none' } }, null],
    ['the next pointer', { expires_in: 60 }, { pointers: { expires_in: ['/none', '/expires_in'] } }, 60],
    ['the first that can be used', { a: 'soon', b: 60 }, { pointers: { expires_in: ['/a', '/b'] } }, 60],
  ]
  test.each(rows)('%s', (_name, members, shape, expected) => {
    expect(read({ access_token: 'a', ...members }, { shape }).expiresInSeconds).toBe(expected)
  })

  test.each([
    ['nothing', {}, 7200],
    ['0', { expires_in: 0 }, 7200],
    ['0 beside a refresh token', { expires_in: 0, ...REFRESHABLE }, 7200],
    ['nonsense', { expires_in: 'soon' }, 7200],
    ['a lifetime', { expires_in: 60 }, 60],
  ])('expires_in_default, where the server says %s', (_name, members, expected) => {
    const answer = read({ access_token: 'a', ...members }, { defaultLifetime: 7200 })
    expect(answer.expiresInSeconds).toBe(expected)
  })

  test('an instant is measured by the clock of its server', () => {
    const answer = { answeredAtMs: Date.parse('2001-01-01T00:00:00Z') }
    const body = { access_token: 'a', expires_at: '2001-01-01T00:10:00Z' }
    expect(read(body, { shape: POINTED }, answer).expiresInSeconds).toBe(600)
  })

  test('a refresh that says 0 again says nothing', () => {
    const origin = { authorizationServer: 'https://as.example', clientId: 'c' }
    const over = read({ access_token: 'a', expires_in: 0, ...REFRESHABLE })
    const first = tokenSetFrom(over, origin, null, 1_000)
    expect(first.expiresAtMs).toBe(1_000)
    expect(rotated(first, over, 2_000).expiresAtMs).toBeNull()
    expect(rotated(first, read({ access_token: 'b', expires_in: 60 }), 2_000).expiresAtMs).toBe(62_000)
  })
})

describe('the type of a token', () => {
  const typed = (token_type: unknown, rules: Partial<ReadingRules> = {}) =>
    read({ access_token: 'a', token_type }, rules).tokenType

  test.each([
    ...[undefined, null, '', ' ', '\t'],
    ...[
      'Bearer ',
      ' bearer',
      'BEARER',
      'bearer\n',
      'BearerToken',
      'bearertoken',
      'Bearer Token',
      'bearer_token',
    ],
  ])('%j means Bearer', (type) => expect(typed(type)).toBe('Bearer'))

  test('a missing one stays as it was', () => {
    expect(typed(undefined, { tokenType: 'DPoP' })).toBe('DPoP')
    expect(typed('Bearer', { tokenType: 'DPoP' })).toBe('Bearer')
  })

  test.each([
    'mac',
    'JWT',
    'user',
    'N_A',
    'Basic',
    'pop',
    'SAML',
    'Bearer,DPoP',
    'urn:ietf:params:oauth:token-type:jwt',
  ])('%s is refused, unless the profile says what it is', (type) => {
    expect(() => typed(type)).toThrow(
      `The token response has the token_type "${type}", which catchd does not know.`,
    )
    expect(typed(type, { shape: { defaults: { token_type: 'bearer' } } })).toBe('Bearer')
    expect(typed(type, { shape: { defaults: { token_type: 'DPoP' } } })).toBe('DPoP')
    expect(() => typed(type, { shape: { defaults: { token_type: 'mac' } } })).toThrow('"mac"')
  })

  test.each([[0], [false], [{ toString: null }], [['Bearer']]])('%j is no type', (type) => {
    expect(() => typed(type)).toThrow('which catchd does not know')
  })

  test('what the profile says does not replace a type that is known', () => {
    expect(typed('DPoP', { shape: { defaults: { token_type: 'Bearer' } } })).toBe('DPoP')
  })

  test('a type that repeats a secret is masked in the failure', () => {
    const sent = new SentValues().add(new Secret('client-secret-1'))
    expect(() => typed('x client-secret-1 token-of-answer', { sent })).toThrow('"x [secret] token-of-answer"')
    expect(() => read({ access_token: 'token-of-answer', token_type: 'token-of-answer' })).toThrow(
      '"[secret]"',
    )
  })
})

describe('the shape of the body decides, not its content type', () => {
  const TYPES = ['', 'application/json', 'text/plain', 'text/html; charset=utf-8', 'application/x-javascript']
  const all = [
    ...TYPES,
    'text/javascript',
    'application/x-www-form-urlencoded',
    'application/octet-stream',
    '*/*',
  ]
  const OBJECT = '{"access_token":"a","expires_in":60}'
  const bodies: [string, string][] = [
    ['JSON', OBJECT],
    ['JSON behind a byte order mark', `\ufeff${OBJECT}`],
    ['JSON between line ends', `\r\n${OBJECT}\r\n`],
    ['JSON in a JSON text', JSON.stringify(OBJECT)],
    ['JSONP', `callback( ${OBJECT} );`],
    ['form encoding', 'access_token=a&expires_in=60'],
    ['form encoding, with a line end', 'expires_in=60&access_token=a\n'],
  ]
  test.each(
    bodies.flatMap(([name, body]) => all.map((type): [string, string, string] => [name, type, body])),
  )('%s as "%s"', (_name, contentType, body) => {
    expect(plain(read(body, {}, { contentType }))).toMatchObject({ access: 'a', expires: 60 })
  })

  test.each([
    ['JSONP of QQ', 'callback( {"error":"invalid_grant","error_description":"x"} );'],
    ['form encoding of GitHub', 'error=invalid_grant&error_description=The+code+%7Bx%7D'],
    ['form encoding with raw blanks', 'error=invalid_grant&error_description=Bad code'],
  ])('a refusal as HTML: %s', (_name, body) => {
    expect(() => read(body, {}, { contentType: 'text/html' })).toThrow(
      expect.objectContaining({ code: 'provider_refused', error: 'invalid_grant' }),
    )
  })

  test.each([
    ['a page with a link', '<a href="/x?y=1&access_token=a">'],
    ['a text', 'status=failed'],
    ['a program', 'window.location="/#x=1&access_token=a"'],
    ['JSON encoded three times', JSON.stringify(JSON.stringify(OBJECT))],
    ['a list in a text', JSON.stringify(`[${OBJECT}]`)],
    ['a call with two arguments', `callback(1, ${OBJECT})`],
    ['a repeated parameter', 'access_token=a&access_token=b'],
    ['a repeated parameter, spelled otherwise', 'access_token=a&access%5Ftoken=b'],
  ])('%s is nothing', (_name, body) => {
    for (const contentType of TYPES) {
      expect(() => read(body, {}, { contentType })).toThrow(
        expect.objectContaining({ code: 'provider_answer_invalid' }),
      )
    }
  })
})

test('a token that a profile points at as a scope or a type is not shown', () => {
  const body = { access_token: 'access-1111', refresh_token: 'refresh-2222', user: { id_token: 'id-333333' } }
  const shown = (pointers: object) => read(body, { shape: { pointers } }).scope
  expect(shown({ refresh_token: '/x', scope: '/refresh_token' })).toBe('[secret]')
  expect(shown({ scope: '/user/id_token' })).toBe('[secret]')
  const typed = { pointers: { access_token: '/refresh_token', token_type: '/access_token' } }
  expect(() => read(body, { shape: typed })).toThrow('"[secret]"')
})
