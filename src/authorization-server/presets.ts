/**
 * The table of known authorization servers. Quirks are data in the terms of a profile; nothing in the program
 * asks which server it talks to. `{base}` stands for the profile's `base_url`, `{scope}` and `{client_id}` in
 * `token_parameters` for the profile's own.
 */
import type { ProfileEntry } from '../config/profile.js'

export interface Preset {
  readonly name: string
  readonly title: string
  /** The vendor's public document that the row was written from. */
  readonly source: string
  /** The day on which it was last compared. */
  readonly checked: string
  /** What to enter at the vendor. */
  readonly register: string
  readonly profile: ProfileEntry
}

const EXACT = 'the redirect URI exactly as catchd shows it'
const ANY_LOOPBACK_PORT = 'http://127.0.0.1/callback/NAME as a redirect URI; any port is accepted at login'

export const PRESETS: readonly Preset[] = [
  {
    name: 'webmethods',
    title: 'webMethods API Gateway',
    source:
      'https://www.ibm.com/docs/en/wm-api-gateway-saas/11.1.0?topic=pkce-securing-access-token-using-rest-apis',
    checked: '2026-11-23',
    register: `${EXACT}, in the application's OAuth2 strategy; the scope must exist. A gateway that drops state needs "state_echo": false`,
    profile: {
      authorization_endpoint: '{base}/invoke/pub.apigateway.oauth2/authorize',
      token_endpoint: '{base}/invoke/pub.apigateway.oauth2/getAccessToken',
      refresh_endpoint: '{base}/invoke/pub.oauth/refreshAccessToken',
      revocation_endpoint: '{base}/invoke/pub.oauth/revokeToken',
      introspection_endpoint: '{base}/invoke/pub.oauth/introspectToken',
      // A method that is left out means plain there, so it is always named.
      code_challenge_method: 'S256',
      token_request_format: 'json',
      token_parameters: { scope: '{scope}', client_id: '{client_id}' },
      // Credentials are compared as they are; form-encoding them first (RFC 6749 §2.3.1) fails with a colon.
      client_secret_basic_encoding: 'raw',
    },
  },
  {
    name: 'github',
    title: 'GitHub',
    source: 'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
    checked: '2026-11-23',
    register: ANY_LOOPBACK_PORT,
    profile: {
      authorization_endpoint: 'https://github.com/login/oauth/authorize',
      token_endpoint: 'https://github.com/login/oauth/access_token',
      device_authorization_endpoint: 'https://github.com/login/device/code',
      token_endpoint_auth_method: 'client_secret_post',
      // Scopes may go out separated by commas, and come back so.
      scope_separator: ',',
    },
  },
  {
    name: 'gitlab',
    title: 'GitLab',
    source: 'https://docs.gitlab.com/api/oauth2/',
    checked: '2026-11-23',
    register: `${EXACT}; untick "Confidential" to go without a secret`,
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
    checked: '2026-11-23',
    register: 'an OAuth client of type "Desktop app"; loopback redirect URIs need no entry',
    profile: {
      issuer: 'https://accounts.google.com',
      authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
      token_endpoint: 'https://oauth2.googleapis.com/token',
      revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
      token_endpoint_auth_method: 'client_secret_post',
      // A refresh token comes only with offline access, and without the prompt only the first time.
      authorization_parameters: { access_type: 'offline', prompt: 'consent' },
    },
  },
  {
    name: 'entra',
    title: 'Microsoft Entra ID',
    source: 'https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow',
    checked: '2026-11-23',
    register:
      'http://localhost/callback under "Mobile and desktop applications"; any port is accepted at login',
    profile: {
      authorization_endpoint: '{base}/oauth2/v2.0/authorize',
      token_endpoint: '{base}/oauth2/v2.0/token',
      // 127.0.0.1 is refused unless the manifest names it; localhost is not.
      redirect_uri: 'http://localhost:8252/callback',
      token_endpoint_auth_method: 'none',
    },
  },
  {
    name: 'keycloak',
    title: 'Keycloak',
    source: 'https://www.keycloak.org/securing-apps/oidc-layers',
    checked: '2026-11-23',
    register: 'http://127.0.0.1/* as a valid redirect URI; any port is accepted at login',
    profile: {
      issuer: '{base}',
    },
  },
  {
    name: 'notion',
    title: 'Notion',
    source: 'https://developers.notion.com/docs/authorization',
    checked: '2026-11-23',
    register: EXACT,
    profile: {
      authorization_endpoint: 'https://api.notion.com/v1/oauth/authorize',
      token_endpoint: 'https://api.notion.com/v1/oauth/token',
      token_request_format: 'json',
      token_endpoint_auth_method: 'client_secret_basic',
      authorization_parameters: { owner: 'user' },
      // The token request that it documents has no code_verifier.
      code_challenge_method: 'none',
    },
  },
  {
    name: 'slack',
    title: 'Slack',
    source: 'https://docs.slack.dev/authentication/using-pkce',
    checked: '2026-11-23',
    register: `${EXACT}, with PKCE switched on for the app. A loopback redirect gives no bot scopes: ask with "authorization_parameters": {"user_scope": "…"} and let "token_response" point into /authed_user`,
    profile: {
      authorization_endpoint: 'https://slack.com/oauth/v2/authorize',
      token_endpoint: 'https://slack.com/api/oauth.v2.access',
      scope_separator: ',',
      // The answer says "bot" or "user" where the standard has the type of the token.
      token_response: { pointers: { token_type: '/no_such_member' }, defaults: { token_type: 'Bearer' } },
    },
  },
  {
    name: 'twitch',
    title: 'Twitch',
    source: 'https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/',
    checked: '2026-11-23',
    register: EXACT,
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
    source: 'https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html',
    checked: '2026-11-23',
    register: `${EXACT}; base_url is https://accounts.zoho.TLD of the account's region`,
    profile: {
      authorization_endpoint: '{base}/oauth/v2/auth',
      token_endpoint: '{base}/oauth/v2/token',
      revocation_endpoint: '{base}/oauth/v2/token/revoke',
      token_endpoint_auth_method: 'client_secret_post',
      authorization_parameters: { access_type: 'offline' },
      // expires_in may be milliseconds; the seconds stand beside it.
      token_response: { pointers: { expires_in: '/expires_in_sec' } },
    },
  },
]

export function findPreset(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name)
}
