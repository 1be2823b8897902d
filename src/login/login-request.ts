/** What a login can begin with. Pure types. */
import type { Secret } from '../secret.js'

export type AnyLoginRequest = LoginRequest | AdoptionRequest | CatchRequest

/** One whose authorization request is built here. */
export interface LoginRequest {
  readonly profile: string
  readonly open: boolean
  readonly timeoutSeconds?: number | undefined
}

/** One whose authorization request another tool built and brings to the browser itself. */
export interface AdoptionRequest {
  readonly profile: string
  readonly state: Secret
  readonly codeVerifier: Secret
  readonly timeoutSeconds?: number | undefined
}

/** An authorization response that another tool redeems. */
export interface CatchRequest {
  readonly redirectUri: string
  /** `null`: any response, where nobody else shares the redirect URI. */
  readonly state: Secret | null
  readonly timeoutSeconds?: number | undefined
}
