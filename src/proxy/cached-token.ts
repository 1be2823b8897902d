/**
 * The access token of a profile, borrowed from the daemon for as long as a second: many requests a second cost one
 * question, and a logout or a rotation is felt at once.
 */

import type { ProofAnswer, TokenAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import type { ProofRequest } from '../client/options.js'

const CACHED_FOR_MS = 1_000

/** What of the client is needed. */
type Tokens = Pick<CatchdClient, 'token' | 'refresh' | 'proof'>

export class CachedToken {
  readonly #client: Tokens
  readonly #profile: string
  #asked: { readonly atMs: number; readonly answer: Promise<TokenAnswer> } | undefined
  #renewing: Promise<TokenAnswer> | undefined

  constructor(client: Tokens, profile: string) {
    this.#client = client
    this.#profile = profile
  }

  /** @throws CatchdError `login_required`, … */
  current(): Promise<TokenAnswer> {
    const nowMs = performance.now()
    if (this.#asked !== undefined && nowMs - this.#asked.atMs < CACHED_FOR_MS) return this.#asked.answer
    return this.#remember(this.#client.token(this.#profile))
  }

  /**
   * A better token than one that the upstream refused, or `undefined` when there is none: somebody else refreshed it
   * already, or we do, once for all requests that were refused with it.
   */
  async insteadOf(refused: TokenAnswer): Promise<TokenAnswer | undefined> {
    try {
      const known = await this.#remember(this.#client.token(this.#profile))
      if (known.access_token !== refused.access_token) return known
      this.#renewing ??= this.#client.refresh(this.#profile).finally(() => {
        this.#renewing = undefined
      })
      return await this.#remember(this.#renewing)
    } catch {
      return undefined // the upstream's refusal is passed on, and the daemon knows why
    }
  }

  /** The token and a proof for one request, where the token is bound to a key (DPoP, RFC 9449). @throws CatchdError */
  proof(request: ProofRequest): Promise<ProofAnswer> {
    return this.#client.proof(this.#profile, request)
  }

  #remember(answer: Promise<TokenAnswer>): Promise<TokenAnswer> {
    const asked = { atMs: performance.now(), answer }
    this.#asked = asked
    answer.catch(() => {
      if (this.#asked === asked) this.#asked = undefined
    })
    return answer
  }
}
