/** The settings of a demo gateway, with their defaults. */
import type { RecordedTokenRequest } from './gateway-wire.js'

export interface GatewayUser {
  readonly name: string
  readonly password: string
}

export interface GatewayRules {
  /** Redirect URIs of the single application, matched exactly. */
  readonly redirectUris: readonly string[]
  /** Whether the authorization response contains `state`. */
  readonly stateEcho: boolean
  /** PEM. The gateway serves https instead of http. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Answers plain http with 400, as the real gateway does by default. */
  readonly requireHttps: boolean
  readonly clientId: string
  /** `null`: a public client, which sends its `client_id` in the body and no HTTP Basic. */
  readonly clientSecret: string | null
  /** The scopes that exist, space-separated. */
  readonly scope: string
  readonly users: readonly [GatewayUser, ...GatewayUser[]]
  /** Approves as the first user without showing a page. */
  readonly autoApprove: boolean
  /** If a challenge was sent, it is always verified. */
  readonly enforcePkce: boolean
  readonly codeLifetimeSeconds: number
  readonly accessTokenLifetimeSeconds: number
  /** Without them, the gateway behaves as with a refresh limit of 0. */
  readonly refreshTokens: boolean
  /** A new refresh token at each refresh. Implies `refreshTokens`. */
  readonly rotateRefreshTokens: boolean
  /** Called with each token request before it is served. The answer waits for a returned promise. */
  readonly onTokenRequest?: (request: RecordedTokenRequest) => void | Promise<void>
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
}

export const DEFAULT_RULES: GatewayRules = {
  redirectUris: [],
  stateEcho: true,
  requireHttps: false,
  clientId: '374b1fae-0c5d-4f5c-9d7e-5a1b6c2d3e4f',
  clientSecret: 'demo-gateway-secret',
  scope: 'email',
  users: [{ name: 'ada', password: 'lovelace' }],
  autoApprove: false,
  enforcePkce: true,
  codeLifetimeSeconds: 600,
  accessTokenLifetimeSeconds: 3600,
  refreshTokens: false,
  rotateRefreshTokens: false,
  now: Date.now,
}
