/** What people watch, hear, post and run, as they document themselves. */
import {
  anyPort,
  exact,
  onlyOn,
  standardAnswer,
  unlessAuthorization,
  unlessScope,
  unregisteredOn,
  type Vendor,
  wants,
} from '../vendor.js'

const LITERALS = ['127.0.0.1', '[::1]']

export const PEOPLE: readonly Vendor[] = [
  {
    preset: 'spotify',
    rules: 'https://developer.spotify.com/documentation/web-api/concepts/redirect_uri',
    clients: ['public', 'confidential'],
    authorize: 'https://accounts.spotify.com/authorize',
    token: 'https://accounts.spotify.com/api/token',
    redirect: onlyOn(LITERALS, anyPort),
    scopes: ['user-read-email', 'playlist-read-private'],
    rotates: true,
    lifetime: 3600,
  },
  {
    preset: 'discord',
    rules: 'https://discord.com/developers/docs/topics/oauth2',
    clients: ['public', 'confidential'],
    authorize: 'https://discord.com/oauth2/authorize',
    token: 'https://discord.com/api/oauth2/token',
    revoke: 'https://discord.com/api/oauth2/token/revoke',
    redirect: exact,
    scopes: ['identify', 'guilds'],
    rotates: true,
    lifetime: 604_800,
  },
  {
    preset: 'reddit',
    rules: 'https://github.com/reddit-archive/reddit/wiki/OAuth2',
    clients: ['confidential'],
    authorize: 'https://www.reddit.com/api/v1/authorize',
    token: 'https://www.reddit.com/api/v1/access_token',
    revoke: 'https://www.reddit.com/api/v1/revoke_token',
    redirect: exact,
    scopes: ['identity', 'read'],
    refusesToken: (_parameters, { headers }) =>
      /^\S+\/\S+/.test(headers['user-agent'] ?? '') ? undefined : 'the User-Agent says nothing',
    withholdsRefreshToken: unlessAuthorization({ duration: 'permanent' }),
    lifetime: 86_400,
    answer: standardAnswer(86_400, { token_type: 'bearer' }),
    // The error is a number.
    refuse: ({ about }) =>
      about === 'client'
        ? { status: 401, body: { message: 'Unauthorized', error: 401 } }
        : { status: 400, body: { message: 'Bad Request', error: 400 } },
  },
  {
    preset: 'x',
    rules: 'https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code',
    clients: ['public', 'confidential'],
    authorize: 'https://x.com/i/oauth2/authorize',
    token: 'https://api.x.com/2/oauth2/token',
    revoke: 'https://api.x.com/2/oauth2/revoke',
    redirect: onlyOn(LITERALS, exact),
    scopes: ['tweet.read', 'users.read'],
    knownScopes: ['offline.access'],
    pkce: 'required',
    withholdsRefreshToken: unlessScope('offline.access'),
    rotates: true,
    lifetime: 7200,
    answer: standardAnswer(7200, { token_type: 'bearer' }),
    // Whatever is wrong with a token or a code.
    refuse: ({ about }) =>
      about === 'client'
        ? { status: 401, body: { error: 'unauthorized_client', error_description: 'Missing header.' } }
        : {
            status: 400,
            body: {
              error: 'invalid_request',
              error_description: 'Value passed for the token was invalid.',
            },
          },
  },
  {
    preset: 'linkedin',
    rules: 'https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow-native',
    clients: ['public'],
    authorize: 'https://www.linkedin.com/oauth/native-pkce/authorization',
    token: 'https://www.linkedin.com/oauth/v2/accessToken',
    redirect: unregisteredOn(LITERALS),
    scopes: ['r_basicprofile', 'w_member_social'],
    // All of it or nothing.
    saysScope: false,
    pkce: 'required',
    lifetime: 5_184_000,
    refreshLifetime: 31_536_000,
    // No token_type, and the same refresh token again.
    answer: ({ accessToken, refreshToken, sent }) => ({
      body: {
        access_token: accessToken,
        expires_in: 5_184_000,
        refresh_token: refreshToken ?? sent,
        refresh_token_expires_in: 31_536_000,
      },
    }),
  },
  {
    preset: 'fitbit',
    rules: 'https://dev.fitbit.com/build/reference/web-api/developer-guide/authorization/',
    clients: ['public', 'confidential'],
    authorize: 'https://www.fitbit.com/oauth2/authorize',
    token: 'https://api.fitbit.com/oauth2/token',
    revoke: 'https://api.fitbit.com/oauth2/revoke',
    redirect: exact,
    scopes: ['activity', 'sleep'],
    pkce: 'required',
    rotates: true,
    lifetime: 28_800,
    answer: standardAnswer(28_800, { user_id: 'ABC123' }),
    // It repeats the token that was sent.
    refuse: ({ error, sent }) => ({
      status: error === 'invalid_client' ? 401 : 400,
      body: { errors: [{ errorType: error, message: `Refresh token invalid: ${sent}.` }], success: false },
    }),
  },
  {
    preset: 'strava',
    rules: 'https://developers.strava.com/docs/authentication/',
    clients: ['confidential'],
    authorize: 'https://www.strava.com/oauth/authorize',
    token: 'https://www.strava.com/api/v3/oauth/token',
    redirect: unregisteredOn(['localhost', '127.0.0.1']),
    scopes: ['read', 'activity:read'],
    scopeSeparator: ',',
    // What was granted is said at the redirect URI, not by the token endpoint.
    saysScope: false,
    callback: { scope: 'read,activity:read' },
    credentials: 'body',
    rotates: true,
    lifetime: 21_600,
    answer: standardAnswer(21_600, {
      scope: undefined,
      expires_at: 1_795_500_000,
      athlete: { id: 1 },
    }),
    refuse: ({ about }) => {
      const fields = {
        client: ['Application', 'client_id'],
        code: ['AuthorizationCode', 'code'],
        refresh_token: ['RefreshToken', 'refresh_token'],
        request: ['Request', 'grant_type'],
      } as const
      const [resource, field] = fields[about]
      return {
        status: about === 'client' ? 401 : 400,
        body: { message: 'Bad Request', errors: [{ resource, field, code: 'invalid' }] },
      }
    },
  },
  {
    preset: 'twitch',
    rules: 'https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/',
    clients: ['confidential'],
    authorize: 'https://id.twitch.tv/oauth2/authorize',
    token: 'https://id.twitch.tv/oauth2/token',
    revoke: 'https://id.twitch.tv/oauth2/revoke',
    redirect: onlyOn(['localhost'], exact),
    scopes: ['user:read:email', 'chat:read', 'channel:read:polls'],
    credentials: 'body',
    rotates: true,
    lifetime: 14_124,
    answer: ({ accessToken, refreshToken, scopes }) => ({
      body: {
        access_token: accessToken,
        token_type: 'bearer',
        expires_in: 14_124,
        refresh_token: refreshToken,
        scope: scopes,
      },
    }),
    refuse: () => ({ status: 400, body: { status: 400, message: 'Invalid refresh token' } }),
  },
  {
    preset: 'withings',
    rules: 'https://developer.withings.com/api-reference/#tag/oauth2',
    clients: ['confidential'],
    authorize: 'https://account.withings.com/oauth2_user/authorize2',
    token: 'https://wbsapi.withings.net/v2/oauth2',
    redirect: exact,
    scopes: ['user.metrics', 'user.activity'],
    scopeSeparator: ',',
    credentials: 'body',
    refusesToken: wants({ action: 'requesttoken' }),
    rotates: true,
    lifetime: 10_800,
    answer: ({ accessToken, refreshToken, scopes }) => ({
      body: {
        status: 0,
        body: {
          userid: '12345678',
          access_token: accessToken,
          refresh_token: refreshToken,
          scope: scopes.join(','),
          expires_in: 10_800,
          token_type: 'Bearer',
        },
      },
    }),
    // Inside a 200: a number and a sentence.
    refuse: ({ about }) => ({
      body: {
        status: 503,
        body: {},
        error: `Invalid Params: invalid ${about === 'refresh_token' ? 'refresh_token' : 'code'}`,
      },
    }),
  },
  {
    preset: 'tiktok',
    rules: 'https://developers.tiktok.com/doc/login-kit-desktop',
    clients: ['confidential'],
    authorize: 'https://www.tiktok.com/v2/auth/authorize/',
    token: 'https://open.tiktokapis.com/v2/oauth/token/',
    names: { client_id: 'client_key' },
    redirect: onlyOn(['127.0.0.1', 'localhost'], exact),
    scopes: ['user.info.basic', 'video.list'],
    scopeSeparator: ',',
    pkce: 'required in hex',
    credentials: 'body',
    rotates: true,
    lifetime: 86_400,
    refreshLifetime: 31_536_000,
    answer: (issued) =>
      standardAnswer(86_400, {
        open_id: '723f24d7-e717-40f8-a2b6-cb8464cd23b4',
        refresh_expires_in: 31_536_000,
        scope: issued.scopes.join(','),
      })(issued),
  },
  {
    preset: 'wechat',
    rules: 'https://developers.weixin.qq.com/doc/oplatform/en/Website_App/WeChat_Login/Wechat_Login.html',
    written: { redirect_uri: 'http://tool.example/callback', listen: '127.0.0.1:9000' },
    clients: ['confidential'],
    authorize: 'https://open.weixin.qq.com/connect/qrconnect',
    token: 'https://api.weixin.qq.com/sns/oauth2/access_token',
    refresh: 'https://api.weixin.qq.com/sns/oauth2/refresh_token',
    names: { client_id: 'appid', client_secret: 'secret' },
    // Only the domain is compared, and it is one that somebody owns.
    redirect: (asked) => asked.hostname === 'tool.example',
    scopes: ['snsapi_login'],
    saysScope: false,
    credentials: 'body',
    lifetime: 7200,
    // No token_type, and the same refresh token again.
    answer: ({ accessToken, refreshToken, sent, scopes }) => ({
      body: {
        access_token: accessToken,
        expires_in: 7200,
        refresh_token: refreshToken ?? sent,
        openid: 'O1',
        scope: scopes.join(','),
      },
    }),
    refuse: ({ about }) => ({
      body:
        about === 'refresh_token'
          ? { errcode: 40030, errmsg: 'invalid refresh_token' }
          : { errcode: 40029, errmsg: 'invalid code' },
    }),
  },
  {
    preset: 'deezer',
    rules: 'https://developers.deezer.com/api/oauth',
    clients: ['confidential'],
    authorize: 'https://connect.deezer.com/oauth/auth.php',
    token: 'https://connect.deezer.com/oauth/access_token.php',
    names: { client_id: 'app_id', client_secret: 'secret' },
    redirect: exact,
    scopes: ['basic_access', 'email'],
    scopeParameter: 'perms',
    scopeSeparator: ',',
    saysScope: false,
    credentials: 'body',
    refusesToken: wants({ output: 'json' }),
    neverRefreshes: true,
    lifetime: 3600,
    answer: ({ accessToken }) => ({ body: { access_token: accessToken, expires: 3600 } }),
    refuse: () => ({ body: 'wrong code' }),
    refusesInWords: true,
  },
]
