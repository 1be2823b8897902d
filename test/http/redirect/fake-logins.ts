/**
 * The login service as the redirect listener sees it: the real reading, claiming and remembering of responses,
 * a token endpoint that only counts, and no vault.
 */
import { CatchdError } from '../../../src/failures.js'
import { AnsweredLogins } from '../../../src/login/answered-logins.js'
import { parseAuthorizationResponse } from '../../../src/login/authorization-response.js'
import type { RedirectAnswers } from '../../../src/login/doorway.js'
import type { Login, PendingLogin, SettledLogin, StoredSummary } from '../../../src/login/login.js'
import { PendingLogins } from '../../../src/login/pending-logins.js'
import { type RedirectScheme, RedirectUris } from '../../../src/login/redirect-uris.js'
import { Secret } from '../../../src/secret.js'

export const NOW_MS = Date.UTC(2026, 10, 23, 14, 3)

export const STORED: StoredSummary = {
  storedIn: 'the login keychain (service catchd)',
  scope: 'openid email',
  accessTokenExpiresAtMs: NOW_MS + 3_600_000,
  hasRefreshToken: true,
  subject: 'ada',
}

export class FakeLogins implements RedirectAnswers {
  /** Every one would have carried a code to the authorization server. */
  tokenRequests = 0
  nowMs = NOW_MS
  /** What the token endpoint says; a CatchdError is its refusal. */
  tokenEndpoint: () => Promise<StoredSummary> = () => Promise.resolve(STORED)
  readonly #pending = new PendingLogins()
  readonly #answered = new AnsweredLogins(() => {})
  readonly #redirectUris = new RedirectUris()

  begin(
    login: Partial<Omit<PendingLogin, 'state'>> & {
      readonly id: string
      readonly redirectUri: string
      readonly state: string
    },
  ): PendingLogin {
    const pending: PendingLogin = {
      status: 'pending',
      profile: 'gw',
      createdAtMs: this.nowMs,
      expiresAtMs: this.nowMs + 600_000,
      codeVerifier: null,
      nonce: null,
      authorizationUrl: 'https://as.example/authorize',
      origin: { authorizationServer: 'https://as.example', clientId: 'c' },
      expectedIssuer: null,
      issRequired: false,
      responseMode: 'query',
      stateEcho: true,
      listen: null,
      certificate: null,
      ...login,
      state: new Secret(login.state),
    }
    this.#pending.add(pending)
    this.#answered.track(pending)
    this.#redirectUris.hold(pending.redirectUri)
    return pending
  }

  configure(redirectUri: string): void {
    this.#redirectUris.hold(redirectUri)
  }

  isPending(id: string): boolean {
    return this.#pending.find(id) !== undefined
  }

  settle(login: SettledLogin): void {
    this.#answered.track(login)
    this.#answered.settle(login)
  }

  findRedirectUri(authority: string, path: string, scheme?: RedirectScheme): string | undefined {
    return this.#redirectUris.find(authority, path, scheme)
  }

  knowsAuthority(authority: string): boolean {
    return this.#redirectUris.knowsAuthority(authority)
  }

  responseModes(redirectUri: string): ReadonlySet<'query' | 'form_post' | 'fragment'> {
    return new Set([...this.#pending.onRedirectUri(redirectUri)].map((login) => login.responseMode))
  }

  find(id: string): Login | undefined {
    return this.#pending.find(id) ?? this.#answered.find(id)
  }

  async answer(redirectUri: string, encodedParameters: string): Promise<SettledLogin> {
    const response = parseAuthorizationResponse(encodedParameters)
    this.#expire()
    const earlier =
      response.state === null ? undefined : this.#answered.findByState(response.state.reveal(), redirectUri)
    if (earlier !== undefined) return (await this.#answered.settled(earlier.id)) as SettledLogin
    const claim = this.#pending.claim(redirectUri, response)
    this.#answered.claimed(claim.login)
    const settled =
      claim.verdict === 'failed'
        ? unsuccessful(claim.login, 'failed', claim.failure)
        : await this.#redeem(claim.login)
    this.#answered.settle(settled)
    return settled
  }

  async #redeem(login: PendingLogin): Promise<SettledLogin> {
    this.tokenRequests += 1
    try {
      return { ...baseOf(login), status: 'succeeded', stored: await this.tokenEndpoint() }
    } catch (error) {
      return unsuccessful(login, 'failed', error as CatchdError)
    }
  }

  #expire(): void {
    for (const login of this.#pending.takeExpired(this.nowMs)) {
      this.#answered.settle(
        unsuccessful(login, 'expired', new CatchdError('login_expired', { profile: login.profile })),
      )
    }
  }
}

export function unsuccessful(
  login: Pick<PendingLogin, 'id' | 'profile' | 'redirectUri' | 'createdAtMs' | 'expiresAtMs'>,
  status: 'failed' | 'expired' | 'cancelled',
  failure: CatchdError,
): SettledLogin {
  return { ...baseOf(login), status, failure }
}

function baseOf({
  id,
  profile,
  redirectUri,
  createdAtMs,
  expiresAtMs,
}: Pick<PendingLogin, 'id' | 'profile' | 'redirectUri' | 'createdAtMs' | 'expiresAtMs'>) {
  return { id, profile, redirectUri, createdAtMs, expiresAtMs }
}
