/**
 * What the redirect listener asks, answered for every kind of login: a response goes to the one login that it answers, and
 * only what is nobody's to a catch that takes any.
 */
import { CatchdError } from '../failures.js'
import { parseAuthorizationResponse } from './authorization-response.js'
import type { Catches } from './catches.js'
import type { RedirectAnswers } from './doorway.js'
import type { Login, SettledLogin } from './login.js'
import type { LoginService } from './login-service.js'

type ResponseMode = 'query' | 'form_post' | 'fragment'

export class RedirectDesk implements RedirectAnswers {
  readonly #logins: LoginService
  readonly #catches: Catches

  constructor(logins: LoginService, catches: Catches) {
    this.#logins = logins
    this.#catches = catches
  }

  findRedirectUri(authority: string, path: string): string | undefined {
    return this.#logins.findRedirectUri(authority, path) ?? this.#catches.findRedirectUri(authority, path)
  }

  knowsAuthority(authority: string): boolean {
    return this.#logins.knowsAuthority(authority) || this.#catches.knowsAuthority(authority)
  }

  responseModes(redirectUri: string): ReadonlySet<ResponseMode> {
    if (this.#catches.isAwaitedOn(redirectUri))
      return new Set<ResponseMode>(['query', 'form_post', 'fragment'])
    return this.#logins.responseModes(redirectUri)
  }

  /** Nothing is awaited before a claim (promise 1). */
  async answer(redirectUri: string, encoded: string): Promise<SettledLogin> {
    const response = parseAuthorizationResponse(encoded)
    const caught = this.#catches.answerByState(redirectUri, response, encoded)
    if (caught !== undefined) return caught
    try {
      return await this.#logins.answer(redirectUri, encoded)
    } catch (error) {
      if (!(error instanceof CatchdError) || error.code !== 'state_unknown') throw error
      return await this.#answerOther(redirectUri, encoded, error)
    }
  }

  find(id: string): Login | undefined {
    return this.#logins.find(id) ?? this.#catches.find(id)
  }

  async #answerOther(redirectUri: string, encoded: string, unknown: CatchdError): Promise<SettledLogin> {
    const response = parseAuthorizationResponse(encoded)
    await this.#catches.restore() // the vault may have been locked at the start
    const caught =
      this.#catches.answerByState(redirectUri, response, encoded) ??
      this.#catches.answerAny(redirectUri, response, encoded)
    if (caught === undefined) throw unknown
    return caught
  }
}
