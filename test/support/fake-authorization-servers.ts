/** The AuthorizationServers port without a network: answers what a test lays out and counts what it is asked. */

import type { TokenResponse, TokenSetOrigin } from '../../src/authorization-server/issued-tokens.js'
import type { ServerMetadata } from '../../src/authorization-server/metadata-document.js'
import type {
  AuthorizationRequest,
  AuthorizationServers,
  CodeGrant,
  DeviceAuthorization,
  DevicePoll,
  ExpectedIssuer,
  PreparedAuthorization,
  RefreshOutcome,
  RevocationOutcome,
} from '../../src/authorization-server/port.js'
import type { Profile } from '../../src/config/profile.js'
import type { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import type { TokenSet } from '../../src/tokens/token-set.js'

export function tokenResponse(changes: Partial<TokenResponse> = {}): TokenResponse {
  return {
    accessToken: new Secret('access-1'),
    tokenType: 'Bearer',
    expiresInSeconds: 3600,
    refreshToken: new Secret('refresh-1'),
    refreshTokenExpiresInSeconds: null,
    scope: null,
    idToken: null,
    issuedTokenType: null,
    issuer: null,
    subject: null,
    parameters: {},
    leftOut: [],
    ...changes,
  }
}

export function testProfile(changes: Partial<Profile> = {}): Profile {
  return {
    name: 'gw',
    preset: null,
    client_id: 'client-1',
    authorization_endpoint: 'https://as.example/authorize',
    token_endpoint: 'https://as.example/token',
    scope: 'email',
    grant: 'authorization_code',
    redirect_uri: 'http://127.0.0.1:8252/callback/gw',
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
    token_endpoint_auth_method: 'none',
    client_secret_basic_encoding: 'form',
    dpop: false,
    refresh: 'ahead',
    min_ttl_seconds: 60,
    hosts: [],
    ...changes,
  }
}

export class FakeAuthorizationServers implements AuthorizationServers {
  readonly prepared: AuthorizationRequest[] = []
  /** What each of them asked for. */
  readonly askedScopes: (string | undefined)[] = []
  readonly redeemed: CodeGrant[] = []
  readonly refreshed: TokenSet[] = []
  readonly revoked: TokenSet[] = []
  credentialsAsked = 0
  /** Instead of the tokens of a grant without a login. */
  obtainFailure: CatchdError | null = null
  devicesAuthorized = 0
  /** Device codes that were polled with. */
  readonly polled: string[] = []
  devicePoll: () => DevicePoll = () => ({ outcome: 'pending' })
  expectedIssuer: string | null = null
  issRequired = false
  /** Holds every answer back until it resolves. */
  gate: Promise<void> = Promise.resolve()
  answer: () => TokenResponse = () => tokenResponse()
  refreshAnswer: (count: number) => RefreshOutcome = (count) => ({
    outcome: 'refreshed',
    response: tokenResponse({
      accessToken: new Secret(`access-r${count}`),
      refreshToken: new Secret(`refresh-r${count}`),
    }),
  })
  revocation: RevocationOutcome = { outcome: 'revoked' }
  metadata: ServerMetadata | undefined
  /** A new refresh token whose answer is not judged yet. */
  rotated: Secret | null = null

  origin(profile: Profile): TokenSetOrigin {
    return {
      authorizationServer: profile.issuer ?? profile.token_endpoint ?? '',
      clientId: profile.client_id,
    }
  }

  published(): ServerMetadata | undefined {
    return this.metadata
  }

  async prepare(profile: Profile, request: AuthorizationRequest): Promise<PreparedAuthorization> {
    this.prepared.push(request)
    this.askedScopes.push(profile.scope)
    const query = new URLSearchParams({ state: request.state.reveal(), redirect_uri: request.redirectUri })
    return {
      authorizationUrl: `https://as.example/authorize?${query}`,
      expectedIssuer: this.expectedIssuer,
      issRequired: this.issRequired,
    }
  }

  async findExpectedIssuer(): Promise<ExpectedIssuer> {
    await this.gate
    return { expectedIssuer: this.expectedIssuer, issRequired: this.issRequired }
  }

  async redeem(_profile: Profile, grant: CodeGrant): Promise<TokenResponse> {
    this.redeemed.push(grant)
    await this.gate
    return this.answer()
  }

  async authorizeDevice(): Promise<DeviceAuthorization> {
    this.devicesAuthorized += 1
    return {
      deviceCode: new Secret(`device-${this.devicesAuthorized}`),
      userCode: 'WDJB-MJHT',
      verificationUri: 'https://as.example/device',
      verificationUriComplete: 'https://as.example/device?user_code=WDJB-MJHT',
      expiresInSeconds: 600,
      intervalSeconds: 5,
    }
  }

  async pollDevice(
    _profile: Profile,
    { deviceCode }: Pick<DeviceAuthorization, 'deviceCode'>,
  ): Promise<DevicePoll> {
    this.polled.push(deviceCode.reveal())
    await this.gate
    return this.devicePoll()
  }

  async refresh(
    _profile: Profile,
    current: TokenSet,
    keepRotated: (refreshToken: Secret) => Promise<void>,
  ): Promise<RefreshOutcome> {
    this.refreshed.push(current)
    if (this.rotated !== null) await keepRotated(this.rotated)
    await this.gate
    return this.refreshAnswer(this.refreshed.length)
  }

  async obtain(): Promise<TokenResponse> {
    this.credentialsAsked += 1
    await this.gate
    if (this.obtainFailure !== null) throw this.obtainFailure
    return tokenResponse({ accessToken: new Secret(`machine-${this.credentialsAsked}`), refreshToken: null })
  }

  async revoke(_profile: Profile, current: TokenSet): Promise<RevocationOutcome> {
    this.revoked.push(current)
    return this.revocation
  }

  close(): void {}
}
