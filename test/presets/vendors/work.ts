/** Where people write, meet and keep their files, as they document themselves. */
import { anyPort, exact, onlyOn, standardAnswer, unlessAuthorization, type Vendor, wants } from '../vendor.js'

export const WORK: readonly Vendor[] = [
  {
    preset: 'slack',
    rules: 'https://docs.slack.dev/authentication/using-pkce',
    clients: ['public'],
    authorize: 'https://slack.com/oauth/v2/authorize',
    token: 'https://slack.com/api/oauth.v2.access',
    redirect: onlyOn(['localhost'], exact),
    scopes: ['channels:read', 'chat:write', 'users:read'],
    scopeParameter: 'user_scope',
    scopeSeparator: ',',
    pkce: 'required',
    refusesAuthorization: ({ scope }) =>
      scope === undefined ? undefined : 'scope is for bots, which a redirect to localhost may not have',
    rotates: true,
    lifetime: 43_200,
    // A login answers for the bot on top and for the person inside; a refresh for the person on top.
    answer: ({ grant, accessToken, refreshToken, scopes }) => {
      const person = {
        access_token: accessToken,
        token_type: 'user',
        scope: scopes.join(','),
        expires_in: 43_200,
        refresh_token: refreshToken,
      }
      const inside = { app_id: 'A1', team: { id: 'T1' }, authed_user: { id: 'U1', ...person } }
      return { body: { ok: true, ...(grant === 'refresh' ? person : inside) } }
    },
    // Inside a 200.
    refuse: ({ about }) => ({ body: { ok: false, error: `invalid_${about}` } }),
  },
  {
    preset: 'notion',
    rules: 'https://developers.notion.com/reference/create-a-token',
    clients: ['confidential'],
    authorize: 'https://api.notion.com/v1/oauth/authorize',
    token: 'https://api.notion.com/v1/oauth/token',
    redirect: exact,
    scopes: [],
    refusesAuthorization: wants({ owner: 'user' }),
    body: 'json',
    members: ['grant_type', 'code', 'redirect_uri', 'external_account', 'refresh_token'],
    refusesToken: (_parameters, { headers }) =>
      headers['notion-version'] === undefined ? 'the header Notion-Version is missing' : undefined,
    rotates: true,
    lifetime: null,
    answer: standardAnswer(null, {
      token_type: 'bearer',
      scope: undefined,
      bot_id: 'b-1',
      workspace_icon: null,
      duplicated_template_id: null,
      owner: { type: 'user', user: { object: 'user', id: 'u-1' } },
    }),
    refuse: ({ error }) => ({
      status: 400,
      body: { object: 'error', status: 400, code: error, message: 'It was refused.' },
    }),
  },
  {
    preset: 'asana',
    rules: 'https://developers.asana.com/docs/oauth',
    clients: ['confidential'],
    authorize: 'https://app.asana.com/-/oauth_authorize',
    token: 'https://app.asana.com/-/oauth_token',
    revoke: 'https://app.asana.com/-/oauth_revoke',
    redirect: exact,
    scopes: ['tasks:read', 'projects:read'],
    saysScope: false,
    credentials: 'body',
    lifetime: 3600,
    answer: standardAnswer(3600, {
      token_type: 'bearer',
      scope: undefined,
      data: { id: 4, gid: '4', name: 'Greg', email: 'greg@example.com' },
    }),
  },
  {
    preset: 'zoom',
    rules: 'https://developers.zoom.us/docs/integrations/oauth/',
    clients: ['confidential'],
    authorize: 'https://zoom.us/oauth/authorize',
    token: 'https://zoom.us/oauth/token',
    revoke: 'https://zoom.us/oauth/revoke',
    redirect: anyPort,
    scopes: ['user:read:user', 'meeting:read:meeting'],
    rotates: true,
    lifetime: 3599,
    answer: standardAnswer(3599, { token_type: 'bearer', api_url: 'https://api.zoom.us' }),
    refuse: ({ error, about }) =>
      about === 'refresh_token'
        ? { status: 401, body: { reason: 'Invalid Token!', error: 'invalid_request' } }
        : { status: 400, body: { reason: 'It was refused.', error } },
  },
  {
    preset: 'dropbox',
    rules: 'https://developers.dropbox.com/oauth-guide',
    clients: ['public', 'confidential'],
    authorize: 'https://www.dropbox.com/oauth2/authorize',
    token: 'https://api.dropboxapi.com/oauth2/token',
    redirect: exact,
    scopes: ['files.content.read', 'account_info.read'],
    withholdsRefreshToken: unlessAuthorization({ token_access_type: 'offline' }),
    lifetime: 14_400,
    answer: standardAnswer(14_400, { token_type: 'bearer', uid: '1', account_id: 'dbid:1' }),
  },
  {
    preset: 'box',
    rules: 'https://developer.box.com/guides/authentication/oauth2/oauth2-setup/',
    clients: ['confidential'],
    authorize: 'https://account.box.com/api/oauth2/authorize',
    token: 'https://api.box.com/oauth2/token',
    revoke: 'https://api.box.com/oauth2/revoke',
    redirect: anyPort,
    scopes: ['root_readonly', 'item_preview'],
    saysScope: false,
    credentials: 'body',
    rotates: true,
    lifetime: 4169,
    answer: standardAnswer(4169, {
      token_type: 'bearer',
      scope: undefined,
      restricted_to: [],
      event_id: null,
    }),
  },
  {
    preset: 'docusign',
    rules: 'https://developers.docusign.com/platform/auth/authcode/',
    clients: ['public', 'confidential'],
    authorize: 'https://account.docusign.com/oauth/auth',
    token: 'https://account.docusign.com/oauth/token',
    redirect: exact,
    scopes: ['signature', 'impersonation'],
    saysScope: false,
    rotates: true,
    lifetime: 28_800,
    answer: standardAnswer(28_800, { scope: undefined }),
  },
]
