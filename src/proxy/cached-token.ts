/**
 * The access token of a profile, cached for one second. Many requests per second then need only one call to the daemon,
 * and a logout or a rotation still takes effect quickly.
 */

import type { ProofAnswer, TokenAnswer } from '../client/api-types.js'
import type { CatchdClient } from '../client/client.js'
import type { ProofRequest } from '../client/options.js'

const CACHED_FOR_MS = 1_000

/** The calls of the client that this file uses. */
type Tokens = Pick<CatchdClient, 'token' | 'refresh' | 'proof'>

export class CachedToken {
  readonly #client: Tokens
  readonly #profile: string
  #asked: { readonly atMs: number; readonly answer: Promise<TokenAnswer> } | undefined

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
   * Finds a new token after the upstream refused one. The daemon compares it with its current one, so that all requests
   * with a refused token cause one refresh, whenever they are refused.
   *
   * @returns `undefined` if there is no new token.
   */
  async insteadOf({ access_token: refused }: TokenAnswer): Promise<TokenAnswer | undefined> {
    try {
      const token = await this.#client.refresh(this.#profile, { refused })
      if (token.access_token === refused) return undefined
      return await this.#remember(Promise.resolve(token))
    } catch {
      return undefined // the caller gets the upstream's refusal; the daemon's log has the cause
    }
  }

  /** The token and a proof for one request, for a token that is bound to a key (DPoP, RFC 9449). @throws CatchdError */
  proof(request: ProofRequest): Promise<ProofAnswer> {
    return this.#client.proof(this.#profile, request)
  }

  #remember(answer: Promise<TokenAnswer>): Promise<TokenAnswer> {
    const asked = { atMs: performance.now(), answer }
    this.#asked = asked
    // After a lock no token stays in the memory of this process.
    setTimeout(() => {
      if (this.#asked === asked) this.#asked = undefined
    }, CACHED_FOR_MS).unref()
    answer.catch(() => {
      if (this.#asked === asked) this.#asked = undefined
    })
    return answer
  }
}
