/**
 * The authorization servers of the profiles. Implements the ports of this module.
 *
 * Combines the other files of the module: endpoints (metadata.ts), authorization requests (authorization-request.ts,
 * pushed-authorization.ts), token requests (token-grants.ts), proofs (dpop.ts) and connections (server-connections.ts).
 * Adds the profile's name to every failure, so that the command in the error can be run without changes.
 */
import type { Clock } from '../clock.js'
import type { ClientSecrets } from '../config/client-secret.js'
import { requireRegistrable } from '../config/presets/registration.js'
import type { Profile } from '../config/profile.js'
import type { SubjectTokens } from '../config/subject-token.js'
import { asCatchdError, CatchdError, type FailureCode } from '../failures.js'
import type { Secret } from '../secret.js'
import { authorizationParameters, authorizationUrl } from './authorization-request.js'
import { ClientRequests } from './client-requests.js'
import { authorizeDevice } from './device-authorization.js'
import { DpopKeys } from './dpop.js'
import { inspectTokens } from './inspection.js'
import type { IssuedTokens, TokenResponse, TokenSetOrigin } from './issued-tokens.js'
import { Metadata } from './metadata.js'
import type { ServerMetadata } from './metadata-document.js'
import type {
  AuthorizationRequest,
  AuthorizationServers,
  CodeGrant,
  DeviceAuthorization,
  DevicePoll,
  DeviceSecrets,
  DpopProofs,
  ExpectedIssuer,
  Inspection,
  PreparedAuthorization,
  RefreshOutcome,
  ResourceIssuerMemory,
  RevocationOutcome,
  ServerDiscovery,
  TokenInspector,
  ToolRequest,
} from './port.js'
import type { ProfileItems } from './profile-items.js'
import { ProofFetch } from './proof-fetch.js'
import { mustPush, pushAuthorizationRequest } from './pushed-authorization.js'
import { requireRedeemable, requireRequestable } from './request-requirements.js'
import { ResourceIssuers } from './resource-issuers.js'
import { revokeTokens } from './revocation.js'
import { boundServer, resolvedIssuer } from './secret-destination.js'
import { ServerConnections } from './server-connections.js'
import { PublishedServers } from './server-discovery.js'
import { TokenGrants } from './token-grants.js'
import type { Transcript } from './transcript.js'

