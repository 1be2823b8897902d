/** Presets for video, music, social networks and sport. Data only. */
import { LOCALHOST_ALONE, presets } from './preset.js'

export const PEOPLE = presets([
  {
    name: 'spotify',
    title: 'Spotify',
    source: 'https://developer.spotify.com/documentation/web-api/concepts/redirect_uri',
    client: 'either',
    redirect: { match: 'any_port', refuses: ['localhost'], instead: 'Use 127.0.0.1 or [::1].' },
    register: 'Add it to the redirect URIs of the app. The secret is not needed, because PKCE is used.',
    profile: {
      authorization_endpoint: 'https://accounts.spotify.com/authorize',
      token_endpoint: 'https://accounts.spotify.com/api/token',
    },
  },
  {
    name: 'discord',
    title: 'Discord',
    source: 'https://discord.com/developers/docs/topics/oauth2',
    client: 'either',
    register: 'Under "OAuth2" of the application. Without a secret, switch "Public Client" on.',
    profile: {
      authorization_endpoint: 'https://discord.com/oauth2/authorize',
      token_endpoint: 'https://discord.com/api/oauth2/token',
      revocation_endpoint: 'https://discord.com/api/oauth2/token/revoke',
    },
  },
  {
    name: 'reddit',
    title: 'Reddit',
    source: 'https://github.com/reddit-archive/reddit/wiki/OAuth2',
    client: 'confidential',
    register:
      'A "web app". Requests need a User-Agent that identifies you. To set your own, use "token_request_headers".',
    profile: {
      authorization_endpoint: 'https://www.reddit.com/api/v1/authorize',
      token_endpoint: 'https://www.reddit.com/api/v1/access_token',
      revocation_endpoint: 'https://www.reddit.com/api/v1/revoke_token',
      authorization_parameters: { duration: 'permanent' },
    },
  },
  {
    name: 'x',
    title: 'X',
    source: 'https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code',
    client: 'either',
    redirect: { match: 'exact', refuses: ['localhost'], instead: 'Use 127.0.0.1.' },
    register: 'Under "User authentication settings". A "Native App" has no secret.',
    profile: {
      authorization_endpoint: 'https://x.com/i/oauth2/authorize',
      token_endpoint: 'https://api.x.com/2/oauth2/token',
      revocation_endpoint: 'https://api.x.com/2/oauth2/revoke',
      offline_scope: 'offline.access',
      token_response: { dead_refresh_token: ['invalid_request'] },
    },
  },
  {
    name: 'linkedin',
    title: 'LinkedIn (native clients)',
    source: 'https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow-native',
    client: 'public',
    redirect: { match: 'unregistered', refuses: ['localhost'], instead: 'Use 127.0.0.1 or [::1].' },
    register: 'LinkedIn has to enable PKCE for the application: ask your contact there.',
    profile: {
      authorization_endpoint: 'https://www.linkedin.com/oauth/native-pkce/authorization',
      token_endpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
    },
  },
  {
    name: 'fitbit',
    title: 'Fitbit',
    source: 'https://dev.fitbit.com/build/reference/web-api/developer-guide/authorization/',
    client: 'either',
    register: 'An application of type "Personal" or "Client" sends no secret; a "Server" sends one.',
    profile: {
      authorization_endpoint: 'https://www.fitbit.com/oauth2/authorize',
      token_endpoint: 'https://api.fitbit.com/oauth2/token',
      revocation_endpoint: 'https://api.fitbit.com/oauth2/revoke',
    },
  },
  {
    name: 'strava',
    title: 'Strava',
    source: 'https://developers.strava.com/docs/authentication/',
    client: 'confidential',
    redirect: { match: 'unregistered', refuses: ['[::1]'], instead: 'Use 127.0.0.1 or localhost.' },
    register:
      'An API application. Only the domain is compared, and localhost and 127.0.0.1 are always accepted.',
    profile: {
      authorization_endpoint: 'https://www.strava.com/oauth/authorize',
      token_endpoint: 'https://www.strava.com/api/v3/oauth/token',
      token_endpoint_auth_method: 'client_secret_post',
      scope_separator: ',',
    },
  },
  {
    name: 'twitch',
    title: 'Twitch',
    source: 'https://dev.twitch.tv/docs/authentication/getting-tokens-oauth/',
    client: 'confidential',
    redirect: LOCALHOST_ALONE,
    register: 'Under "OAuth Redirect URLs" of the application.',
    profile: {
      authorization_endpoint: 'https://id.twitch.tv/oauth2/authorize',
      token_endpoint: 'https://id.twitch.tv/oauth2/token',
      revocation_endpoint: 'https://id.twitch.tv/oauth2/revoke',
      redirect_uri: 'http://localhost:{port}/callback/{profile}',
      token_endpoint_auth_method: 'client_secret_post',
    },
  },
])
