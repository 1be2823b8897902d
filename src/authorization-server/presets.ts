/**
 * Known authorization servers, as data: where their endpoints are and in what they differ from the standard.
 *
 * A row is a profile entry that stands where the user's own says nothing; `{base}` in its endpoints is the
 * profile's `base_url`. No code asks which preset a profile was built from: an oddity that needs code gets a
 * profile key, so that a server without a row can be described too. `checked` is when `source` was last read.
 * `{scope}` and `{client_id}` in `token_parameters` are filled in by token-request.ts.
 */
import type { ProfileEntry } from '../config/profile.js'

export interface Preset {
  readonly name: string
  readonly title: string
  /** A public document of the vendor. */
  readonly source: string
  /** ISO date. */
  readonly checked: string
  /** What the client registration at the server has to say. */
  readonly register: string
  /** What a user may have to add, and why; one sentence or two each. */
  readonly notes?: readonly string[]
  readonly profile: ProfileEntry
}

const CHECKED = '2026-11-23'

export const PRESETS: readonly Preset[] = [
  {
    name: 'webmethods',
    title: 'webMethods API Gateway',
    source:
      'https://www.ibm.com/docs/en/wm-api-gateway-saas/11.1.0?topic=pkce-securing-access-token-using-rest-apis',
    checked: CHECKED,
    register:
      'An application with an OAuth2 strategy, grant type authorization_code, its scopes, and the redirect URI exactly as catchd shows it',
    notes: [
      'base_url is the address of the gateway with its port: https://gw.example.com:5543.',
      'A gateway that drops state needs "state_echo": false and a redirect_uri that no other profile has.',
      'A public application has no client_secret; its client_id then goes into the body.',
      'A private CA is named with ca_file.',
      'There is a refresh token only where the refresh limit of the gateway is above 0.',
    ],
    profile: {
      authorization_endpoint: '{base}/invoke/pub.apigateway.oauth2/authorize',
      token_endpoint: '{base}/invoke/pub.apigateway.oauth2/getAccessToken',
      refresh_endpoint: '{base}/invoke/pub.oauth/refreshAccessToken',
      revocation_endpoint: '{base}/invoke/pub.oauth/revokeToken',
      introspection_endpoint: '{base}/invoke/pub.oauth/introspectToken',
      token_request_format: 'json',
      token_parameters: { scope: '{scope}', client_id: '{client_id}' },
      // Its token endpoint reads HTTP Basic as it does for any other user: as it stands (RFC 7617 §2).
      client_secret_basic_encoding: 'raw',
      code_challenge_method: 'S256',
      state_echo: true,
    },
  },
  {
    name: 'entra',
    title: 'Microsoft Entra ID',
    source: 'https://learn.microsoft.com/en-us/entra/identity-platform/reply-url',
    checked: CHECKED,
    register:
      'A mobile and desktop application with the redirect URI http://localhost/callback/entra; its port does not matter',
    notes: [
      'base_url is https://login.microsoftonline.com/TENANT.',
      'Add offline_access to scope for a refresh token. A public client sends no client_secret.',
      'Set issuer to https://login.microsoftonline.com/TENANT_ID/v2.0 to have the id_token validated.',
    ],
    profile: {
      authorization_endpoint: '{base}/oauth2/v2.0/authorize',
      token_endpoint: '{base}/oauth2/v2.0/token',
      device_authorization_endpoint: '{base}/oauth2/v2.0/devicecode',
      redirect_uri: 'http://localhost:0/callback/entra',
    },
  },
  {
    name: 'github',
    title: 'GitHub',
    source: 'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
    checked: CHECKED,
    register: 'The redirect URI as catchd shows it; on 127.0.0.1 its port does not matter',
    notes: ['GitHub Apps with expiring user tokens give a refresh token; OAuth apps give none.'],
    profile: {
      authorization_endpoint: 'https://github.com/login/oauth/authorize',
      token_endpoint: 'https://github.com/login/oauth/access_token',
      device_authorization_endpoint: 'https://github.com/login/device/code',
      token_endpoint_auth_method: 'client_secret_post',
      // The answer separates with commas, and the request may.
      scope_separator: ',',
    },
  },
  {
    name: 'gitlab',
    title: 'GitLab',
    source: 'https://docs.gitlab.com/api/oauth2',
    checked: CHECKED,
    register: 'An application with the redirect URI exactly as catchd shows it and its scopes',
    notes: [
      'base_url is https://gitlab.com, or the address of your own instance.',
      'Without "Confidential" there is no client_secret.',
    ],
    profile: {
      issuer: '{base}',
      authorization_endpoint: '{base}/oauth/authorize',
      token_endpoint: '{base}/oauth/token',
      revocation_endpoint: '{base}/oauth/revoke',
      device_authorization_endpoint: '{base}/oauth/authorize_device',
    },
  },
  {
    name: 'google',
    title: 'Google',
    source: 'https://developers.google.com/identity/protocols/oauth2/native-app',
    checked: CHECKED,
    register: 'An OAuth client of type desktop app; it accepts any port of 127.0.0.1 and [::1]',
    notes: [
      'The refresh token comes with the first approval only: prompt=consent asks again each time. Take it away with "authorization_parameters": { "prompt": "" }.',
    ],
    profile: {
      issuer: 'https://accounts.google.com',
      authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
      token_endpoint: 'https://oauth2.googleapis.com/token',
      revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
      device_authorization_endpoint: 'https://oauth2.googleapis.com/device/code',
      authorization_parameters: { access_type: 'offline', prompt: 'consent' },
    },
  },
  {
    name: 'keycloak',
    title: 'Keycloak',
    source: 'https://www.keycloak.org/securing-apps/oidc-layers',
    checked: CHECKED,
    register:
      'A client with the redirect URI as catchd shows it, without its port: any port of 127.0.0.1 will do',
    notes: ['base_url is the realm: https://id.example.com/realms/NAME.'],
    profile: {
      issuer: '{base}',
      authorization_endpoint: '{base}/protocol/openid-connect/auth',
      token_endpoint: '{base}/protocol/openid-connect/token',
      revocation_endpoint: '{base}/protocol/openid-connect/revoke',
      device_authorization_endpoint: '{base}/protocol/openid-connect/auth/device',
    },
  },
  {
    name: 'notion',
    title: 'Notion',
    source: 'https://developers.notion.com/docs/authorization',
    checked: CHECKED,
    register: 'A public integration with the redirect URI exactly as catchd shows it',
    profile: {
      authorization_endpoint: 'https://api.notion.com/v1/oauth/authorize',
      token_endpoint: 'https://api.notion.com/v1/oauth/token',
      token_endpoint_auth_method: 'client_secret_basic',
      token_request_format: 'json',
      authorization_parameters: { owner: 'user' },
      // Its token request knows neither code_verifier nor any other member that is not documented.
      code_challenge_method: 'none',
    },
  },
  {
    name: 'slack',
    title: 'Slack',
    source: 'https://docs.slack.dev/authentication/using-pkce',
    checked: CHECKED,
    register: 'An app with the redirect URI exactly as catchd shows it',
    notes: [
      'A localhost redirect needs PKCE enabled for the app and may not ask for bot scopes: ask with "authorization_parameters": { "user_scope": "…" } and take the user\'s token with "token_response": { "pointers": { "access_token": "/authed_user/access_token", "token_type": "/", "refresh_token": "/authed_user/refresh_token", "expires_in": "/authed_user/expires_in", "scope": "/authed_user/scope" }, "defaults": { "token_type": "Bearer" } }.',
    ],
    profile: {
      authorization_endpoint: 'https://slack.com/oauth/v2/authorize',
      token_endpoint: 'https://slack.com/api/oauth.v2.access',
      scope_separator: ',',
      // "bot" and "user" are sent as Bearer: the pointer leads to the empty name, which Slack does not use.
      token_response: { pointers: { token_type: '/' }, defaults: { token_type: 'Bearer' } },
    },
  },
  {
    name: 'twitch',
    title: 'Twitch',
    source: 'https://dev.twitch.tv/docs/authentication/getting-tokens-oauth',
    checked: CHECKED,
    register: 'An application with the redirect URI exactly as catchd shows it',
    profile: {
      authorization_endpoint: 'https://id.twitch.tv/oauth2/authorize',
      token_endpoint: 'https://id.twitch.tv/oauth2/token',
      revocation_endpoint: 'https://id.twitch.tv/oauth2/revoke',
      token_endpoint_auth_method: 'client_secret_post',
    },
  },
  {
    name: 'zoho',
    title: 'Zoho',
    source: 'https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html',
    checked: CHECKED,
    register: 'A server-based application with the redirect URI exactly as catchd shows it',
    notes: ['base_url is the accounts server of your region: https://accounts.zoho.com, .eu, .in and so on.'],
    profile: {
      authorization_endpoint: '{base}/oauth/v2/auth',
      token_endpoint: '{base}/oauth/v2/token',
      revocation_endpoint: '{base}/oauth/v2/token/revoke',
      token_endpoint_auth_method: 'client_secret_post',
      scope_separator: ',',
      authorization_parameters: { access_type: 'offline', prompt: 'consent' },
      // Older regions count expires_in in milliseconds, with expires_in_sec beside it.
      token_response: { pointers: { expires_in: '/expires_in_sec' } },
    },
  },
]

/** The row of this name. */
export function findPreset(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name)
}
