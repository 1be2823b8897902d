/** API gateways and identity services: servers that organisations run or rent for their own accounts. Data only. */
import { HTTPS_ALONE, type Preset, presets } from './preset.js'

const GOOGLE = {
  client: 'confidential',
  redirect: { match: 'unregistered' },
  profile: {
    issuer: 'https://accounts.google.com',
    token_endpoint_auth_method: 'client_secret_post',
    // A refresh token comes only with offline access, and without the prompt only the first time.
    authorization_parameters: { access_type: 'offline', prompt: 'consent' },
  },
} as const satisfies Partial<Preset>

export const IDENTITY = presets([
  {
    name: 'webmethods',
    title: 'webMethods API Gateway',
    source:
      'https://www.ibm.com/docs/en/wm-api-gateway-saas/11.1.0?topic=pkce-securing-access-token-using-rest-apis',
    client: 'either',
    register:
      'In the OAuth2 strategy of the application. The scope must exist. If the gateway drops state, add --state-echo false. If it has a private CA, add --ca-file FILE.',
    base: 'https://HOST:PORT',
    profile: {
      authorization_endpoint: '{base}/invoke/pub.apigateway.oauth2/authorize',
      token_endpoint: '{base}/invoke/pub.apigateway.oauth2/getAccessToken',
      refresh_endpoint: '{base}/invoke/pub.oauth/refreshAccessToken',
      revocation_endpoint: '{base}/invoke/pub.oauth/revokeToken',
      introspection_endpoint: '{base}/invoke/pub.oauth/introspectToken',
      token_request_format: 'json',
      token_parameters: { scope: '{scope}', client_id: '{client_id}' },
      // Credentials are compared as they are; form-encoding them first (RFC 6749 §2.3.1) fails with a colon.
      client_secret_basic_encoding: 'raw',
    },
  },
  {
    ...GOOGLE,
    name: 'google',
    title: 'Google',
    source: 'https://developers.google.com/identity/protocols/oauth2/native-app',
    register:
      'A client of type "Desktop app". Google issues a secret for this client; include it. As long as the app is in testing, a login lasts 7 days. For mail programs, use the preset gmail.',
    scope: 'SCOPES',
  },
  {
    ...GOOGLE,
    name: 'gmail',
    title: 'Gmail (a Google account, for mail programs)',
    source: 'https://developers.google.com/workspace/gmail/imap/xoauth2-protocol',
    checked: '2026-11-30',
    register:
      'A client of type "Desktop app". Google issues a secret for this client; include it. Add your address to the test users. As long as the app is in testing, a login lasts 7 days. docs/tools/mail.md has all steps.',
    profile: { ...GOOGLE.profile, scope: 'https://mail.google.com/' },
  },
  {
    name: 'entra',
    title: 'Microsoft Entra ID',
    source: 'https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow',
    client: 'public',
    redirect: { match: 'any_port', refuses: ['[::1]'] },
    register:
      'Under Authentication, platform "Mobile and desktop applications"; then the client needs no secret. 127.0.0.1 can be registered in the manifest only. TENANT_ID is "Directory (tenant) ID", and ID is "Application (client) ID". The scope is the one of your API. docs/tools/entra.md has all steps.',
    base: 'https://login.microsoftonline.com/TENANT_ID',
    scope: 'api://API_CLIENT_ID/.default',
    profile: {
      authorization_endpoint: '{base}/oauth2/v2.0/authorize',
      token_endpoint: '{base}/oauth2/v2.0/token',
      device_authorization_endpoint: '{base}/oauth2/v2.0/devicecode',
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
      offline_scope: 'offline_access',
    },
  },
  {
    name: 'okta',
    title: 'Okta',
    source: 'https://developer.okta.com/docs/reference/api/oidc/',
    client: 'either',
    register:
      'A native application with the refresh token grant. base_url is the address of your organization, or the issuer of a custom authorization server (…/oauth2/default).',
    base: 'https://ORG.okta.com',
    profile: {
      issuer: '{base}',
      offline_scope: 'offline_access',
      token_parameters: { scope: '{scope}' },
    },
  },
  {
    name: 'auth0',
    title: 'Auth0',
    source:
      'https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow-with-pkce',
    client: 'either',
    register:
      'A native application. Add the redirect URI to its allowed callback URLs. For tokens of an API, set "authorization_parameters": {"audience": "…"} and allow offline access for that API.',
    profile: {
      // Its issuer ends with a slash.
      issuer: '{base}/',
      token_endpoint_auth_method: 'client_secret_post',
      offline_scope: 'offline_access',
    },
  },
  {
    name: 'keycloak',
    title: 'Keycloak',
    source: 'https://www.keycloak.org/securing-apps/oidc-layers',
    client: 'either',
    redirect: { match: 'any_port' },
    register: 'Under "Valid redirect URIs".',
    base: 'https://HOST/realms/REALM',
    profile: { issuer: '{base}' },
  },
  {
    name: 'cognito',
    title: 'Amazon Cognito',
    source:
      'https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html',
    client: 'either',
    register:
      'Add it to the callback URLs of the app client. base_url is the domain of the user pool. For the scope openid, set issuer to the issuer of the user pool.',
    base: 'https://DOMAIN.auth.REGION.amazoncognito.com',
    profile: {
      authorization_endpoint: '{base}/oauth2/authorize',
      token_endpoint: '{base}/oauth2/token',
      revocation_endpoint: '{base}/oauth2/revoke',
    },
  },
  {
    name: 'orcid',
    title: 'ORCID',
    source: 'https://info.orcid.org/documentation/api-tutorials/api-tutorial-get-and-authenticated-orcid-id/',
    checked: '2026-11-30',
    client: 'confidential',
    redirect: HTTPS_ALONE,
    register:
      'Under "Developer tools" of your record. For the sandbox, set base_url to https://sandbox.orcid.org.',
    profile: {
      base_url: 'https://orcid.org',
      authorization_endpoint: '{base}/oauth/authorize',
      token_endpoint: '{base}/oauth/token',
      revocation_endpoint: '{base}/oauth/revoke',
      token_endpoint_auth_method: 'client_secret_post',
    },
  },
  {
    name: 'smart-on-fhir',
    title: 'SMART on FHIR (standalone launch)',
    source: 'https://hl7.org/fhir/smart-app-launch/app-launch.html',
    checked: '2026-11-30',
    client: 'either',
    register:
      'base_url is the address of the FHIR server. Set authorization_endpoint and token_endpoint to those in BASE_URL/.well-known/smart-configuration.',
    profile: {
      // The server that the token is for.
      authorization_parameters: { aud: '{base}' },
      offline_scope: 'offline_access',
    },
  },
])
