/**
 * The demo gateway's state: authorization codes, access tokens, refresh tokens, and the approval each belongs to.
 *
 * Behaves like a strict server. A code is redeemed once, within its lifetime, with the redirect URI and the verifier of
 * its request (RFC 6749 §4.1.3, RFC 7636 §4.6). A second redemption, or the reuse of a rotated refresh token, revokes
 * everything issued from that approval (RFC 9700 §4.14.2). No HTTP here.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { GatewayRules } from './gateway-rules.js'

/** An approved authorization request. */
export interface Approval {
  readonly user: string
  readonly redirectUri: string
  readonly scope: string
  /** `null` if the request had no challenge. Only a gateway that does not enforce PKCE accepts that. */
  readonly challenge: { readonly method: 'S256' | 'plain'; readonly value: string } | null
}

export interface Issued {
  readonly accessToken: string
  readonly refreshToken: string | null
  readonly scope: string
}

/** Why no token was issued, as a text for the user. */
export interface Refusal {
  readonly refusal: string
}

/** Everything issued from one approval. It is revoked together. */
interface Family {
  readonly user: string
  readonly scope: string
  revoked: boolean
}
interface IssuedCode {
  readonly approval: Approval
  readonly expiresAtMs: number
  redeemedFor: Family | null
}
interface AccessToken {
  readonly family: Family
  expiresAtMs: number
}
interface RefreshToken {
  readonly family: Family
  rotated: boolean
}

export class GatewayGrants {
  readonly counts = {
    codesIssued: 0,
    codesRedeemed: 0,
    codesRedeemedTwice: 0,
    refreshes: 0,
    refreshTokensReused: 0,
    revocations: 0,
  }
  readonly #rules: GatewayRules
  readonly #codes = new Map<string, IssuedCode>()
  readonly #accessTokens = new Map<string, AccessToken>()
  readonly #refreshTokens = new Map<string, RefreshToken>()

  constructor(rules: GatewayRules) {
    this.#rules = rules
  }

  /** @returns A code of 32 hexadecimal digits. */
  issueCode(approval: Approval): string {
    const code = randomBytes(16).toString('hex')
    const expiresAtMs = this.#rules.now() + this.#rules.codeLifetimeSeconds * 1000
    this.#codes.set(code, { approval, expiresAtMs, redeemedFor: null })
    this.counts.codesIssued += 1
    return code
  }

  redeem(code: string, redirectUri: string, codeVerifier: string | undefined): Issued | Refusal {
    const issued = this.#codes.get(code)
    if (issued === undefined) return { refusal: 'The authorization code is not known.' }
    if (issued.redeemedFor !== null) {
      issued.redeemedFor.revoked = true
      this.counts.codesRedeemedTwice += 1
      return { refusal: 'The authorization code was used before; its tokens are revoked.' }
    }
    const { approval } = issued
    if (this.#rules.now() >= issued.expiresAtMs) return { refusal: 'The authorization code has expired.' }
    if (redirectUri !== approval.redirectUri) {
      return { refusal: 'redirect_uri is not the one of the authorization request.' }
    }
    if (!provesPossession(approval.challenge, codeVerifier)) {
      return { refusal: 'code_verifier does not match the code_challenge.' }
    }
    const family = { user: approval.user, scope: approval.scope, revoked: false }
    issued.redeemedFor = family
    this.counts.codesRedeemed += 1
    const { refreshTokens, rotateRefreshTokens } = this.#rules
    return this.#issue(family, refreshTokens || rotateRefreshTokens ? this.#newRefreshToken(family) : null)
  }

  refresh(presented: string): Issued | Refusal {
    const token = this.#refreshTokens.get(presented)
    if (token === undefined) return { refusal: 'The refresh token is not known.' }
    if (token.rotated) {
      token.family.revoked = true
      this.counts.refreshTokensReused += 1
      return { refusal: 'The refresh token was used before; its tokens are revoked.' }
    }
    if (token.family.revoked) return { refusal: 'The refresh token is revoked.' }
    token.rotated = this.#rules.rotateRefreshTokens
    this.counts.refreshes += 1
    return this.#issue(token.family, token.rotated ? this.#newRefreshToken(token.family) : presented)
  }

  /** Revoking a refresh token revokes its whole family. An unknown token is no error (RFC 7009 §2.2). */
  revoke(presented: string): void {
    this.counts.revocations += 1
    const refreshToken = this.#refreshTokens.get(presented)
    if (refreshToken !== undefined) refreshToken.family.revoked = true
    this.#accessTokens.delete(presented)
  }

  /** @returns The token's user; `undefined` if the token is unknown, expired or revoked. */
  findActive(accessToken: string): { user: string; scope: string; expiresAtMs: number } | undefined {
    const token = this.#accessTokens.get(accessToken)
    if (token === undefined || token.family.revoked || this.#rules.now() >= token.expiresAtMs)
      return undefined
    return { user: token.family.user, scope: token.family.scope, expiresAtMs: token.expiresAtMs }
  }

  /** Makes all access tokens issued so far expire now. */
  expireAccessTokens(): void {
    for (const token of this.#accessTokens.values()) token.expiresAtMs = 0
  }

  /** @returns Whether a refresh request with this token would succeed now. */
  isRefreshable(refreshToken: string): boolean {
    const token = this.#refreshTokens.get(refreshToken)
    return token !== undefined && !token.rotated && !token.family.revoked
  }

  #issue(family: Family, refreshToken: string | null): Issued {
    const accessToken = randomBytes(32).toString('hex')
    const expiresAtMs = this.#rules.now() + this.#rules.accessTokenLifetimeSeconds * 1000
    this.#accessTokens.set(accessToken, { family, expiresAtMs })
    return { accessToken, refreshToken, scope: family.scope }
  }

  #newRefreshToken(family: Family): string {
    const refreshToken = randomBytes(32).toString('hex')
    this.#refreshTokens.set(refreshToken, { family, rotated: false })
    return refreshToken
  }
}

/** RFC 7636 §4.6. A challenge is verified if it was sent, even if PKCE is not enforced. */
function provesPossession(challenge: Approval['challenge'], verifier: string | undefined): boolean {
  if (challenge === null) return true
  if (verifier === undefined) return false
  const derived =
    challenge.method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier
  return derived === challenge.value
}
