/** API gateways and identity services, as they document themselves. */
import {
  anyPort,
  exact,
  LOOPBACK,
  onlyOn,
  standardAnswer,
  unlessAuthorization,
  unlessScope,
  unregisteredOn,
  type Vendor,
  wants,
} from '../vendor.js'

const GATEWAY = 'https://gateway.example:5543/invoke'
const ENTRA = 'https://login.microsoftonline.com/tenant-1'
const OKTA = 'https://org.okta.example/oauth2/default'
const AUTH0 = 'https://tenant.auth0.example'
const REALM = 'https://keycloak.example/realms/work'
const POOL = 'https://domain.auth.eu-central-1.amazoncognito.com'

const WEBMETHODS: Vendor = {
  preset: 'webmethods',
  rules:
    'https://www.ibm.com/docs/en/wm-api-gateway-saas/11.1.0?topic=pkce-securing-access-token-using-rest-apis',
  baseUrl: 'https://gateway.example:5543',
  clients: ['public', 'confidential'],
  // What form encoding changes has to arrive as it is.
  secret: 'se:cr+et/=',
  authorize: `${GATEWAY}/pub.apigateway.oauth2/authorize`,
  token: `${GATEWAY}/pub.apigateway.oauth2/getAccessToken`,
  refresh: `${GATEWAY}/pub.oauth/refreshAccessToken`,
  revoke: `${GATEWAY}/pub.oauth/revokeToken`,
  introspect: `${GATEWAY}/pub.oauth/introspectToken`,
  activeIsText: true,
  redirect: exact,
  scopes: ['orders', 'stock'],
  saysScope: false,
  body: 'json',
  credentials: 'raw basic',
  members: ['grant_type', 'code', 'code_verifier', 'redirect_uri', 'scope', 'client_id', 'refresh_token'],
  refusesToken: (parameters) =>
    parameters['grant_type'] === 'refresh_token'
      ? undefined
      : wants({ scope: null, client_id: null, redirect_uri: null })(parameters),
  lifetime: 3600,
  // A refresh repeats the grant type and the refresh token, and the scope ends with a space.
  answer: ({ grant, accessToken, refreshToken, sent, scopes }) => ({
    body: {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: refreshToken ?? sent,
      ...(grant === 'refresh' ? { grant_type: 'refresh_token', scope: `${scopes.join(' ')} ` } : {}),
    },
  }),
}

const GOOGLE: Vendor = {
  preset: 'google',
  rules: 'https://developers.google.com/identity/protocols/oauth2/native-app',
  clients: ['confidential'],
  authorize: 'https://accounts.google.com/o/oauth2/v2/auth',
  token: 'https://oauth2.googleapis.com/token',
  revoke: 'https://oauth2.googleapis.com/revoke',
  discovery: { issuer: 'https://accounts.google.com', names: ['revoke'] },
  redirect: unregisteredOn(LOOPBACK),
  scopes: ['openid', 'https://www.googleapis.com/auth/drive.file', 'email'],
  credentials: 'body',
  withholdsRefreshToken: unlessAuthorization({ access_type: 'offline', prompt: 'consent' }),
  lifetime: 3599,
}

