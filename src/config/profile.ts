/**
 * A profile: one client registration at one authorization server for one account.
 *
 * The zod schemas here are the one source of the types, of the JSON Schema for editors and of the reference
 * page. Names are the RFCs' metadata names (RFC 8414 §2, RFC 7591 §2) and keep their spelling inside the
 * program, so that a profile reads the same in the file, in the API and in the code. Merging `preset`,
 * `extends` and `base_url` into a {@link Profile} is resolve.ts.
 */
import { z } from 'zod'

export const ProfileName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'use 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit')

const endpoint = z.url({ protocol: /^https?$/ })
const parameters = z.record(z.string().min(1), z.string())

/** Where the client secret comes from; a string is possible and warned about. */
export const ClientSecretSource = z.union([
  z.strictObject({ keychain: z.literal(true) }),
  z.strictObject({ env: z.string().min(1) }),
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ command: z.array(z.string()).min(1) }),
  z.string().min(1),
])
export type ClientSecretSource = z.infer<typeof ClientSecretSource>

/** For token responses that do not look like RFC 6749 §5.1. */
export const TokenResponseShape = z.strictObject({
  pointers: z
    .partialRecord(
      z.enum(['access_token', 'token_type', 'expires_in', 'refresh_token', 'scope', 'id_token']),
      z.string().regex(/^\//),
    )
    .optional()
    .describe('JSON pointers (RFC 6901) to members that do not stand at the top'),
  defaults: z
    .partialRecord(z.enum(['token_type', 'scope']), z.string())
    .optional()
    .describe('Values for members that the server leaves out'),
  expires_in_unit: z.enum(['s', 'ms']).optional(),
})
export type TokenResponseShape = z.infer<typeof TokenResponseShape>

/** One entry of `profiles` as people write it. */
export const ProfileEntry = z
  .strictObject({
    preset: z.string().min(1).describe('Name of a row of `catchd presets`: endpoints and quirks'),
    extends: ProfileName.describe('Another profile whose keys stand where this one names none'),
    base_url: endpoint.describe('What {base} stands for in the preset'),
    issuer: endpoint.describe('Issuer identifier; metadata is discovered (RFC 8414, OpenID Connect Discovery)'),
    resource_server: endpoint.describe('A protected resource whose metadata names the issuer (RFC 9728)'),
    authorization_endpoint: endpoint,
    token_endpoint: endpoint,
    refresh_endpoint: endpoint.describe('Where refresh requests go when not to the token endpoint'),
    revocation_endpoint: endpoint,
    introspection_endpoint: endpoint,
    userinfo_endpoint: endpoint,
    device_authorization_endpoint: endpoint,
    pushed_authorization_request_endpoint: endpoint,
    registration_endpoint: endpoint,
    jwks_uri: endpoint,
    client_id: z.string().min(1),
    client_secret: ClientSecretSource,
    token_endpoint_auth_method: z.enum([
      'none',
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'tls_client_auth',
    ]),
    client_secret_basic_encoding: z
      .enum(['form', 'raw'])
      .describe('RFC 6749 §2.3.1 form-encodes the credentials first; some servers want them raw'),
    private_key_file: z.string().min(1),
    certificate_file: z.string().min(1),
    grant: z.enum([
      'authorization_code',
      'urn:ietf:params:oauth:grant-type:device_code',
      'client_credentials',
    ]),
    redirect_uri: endpoint.describe('Default http://127.0.0.1:8252/callback/NAME; port 0: a fresh port per login'),
    listen: z.string().min(1).describe('host:port to bind when redirect_uri is not loopback'),
    response_mode: z.enum(['query', 'form_post', 'fragment']),
    scope: z.string(),
    scope_separator: z.string().min(1).max(1),
    resource: z.union([endpoint, z.array(endpoint)]).describe('Resource indicator (RFC 8707)'),
    code_challenge_method: z.enum(['S256', 'plain', 'none']),
    state_echo: z.boolean().describe('false only for servers that drop `state`; weaker'),
    authorization_parameters: parameters.describe('Added to the authorization request'),
    token_parameters: parameters.describe('Added to the token request'),
    token_request_headers: parameters,
    token_request_format: z.enum(['form', 'json']),
    token_response: TokenResponseShape,
    dpop: z.boolean(),
    ca_file: z.string().min(1).describe('PEM file of the CA that signed the server certificate'),
    refresh: z.enum(['ahead', 'on_demand']),
    min_ttl_seconds: z.int().min(0).max(86_400),
    hosts: z.array(z.string().min(1)).describe('Hosts for which `catchd credential` uses this profile'),
  })
  .partial()
export type ProfileEntry = z.infer<typeof ProfileEntry>

type Defaulted =
  | 'client_id'
  | 'grant'
  | 'redirect_uri'
  | 'response_mode'
  | 'scope_separator'
  | 'code_challenge_method'
  | 'state_echo'
  | 'authorization_parameters'
  | 'token_parameters'
  | 'token_request_headers'
  | 'token_request_format'
  | 'token_endpoint_auth_method'
  | 'client_secret_basic_encoding'
  | 'dpop'
  | 'refresh'
  | 'min_ttl_seconds'
  | 'hosts'

/**
 * A profile ready for use: preset and `extends` merged, `{base}` filled in, paths absolute, defaults applied.
 * `redirect_uri` still may hold port 0.
 */
export type Profile = Omit<ProfileEntry, 'preset' | 'extends' | 'base_url' | Defaulted> &
  Required<Pick<ProfileEntry, Defaulted>> & {
    readonly name: string
    /** Name of the preset it was built from, for messages. */
    readonly preset: string | null
  }
