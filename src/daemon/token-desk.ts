/**
 * Token sets as the API asks for them: the keeper, whoever wants to know that a profile is used, and the logins that
 * a logout ends.
 */
import type { DpopProofs } from '../authorization-server/port.js'
import { CatchdError } from '../failures.js'
import type { TokenService } from '../http/api/services.js'
import type { Logins } from '../login/logins.js'
import type { NoticeService } from '../notices/notice-service.js'
import type { IdToken } from '../tokens/id-token.js'
import type { TokenKeeper } from '../tokens/token-keeper.js'
import type { TokenSet } from '../tokens/token-set.js'

export class TokenDesk implements TokenService {
  readonly #keeper: TokenKeeper
  readonly #logins: Logins
  readonly #notices: NoticeService

  readonly #proofs: Pick<DpopProofs, 'forgetKey'>
  readonly #explained: (profile: string, failure: unknown) => unknown

  constructor(
    keeper: TokenKeeper,
    logins: Logins,
    notices: NoticeService,
    proofs: Pick<DpopProofs, 'forgetKey'>,
    explained: (profile: string, failure: unknown) => unknown,
  ) {
    this.#proofs = proofs
    this.#explained = explained
    this.#keeper = keeper
    this.#logins = logins
    this.#notices = notices
  }

  peek(profile: string, minTtlSeconds: number | undefined): TokenSet | undefined {
    const set = this.#keeper.peek(profile, minTtlSeconds)
    if (set !== undefined) this.#notices.used(profile)
    return set
  }

  get(profile: string, minTtlSeconds: number | undefined): Promise<TokenSet> {
    return this.#noticed(profile, this.#keeper.get(profile, minTtlSeconds))
  }

  idToken(profile: string, minTtlSeconds: number | undefined): Promise<IdToken> {
    return this.#noticed(profile, this.#keeper.idToken(profile, minTtlSeconds))
  }

  /** Asked for by a person, who reads why it failed; tools that ask for a token only branch on the code. */
  async refresh(profile: string): Promise<TokenSet> {
    try {
      return await this.#keeper.refresh(profile)
    } catch (error) {
      throw this.#explained(profile, error)
    }
  }

  /** Whoever logs out does not want an open tab to log in again. */
  async logout(profile: string) {
    this.#logins.cancelAll(profile)
    const outcome = await this.#keeper.logout(profile)
    await this.#proofs.forgetKey(profile) // nothing is bound to it any more
    return outcome
  }

  /** A profile is in use, too, where a person has to log in first. */
  async #noticed<Token>(profile: string, asked: Promise<Token>): Promise<Token> {
    try {
      const token = await asked
      this.#notices.used(profile)
      return token
    } catch (error) {
      if (error instanceof CatchdError && error.code === 'login_required') this.#notices.used(profile)
      throw error
    }
  }
}
