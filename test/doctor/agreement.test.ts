/** A profile against what its server publishes and its preset says, before anything is sent. */
import { describe, expect, test } from 'vitest'
import type { ServerMetadata } from '../../src/authorization-server/metadata-document.js'
import type { ProfileAnswer, SucceededLogin, UnsuccessfulLogin } from '../../src/client/api-types.js'
import type { Profile } from '../../src/config/profile.js'
import { judgeAgreement } from '../../src/doctor/agreement.js'
import { examineLastLogin, judgeLastLogin } from '../../src/doctor/last-login.js'
import { examineResource } from '../../src/doctor/resource.js'
import { judgeRefresh } from '../../src/doctor/tokens.js'
import { CatchdError } from '../../src/failures.js'
import { testProfile } from '../support/fake-authorization-servers.js'

const BASIC = { client_secret: 'canary', token_endpoint_auth_method: 'client_secret_basic' } as const
const FITTING: Partial<ServerMetadata> = {
  token_endpoint_auth_methods_supported: ['client_secret_basic'],
  code_challenge_methods_supported: ['plain', 'S256'],
  scopes_supported: ['email'],
  response_modes_supported: ['query'],
  grant_types_supported: ['authorization_code'],
  authorization_response_iss_parameter_supported: true,
}

function judged(changes: Partial<Profile>, metadata?: Partial<ServerMetadata>) {
  const published = metadata && { issuer: 'https://as.example', ...metadata }
  const endpoints = {
    authorization_endpoint: 'https://as.example/a',
    token_endpoint: 'https://as.example/t',
  }
  const known = { issuer: 'https://as.example', ...endpoints, ...published }
  return judgeAgreement(testProfile(changes), known, published)
}

test('of a server that publishes nothing, only the redirect URI to register is said', () => {
  expect(judged({})).toMatchObject([
    {
      check: 'redirect URI',
      status: 'ok',
      detail: expect.stringContaining('http://127.0.0.1:8252/callback/gw'),
    },
  ])
})

test('what the server leaves open is not judged', () => {
  expect(judged({}, {}).map(({ check }) => check)).toEqual(['redirect URI', 'iss'])
})

test('a profile that agrees is told so, point by point', () => {
  const findings = judged(BASIC, FITTING)
  expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
    'redirect URI ok',
    'grant ok',
    'response mode ok',
    'PKCE ok',
    'client authentication ok',
    'scope ok',
    'iss ok',
  ])
  expect(JSON.stringify(findings)).not.toContain('canary')
})

const NO_SECRET = 'The profile has no client secret'

test.each<[check: string, Partial<Profile>, Partial<ServerMetadata>, detail: string]>([
  ['redirect URI', { preset: 'entra' }, {}, '"redirect_uri": "http://localhost:8252/callback/gw"'],
  ['grant', {}, { grant_types_supported: ['client_credentials'] }, '"grant": "client_credentials"'],
  ['response mode', {}, { response_modes_supported: ['form_post'] }, '"response_mode": "form_post"'],
  ['PKCE', {}, { code_challenge_methods_supported: ['plain'] }, '"code_challenge_method": "plain"'],
  [
    'PKCE',
    { code_challenge_method: 'none' },
    { code_challenge_methods_supported: ['S256'] },
    '"code_challenge_method": "S256"',
  ],
  ['client authentication', {}, { token_endpoint_auth_methods_supported: ['client_secret_post'] }, NO_SECRET],
  [
    'client authentication',
    BASIC,
    { token_endpoint_auth_methods_supported: ['client_secret_post'] },
    '"token_endpoint_auth_method": "client_secret_post"',
  ],
  ['scope', { scope: 'email mail' }, { scopes_supported: ['email'] }, 'asks for mail, but'],
])('a contradiction about %s is a warning with its fix', (check, profile, metadata, detail) => {
  const warnings = judged(profile, metadata).filter(({ status }) => status !== 'ok')
  expect(warnings).toMatchObject([
    {
      check,
      status: 'warn',
      next: detail === NO_SECRET ? 'catchd profile set-secret gw' : 'catchd profile edit gw',
      detail: expect.stringContaining(detail),
    },
  ])
})

