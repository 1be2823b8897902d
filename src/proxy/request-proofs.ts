/**
 * The Authorization header of each request to the upstream and, for a token that is bound to a key (DPoP, RFC 9449), its
 * proof. The daemon makes the proofs. An upstream can ask for a nonce in them (RFC 9449 §9), which is then used for all
 * requests until it sends another.
 */
import type { TokenAnswer } from '../client/api-types.js'
import type { Field } from '../http/end-to-end.js'
import { asksForNonce } from '../text/challenges.js'
import type { CachedToken } from './cached-token.js'
import type { UpstreamAnswer, UpstreamCall } from './upstream.js'

export interface ProvenRequest {
  /** The token that it contains. The daemon may have a newer one than the caller of {@link RequestProofs.prove}. */
  readonly token: TokenAnswer
  /** Authorization, and the proof if there is one. */
  readonly fields: readonly Field[]
  /** `null`: the request has no proof. */
  readonly proof: { readonly nonce: string | undefined } | null
}

export class RequestProofs {
  readonly #token: CachedToken
  readonly #origin: string
  #nonce: string | undefined

  /** @param origin - Of the upstream. */
  constructor(token: CachedToken, origin: string) {
    this.#token = token
    this.#origin = origin
  }

  /** To be called before each attempt, because a proof is valid once. @throws CatchdError */
  async prove(token: TokenAnswer, { method, path }: UpstreamCall): Promise<ProvenRequest> {
    if (token.token_type !== 'DPoP') return { token, fields: [authorization(token)], proof: null }
    const nonce = this.#nonce
    const [url = ''] = `${this.#origin}${path}`.split(/[?#]/, 1) // RFC 9449 §4.2: without query and fragment
    const proven = await this.#token.proof({ method, url, nonce })
    return { token: proven, fields: [authorization(proven), ['DPoP', proven.dpop]], proof: { nonce } }
  }

  /** @returns Whether the upstream refused the request because it lacked the nonce that the answer contains. */
  learnNonce({ proof }: ProvenRequest, { status, fields }: UpstreamAnswer): boolean {
    const [given] = valuesOf(fields, 'dpop-nonce')
    if (proof === null || given === undefined) return false
    this.#nonce = given
    const isChallenge = valuesOf(fields, 'www-authenticate').some(asksForNonce)
    return status === 401 && isChallenge && proof.nonce !== given
  }
}

function authorization({ token_type, access_token }: TokenAnswer): Field {
  return ['Authorization', `${token_type} ${access_token}`]
}

function valuesOf(fields: readonly Field[], wanted: string): string[] {
  return fields.flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []))
}
