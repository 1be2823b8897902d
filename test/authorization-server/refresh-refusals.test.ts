/** What a refused refresh means: a dead refresh token only where the server says so, otherwise "later". */
import { describe, expect, test } from 'vitest'
import { refusedRefresh } from '../../src/authorization-server/refresh-outcome.js'
import { SentValues } from '../../src/authorization-server/sent-values.js'
import { readTokenAnswer, refreshTokenIn } from '../../src/authorization-server/token-response.js'
import type { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'

interface Answer {
  readonly body: object | string
  readonly status?: number
  readonly type?: string
  readonly retryAfter?: string
  readonly dead?: readonly (string | number)[]
  readonly sent?: readonly string[]
}

function answerOf({ body, status = 400, type, retryAfter }: Answer) {
  const isJson = typeof body === 'object'
  return {
    status,
    contentType: type ?? (isJson ? 'application/json' : 'text/html'),
    body: isJson ? JSON.stringify(body) : body,
    retryAfter: retryAfter ?? null,
    answeredAtMs: 0,
  }
}

function outcomeOf(row: Answer) {
  const answer = answerOf(row)
  const sent = new SentValues().add(...(row.sent ?? []).map((text) => new Secret(text)))
  try {
    readTokenAnswer(answer, { shape: undefined, scopeSeparator: ' ', sent })
  } catch (error) {
    return refusedRefresh(error as CatchdError, answer, 0, row.dead)
  }
  throw new Error('The answer was taken.')
}

const said = (error: string, error_description?: string, status = 400): Answer => ({
  body: { error, ...(error_description === undefined ? {} : { error_description }) },
  status,
})

describe('dead', () => {
  test.each<[string, Answer]>([
    ['the standard', said('invalid_grant')],
    ['the standard behind a gateway that changed the status', said('invalid_grant', undefined, 503)],
    ['Atlassian', said('unauthorized_client', 'refresh_token is invalid', 403)],
    ['Obot', said('invalid_request', 'Obot: refresh_token is invalid')],
    [
      'INDIGO IAM, not found',
      said('invalid_token', 'Refresh token for value eyJhbGciOiJub25lIn0.e30. was not found', 401),
    ],
    ['INDIGO IAM, invalid', said('invalid_token', 'Invalid refresh token: eyJhbGciOiJub25lIn0.e30.', 401)],
    ['MITREid', said('invalid_token', 'Token was not recognised', 401)],
    ['Spring', said('invalid_token', 'Token has expired', 401)],
    [
      'LinkedIn',
      said(
        'invalid_request',
        'The provided authorization grant or refresh token is invalid, expired or revoked',
      ),
    ],
    ['Baidu', said('expired_token', 'refresh token has been used')],
    ['Yahoo', said('INVALID_REFRESH_TOKEN')],
    ['Auth0 with another word', said('access_denied', 'Unknown or invalid refresh token.', 403)],
    ['a code in camel case', said('refreshTokenExpired')],
    [
      'HubSpot',
      {
        body: {
          status: 'BAD_REFRESH_TOKEN',
          message: 'missing or invalid refresh token',
          category: 'BAD_REFRESH_TOKEN',
        },
      },
    ],
    [
      'Strava',
      {
        body: {
          message: 'Bad Request',
          errors: [{ resource: 'RefreshToken', field: 'refresh_token', code: 'invalid' }],
        },
      },
    ],
    ['Twitch', { body: { status: 400, message: 'Invalid refresh token' } }],
    [
      'Supabase',
      {
        body: {
          code: 400,
          error_code: 'refresh_token_not_found',
          msg: 'Invalid Refresh Token: Refresh Token Not Found',
        },
      },
    ],
    [
      'OpenAI',
      {
        body: {
          error: {
            message:
              'Your refresh token has already been used to generate a new access token. Please try signing in again.',
            code: 'refresh_token_reused',
          },
        },
        status: 401,
      },
    ],
    [
      'a problem (RFC 9457)',
      {
        body: {
          type: 'about:blank',
          title: 'Unauthorized',
          status: 401,
          detail: 'The refresh token is no longer valid.',
        },
        status: 401,
      },
    ],
    [
      'plain text of a Go server',
      { body: 'invalid refresh token\n', status: 401, type: 'text/plain; charset=utf-8' },
    ],
    [
      'form encoding',
      {
        body: 'error=bad_refresh_token&error_description=The+refresh+token+passed+is+incorrect',
        type: 'application/x-www-form-urlencoded',
        status: 200,
      },
    ],
    ['Slack in a 200', { body: { ok: false, error: 'invalid_refresh_token' }, status: 200 }],
    [
      'Withings in a 200',
      { body: { status: 503, body: {}, error: 'Invalid Params: invalid refresh_token' }, status: 200 },
    ],
    [
      'WeChat in a 200',
      { body: { errcode: 40030, errmsg: 'invalid refresh_token, rid: 62-1' }, status: 200 },
    ],
    ['WeChat, expired', { body: { errcode: 42002, errmsg: 'refresh_token expired' }, status: 200 }],
    [
      'Feishu in a 200, which is no refusal by its members',
      { body: { code: 20026, msg: 'refresh token not found' }, status: 200 },
    ],
    [
      'TikTok, nested',
      {
        body: {
          data: { error_code: 10010, description: 'Refresh_token is invalid or expired' },
          message: 'error',
        },
        status: 200,
      },
    ],
    ['a number that the profile names', { body: { status: 601, body: {} }, status: 200, dead: [601] }],
    ['a number as text', { body: { errcode: 42007, errmsg: 'please log in' }, status: 200, dead: ['42007'] }],
    ['a nested number', { body: { error: { code: 1190, message: 'x' } }, dead: [1190] }],
    [
      'a sentence that the profile names',
      { body: { reason: 'Invalid Token!', error: 'invalid_request' }, status: 401, dead: ['Invalid Token!'] },
    ],
    [
      'a part of a text, in another case',
      { ...said('x', 'Sorry: SESSION IS OVER, bye.'), dead: ['session is over'] },
    ],
    ['a word that the profile names', { ...said('invalid_request'), dead: ['invalid_request'] }],
    ['a text that is one word', { ...said('x', 'Abgelaufen'), dead: ['abgelaufen'] }],
  ])('%s', (_name, row) => {
    expect(outcomeOf(row).outcome).toBe('reauthorize')
  })

  // Words of every day, as the secrets of test servers are.
  test.each([
    ...[
      'grant',
      'invalid',
      'invalid_grant',
      'error',
      'refresh',
      'token',
      'refresh_token',
      'expired',
      'request',
      '400',
    ],
    ...['error_description', 'gw', 'status', 'is invalid', 'The refresh token'],
  ])('a secret that is %j changes nothing', (secret) => {
    expect(outcomeOf({ ...said('invalid_grant'), sent: [secret] })).toMatchObject({
      outcome: 'reauthorize',
      error: { error: 'invalid_grant' },
    })
    const row = said('unauthorized_client', 'The refresh token is invalid or has expired')
    expect(outcomeOf({ ...row, sent: [secret] }).outcome).toBe('reauthorize')
    const number = { body: { errcode: 400, errmsg: 'no' }, status: 200, dead: [400] }
    expect(outcomeOf({ ...number, sent: [secret] }).outcome).toBe('reauthorize')
  })
})

const HTML =
  '<!DOCTYPE html><title>Attention Required</title><p>Sorry, you have been blocked. Invalid refresh token.'

describe('later', () => {
  const silent = [400, 401, 403].flatMap((status): [string, Answer][] => [
    [`a page with ${status}`, { body: HTML, status }],
    [`nothing with ${status}`, { body: '', status, type: '' }],
  ])
  test.each<[string, Answer]>([
    ...silent,
    ['a proxy that wants a password', { body: HTML, status: 407 }],
    ['a rate limiter', { body: { message: 'invalid refresh token' }, status: 429 }],
    ['a portal', { body: HTML, status: 511 }],
    ['a page in a 200', { body: HTML, status: 200 }],
    ['an API gateway', { body: { message: 'Forbidden' }, status: 403 }],
    ['a gateway with a word', { body: { error: 'Forbidden' }, status: 403 }],
    ['a gateway with a number', { body: { error: 403, message: 'Access denied' }, status: 403 }],
    ['a gateway with a boolean', { body: { error: true, message: 'Unauthorized' }, status: 401 }],
    [
      'Spring Boot',
      {
        body: { timestamp: '2026-01-01T00:00:00Z', status: 401, error: 'Unauthorized', path: '/token' },
        status: 401,
      },
    ],
    [
      'Google Cloud Armor',
      {
        body: {
          error: { code: 403, message: 'The caller does not have permission', status: 'PERMISSION_DENIED' },
        },
        status: 403,
      },
    ],
    ['Kong', { body: { message: 'No API key found in request', request_id: 'a1' }, status: 401 }],
    [
      'Azure',
      { body: { statusCode: 401, message: 'Access denied due to invalid subscription key.' }, status: 401 },
    ],
    [
      'a problem of a WAF',
      {
        body: { type: 'about:blank', title: 'Forbidden', status: 403, detail: 'Blocked by rule 942100' },
        status: 403,
      },
    ],
    [
      'Cloudflare as JSON',
      { body: { success: false, errors: [{ code: 1020, message: 'Access denied' }] }, status: 403 },
    ],
    ['the client is wrong', said('invalid_client', 'The refresh token is invalid for this client', 401)],
    ['the client may not refresh', said('unauthorized_client', 'Unauthorized grant type: refresh_token')],
    ['the grant is not known', said('unauthorized_client', 'Invalid grant_type: refresh_token')],
    [
      'the grant is switched off',
      said('invalid_request', 'The grant type refresh_token is not valid for this client'),
    ],
    ['a parameter is missing', said('invalid_request', 'Invalid request: refresh_token is missing')],
    ['a parameter is unknown', said('invalid_request', 'Unknown parameter: refresh_token')],
    ['the scope is wrong', said('invalid_scope', 'refresh token has an invalid scope')],
    ['another token', said('invalid_token', 'The access token expired', 401)],
    ['a word without a text', said('invalid_token', undefined, 401)],
    [
      'trouble of the server',
      said('temporarily_unavailable', 'The refresh token could not be found now', 503),
    ],
    ['trouble that names the token', said('error', 'Could not verify the refresh token. Try again later.')],
    ['trouble of its database', said('error', 'Could not verify refresh token: token store not found')],
    [
      'a code that only another member has',
      { body: { error: 'Forbidden', hint: 'invalid_grant' }, status: 403 },
    ],
    [
      'a word of the profile inside another one',
      { ...said('invalid_request_uri'), dead: ['invalid_request'] },
    ],
    ['a number of the profile inside another one', { body: { errcode: 6010 }, status: 200, dead: [601] }],
    ['an empty word', { ...said('x', ''), dead: ['', ' '] }],
    [
      'tokens of a type that nobody knows',
      { body: { access_token: 'a', token_type: 'mac', message: 'refresh token expired' }, status: 200 },
    ],
  ])('%s', (_name, row) => {
    expect(outcomeOf(row).outcome).toBe('retry_later')
  })

  test('a long text takes no time', () => {
    const body = { error: 'x', message: `${'invalid or '.repeat(20_000)} ${'refresh token '.repeat(20_000)}` }
    expect(outcomeOf({ body }).outcome).toBe('retry_later')
  })
})

describe('a refusal that may mean something if it comes again and again', () => {
  const digestOf = (row: Answer) => {
    const outcome = outcomeOf(row)
    return outcome.outcome === 'retry_later' ? outcome.refusal : 'dead'
  }

  test.each<[string, Answer, Answer]>([
    ['glewlwyd: no word', { body: '', status: 401, type: '' }, { body: '', status: 401, type: '' }],
    ['LemonLDAP::NG: a word of its own', said('invalid_request'), said('invalid_request')],
    [
      'another request id',
      { body: { error: 'nope', trace_id: 'a1b2c3d4e5' } },
      { body: { error: 'nope', trace_id: 'ffff0000aa11' } },
    ],
    [
      'another time',
      { body: { status: 401, error: 'Unauthorized', timestamp: 1764533000123 }, status: 401 },
      { body: { status: 401, error: 'Unauthorized', timestamp: 1764599999999 }, status: 401 },
    ],
    [
      'a number in a 200',
      { body: { status: 401, body: {} }, status: 200 },
      { body: { status: 401, body: {} }, status: 200 },
    ],
  ])('%s: is the same', (_name, one, other) => {
    expect(digestOf(one)).toMatch(/^[\w-]{43}$/)
    expect(digestOf(other)).toBe(digestOf(one))
  })

  test.each<[string, Answer, Answer]>([
    ['the status', { body: '', status: 401 }, { body: '', status: 403 }],
    ['the word', said('a'), said('b')],
    ['a short number', { body: { errcode: 1001 } }, { body: { errcode: 1002 } }],
    ['the page', { body: `${HTML} Ray ID 1a2b`, status: 403 }, { body: `${HTML} Ray ID 3c4d`, status: 403 }],
  ])('another one when %s differs', (_name, one, other) => {
    expect(digestOf(other)).not.toBe(digestOf(one))
  })

  test.each<[string, Answer]>([
    ['the client', said('invalid_client', undefined, 401)],
    ['the scope', said('invalid_scope')],
    ['a limit', { body: { error: 'quota', message: 'Too many requests' }, status: 403 }],
    ['a limit with a time', { body: { error: 'quota' }, status: 403, retryAfter: '60' }],
    ['maintenance', { body: { message: 'Down for maintenance' }, status: 403 }],
    ['trouble of the server', { body: { message: 'x' }, status: 500 }],
    ['a path that is not there', { body: HTML, status: 404 }],
    ['a proxy', { body: HTML, status: 407 }],
    ['a page in a 200', { body: HTML, status: 200 }],
  ])('is none about %s: no login helps', (_name, row) => {
    expect(digestOf(row)).toBeUndefined()
  })
})

describe('the refresh token of an answer that cannot be used', () => {
  test.each<[string, Answer, string | null]>([
    ['no access_token', { body: { refresh_token: 'r-2' } }, 'r-2'],
    ['an odd type', { body: { access_token: 'a', token_type: 'mac', refresh_token: 'r-2' } }, 'r-2'],
    ['an access_token with a line break', { body: { access_token: 'a\nb', refresh_token: 'r-2' } }, 'r-2'],
    ['a refusal beside it', { body: { ok: false, refresh_token: 'r-2' } }, 'r-2'],
    ['JSON that is cut off', { body: '{"refresh_token": "r-2", "access_tok' }, 'r-2'],
    ['JSON with rubbish behind it', { body: '{"refresh_token":"r-2"}<br>Warning' }, 'r-2'],
    ['a repeated parameter', { body: 'access_token=a&x=1&x=2&refresh_token=r-2' }, 'r-2'],
    ['two of them', { body: 'access_token=a&refresh_token=r-2&refresh_token=r-3' }, null],
    [
      'two of them in JSON that is cut off',
      { body: '{"refresh_token":"r-2","b":{"refresh_token":"r-3"}' },
      null,
    ],
    ['a number', { body: { refresh_token: 1 } }, null],
    ['a line break in it', { body: { refresh_token: 'r\n2' } }, null],
    ['a page', { body: '<p>"refresh_token":"r-2"' }, null],
    [
      'a page of a firewall that quotes the request',
      { body: '<pre>grant_type=refresh_token&refresh_token=r-1</pre>' },
      null,
    ],
    ['a page with a link', { body: '<a href="/?a=1&refresh_token=r-2&b=2">' }, null],
    ['a line of a gateway', { body: 'blocked: a=1&refresh_token=r-1 x', type: 'text/plain' }, null],
    ['an array', { body: '["&refresh_token=r-2"]', type: 'application/json' }, null],
    ['an HTTP error', { body: { refresh_token: 'r-2' }, status: 400 }, null],
  ])('%s', (_name, row, token) => {
    expect(refreshTokenIn(answerOf({ status: 200, ...row }), undefined)?.reveal() ?? null).toBe(token)
  })
})
