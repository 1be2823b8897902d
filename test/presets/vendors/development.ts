/** Where code, models, designs and issues live, as they document themselves. */
import { anyPort, exact, standardAnswer, unlessScope, type Vendor, wants } from '../vendor.js'

const GITHUB = {
  preset: 'github',
  rules: 'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
  clients: ['confidential'],
  authorize: 'https://github.com/login/oauth/authorize',
  token: 'https://github.com/login/oauth/access_token',
  device: 'https://github.com/login/device/code',
  redirect: anyPort,
  credentials: 'body',
  // Inside a 200.
  refuse: ({ about }) => {
    const words = {
      client: 'incorrect_client_credentials',
      code: 'bad_verification_code',
      refresh_token: 'bad_refresh_token',
      request: 'unsupported_grant_type',
    } as const
    return { body: { error: words[about], error_description: 'It was refused.', error_uri: 'https://docs' } }
  },
} as const satisfies Partial<Vendor>

export const DEVELOPMENT: readonly Vendor[] = [
  {
    ...GITHUB,
    variant: 'OAuth app',
    scopes: ['repo', 'gist', 'read:org'],
    neverRefreshes: true,
    lifetime: null,
    // Form-encoded unless JSON is asked for; granted scopes are separated by commas.
    answer: ({ accessToken, scopes, headers }) => {
      const body = { access_token: accessToken, scope: scopes.join(','), token_type: 'bearer' }
      const isJson = headers['accept']?.includes('application/json') === true
      return { body: isJson ? body : new URLSearchParams(body).toString() }
    },
  },
  {
    ...GITHUB,
    // "Expire user access tokens", which is on for a new app.
    variant: 'OAuth app whose tokens expire',
    scopes: ['repo', 'gist', 'read:org'],
    rotates: true,
    lifetime: 28_800,
    refreshLifetime: 15_897_600,
    answer: (issued) =>
      standardAnswer(28_800, {
        scope: issued.scopes.join(','),
        token_type: 'bearer',
        refresh_token_expires_in: 15_897_600,
      })(issued),
  },
  {
    ...GITHUB,
    rules:
      'https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens',
    variant: 'GitHub App',
    // What an App may do is said where it is installed; scopes are ignored.
    scopes: ['repo'],
    saysScope: false,
    rotates: true,
    lifetime: 28_800,
    refreshLifetime: 15_897_600,
    answer: standardAnswer(28_800, {
      scope: '',
      token_type: 'bearer',
      refresh_token_expires_in: 15_897_600,
    }),
  },
  {
    preset: 'gitlab',
    rules: 'https://docs.gitlab.com/api/oauth2/',
    clients: ['public', 'confidential'],
    authorize: 'https://gitlab.com/oauth/authorize',
    token: 'https://gitlab.com/oauth/token',
    revoke: 'https://gitlab.com/oauth/revoke',
    introspect: 'https://gitlab.com/oauth/introspect',
    device: 'https://gitlab.com/oauth/authorize_device',
    discovery: { issuer: 'https://gitlab.com', names: ['revoke', 'introspect'] },
    redirect: exact,
    scopes: ['openid', 'read_api', 'read_user'],
    credentials: 'body',
    refusesToken: (parameters, { redirectUri }) =>
      parameters['grant_type'] === 'refresh_token' && redirectUri !== ''
        ? wants({ redirect_uri: redirectUri })(parameters)
        : undefined,
    rotates: true,
    lifetime: 7200,
    answer: standardAnswer(7200, { token_type: 'bearer', created_at: 1_795_478_400 }),
  },
  {
    preset: 'bitbucket',
    rules: 'https://developer.atlassian.com/cloud/bitbucket/oauth-2/',
    clients: ['confidential'],
    authorize: 'https://bitbucket.org/site/oauth2/authorize',
    token: 'https://bitbucket.org/site/oauth2/access_token',
    redirect: exact,
    scopes: ['account', 'repository'],
    rotates: true,
    lifetime: 7200,
    answer: standardAnswer(7200, { state: 'authorization_code' }),
  },
  {
    preset: 'huggingface',
    rules: 'https://huggingface.co/docs/hub/oauth',
    clients: ['public', 'confidential'],
    authorize: 'https://huggingface.co/oauth/authorize',
    token: 'https://huggingface.co/oauth/token',
    discovery: { issuer: 'https://huggingface.co', names: [] },
    redirect: exact,
    scopes: ['openid', 'profile', 'read-repos'],
    rotates: true,
    lifetime: 28_800,
  },
  {
    preset: 'atlassian',
    rules: 'https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/',
    clients: ['confidential'],
    authorize: 'https://auth.atlassian.com/authorize',
    token: 'https://auth.atlassian.com/oauth/token',
    redirect: exact,
    scopes: ['read:jira-work', 'write:jira-work'],
    knownScopes: ['offline_access'],
    refusesAuthorization: wants({ audience: 'api.atlassian.com', prompt: 'consent' }),
    body: 'json',
    credentials: 'body',
    withholdsRefreshToken: unlessScope('offline_access'),
    rotates: true,
    lifetime: 3600,
    answer: standardAnswer(3600, { token_type: undefined }),
    refuse: ({ error, about }) =>
      about === 'refresh_token'
        ? {
            status: 403,
            body: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' },
          }
        : { status: 401, body: { error } },
  },
  {
    preset: 'linear',
    rules: 'https://linear.app/developers/oauth-2-0-authentication',
    clients: ['public', 'confidential'],
    authorize: 'https://linear.app/oauth/authorize',
    token: 'https://api.linear.app/oauth/token',
    revoke: 'https://api.linear.app/oauth/revoke',
    redirect: exact,
    scopes: ['read', 'issues:create', 'comments:create'],
    scopeSeparator: ',',
    credentials: 'body',
    rotates: true,
    lifetime: 86_399,
  },
  {
    preset: 'figma',
    rules: 'https://developers.figma.com/docs/rest-api/authentication/',
    clients: ['confidential'],
    authorize: 'https://www.figma.com/oauth',
    token: 'https://api.figma.com/v1/oauth/token',
    refresh: 'https://api.figma.com/v1/oauth/refresh',
    redirect: exact,
    scopes: ['file_content:read', 'file_comments:write'],
    saysScope: false,
    lifetime: 7_776_000,
    answer: standardAnswer(7_776_000, { token_type: 'bearer', scope: undefined, user_id_string: '1' }),
  },
]