test('a public client that works is no warning, although the server does not announce it', () => {
  const published = {
    issuer: 'https://as.example',
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
  }
  const of = (isLoggedIn: boolean, changes: Partial<Profile> = {}) =>
    judgeAgreement(testProfile(changes), published, published, isLoggedIn).find(
      ({ check }) => check === 'client authentication',
    )
  expect(of(true)).toMatchObject({ status: 'ok', detail: expect.stringContaining('has no secret') })
  expect(of(false)).toMatchObject({ status: 'warn' })
  // Another contradiction stays one.
  expect(of(true, { ...BASIC, token_endpoint_auth_method: 'client_secret_post' })).toMatchObject({
    status: 'warn',
  })
})

describe('the resource of a profile', () => {
  const AT = {
    issuer: 'https://as.example',
    resource_server: 'https://api.example/mcp',
    resource: 'https://api.example/mcp',
  }
  const examined = (issuers: string[] | undefined, changes: Partial<Profile> = AT) =>
    examineResource(testProfile(changes), {
      ofResource: async () => {
        if (issuers === undefined) throw new CatchdError('provider_unreachable')
        const [first = '', ...others] = issuers
        return { resource: AT.resource, issuers: [first, ...others], scope: null, wantsDpop: false }
      },
    })

  test('another authorization server is a warning with the command that asks for the agreement', async () => {
    expect(await examined(['https://new.example'])).toMatchObject([
      {
        check: 'resource',
        status: 'warn',
        detail: expect.stringMatching(/now names .*new\.example.* uses https:\/\/as\.example/),
        next: 'catchd login https://api.example/mcp --name gw --issuer https://new.example',
      },
    ])
  })

  test.each<[string, string[] | undefined, Partial<Profile> | undefined, string[]]>([
    ['the same', ['https://as.example'], undefined, ['ok']],
    ['the same with a slash', ['https://as.example/'], undefined, ['ok']],
    ['the same among others', ['https://new.example', 'https://as.example'], undefined, ['ok']],
    ['none now', undefined, undefined, []],
    ['none, because the profile names no resource', ['https://new.example'], { issuer: AT.issuer }, []],
  ])('%s', async (_name, issuers, changes, expected) => {
    expect((await examined(issuers, changes)).map(({ status }) => status)).toEqual(expected)
  })
})

describe('what would be refused before a browser opens is a failure', () => {
  test('a host that the vendor rules out', () => {
    const findings = judged({ preset: 'spotify', redirect_uri: 'http://localhost:8252/cb' })
    expect(findings[0]).toMatchObject({ check: 'preset', status: 'fail', exitCode: 7 })
  })

  test('an id_token that could not be checked', () => {
    const findings = judged({ issuer: 'https://as.example', scope: 'openid' }, {})
    expect(findings[0]).toMatchObject({ check: 'request', status: 'fail' })
    expect(findings[0]?.detail).toContain('jwks_uri')
  })
})

test('a port of its own per login, where nobody says what the server compares', () => {
  const [finding] = judged({ redirect_uri: 'http://127.0.0.1:0/cb' })
  expect(finding?.detail).toContain('any port')
})

