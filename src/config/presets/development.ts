/** Presets for servers with code, models, designs and issues. Data only. */
import { presets } from './preset.js'

export const DEVELOPMENT = presets([
  {
    name: 'github',
    title: 'GitHub',
    source: 'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
    client: 'confidential',
    redirect: { match: 'any_port' },
    register:
      'The "Authorization callback URL" of an OAuth app, or the "Callback URL" of a GitHub App. For git, an OAuth app needs --scope repo, and a GitHub App the repository permission "Contents". Keep "Expire user access tokens" on: catchd refreshes the token. The device grant needs no secret. For GitHub Enterprise Server, set base_url. docs/tools/git.md has all steps.',
    profile: {
      base_url: 'https://github.com',
      authorization_endpoint: '{base}/login/oauth/authorize',
      token_endpoint: '{base}/login/oauth/access_token',
      device_authorization_endpoint: '{base}/login/device/code',
      token_endpoint_auth_method: 'client_secret_post',
      // Asked for with spaces, granted with commas.
      token_response: { scope_separator: ',' },
      hosts: ['{base}'],
      token_username: 'x-access-token',
    },
  },
  {
    name: 'gitlab',
    title: 'GitLab',
    source: 'https://docs.gitlab.com/api/oauth2/',
    client: 'either',
    register:
      'Untick "Confidential" for a client without a secret. For git, add --scope "read_repository write_repository". For your own server, set base_url.',
    profile: {
      base_url: 'https://gitlab.com',
      issuer: '{base}',
      device_authorization_endpoint: '{base}/oauth/authorize_device',
      token_endpoint_auth_method: 'client_secret_post',
      // The redirect URI is compared on refresh, too.
      refresh_parameters: { redirect_uri: '{redirect_uri}' },
      hosts: ['{base}'],
    },
  },
  {
    name: 'bitbucket',
    title: 'Bitbucket Cloud',
    source: 'https://developer.atlassian.com/cloud/bitbucket/oauth-2/',
    client: 'confidential',
    register: 'An OAuth consumer of the workspace. The scopes are also set there.',
    profile: {
      authorization_endpoint: 'https://bitbucket.org/site/oauth2/authorize',
      token_endpoint: 'https://bitbucket.org/site/oauth2/access_token',
      hosts: ['bitbucket.org'],
      token_username: 'x-token-auth',
    },
  },
  {
    name: 'huggingface',
    title: 'Hugging Face',
    source: 'https://huggingface.co/docs/hub/oauth',
    client: 'either',
    register: 'A connected app. A public app has no secret.',
    profile: { issuer: 'https://huggingface.co' },
  },
  {
    name: 'atlassian',
    title: 'Atlassian (Jira, Confluence)',
    source: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
    client: 'confidential',
    register: 'An OAuth 2.0 (3LO) app with the permissions for your scopes.',
    profile: {
      authorization_endpoint: 'https://auth.atlassian.com/authorize',
      token_endpoint: 'https://auth.atlassian.com/oauth/token',
      token_request_format: 'json',
      token_endpoint_auth_method: 'client_secret_post',
      authorization_parameters: { audience: 'api.atlassian.com', prompt: 'consent' },
      offline_scope: 'offline_access',
    },
  },
  {
    name: 'linear',
    title: 'Linear',
    source: 'https://linear.app/developers/oauth-2-0-authentication',
    client: 'either',
    register: 'Add it to the callback URLs of an OAuth2 application.',
    profile: {
      authorization_endpoint: 'https://linear.app/oauth/authorize',
      token_endpoint: 'https://api.linear.app/oauth/token',
      revocation_endpoint: 'https://api.linear.app/oauth/revoke',
      token_endpoint_auth_method: 'client_secret_post',
      scope_separator: ',',
    },
  },
  {
    name: 'figma',
    title: 'Figma',
    source: 'https://developers.figma.com/docs/rest-api/authentication/',
    client: 'confidential',
    register: 'An OAuth app with the scopes that you request.',
    profile: {
      authorization_endpoint: 'https://www.figma.com/oauth',
      token_endpoint: 'https://api.figma.com/v1/oauth/token',
      refresh_endpoint: 'https://api.figma.com/v1/oauth/refresh',
    },
  },
])
