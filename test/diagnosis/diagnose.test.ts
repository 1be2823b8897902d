/** From facts to likely causes: each cause at least once, and nothing where nothing is known. */
import { describe, expect, test } from 'vitest'
import type { ServerMetadata } from '../../src/authorization-server/metadata-document.js'
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
const SET_SECRET = 'catchd profile set-secret gw'
const HERE = 'http://127.0.0.1:8252/callback/gw'
const refused = (error: string, errorDescription?: string) =>
  ({ code: 'provider_refused', error, errorDescription }) as const
const unreachable = (reason: string) => ({ code: 'provider_unreachable', evidence: { reason } }) as const

type Row = [name: string, scene: Scene, cause: Cause['cause'], fix: Partial<Cause['fix']>, detail: RegExp]

const ofType = (tokenType: string) => ({ code: 'provider_answer_invalid', evidence: { tokenType } }) as const

const RESOURCE = { profile: { resource: 'https://api.example/mcp' } }
const LEFT_OUT = { set: '"resource": []', run: EDIT }
const resourceRefused = (name: string, step: Facts['step'], error: string, text?: string): Row => [
  `resource: ${name}`,
  { step, ...refused(error, text), ...RESOURCE },
  'resource_refused',
  LEFT_OUT,
  /api\.example\/mcp.*Leave it out/,
]
const entra = (code: number, cause: Cause['cause'], fix: Partial<Cause['fix']>, more: Scene = {}): Row => [
  `AADSTS${code}`,
  { step: 'authorization', ...refused('invalid_request', `AADSTS${code}: Some text.`), ...more },
  cause,
  fix,
  new RegExp(`^AADSTS${code}: `),
]
const LOGIN = { run: 'catchd login gw', set: null }