describe('the last login', () => {
  const LOGIN: UnsuccessfulLogin = {
    login_id: 'l-1',
    profile: 'gw',
    status: 'failed',
    redirect_uri: 'http://127.0.0.1:8252/callback/gw',
    expires_at: '2026-01-01T00:10:00Z',
    error: {
      code: 'provider_refused',
      detail: 'The token endpoint refused the request.',
      error: 'invalid_client',
      error_description: 'no',
    },
    stored: null,
    report: {
      causes: [
        {
          cause: 'client_authentication_method',
          detail: 'Why.',
          fix: { run: 'catchd profile edit gw', set: '"a": "b"', register: null },
        },
        {
          cause: 'redirect_uri_mismatch',
          detail: 'Or.',
          fix: { run: null, set: null, register: 'http://x/' },
        },
      ],
      exchanges: [
        {
          method: 'POST',
          endpoint: 'as.example/token',
          sent: { grant_type: 'authorization_code', code: '[secret]' },
          authorization: 'Basic',
          status: 401,
          answered: { error: 'invalid_client' },
          trouble: null,
          clock_difference: 0,
        },
      ],
    },
  }

  test('that failed: how, why, and what was sent', () => {
    expect(judgeLastLogin(LOGIN)).toMatchObject([
      {
        check: 'last login',
        status: 'warn',
        detail:
          'It ended as failed. The token endpoint refused the request. The server said invalid_client: no.',
      },
      { check: 'likely cause', detail: 'Why. Set "a": "b" in the profile.', next: 'catchd profile edit gw' },
      {
        check: 'or else',
        detail: 'Or. Register exactly this at the server: http://x/',
        next: 'catchd login gw',
      },
      {
        check: 'exchange',
        status: 'ok',
        detail:
          'POST as.example/token  Authorization: Basic [secret]  grant_type=authorization_code  code=[secret] → 401  error=invalid_client',
      },
    ])
  })

  test('that somebody cancelled has no cause but that', () => {
    const findings = judgeLastLogin({ ...LOGIN, status: 'cancelled' })
    expect(findings.map(({ check }) => check)).toEqual(['last login', 'exchange'])
  })

  test('that succeeded', () => {
    const stored = { stored_in: 'memory', scope: null, expires_at: null, refreshable: true, subject: null }
    const common = { login_id: 'l-1', profile: 'gw', redirect_uri: null, expires_at: LOGIN.expires_at }
    const succeeded: SucceededLogin = { ...common, status: 'succeeded', error: null, stored, report: null }
    expect(judgeLastLogin(succeeded)).toMatchObject([{ status: 'ok', detail: 'It succeeded.' }])
  })

  const PENDING = {
    login_id: 'l-2',
    profile: 'gw',
    status: 'pending',
    redirect_uri: 'http://127.0.0.1:8252/callback/gw',
    expires_at: '2026-01-01T00:20:00Z',
  } as const

  test('is the newest that is over; a daemon that cannot say leaves it out', async () => {
    const logins = async () => [PENDING, LOGIN]
    expect((await examineLastLogin('gw', { logins }))[0]?.detail).toContain('ended as failed')
    expect(await examineLastLogin('gw', { logins: async () => [] })).toEqual([])
    const trouble = () => Promise.reject(new CatchdError('route_unknown'))
    expect(await examineLastLogin('gw', { logins: trouble })).toEqual([])
  })
})

describe('a missing refresh token', () => {
  const ANSWER: ProfileAnswer = {
    profile: 'gw',
    configuration: {},
    status: 'logged_in',
    expires_at: '2026-01-01T01:00:00Z',
    scope: 'email',
    subject: null,
    error: null,
    refresh_failing: null,
    login_needed_at: '2026-01-01T01:00:00Z',
  }
  const published = { issuer: 'https://as.example', scopes_supported: ['email', 'offline_access'] }

  test('is explained where the server offers one', () => {
    expect(judgeRefresh(ANSWER, { profile: testProfile(), published })).toMatchObject([
      {
        check: 'refresh',
        status: 'warn',
        detail: expect.stringContaining('"scope": "email offline_access"'),
      },
    ])
  })

  test.each<[string, Partial<ProfileAnswer>]>([
    ['a login is not needed so soon', { login_needed_at: '2026-02-01T00:00:00Z' }],
    ['the server does not say', { login_needed_at: null }],
    ['nobody is logged in', { status: 'login_required', expires_at: null }],
  ])('nothing is said where %s', (_name, changes) => {
    expect(judgeRefresh({ ...ANSWER, ...changes }, { profile: testProfile(), published })).toEqual([])
  })
})
