/**
 * Proofs for tokens that are bound to a key of the daemon (DPoP, RFC 9449). The daemon makes one for each request to the
 * upstream, with the nonce that the upstream sent last (§9).
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CachedToken } from './cached-token.js'

export class RequestProofs {
  readonly #token: CachedToken
  readonly #upstream: string
  readonly #proofs = new WeakMap<FastifyRequest, { dpop: string; nonce: string | undefined }>()
  readonly #tried = new WeakSet<FastifyRequest>()
  #nonce: string | undefined

  constructor(token: CachedToken, upstream: string) {
    this.#token = token
    this.#upstream = upstream
  }

  /** Call this before each attempt. Does nothing for tokens that are not bound to a key. @throws CatchdError */
  async make(request: FastifyRequest, dest: string): Promise<void> {
    if (request.sentToken?.token_type !== 'DPoP') return
    const nonce = this.#nonce
    const url = new URL(dest, this.#upstream).href
    const answer = await this.#token.proof({ method: request.method, url, nonce })
    request.sentToken = answer
    this.#proofs.set(request, { dpop: answer.dpop, nonce })
  }

  headerOf(request: FastifyRequest): { dpop?: string } {
    const made = this.#proofs.get(request)
    return made === undefined ? {} : { dpop: made.dpop }
  }

  /** @returns Whether the upstream refused the request because it lacked the nonce that the response contains. */
  learnNonce(request: FastifyRequest, status: number | undefined, reply: FastifyReply): boolean {
    const made = this.#proofs.get(request)
    const given = reply.getHeader('dpop-nonce')
    if (made === undefined || typeof given !== 'string') return false
    this.#nonce = given
    const isChallenge = /\buse_dpop_nonce\b/.test(String(reply.getHeader('www-authenticate') ?? ''))
    if (status !== 401 || !isChallenge || made.nonce === given || this.#tried.has(request)) return false
    this.#tried.add(request) // only once, so that a server that always refuses does not cause an endless loop
    return true
  }
}