const ROWS: Row[] = [
  // resource indicators
  resourceRefused('RFC 8707', 'authorization', 'invalid_target'),
  resourceRefused('RFC 8707, at a refresh', 'refresh', 'invalid_target', 'Unknown resource'),
  resourceRefused(
    'Entra with its own scopes',
    'authorization',
    'invalid_target',
    "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.",
  ),
  resourceRefused(
    'Entra',
    'token_request',
    'invalid_request',
    "AADSTS901002: The 'resource' request parameter is not supported.",
  ),
  resourceRefused(
    'a parameter that nobody knows',
    'authorization',
    'invalid_request',
    'Unsupported parameter: resource',
  ),
  resourceRefused(
    'an indicator',
    'token_request',
    'invalid_request',
    'resource indicator is missing, or unknown',
  ),
  resourceRefused(
    'Authelia',
    'token_request',
    'invalid_request',
    "Requested resource 'https://x' has not been whitelisted",
  ),
  resourceRefused(
    'in other words',
    'authorization',
    'invalid_request',
    'Parameter is unexpected: resource is not supported',
  ),
  resourceRefused('a value', 'token_request', 'invalid_request', 'Unknown resource: https://api.example/mcp'),
  // DPoP
  ...(['authorization', 'token_request', 'refresh'] as const).map(
    (step): Row => [
      `DPoP at ${step}`,
      { step, ...refused('invalid_dpop_proof', 'DPoP proof required') },
      'dpop_required',
      { set: '"dpop": true', run: EDIT },
      /binds its tokens/,
    ],
  ),
  [
    'DPoP in words',
    refused('invalid_request', 'The DPoP header is missing'),
    'dpop_required',
    { set: '"dpop": true' },
    /RFC 9449/,
  ],
  // tokens that are missing or cannot be checked
  [
    'an id_token alone',
    {
      code: 'provider_answer_invalid',
      evidence: { reason: 'ID_TOKEN_ALONE' },
      profile: { scope: 'openid offline_access', client_id: 'b2c-client' },
    },
    'access_token_missing',
    { set: '"scope": "openid offline_access b2c-client"' },
    /B2C/,
  ],
  [
    'a MAC that cannot be checked',
    {
      code: 'provider_answer_invalid',
      evidence: { reason: 'ID_TOKEN_MAC' },
      profile: { scope: 'openid profile' },
    },
    'id_token_algorithm',
    { set: '"scope": "profile"' },
    /Without openid/,
  ],
  // regions
  [
    'Zoho, by its preset',
    {
      ...refused('invalid_code'),
      preset: 'zoho',
      profile: { preset: 'zoho', token_endpoint: 'https://accounts.zoho.com/oauth/v2/token' },
      parameters: { 'accounts-server': 'https://accounts.zoho.eu', location: 'eu' },
    },
    'region_wrong',
    { set: '"base_url": "https://accounts.zoho.eu"' },
    /accounts\.zoho\.eu/,
  ],
  [
    'Zoho, by its endpoint',
    {
      ...refused('invalid_client'),
      profile: { token_endpoint: 'https://accounts.zoho.eu/oauth/v2/token' },
      parameters: { 'accounts-server': 'https://accounts.zohocloud.ca/' },
    },
    'region_wrong',
    { set: '"token_endpoint": "https://accounts.zohocloud.ca/oauth/v2/token"' },
    /zohocloud/,
  ],
  // Entra's codes
  entra(65001, 'consent_missing', { set: '"authorization_parameters": {"prompt":"consent"}' }),
  entra(90094, 'consent_missing', { register: 'admin consent for the API permissions of the client' }),
  entra(50105, 'account_not_allowed', { run: null }),
  entra(50020, 'account_not_allowed', { set: '"authorization_parameters": {"prompt":"select_account"}' }),
  entra(50194, 'tenant_wrong', { set: '"issuer": "https://login.microsoftonline.com/TENANT_ID/v2.0"' }),
  entra(
    90002,
    'tenant_wrong',
    { set: '"base_url": "https://login.microsoftonline.com/TENANT_ID"' },
    { preset: 'entra', profile: { preset: 'entra' } },
  ),
  entra(
    700016,
    'tenant_wrong',
    { set: '"issuer": "https://login.microsoftonline.com/TENANT_ID/v2.0"' },
    { step: 'token_request', ...refused('unauthorized_client', 'AADSTS700016: Some text.') },
  ),
  entra(500011, 'scope_unknown', { set: '"scope": "api://APPLICATION_ID/SCOPE"' }),
  entra(1002012, 'scope_unknown', { set: '"scope": "api://APPLICATION_ID/.default"' }),
  entra(28003, 'scope_unknown', { set: '"scope": "api://APPLICATION_ID/SCOPE offline_access"' }),
  entra(50076, 'login_again', LOGIN, { step: 'refresh' }),
  entra(700082, 'login_again', LOGIN, { step: 'refresh' }),
  entra(50173, 'login_again', LOGIN, { step: 'refresh' }),
  entra(53003, 'policy', { run: null }),
  entra(9002327, 'platform_wrong', { run: null }, { step: 'token_request' }),
  entra(7000112, 'client_disabled', { run: null }, { step: 'token_request' }),
  entra(700027, 'client_secret_wrong', { run: null }, { step: 'token_request' }),
  // 401, whatever the word
  [
    'UAA, whose client_id has other characters',
    {
      ...refused('unauthorized', 'Bad credentials'),
      httpStatus: 401,
      profile: { ...BASIC, client_id: 'sb-app!t1' },
    },
    'client_secret_encoding',
    { set: '"client_secret_basic_encoding": "raw"' },
    /form encoding/,
  ],
  ...['unauthorized', 'Unauthorized', 'bad_credentials', 'access-denied', 'forbidden'].map(
    (word): Row => [
      `401 ${word}`,
      {
        ...refused(word),
        httpStatus: 401,
        profile: BASIC,
        metadata: { token_endpoint_auth_methods_supported: ['client_secret_basic'] },
      },
      'client_secret_wrong',
      { run: SET_SECRET },
      /not valid for client_id/,
    ],
  ),
  // token type
  [
    'a type of a vendor',
    { ...ofType('mac'), profile: { token_response: { scope_separator: ',' } } },
    'token_type_unknown',
    {
      run: EDIT,
      set: '"token_response": {"scope_separator":",","defaults":{"token_type":"Bearer"}}',
    },
    /type of the token is "mac"/,
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
    'eBay, which knows it under a name',
    {
      step: 'authorization',
      ...refused('invalid_request', 'The OAuth client was not found: redirect_uri is invalid'),
      profile: { authorization_redirect_uri: 'Some_Body-Tool' },
    },
    'redirect_uri_mismatch',
    { register: HERE },
    /^The server does not know Some_Body-Tool \(authorization_redirect_uri\)/,
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
  [
    'no response at all, with a new port for each login',
    {
      step: 'no_response',
      code: 'login_expired',
      profile: { redirect_uri: 'http://127.0.0.1:0/cb' },
      redirectUri: 'http://127.0.0.1:4711/cb',
    },
    'redirect_uri_mismatch',
    { register: 'http://127.0.0.1/cb' },
    /accept any port/,
  ],
  [
    'no response at all, where no redirect URI has to be registered',
    { step: 'no_response', code: 'login_expired', preset: 'gmail' },
    'redirect_uri_mismatch',
    { register: HERE },
    /probably of the wrong kind\. Gmail .* accepts this .* without registration.* "Desktop app".* A client of another kind/,
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
    'client_secret_wrong',
    { run: SET_SECRET },
    /not valid for client_id/,
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
    { run: SET_SECRET },
    /Notion gives every client a secret/,
  ],
  [
    'no secret, and the server says so',
    refused(
      'invalid_client',
      "AADSTS7000218: The request body must contain 'client_assertion' or 'client_secret'",
    ),
    'client_secret_missing',
    { run: SET_SECRET },
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
    { run: SET_SECRET },
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
    { run: 'catchd profile edit gw', set: null },
    /http instead of https.*catchd does not accept such an issuer/,
  ],
  [
    'the template of all tenants of Entra',
    {
      step: 'discovery',
      code: 'issuer_mismatch',
      profile: { issuer: 'https://login.microsoftonline.com/common/v2.0' },
      evidence: { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0', issuerFrom: 'metadata' },
    },
    'issuer_mismatch',
    { set: '"preset": "entra", "base_url": "https://login.microsoftonline.com/common"' },
    /template.*set issuer to the issuer of your tenant/,
  ],
  [
    'the template of another cloud, in a spelling of version 1',
    {
      step: 'discovery',
      code: 'issuer_mismatch',
      profile: { issuer: 'https://login.microsoftonline.us/organizations' },
      evidence: { issuer: 'https://sts.windows.net/%7Btenantid%7D/', issuerFrom: 'metadata' },
    },
    'issuer_mismatch',
    { set: '"preset": "entra", "base_url": "https://login.microsoftonline.us/organizations"' },
    /template/,
  ],
  [
    'the template of another vendor',
    {
      step: 'discovery',
      code: 'issuer_mismatch',
      profile: { issuer: 'https://as.example' },
      evidence: { issuer: 'https://{org}.as.example/', issuerFrom: 'metadata' },
    },
    'issuer_mismatch',
    { run: 'catchd profile edit gw', set: null },
    /template. issuer must be the issuer of one tenant/,
  ],
  ...['https://as.example/?p=x', 'as.example', 'https://u:p@as.example', 'https://as.example/\u0007', ''].map(
    (issuer): Row => [
      `a name that no profile can have: ${JSON.stringify(issuer)}`,
      {
        step: 'discovery',
        code: 'issuer_mismatch',
        profile: { issuer: 'https://as.example' },
        evidence: { issuer, issuerFrom: 'metadata' },
      },
      'issuer_mismatch',
      { run: 'catchd profile edit gw', set: null },
      /does not accept such an issuer/,
    ],
  ),
  [
    'a long name, which is shown in part but proposed as a whole',
    {
      step: 'discovery',
      code: 'issuer_mismatch',
      profile: { issuer: 'https://as.example' },
      evidence: { issuer: `https://as.example/${'x'.repeat(100)}`, issuerFrom: 'metadata' },
    },
    'issuer_mismatch',
    { set: `"issuer": "https://as.example/${'x'.repeat(100)}"` },
    /calls itself/,
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

test('a place of the secret that nobody names is a cause too, after a wrong secret', () => {
  const causes = diagnose(
    facts({ step: 'token_request', httpStatus: 401, code: 'provider_refused', profile: BASIC }),
  )
  expect(causes.map(({ cause }) => cause).slice(0, 2)).toEqual([
    'client_secret_wrong',
    'client_authentication_method',
  ])
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
  expect(causes.map(({ cause }) => cause)).toEqual([
    'client_secret_wrong',
    'client_authentication_method',
    'client_secret_encoding',
  ])
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
    ['a resource that was not sent', { step: 'authorization', ...refused('invalid_target') }],
    ['a resource owner', { ...RESOURCE, ...refused('server_error', 'The resource owner is unknown') }],
    ['a grant of another resource', { ...RESOURCE, ...refused('invalid_grant', 'resource parameter') }],
    [
      'a proof that is refused where DPoP is on',
      { ...refused('invalid_dpop_proof'), profile: { dpop: true } },
    ],
    ...['invalid_grant', 'invalid_request', 'token_expired'].map((error): [string, Scene] => [
      `401 ${error}, which is not about the client`,
      { ...refused(error), httpStatus: 401, profile: BASIC },
    ]),
    [
      'a region that is no address of Zoho',
      {
        ...refused('invalid_code'),
        parameters: { 'accounts-server': 'https://accounts.zoho.com.evil.example' },
      },
    ],
    [
      'the region of the profile',
      {
        ...refused('invalid_code'),
        profile: { token_endpoint: 'https://accounts.zoho.eu/oauth/v2/token' },
        parameters: { 'accounts-server': 'https://accounts.zoho.eu' },
      },
    ],
    [
      'a code of Entra that nobody knows',
      { step: 'authorization', ...refused('invalid_request', 'AADSTS1: x') },
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