export const IDENTITY: readonly Vendor[] = [
  WEBMETHODS,
  {
    ...WEBMETHODS,
    variant: 'without state, refresh limit 0',
    written: { state_echo: false },
    dropsState: true,
    neverRefreshes: true,
    answer: standardAnswer(3600, { scope: undefined }),
  },
  GOOGLE,
  {
    ...GOOGLE,
    preset: 'gmail',
    rules: 'https://developers.google.com/workspace/gmail/imap/xoauth2-protocol',
    scopes: ['https://mail.google.com/'],
    refusesAuthorization: wants({ scope: 'https://mail.google.com/' }),
  },
  {
    preset: 'entra',
    rules: 'https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow',
    baseUrl: ENTRA,
    clients: ['public'],
    authorize: `${ENTRA}/oauth2/v2.0/authorize`,
    token: `${ENTRA}/oauth2/v2.0/token`,
    device: `${ENTRA}/oauth2/v2.0/devicecode`,
    redirect: onlyOn(['localhost', '127.0.0.1'], anyPort),
    scopes: ['User.Read', 'Mail.Read'],
    knownScopes: ['offline_access'],
    pkce: 'required',
    withholdsRefreshToken: unlessScope('offline_access'),
    rotates: true,
    lifetime: 3599,
    // Lifetimes have been seen as strings.
    answer: standardAnswer(3599, { expires_in: '3599', ext_expires_in: '3599' }),
    refuse: ({ error }) => ({
      status: error === 'invalid_client' ? 401 : 400,
      body: {
        error,
        error_description: 'AADSTS70000: Refused.\r\nTrace ID: 1\r\nTimestamp: 2026-11-23 00:00:00Z',
        error_codes: [70000],
      },
    }),
  },
  {
    preset: 'okta',
    rules: 'https://developer.okta.com/docs/reference/api/oidc/',
    baseUrl: OKTA,
    clients: ['public', 'confidential'],
    authorize: `${OKTA}/v1/authorize`,
    token: `${OKTA}/v1/token`,
    revoke: `${OKTA}/v1/revoke`,
    introspect: `${OKTA}/v1/introspect`,
    device: `${OKTA}/v1/device/authorize`,
    discovery: { issuer: OKTA, names: ['revoke', 'introspect', 'device'] },
    redirect: exact,
    scopes: ['openid', 'profile', 'email'],
    knownScopes: ['offline_access'],
    withholdsRefreshToken: unlessScope('offline_access'),
    refusesToken: (parameters) =>
      parameters['grant_type'] === 'refresh_token' ? wants({ scope: null })(parameters) : undefined,
    lifetime: 3600,
  },
  {
    preset: 'auth0',
    rules:
      'https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow-with-pkce',
    baseUrl: AUTH0,
    clients: ['public', 'confidential'],
    authorize: `${AUTH0}/authorize`,
    token: `${AUTH0}/oauth/token`,
    revoke: `${AUTH0}/oauth/revoke`,
    device: `${AUTH0}/oauth/device/code`,
    written: { authorization_parameters: { audience: 'https://api.example' } },
    refusesAuthorization: wants({ audience: 'https://api.example' }),
    refusesDevice: wants({ audience: 'https://api.example' }),
    // With a slash at the end.
    discovery: { issuer: `${AUTH0}/`, names: ['revoke', 'device'] },
    redirect: exact,
    scopes: ['openid', 'read:orders', 'write:orders'],
    knownScopes: ['offline_access'],
    credentials: 'body',
    withholdsRefreshToken: unlessScope('offline_access'),
    rotates: true,
    lifetime: 86_400,
  },
  {
    preset: 'keycloak',
    rules: 'https://www.keycloak.org/securing-apps/oidc-layers',
    baseUrl: REALM,
    clients: ['public', 'confidential'],
    authorize: `${REALM}/protocol/openid-connect/auth`,
    token: `${REALM}/protocol/openid-connect/token`,
    revoke: `${REALM}/protocol/openid-connect/revoke`,
    introspect: `${REALM}/protocol/openid-connect/token/introspect`,
    device: `${REALM}/protocol/openid-connect/auth/device`,
    discovery: { issuer: REALM, names: ['revoke', 'introspect', 'device'] },
    redirect: anyPort,
    scopes: ['openid', 'profile', 'email'],
    callback: { session_state: 's-1' },
    rotates: true,
    lifetime: 300,
    refreshLifetime: 1800,
    answer: standardAnswer(300, { refresh_expires_in: 1800, 'not-before-policy': 0, session_state: 's-1' }),
  },
  {
    preset: 'cognito',
    rules:
      'https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html',
    baseUrl: POOL,
    clients: ['public', 'confidential'],
    authorize: `${POOL}/oauth2/authorize`,
    token: `${POOL}/oauth2/token`,
    revoke: `${POOL}/oauth2/revoke`,
    redirect: onlyOn(LOOPBACK, exact),
    scopes: ['email', 'orders/read'],
    saysScope: false,
    // Rotation is off unless it is switched on.
    lifetime: 3600,
    answer: standardAnswer(3600, { scope: undefined }),
  },
  {
    preset: 'orcid',
    rules: 'https://info.orcid.org/documentation/api-tutorials/api-tutorial-get-and-authenticated-orcid-id/',
    written: { redirect_uri: 'https://tunnel.example/callback', listen: '127.0.0.1:9000' },
    clients: ['confidential'],
    authorize: 'https://orcid.org/oauth/authorize',
    token: 'https://orcid.org/oauth/token',
    revoke: 'https://orcid.org/oauth/revoke',
    redirect: onlyOn([], exact),
    scopes: ['/authenticate', '/read-limited'],
    credentials: 'body',
    // Twenty years, which no program believes.
    lifetime: null,
    answer: standardAnswer(631_138_518, {
      token_type: 'bearer',
      orcid: '0000-0001-5109-3700',
      name: 'A Person',
    }),
  },
  {
    preset: 'smart-on-fhir',
    rules: 'https://hl7.org/fhir/smart-app-launch/app-launch.html',
    baseUrl: 'https://ehr.example/fhir/r4',
    written: {
      authorization_endpoint: 'https://ehr.example/auth/authorize',
      token_endpoint: 'https://ehr.example/auth/token',
    },
    clients: ['public', 'confidential'],
    authorize: 'https://ehr.example/auth/authorize',
    token: 'https://ehr.example/auth/token',
    redirect: exact,
    scopes: ['launch/patient', 'patient/*.rs', 'user/*.rs'],
    knownScopes: ['offline_access'],
    pkce: 'required',
    refusesAuthorization: wants({ aud: 'https://ehr.example/fhir/r4' }),
    withholdsRefreshToken: unlessScope('offline_access'),
    rotates: true,
    lifetime: 3600,
    answer: standardAnswer(3600, {
      patient: '87a339d0-8cae-418e-89c7-8651e6aab3c6',
      need_patient_banner: true,
    }),
  },
]
