/** Presets for chat, meetings, documents and files. Data only. */
import { LOCALHOST_ALONE, presets } from './preset.js'

export const WORK = presets([
  {
    name: 'slack',
    title: 'Slack (as a person)',
    source: 'https://docs.slack.dev/authentication/using-pkce',
    client: 'public',
    // Any other redirect counts as that of a server, which has a secret.
    redirect: LOCALHOST_ALONE,
    register:
      'Switch PKCE on for the app; this cannot be undone. Use user scopes: a redirect to localhost gives no bot scopes.',
    profile: {
      authorization_endpoint: 'https://slack.com/oauth/v2/authorize',
      token_endpoint: 'https://slack.com/api/oauth.v2.access',
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
      scope_parameter: 'user_scope',
      scope_separator: ',',
      token_response: {
        pointers: {
          // A login answers with the person's token inside, a refresh with it on top.
          access_token: ['/authed_user/access_token', '/access_token'],
          refresh_token: ['/authed_user/refresh_token', '/refresh_token'],
          expires_in: ['/authed_user/expires_in', '/expires_in'],
          scope: '/authed_user/scope',
        },
        // The server says "bot" or "user".
        defaults: { token_type: 'Bearer' },
      },
    },
  },
  {
    name: 'notion',
    title: 'Notion',
    source: 'https://developers.notion.com/reference/create-a-token',
    client: 'confidential',
    register: 'A public integration. It has an OAuth client.',
    profile: {
      authorization_endpoint: 'https://api.notion.com/v1/oauth/authorize',
      token_endpoint: 'https://api.notion.com/v1/oauth/token',
      token_request_format: 'json',
      authorization_parameters: { owner: 'user' },
      token_request_headers: { 'Notion-Version': '2025-09-03' },
      // The token request that it documents has no code_verifier.
      code_challenge_method: 'none',
    },
  },
  {
    name: 'asana',
    title: 'Asana',
    source: 'https://developers.asana.com/docs/oauth',
    client: 'confidential',
    register: 'Under "OAuth" of an app in the developer console.',
    profile: {
      authorization_endpoint: 'https://app.asana.com/-/oauth_authorize',
      token_endpoint: 'https://app.asana.com/-/oauth_token',
      revocation_endpoint: 'https://app.asana.com/-/oauth_revoke',
      // Https is asked for; localhost is known to pass.
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
      token_endpoint_auth_method: 'client_secret_post',
    },
  },
  {
    name: 'zoom',
    title: 'Zoom',
    source: 'https://developers.zoom.us/docs/integrations/oauth/',
    client: 'confidential',
    redirect: { match: 'any_port' },
    register: 'A general, user-managed app with your scopes.',
    profile: {
      authorization_endpoint: 'https://zoom.us/oauth/authorize',
      token_endpoint: 'https://zoom.us/oauth/token',
      revocation_endpoint: 'https://zoom.us/oauth/revoke',
      token_response: { dead_refresh_token: ['Invalid Token!'] },
    },
  },
  {
    name: 'dropbox',
    title: 'Dropbox',
    source: 'https://developers.dropbox.com/oauth-guide',
    client: 'either',
    register: 'Under "OAuth 2" of the app. With PKCE no secret is needed.',
    profile: {
      authorization_endpoint: 'https://www.dropbox.com/oauth2/authorize',
      token_endpoint: 'https://api.dropboxapi.com/oauth2/token',
      authorization_parameters: { token_access_type: 'offline' },
    },
  },
  {
    name: 'box',
    title: 'Box',
    source: 'https://developer.box.com/guides/authentication/oauth2/oauth2-setup/',
    client: 'confidential',
    redirect: { match: 'any_port' },
    register: 'A custom app with user authentication (OAuth 2.0).',
    profile: {
      authorization_endpoint: 'https://account.box.com/api/oauth2/authorize',
      token_endpoint: 'https://api.box.com/oauth2/token',
      revocation_endpoint: 'https://api.box.com/oauth2/revoke',
      token_endpoint_auth_method: 'client_secret_post',
    },
  },
  {
    name: 'docusign',
    title: 'DocuSign',
    source: 'https://developers.docusign.com/platform/auth/authcode/',
    client: 'either',
    register:
      'Under "Apps and Keys". For the developer environment set base_url to https://account-d.docusign.com.',
    profile: {
      base_url: 'https://account.docusign.com',
      authorization_endpoint: '{base}/oauth/auth',
      token_endpoint: '{base}/oauth/token',
    },
  },
  {
    name: 'basecamp',
    title: 'Basecamp',
    source: 'https://github.com/basecamp/api/blob/master/sections/authentication.md',
    checked: '2026-11-30',
    client: 'confidential',
    register:
      'An integration at launchpad.37signals.com/integrations. The accounts and their addresses are at https://launchpad.37signals.com/authorization.json.',
    profile: {
      authorization_endpoint: 'https://launchpad.37signals.com/authorization/new',
      token_endpoint: 'https://launchpad.37signals.com/authorization/token',
      token_endpoint_auth_method: 'client_secret_post',
      // Draft 5 of OAuth 2.0, which had no grant_type yet.
      authorization_parameters: { type: 'web_server' },
      token_parameters: { type: 'web_server' },
      refresh_parameters: { type: 'refresh', redirect_uri: '{redirect_uri}' },
    },
  },
])
