/** From facts to likely causes: each cause at least once, and nothing where nothing is known. */
import { describe, expect, test } from 'vitest'
import type { ServerMetadata } from '../../src/authorization-server/metadata.js'
import { clockDifference } from '../../src/authorization-server/transcript.js'
import { findPreset } from '../../src/config/presets.js'
import type { Profile } from '../../src/config/profile.js'
import { diagnose } from '../../src/diagnosis/diagnose.js'
import { CAUSES, type Cause, type Facts, withoutSecrets } from '../../src/diagnosis/facts.js'
import { testProfile } from '../support/fake-authorization-servers.js'

const SECRET = { client_secret: 'canary-secret' } as const
const BASIC = { ...SECRET, token_endpoint_auth_method: 'client_secret_basic' } as const

interface Scene extends Omit<Partial<Facts>, 'profile' | 'preset' | 'metadata'> {
  readonly profile?: Partial<Profile>
  readonly preset?: string
  readonly metadata?: Partial<ServerMetadata>
}

function facts({ profile = {}, preset, metadata, ...rest }: Scene): Facts {
  const whole = testProfile(profile)
  return {
    profile: withoutSecrets(whole),
    preset: preset === undefined ? undefined : findPreset(preset),
    metadata: metadata === undefined ? undefined : { issuer: 'https://as.example', ...metadata },
    step: 'token_request',
    redirectUri: whole.redirect_uri,
    platform: 'linux',
    ...rest,
  }
}

const EDIT = 'catchd profile edit gw'
const HERE = 'http://127.0.0.1:8252/callback/gw'
const refused = (error: string, errorDescription?: string) =>
  ({ code: 'provider_refused', error, errorDescription }) as const
const unreachable = (reason: string) => ({ code: 'provider_unreachable', evidence: { reason } }) as const

type Row = [name: string, scene: Scene, cause: Cause['cause'], fix: Partial<Cause['fix']>, detail: RegExp]

const ofType = (tokenType: string) => ({ code: 'provider_answer_invalid', evidence: { tokenType } }) as const

