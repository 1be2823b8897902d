/** The shapes that token endpoints really answer with, and the ones that must store nothing. */
import { describe, expect, test } from 'vitest'
import { SentValues } from '../../src/authorization-server/sent-values.js'
import { type ReadingRules, readTokenAnswer } from '../../src/authorization-server/token-response.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { tokenSetFrom } from '../../src/tokens/token-set.js'

type RawTokenAnswer = Parameters<typeof readTokenAnswer>[0]

const RULES: ReadingRules = { shape: undefined, scopeSeparator: ' ', sent: new SentValues() }

function read(body: unknown, rules: Partial<ReadingRules> = {}, answer: Partial<RawTokenAnswer> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return readTokenAnswer(
    { status: 200, contentType: 'application/json', body: text, ...answer },
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
    ['no token_type', '{"access_token":"a"}', {}, 'provider_answer_invalid'],
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
  ])('%j', (expires_in) => {
    const answer = read({ access_token: 'a', token_type: 'Bearer', expires_in })
    expect(answer.expiresInSeconds).toBeNull()
    const set = tokenSetFrom(
      { ...answer, parameters: { refresh_expires_in: expires_in } },
      { authorizationServer: 'https://as.example', clientId: 'c' },
      null,
      0,
    )
    expect([set.expiresAtMs, set.refreshTokenExpiresAtMs]).toEqual([null, null])
  })
})