export class OAuthAuthorizationServers
  implements AuthorizationServers, DpopProofs, TokenInspector, ResourceIssuerMemory
{
  readonly #connections: ServerConnections
  readonly #metadata: Metadata
  readonly #resourceIssuers: ResourceIssuers
  readonly #grants: TokenGrants
  readonly #clock: Pick<Clock, 'now'>
  readonly #dpopKeys: DpopKeys
  readonly #requests: ClientRequests
  readonly #clientSecrets: ClientSecrets
  readonly discovery: ServerDiscovery

  /** @param parts.deadlineMs - Time limit for one exchange with its answer; 10 s except in tests. */
  constructor(parts: {
    readonly clock: Pick<Clock, 'now'>
    readonly clientSecrets: ClientSecrets
    /** Only needed for token exchanges. */
    readonly subjectTokens?: SubjectTokens
    readonly dpopKeys: ProfileItems
    readonly resourceIssuers: ProfileItems
    readonly deadlineMs?: number
  }) {
    this.#connections = new ServerConnections(parts.deadlineMs)
    this.#resourceIssuers = new ResourceIssuers(parts.resourceIssuers)
    this.#metadata = new Metadata(this.#connections, parts.clock, this.#resourceIssuers)
    this.discovery = new PublishedServers(this.#connections, this.#metadata)
    this.#clock = parts.clock
    this.#clientSecrets = parts.clientSecrets
    this.#dpopKeys = new DpopKeys(parts.dpopKeys)
    const proofs = new ProofFetch(this.#dpopKeys, parts.clock)
    this.#requests = new ClientRequests(this.#connections, proofs, parts.clientSecrets)
    this.#grants = new TokenGrants({
      connections: this.#connections,
      metadata: this.#metadata,
      requests: this.#requests,
      clientSecrets: parts.clientSecrets,
      subjectTokens: parts.subjectTokens ?? nothingToExchange,
      clock: parts.clock,
    })
  }

  origin(profile: Profile): TokenSetOrigin {
    return {
      authorizationServer: profile.issuer ?? profile.token_endpoint ?? profile.resource_server ?? '',
      clientId: profile.client_id,
    }
  }

  published(profile: Profile): ServerMetadata | undefined {
    return this.#metadata.lastOf(profile)
  }

  prepare(
    profile: Profile,
    request: AuthorizationRequest,
    issRequiredByConfiguration: boolean,
  ): Promise<PreparedAuthorization> {
    return inNameOf(profile, async () => {
      requireRegistrable(profile)
      await this.#requireClientSecret(profile)
      const server = await this.#metadata.of(profile)
      const { endpoint, issRequired } = requireRequestable(profile, server, issRequiredByConfiguration)
      void this.#grants.prefetchKeys(profile, server)
      const parameters = await this.#authorizationParameters(profile, server, request)
      return {
        authorizationUrl: authorizationUrl(endpoint, parameters),
        expectedIssuer: resolvedIssuer(profile, server),
        issRequired,
        server: boundServer(profile, server),
      }
    })
  }

  findExpectedIssuer(profile: Profile, issRequiredByConfiguration: boolean): Promise<ExpectedIssuer> {
    return inNameOf(profile, async () => {
      requireRegistrable(profile)
      await this.#requireClientSecret(profile)
      const server = await this.#metadata.of(profile)
      const issRequired = requireRedeemable(profile, server, issRequiredByConfiguration)
      void this.#grants.prefetchKeys(profile, server)
      return {
        expectedIssuer: resolvedIssuer(profile, server),
        issRequired,
        server: boundServer(profile, server),
      }
    })
  }

  redeem(profile: Profile, grant: CodeGrant): Promise<TokenResponse> {
    return inNameOf(profile, () => this.#grants.redeem(profile, grant))
  }

  authorizeDevice(profile: Profile): Promise<DeviceAuthorization> {
    return inNameOf(profile, async () =>
      authorizeDevice(this.#requests, profile, await this.#metadata.of(profile)),
    )
  }

  async pollDevice(
    profile: Profile,
    authorization: DeviceSecrets,
    transcript?: Transcript,
  ): Promise<DevicePoll> {
    try {
      return await inNameOf(profile, () => this.#grants.pollDevice(profile, authorization, transcript))
    } catch (error) {
      const failure = asCatchdError(error)
      const isPassing = failure.code === 'provider_unreachable' || failure.code.startsWith('vault_')
      return { outcome: isPassing ? 'retry_later' : 'ended', error: failure }
    }
  }

  async refresh(
    profile: Profile,
    current: IssuedTokens,
    keepRotated: (refreshToken: Secret) => Promise<void> = async () => {},
  ): Promise<RefreshOutcome> {
    try {
      return await inNameOf(profile, () => this.#grants.refresh(profile, current, keepRotated))
    } catch (error) {
      return { outcome: 'retry_later', error: asCatchdError(error), retryAfterSeconds: null }
    }
  }

  obtain(profile: Profile): Promise<TokenResponse> {
    return inNameOf(profile, () => this.#grants.obtain(profile))
  }

  async revoke(profile: Profile, current: IssuedTokens): Promise<RevocationOutcome> {
    try {
      return await inNameOf(profile, async () => {
        const server = await this.#metadata.of(profile, 'revocation_endpoint')
        if (server.revocation_endpoint === undefined) return { outcome: 'unsupported' }
        await revokeTokens(this.#requests, profile, server, current)
        return { outcome: 'revoked' }
      })
    } catch (error) {
      return { outcome: 'failed', error: asCatchdError(error) }
    }
  }

  async prove(profile: Profile, accessToken: Secret, request: ToolRequest): Promise<string> {
    const key = await this.#dpopKeys.of(profile.name)
    return key.proof({ ...request, accessToken }, this.#clock.now())
  }

  inspect(profile: Profile, set: IssuedTokens): Promise<Inspection> {
    return inspectTokens({ requests: this.#requests, metadata: this.#metadata }, profile, set)
  }

  forgetKey(profile: string): Promise<void> {
    return this.#dpopKeys.forget(profile)
  }

  forgetIssuer(profile: string): Promise<void> {
    return this.#resourceIssuers.forget(profile)
  }

  dropKeys(): void {
    this.#dpopKeys.drop()
  }

  close(): void {
    this.#connections.close()
  }

  /**
   * A secret that cannot be read is reported before the browser opens. A command is not run for this: it may ask the user
   * for something each time.
   */
  async #requireClientSecret(profile: Profile): Promise<void> {
    const { client_secret: source } = profile
    if (typeof source === 'object' && 'command' in source) return
    await this.#clientSecrets(profile)
  }

  /** The parameters for the browser: the request itself, or a reference to a pushed request (RFC 9126 §4). */
  async #authorizationParameters(
    profile: Profile,
    server: ServerMetadata,
    request: AuthorizationRequest,
  ): Promise<URLSearchParams> {
    const thumbprint = profile.dpop ? (await this.#dpopKeys.of(profile.name)).thumbprint : undefined
    const parameters = authorizationParameters(profile, request, thumbprint)
    if (!mustPush(profile, server)) return parameters
    const requestUri = await pushAuthorizationRequest(this.#requests, profile, server, parameters)
    return new URLSearchParams({ client_id: profile.client_id, request_uri: requestUri })
  }
}

const nothingToExchange: SubjectTokens = async () => {
  throw new CatchdError('profile_invalid', 'There is no token to exchange.')
}

/** The failures of this module. A failure of the vault does not belong to one profile. */
const ABOUT_THE_PROFILE: ReadonlySet<FailureCode> = new Set([
  'issuer_mismatch',
  'login_required',
  'profile_invalid',
  'provider_answer_invalid',
  'provider_refused',
  'provider_unreachable',
])

async function inNameOf<Result>(profile: Profile, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (thrown) {
    const failure = asCatchdError(thrown)
    throw ABOUT_THE_PROFILE.has(failure.code) ? failure.of(profile.name) : failure
  }
}
