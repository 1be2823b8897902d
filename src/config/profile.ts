/**
 * A profile: one client registration at one authorization server for one account.
 *
 * The zod schemas here are the only source of the types, of the JSON Schema for editors and of the reference page.
 * Names are the RFCs' metadata names (RFC 8414 §2, RFC 7591 §2) and keep their spelling inside the program, so that a
 * profile reads the same in the file, in the API and in the code. resolve.ts merges `preset`, `extends` and `base_url`
 * into a {@link Profile}.
 */
import * as z from 'zod'
import { GRANT_TYPES } from './grants.js'
import {
  endpoint,
  file,
  httpUrl,
  type KeyOf,
  keysOf,
  parameters,
  profileKey,
  type ShownKeyOf,
  serverUrl,
  setting,
  source,
} from './profile-key.js'
import { RESPONSE_MODE_NAMES } from './response-modes.js'
import { TokenResponseShape } from './token-response-shape.js'

/** Completes "a profile name …". */
export const PROFILE_NAME_RULE = 'must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit'

export const PROFILE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/
export const ProfileName = z.string().regex(PROFILE_NAME, PROFILE_NAME_RULE)

/** A blank, a quotation mark or a line end at an end was copied with it. */
const clientId = z
  .string()
  .min(1, { abort: true })
  .regex(
    /^(?![\s"'“”‘’])[^\p{Cc}]+(?<![\s"'“”‘’])$/u,
    'must not have a blank, a quotation mark or a line end around it',
  )

const values = z.record(z.string().min(1), z.string())
const headers = z.record(
  z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of an HTTP header'),
  z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must fit into one line of an HTTP header'),
)

/** The source of the client secret. A string is possible, with a warning. */
export const ClientSecretSource = z.union(
  [
    z.strictObject({ keychain: z.literal(true).describe('Kept in the vault of the daemon') }),
    z.strictObject({ env: z.string().min(1).describe('Name of an environment variable of the daemon') }),
    z.strictObject({ file: z.string().min(1).describe('Path of a file that contains only the secret') }),
    z.strictObject({
      command: z
        .array(z.string())
        .min(1)
        .describe('Program and arguments; no shell is used; prints the secret'),
    }),
    z.string().min(1).describe('The secret itself: not recommended, because others may read it here'),
  ],
  {
    error:
      'must be {"keychain": true}, {"env": "NAME"}, {"file": "path"}, {"command": ["program", "argument"]} or a string',
  },
)
export type ClientSecretSource = z.infer<typeof ClientSecretSource>

/** The subject token of a token exchange (RFC 8693 §2.1). */
export const SubjectTokenSource = z.union(
  [
    z.strictObject({
      profile: ProfileName.describe('Another profile'),
      token: z
        .enum(['access_token', 'id_token'])
        .optional()
        .describe('Which of its tokens; by default access_token'),
    }),
    z.strictObject({ file: z.string().min(1).describe('Path of a file that contains only the token') }),
  ],
  { error: 'must be {"profile": "NAME"}, {"profile": "NAME", "token": "id_token"} or {"file": "path"}' },
)

/** One entry of `profiles`, as it is in the file. */
export const ProfileEntry = z
  .strictObject({
    preset: setting(
      z.string().min(1),
      'Name of a preset (`catchd presets`): endpoints and special settings of a known server',
      {
        label: 'Preset',
        help: 'The service to connect to. Type to search. Leave empty if it is not in the list.',
      },
    ),
    extends: setting(ProfileName, 'Profile to inherit unset values from'),
    base_url: setting(httpUrl, 'Address of your server, for {base} in the endpoints of the preset', {
      label: 'Base URL',
      help: 'The address of your server at this service, such as https://api.example.com:5543',
    }),
    issuer: serverUrl(
      'Issuer identifier; the endpoints are discovered from it (RFC 8414, OpenID Connect Discovery), and `iss` of a response is compared with it (RFC 9207)',
      {
        getsNoSecret: true,
        field: {
          label: 'Issuer',
          help: 'The address of the login server, such as https://id.example.com. catchd reads its other settings from there.',
        },
      },
    ),
    resource_server: serverUrl('A protected resource whose metadata names the issuer (RFC 9728)', {
      getsNoSecret: true,
    }),
    ca_file: file("PEM or DER file of the CA that signed the server's certificate, or of that certificate"),
    authorization_endpoint: endpoint('Authorization endpoint, which the browser opens (RFC 6749 §3.1)', {
      getsNoSecret: true,
    }),
    token_endpoint: endpoint('Token endpoint, for codes and refresh tokens (RFC 6749 §3.2)'),
    refresh_endpoint: serverUrl('Endpoint for refresh requests, if it is not the token endpoint'),
    revocation_endpoint: endpoint('Revocation endpoint, for `catchd logout` (RFC 7009)'),
    introspection_endpoint: endpoint('Introspection endpoint, for `catchd inspect` (RFC 7662)'),
    userinfo_endpoint: endpoint('UserInfo endpoint, for claims about the user (OpenID Connect Core §5.3)'),
    device_authorization_endpoint: endpoint('Device authorization endpoint (RFC 8628 §3.1)'),
    pushed_authorization_request_endpoint: endpoint('Pushed authorization request endpoint (RFC 9126)'),
    registration_endpoint: endpoint('Dynamic client registration endpoint (RFC 7591)'),
    jwks_uri: endpoint('URL of the keys that id_tokens are checked with (RFC 7517)', { getsNoSecret: true }),
    client_id: setting(clientId, 'Client identifier that the server issued (RFC 6749 §2.2)', {
      label: 'Client ID',
      help: 'The service shows it when you register an application there.',
    }),
    client_secret: source(
      ClientSecretSource,
      'Source of the client secret; `catchd profile set-secret NAME` puts it into the vault',
      {
        label: 'Client secret',
        help: 'The service shows it beside the client ID. catchd stores it in the vault and does not show it again.',
      },
    ),
    token_endpoint_auth_method: setting(
      z.enum([
        'none',
        'client_secret_basic',
        'client_secret_post',
        'client_secret_jwt',
        'private_key_jwt',
        'tls_client_auth',
      ]),
      'Client authentication at the token endpoint (RFC 7591 §2)',
    ),
    client_secret_basic_encoding: setting(
      z.enum(['form', 'raw']),
      'Encoding of the credentials for client_secret_basic: form (RFC 6749 §2.3.1), or raw for servers that expect that',
    ),
    private_key_file: file('PEM file of the key for private_key_jwt (RFC 7523) or tls_client_auth'),
    certificate_file: file('PEM file of the certificate for tls_client_auth (RFC 8705)'),
    grant: setting(z.enum(GRANT_TYPES), 'How tokens are obtained', {
      label: 'Grant',
      help: 'How catchd gets tokens. Most profiles log in with the browser (authorization_code).',
      isSeldom: true,
    }),
    subject_token: source(
      SubjectTokenSource,
      'Token exchange: the token to exchange, from another profile or from a file (RFC 8693 §2.1)',
    ),
    subject_token_type: setting(
      z.string().min(1),
      'Token exchange: token type identifier of the subject token (RFC 8693 §3); by default that of an access token or id_token, and of a JWT for a file',
    ),
    requested_token_type: setting(
      z.string().min(1),
      'Token exchange: token type identifier of the new token (RFC 8693 §3)',
    ),
    audience: setting(
      z.union([z.string().min(1), z.array(z.string().min(1))], {
        error: 'must be a string or a list of strings',
      }),
      'Token exchange: logical names of the services that the new token is for (RFC 8693 §2.1); other requests get one from authorization_parameters or token_parameters',
    ),
    redirect_uri: setting(
      httpUrl,
      'Redirect URI: any loopback host, port and path; port 0 means a new port for each login (RFC 8252 §7.3)',
      {
        label: 'Redirect URI',
        help: 'The address on this machine where the login ends. Set it only if the service does not accept the one above.',
        isSeldom: true,
      },
    ),
    authorization_redirect_uri: setting(
      z.string().regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without blanks'),
      'Sent as redirect_uri in the requests, instead of the redirect_uri that catchd listens on, for servers that know it under a name (the RuName of eBay)',
    ),
    redirect_certificate_file: file(
      'PEM file of the certificate for an https redirect_uri, followed by its chain; by default the certificate of `catchd certificate make`',
    ),
    redirect_private_key_file: file(
      'PEM file of the private key of redirect_certificate_file; other users must not be able to read it',
    ),
    listen: setting(
      z.string().min(1),
      'Loopback host:port to listen on, if redirect_uri has a name from the hosts file or leads to a tunnel or a forwarded port; https needs redirect_certificate_file',
    ),
    response_mode: setting(
      z.enum(RESPONSE_MODE_NAMES),
      'How the authorization response arrives (OAuth 2.0 Multiple Response Types §2.1); with .jwt: signed by the server (JARM)',
    ),
    code_parameter: setting(
      z.string().min(1),
      'Parameter of the authorization response that contains the code, if it is not code',
    ),
    scope: setting(z.string(), 'Scopes to request, separated by spaces (RFC 6749 §3.3)', {
      label: 'Scope',
      help: 'What the token may be used for: names from the documentation of the service, separated by spaces.',
    }),
    scope_separator: setting(z.string().length(1), 'Separator between scopes; some servers expect a comma'),
    scope_parameter: setting(
      z.string().min(1),
      'Parameter of the authorization request that contains the scopes, if it is not scope',
    ),
    offline_scope: setting(
      z.string(),
      'Added to scope: the scope that the server requires for a refresh token (OpenID Connect Core §11); an empty value removes the one of the preset',
    ),
    resource: setting(
      z.union([httpUrl, z.array(httpUrl)], { error: 'must be a URL or a list of URLs' }),
      'Resource indicator, sent in both requests (RFC 8707)',
    ),
    code_challenge_method: setting(
      z.enum(['S256', 'plain', 'none']),
      'PKCE (RFC 7636); none only for servers that refuse it; a device login has PKCE only if this is set',
    ),
    code_challenge_encoding: setting(
      z.enum(['base64url', 'hex']),
      'Encoding of the code_challenge for S256: base64url (RFC 7636 §4.2), or hex for servers that expect that',
    ),
    state_echo: setting(
      z.boolean(),
      'false only for servers that drop `state`; this is weaker and requires PKCE and a redirect_uri that no other profile uses',
    ),
    dpop: setting(z.boolean(), 'Bind tokens to a key of the daemon (RFC 9449)'),
    authorization_parameters: parameters(
      values,
      "Added to the authorization request and the device authorization request, in addition to those of the preset; an empty value removes the preset's; `{client_id}`, `{redirect_uri}` and `{scope}` stand for the values of the request",
      true,
    ),
    token_parameters: parameters(
      values,
      'Added to the token request, in addition to those of the preset; an empty value leaves a parameter out, even a standard one; `{client_id}`, `{client_secret}`, `{code}`, `{code_verifier}`, `{redirect_uri}`, `{refresh_token}` and `{scope}` stand for the values of the request, and a parameter whose value the request does not have is left out; `{{code}}` is the text `{code}`',
      'known_parameters',
    ),
    refresh_parameters: parameters(
      values,
      'Like token_parameters, for refresh requests only; replaces token_parameters of the same name',
      'known_parameters',
    ),
    token_request_headers: parameters(
      headers,
      "Headers added to the token request, in addition to those of the preset; an empty value removes the preset's",
      'known_headers',
    ),
    token_request_format: setting(
      z.enum(['form', 'json']),
      'Body of the token request: form as in RFC 6749, or a JSON object',
    ),
    token_response: setting(TokenResponseShape, 'For token responses that differ from RFC 6749 §5.1'),
    expires_in_default: setting(
      z.int().min(1).max(315_360_000),
      'How many seconds an access token is valid, if the server does not say so; unset: unknown',
    ),
    refresh: setting(
      z.enum(['ahead', 'on_demand']),
      'ahead: before expiry, if the profile was used in the last 24 hours; on_demand: when a token is requested',
    ),
    min_ttl_seconds: setting(
      z.int().min(0).max(86_400),
      'A token with fewer seconds left is refreshed before a tool gets it',
    ),
    lifetime_seconds: setting(
      z.int().min(1).max(31_536_000),
      'How long after a login the tokens are kept; then catchd revokes and deletes them, and a new login is needed; a refresh does not prolong this; unset: no limit',
    ),
    login_pause_seconds: setting(
      z.int().min(60).max(2_592_000),
      'If nobody answers a browser tab that a tool opened (login=auto), tools may open another one after this time; unset: only after the user has logged in',
    ),
    hosts: setting(
      z.array(z.string().min(1)),
      'Hosts for which `catchd credential` uses this profile; an empty list removes those of the preset; not inherited',
    ),
    token_username: setting(
      z.string().regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without blanks'),
      'User name for tools that send the token as a password (git, docker, .netrc); not inherited; by default the one of the preset, else oauth2',
    ),
  })
  .partial()
export type ProfileEntry = z.infer<typeof ProfileEntry>

type Shape = typeof ProfileEntry.shape
export type Endpoint = KeyOf<Shape, 'endpoint'>
export type ServerUrl = KeyOf<Shape, 'endpoint' | 'server_url'>
/** Keys of which everything may be shown. */
export type ShownKey = ShownKeyOf<Shape>

/**
 * The groups of the keys, for help and for the reference page, in the order of the schema. A group begins at its key and
 * ends before the next one.
 */
export const KEY_GROUPS = {
  Server: 'preset',
  Endpoints: 'authorization_endpoint',
  'Client and its authentication': 'client_id',
  'Grant and token exchange': 'grant',
  'Redirect URI and authorization response': 'redirect_uri',
  'Scope and resource': 'scope',
  'PKCE, state and DPoP': 'code_challenge_method',
  'Requests and token responses': 'authorization_parameters',
  'Use of the tokens': 'refresh',
} as const satisfies Record<string, keyof Shape>

/** @returns Each key with the group that it belongs to, in the order of the schema. */
export function groupedKeys(): { readonly group: string; readonly key: keyof Shape }[] {
  const begins = new Map<string, string>(Object.entries(KEY_GROUPS).map(([group, first]) => [first, group]))
  let group = ''
  return (Object.keys(ProfileEntry.shape) as (keyof Shape)[]).map((key) => {
    group = begins.get(key) ?? group
    return { group, key }
  })
}

/** Keys that a server publishes under the same name (RFC 8414 §2). */
export const ENDPOINTS = keysOf(ProfileEntry.shape, 'endpoint')
/** Every key that holds a URL of an authorization server. */
export const SERVER_URLS = keysOf(ProfileEntry.shape, 'endpoint', 'server_url')
/** Every key that holds a URL to which secrets are sent. Others only name a server, or publish something. */
export const SECRET_URLS = SERVER_URLS.filter(
  (name) => profileKey(ProfileEntry.shape, name)?.getsNoSecret !== true,
)
/** Every key that holds the path of a file. Sources may hold one too. */
export const FILE_KEYS = keysOf(ProfileEntry.shape, 'file')
export const PARAMETER_KEYS = keysOf(ProfileEntry.shape, 'parameters')
export const SOURCE_KEYS = keysOf(ProfileEntry.shape, 'source')

/** The values of keys that neither the entry, nor what it extends, nor the preset sets. */
export const PROFILE_DEFAULTS = {
  client_secret_basic_encoding: 'form',
  grant: 'authorization_code',
  response_mode: 'query',
  scope_separator: ' ',
  code_challenge_method: 'S256',
  code_challenge_encoding: 'base64url',
  code_parameter: 'code',
  state_echo: true,
  authorization_parameters: {},
  token_parameters: {},
  token_request_headers: {},
  token_request_format: 'form',
  dpop: false,
  refresh: 'ahead',
  min_ttl_seconds: 60,
  hosts: [],
} satisfies ProfileEntry

type Defaulted = keyof typeof PROFILE_DEFAULTS | 'client_id' | 'redirect_uri' | 'token_endpoint_auth_method'

/**
 * A profile ready for use: preset and `extends` merged, `{base}` filled in, paths absolute, defaults applied, the
 * offline scope among the scopes. `redirect_uri` may still hold port 0.
 */
export type Profile = Omit<ProfileEntry, 'preset' | 'extends' | 'base_url' | 'offline_scope' | Defaulted> & {
  readonly [Key in Defaulted]-?: NonNullable<ProfileEntry[Key]>
} & {
  readonly name: string
  /** Name of the preset it was built from, for messages. */
  readonly preset: string | null
  /** The profile that the `client_secret` is inherited from by `extends`. Vault items are named after it. */
  readonly client_secret_of?: string
}
