/** How a login can begin. Pure types. */
import type { Secret } from '../secret.js'

export type AnyLoginRequest = LoginRequest | AdoptionRequest | CatchRequest

/** catchd builds the authorization request. */
export interface LoginRequest {
  readonly profile: string
  readonly open: boolean
  /** Asked for instead of the scope of the profile; separated by spaces. */
  readonly scope?: string | undefined
  readonly timeoutSeconds?: number | undefined
}

/** Another tool built the authorization request and opens the browser itself. */
export interface AdoptionRequest {
  readonly profile: string
  readonly state: Secret
  readonly codeVerifier: Secret
  readonly timeoutSeconds?: number | undefined
}

/** catchd only waits for the authorization response; another tool redeems it. */
export interface CatchRequest {
  readonly redirectUri: string
  /** `null`: any response, if nothing else uses the redirect URI. */
  readonly state: Secret | null
  readonly timeoutSeconds?: number | undefined
}