const ROWS: Row[] = [
  // token type
  [
    'a type of a vendor',
    { ...ofType('mac'), profile: { token_response: { scope_separator: ',' } } },
    'token_type_unknown',
    {
      run: EDIT,
      set: '"token_response": {"scope_separator":",","defaults":{"token_type":"Bearer"}}',
    },
    /calls this one "mac"/,
  ],
  [
    'a type of a vendor, at a refresh of bound tokens',
    { step: 'refresh', ...ofType('pop'), profile: { dpop: true } },
    'token_type_unknown',
    { run: EDIT, set: '"token_response": {"defaults":{"token_type":"DPoP"}}' },
    /as DPoP/,
  ],
  ['bound tokens', ofType('DPoP'), 'dpop_required', { run: EDIT, set: '"dpop": true' }, /RFC 9449/],
  [
    'tokens that are not bound',
    { ...ofType('Bearer'), profile: { dpop: true } },
    'dpop_unsupported',
    { run: EDIT, set: '"dpop": false' },
    /did not bind this one/,
  ],
  // redirect URI
  [
    'Google',
    { step: 'authorization', ...refused('redirect_uri_mismatch') },
    'redirect_uri_mismatch',
    { register: HERE },
    /must be exactly the same/,
  ],
  [
    'Entra',
    {
      step: 'authorization',
      ...refused('invalid_request', 'AADSTS50011: The redirect URI does not match'),
      preset: 'entra',
      profile: { redirect_uri: 'http://localhost:8252/callback/gw' },
    },
    'redirect_uri_mismatch',
    { register: 'http://localhost/callback/gw' },
    /localhost:8252/,
  ],
  [
    'Slack',
    { step: 'authorization', ...refused('bad_redirect_uri') },
    'redirect_uri_mismatch',
    { register: HERE },
    /not registered/,
  ],
  [
    'in the token request',
    refused('invalid_grant', 'redirect_uri is not the one of the authorization request.'),
    'redirect_uri_mismatch',
    { register: HERE },
    /127\.0\.0\.1:8252/,
  ],
  [
    'localhost, where 127.0.0.1 is sent',
    { step: 'authorization', ...refused('invalid_request', 'AADSTS50011'), preset: 'entra' },
    'redirect_uri_host',
    { set: '"redirect_uri": "http://localhost:8252/callback/gw"', run: EDIT },
    /localhost/,
  ],
  [
    '127.0.0.1, where localhost is sent',
    {
      step: 'authorization',
      ...refused('invalid_redirect', 'INVALID_CLIENT: Invalid redirect URI'),
      preset: 'spotify',
      redirectUri: 'http://localhost:8252/cb',
    },
    'redirect_uri_host',
    { set: '"redirect_uri": "http://127.0.0.1:8252/cb"' },
    /accepts no redirect URI that begins with http:\/\/localhost/,
  ],
  [
    'a fresh port per login',
    {
      step: 'authorization',
      ...refused('invalid_redirect_uri'),
      profile: { redirect_uri: 'http://127.0.0.1:0/cb' },
      redirectUri: 'http://127.0.0.1:4711/cb',
    },
    'redirect_uri_port',
    { set: '"redirect_uri": "http://127.0.0.1:8252/cb"' },
    /port 0/,
  ],
  [
    'no response at all',
    { step: 'no_response', code: 'login_expired' },
    'redirect_uri_mismatch',
    { register: HERE },
    /No response arrived/,
  ],
  // client
  [
    'an unknown client',
    { step: 'authorization', ...refused('invalid_client') },
    'client_unknown',
    { run: EDIT },
    /client-1/,
  ],
  [
    'a method that is not announced',
    {
      ...refused('invalid_client'),
      profile: BASIC,
      metadata: { token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'] },
    },
    'client_authentication_method',
    { set: '"token_endpoint_auth_method": "client_secret_post"', run: EDIT },
    /client_secret_basic.*announces client_secret_post/,
  ],
  [
    'a method that the preset does not have',
    { ...refused('invalid_client'), profile: BASIC, preset: 'asana' },
    'client_authentication_method',
    { set: '"token_endpoint_auth_method": "client_secret_post"' },
    /Asana expects/,
  ],
  [
    'nobody says which method',
    { httpStatus: 401, code: 'provider_refused', profile: BASIC },
    'client_authentication_method',
    { set: '"token_endpoint_auth_method": "client_secret_post"' },
    /in the Authorization header/,
  ],
  [
    'form-encoded, where the preset has raw',
    { ...refused('invalid_client'), profile: BASIC, preset: 'webmethods' },
    'client_secret_encoding',
    { set: '"client_secret_basic_encoding": "raw"' },
    /form-encoded/,
  ],
  [
    'no secret at a server that always has one',
    { ...refused('invalid_client'), preset: 'notion' },
    'client_secret_missing',
    { set: '"client_secret": {"file":"PATH"}' },
    /Notion gives every client a secret/,
  ],
  [
    'no secret, and the server says so',
    refused(
      'invalid_client',
      "AADSTS7000218: The request body must contain 'client_assertion' or 'client_secret'",
    ),
    'client_secret_missing',
    { run: EDIT },
    /requires one/,
  ],
  [
    'a public client that sends a secret',
    { ...refused('invalid_client', 'AADSTS700025: Client is public'), profile: BASIC },
    'client_secret_unwanted',
    { set: '"token_endpoint_auth_method": "none"' },
    /public/,
  ],
  [
    'a wrong secret',
    {
      ...refused('invalid_client'),
      profile: BASIC,
      metadata: { token_endpoint_auth_methods_supported: ['client_secret_basic'] },
    },
    'client_secret_wrong',
    { run: EDIT },
    /not valid for client_id/,
  ],
  [
    'a grant that is not switched on',
    refused('unauthorized_client'),
    'grant_not_allowed',
    { register: 'authorization_code' },
    /not registered for the grant/,
  ],
  [
    'no refresh for this client',
    { ...refused('unauthorized_client'), step: 'refresh' },
    'grant_not_allowed',
    { register: 'refresh_token' },
    /refresh_token/,
  ],
  [
    'no codes for this client',
    { ...refused('unsupported_response_type'), step: 'authorization' },
    'grant_not_allowed',
    { register: 'response_type code, grant authorization_code' },
    /no codes/,
  ],
  // PKCE
  [
    'PKCE required',
    {
      step: 'authorization',
      ...refused('invalid_request', 'Missing parameter: code_challenge'),
      profile: { code_challenge_method: 'none' },
    },
    'pkce_required',
    { set: '"code_challenge_method": "S256"' },
    /switched off/,
  ],
  [
    'plain is not taken',
    {
      step: 'authorization',
      ...refused('invalid_request', 'not supported value of code_challenge_method'),
      profile: { code_challenge_method: 'plain' },
      metadata: { code_challenge_methods_supported: ['S256'] },
    },
    'pkce_method',
    { set: '"code_challenge_method": "S256"' },
    /announces S256/,
  ],
  [
    'no challenge was kept',
    refused('invalid_grant', 'code_verifier does not fit the code_challenge.'),
    'pkce_not_enabled',
    { register: 'PKCE with S256' },
    /no stored challenge/,
  ],
  [
    'challenges are refused',
    { step: 'authorization', ...refused('invalid_request', 'PKCE is not enabled for this client') },
    'pkce_not_enabled',
    { register: 'PKCE with S256' },
    /refuses/,
  ],
  // scopes
  [
    'a scope that is not announced',
    {
      step: 'authorization',
      ...refused('invalid_scope'),
      profile: { scope: 'openid emial' },
      metadata: { scopes_supported: ['openid', 'email'] },
    },
    'scope_unknown',
    { set: '"scope": "openid"' },
    /asks for emial, but/,
  ],
  [
    'a scope, nobody knows which',
    { step: 'authorization', ...refused('invalid_scope') },
    'scope_unknown',
    { register: 'email' },
    /may not ask/,
  ],
  [
    'no scope',
    { step: 'authorization', ...refused('invalid_scope'), profile: { scope: '' } },
    'scope_unknown',
    { set: '"scope": "SCOPE"' },
    /asks for no scope/,
  ],
  [
    'commas wanted',
    {
      step: 'authorization',
      ...refused('invalid_scope'),
      preset: 'linear',
      profile: { scope: 'read write' },
    },
    'scope_separator',
    { set: '"scope_separator": ","' },
    /Linear expects/,
  ],
  [
    'an offline scope that is announced',
    { step: 'no_refresh_token', metadata: { scopes_supported: ['openid', 'offline_access'] } },
    'offline_scope_missing',
    { set: '"scope": "email offline_access"' },
    /offline_access/,
  ],
  [
    "a preset's offline scope",
    { step: 'no_refresh_token', preset: 'x', profile: { scope: 'tweet.read' } },
    'offline_scope_missing',
    { set: '"scope": "tweet.read offline.access"' },
    /offline\.access/,
  ],
  [
    'access_type taken away',
    {
      step: 'no_refresh_token',
      preset: 'google',
      profile: { authorization_parameters: { prompt: 'consent' } },
    },
    'offline_parameter_missing',
    { set: '"authorization_parameters": {"prompt":"consent","access_type":"offline"}' },
    /access_type=offline/,
  ],
  [
    'asked for, and not allowed',
    {
      step: 'no_refresh_token',
      profile: { scope: 'offline_access' },
      metadata: { scopes_supported: ['offline_access'], grant_types_supported: ['refresh_token'] },
    },
    'refresh_not_allowed',
    { register: 'refresh_token' },
    /although the profile asks for offline_access/,
  ],
  [
    'a dead refresh token',
    { ...refused('invalid_grant'), step: 'refresh' },
    'refresh_token_dead',
    { run: 'catchd login gw' },
    /no longer accepts/,
  ],
  // response
  [
    'a response mode that is not announced',
    {
      step: 'authorization',
      ...refused('invalid_request', 'unsupported response_mode'),
      profile: { response_mode: 'form_post' },
      metadata: { response_modes_supported: ['query'] },
    },
    'response_mode_unsupported',
    { set: '"response_mode": "query"' },
    /announces query/,
  ],
  [
    'a response mode that is refused',
    {
      step: 'authorization',
      ...refused('unsupported_response_mode'),
      profile: { response_mode: 'form_post' },
    },
    'response_mode_unsupported',
    { set: '"response_mode": "query"' },
    /form_post/,
  ],
  // issuer
  [
    'a slash',
    {
      step: 'discovery',
      code: 'issuer_mismatch',
      profile: { issuer: 'https://as.example' },
      evidence: { issuer: 'https://as.example/', issuerFrom: 'metadata' },
    },
    'issuer_mismatch',
    { set: '"issuer": "https://as.example/"' },
    /a slash at the end/,
  ],
  [
    'http instead of https',
    {
      step: 'authorization',
      code: 'issuer_mismatch',
      profile: { issuer: 'https://as.example' },
      evidence: { issuer: 'http://as.example', issuerFrom: 'response' },
    },
    'issuer_mismatch',
    { set: '"issuer": "http://as.example"' },
    /http instead of https/,
  ],
  [
    'another name at the same address',
    {
      step: 'discovery',
      code: 'issuer_mismatch',
      profile: { issuer: 'https://as.example' },
      evidence: { issuer: 'https://id.example', issuerFrom: 'metadata' },
    },
    'issuer_mismatch',
    { set: '"issuer": "https://id.example"' },
    /calls itself/,
  ],
  [
    'a response of somebody else, whose issuer is not offered',
    {
      step: 'authorization',
      code: 'issuer_mismatch',
      profile: { issuer: 'https://as.example' },
      evidence: { issuer: 'https://evil.example', issuerFrom: 'response' },
    },
    'foreign_response',
    { run: 'catchd login gw', set: null },
    /another server/,
  ],
  // clock
  [
    'id_token times, with a clock that is wrong',
    {
      code: 'provider_answer_invalid',
      evidence: { reason: 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED' },
      clockDifferenceSeconds: -900,
    },
    'clock_skew',
    { run: 'sudo timedatectl set-ntp true' },
    /900 s behind the server/,
  ],
  [
    'id_token times, with clocks that agree',
    {
      code: 'provider_answer_invalid',
      evidence: { reason: 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED' },
      clockDifferenceSeconds: 0,
    },
    'clock_skew',
    { run: 'catchd doctor gw' },
    /one of the two clocks/,
  ],
  [
    'a signed assertion, with a clock that is wrong',
    {
      ...refused('invalid_client'),
      profile: { token_endpoint_auth_method: 'private_key_jwt' },
      clockDifferenceSeconds: 400,
      platform: 'darwin',
    },
    'clock_skew',
    { run: 'sudo sntp -sS time.apple.com' },
    /400 s ahead of the server/,
  ],
  [
    'a certificate of tomorrow',
    { step: 'discovery', ...unreachable('CERT_NOT_YET_VALID') },
    'clock_skew',
    { run: 'sudo timedatectl set-ntp true' },
    /date of this machine/,
  ],
  // connection
  [
    'a private CA',
    { step: 'discovery', ...unreachable('SELF_SIGNED_CERT_IN_CHAIN') },
    'private_ca',
    { set: '"ca_file": "PATH.pem"' },
    /this machine does not know/,
  ],
  [
    'another CA than the one named',
    { ...unreachable('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), profile: { ca_file: '/etc/ca.pem' } },
    'private_ca',
    { run: EDIT },
    /\/etc\/ca\.pem/,
  ],
  [
    'a proxy that reads along',
    { ...unreachable('SELF_SIGNED_CERT_IN_CHAIN'), proxyVariables: ['HTTPS_PROXY'] },
    'proxy',
    { set: '"ca_file": "PATH.pem"' },
    /inspects TLS/,
  ],
  [
    'an expired certificate',
    unreachable('CERT_HAS_EXPIRED'),
    'certificate_expired',
    { run: 'date -u' },
    /has to renew/,
  ],
  [
    'a certificate for another name',
    unreachable('ERR_TLS_CERT_ALTNAME_INVALID'),
    'certificate_name',
    { run: EDIT },
    /another host name/,
  ],
  [
    'no way, and a proxy',
    { ...unreachable('ETIMEDOUT'), proxyVariables: ['HTTPS_PROXY', 'https_proxy'] },
    'proxy',
    { run: 'catchd doctor' },
    /HTTPS_PROXY, https_proxy are set/,
  ],
  [
    'a proxy that asks',
    { code: 'provider_refused', httpStatus: 407 },
    'proxy',
    { run: 'catchd doctor' },
    /407/,
  ],
  ['no way', unreachable('ENOTFOUND'), 'server_unreachable', { run: 'catchd profile show gw' }, /misspelt/],
  [
    'a server in trouble',
    { code: 'provider_answer_invalid', httpStatus: 503 },
    'server_trouble',
    { run: 'catchd login gw' },
    /503/,
  ],
  [
    'no endpoint there, and another one published',
    {
      code: 'provider_answer_invalid',
      httpStatus: 404,
      metadata: { token_endpoint: 'https://as.example/oauth/token' },
    },
    'endpoint_wrong',
    { set: '"token_endpoint": "https://as.example/oauth/token"' },
    /publishes/,
  ],
  [
    'the other format',
    { code: 'provider_answer_invalid', httpStatus: 415 },
    'request_format',
    { set: '"token_request_format": "json"' },
    /415/,
  ],
]

test.each(ROWS)('%s', (_name, scene, cause, fix, detail) => {
  const [likeliest] = diagnose(facts(scene))
  expect(likeliest).toMatchObject({ cause, fix })
  expect(likeliest?.detail).toMatch(detail)
})

describe('every cause', () => {
  const all = [...ROWS.map(([, scene]) => scene), { step: 'no_response' } as const].flatMap((scene) =>
    diagnose(facts(scene)),
  )

  test('is met at least once', () => {
    expect(CAUSES.filter((name) => !all.some(({ cause }) => cause === name))).toEqual([])
  })

  test('has one fix, and says nothing of the secret', () => {
    for (const { fix, detail } of all) {
      expect([fix.run, fix.register].filter((part) => part !== null)).toHaveLength(1)
      expect(fix.set === null || fix.run !== null).toBe(true)
      expect(detail).toMatch(/\.$/)
    }
    expect(JSON.stringify(all)).not.toContain('canary')
  })
})

test('of a login without any response the redirect URI is likeliest, then the client, then the browser', () => {
  const causes = diagnose(facts({ step: 'no_response', code: 'login_expired' }))
  expect(causes.map(({ cause }) => cause)).toEqual([
    'redirect_uri_mismatch',
    'client_unknown',
    'browser_elsewhere',
  ])
})

test('where the server takes several methods, another one comes after a wrong secret', () => {
  const metadata = { token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'] }
  const causes = diagnose(facts({ ...refused('invalid_client'), profile: BASIC, metadata }))
  expect(causes.map(({ cause }) => cause)).toEqual(['client_secret_wrong', 'client_authentication_method'])
  expect(causes[1]?.fix.set).toBe('"token_endpoint_auth_method": "client_secret_post"')
})

test('a loopback URI that needs no entry points to the kind of client', () => {
  const [cause] = diagnose(
    facts({ step: 'authorization', ...refused('redirect_uri_mismatch'), preset: 'google' }),
  )
  expect(cause?.detail).toContain('Desktop app')
})

describe('nothing is claimed where nothing is known', () => {
  test.each<[string, Scene]>([
    ['a denial', { step: 'authorization', code: 'authorization_denied', error: 'access_denied' }],
    ['a bare invalid_grant', refused('invalid_grant')],
    ['an error of a vendor', refused('E-4711', 'Something went wrong')],
    ['a vault that is locked', { code: 'vault_locked' }],
    ['an unknown failure of the connection', unreachable('E_UNHEARD_OF')],
    ['a connection that was cut, without a proxy', unreachable('ECONNRESET')],
    ['no refresh token, and nobody offers one', { step: 'no_refresh_token' }],
    [
      'no refresh token where a machine logs in',
      {
        step: 'no_refresh_token',
        profile: { grant: 'client_credentials' },
        metadata: { scopes_supported: ['offline_access'] },
      },
    ],
    [
      'an issuer that is missing',
      { step: 'authorization', code: 'issuer_mismatch', profile: { issuer: 'https://as.example' } },
    ],
    [
      'a secret for which only the status speaks, without a secret',
      { ...refused('invalid_request'), httpStatus: 401 },
    ],
    [
      'a clock that is wrong, where nothing depends on it',
      { ...refused('invalid_client_id'), clockDifferenceSeconds: 9000, step: 'no_refresh_token' },
    ],
    ['an unfinished list', { step: 'token_request', metadata: {} }],
  ])('%s', (_name, scene) => {
    expect(diagnose(facts(scene))).toEqual([])
  })
})

test('names of a server are bounded, and cannot split a line', () => {
  const scopes_supported = Array.from({ length: 900 }, (_, index) => `s${index}\n\u202e${'x'.repeat(200)}`)
  const [cause] = diagnose(
    facts({ step: 'authorization', ...refused('invalid_scope'), metadata: { scopes_supported } }),
  )
  expect(cause?.detail.length).toBeLessThan(800)
  expect(cause?.detail).not.toMatch(/[\n\u202e]/)
})

describe('the difference of two clocks, from a header with whole seconds', () => {
  const server = Date.parse('2026-11-25T12:00:00Z')
  const date = new Date(server).toUTCString()

  test.each([
    [server, server + 999, 0],
    [server + 61_000, server + 61_000, 60],
    [server - 60_000, server - 59_000, -59],
    [server - 20_000, server + 20_000, 0],
  ])('sent %i, answered %i: %i s', (sent, answered, seconds) => {
    expect(clockDifference(date, sent, answered)).toBe(seconds)
  })

  test('is not known without one', () => {
    expect(clockDifference(undefined, 0, 0)).toBeNull()
    expect(clockDifference('yesterday', 0, 0)).toBeNull()
  })
})

test('a refused scope of a resource is not thrown out of the profile for it', () => {
  const causes = diagnose(
    facts({
      step: 'authorization',
      ...refused('invalid_scope'),
      profile: { scope: 'tools:call', resource: 'https://api.example/' },
      metadata: { scopes_supported: ['openid'] },
    }),
  )
  expect(causes.map(({ fix }) => fix.set)).toEqual([null])
})
