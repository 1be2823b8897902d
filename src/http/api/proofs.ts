/**
 * `/v1/tokens/{profile}/proof`: for tokens that are bound to a key of the daemon (DPoP, RFC 9449), the token and a proof for
 * one request. The key never leaves the daemon.
 */
import * as z from 'zod'
import { principalOf } from '../access/permission.js'
import { type ApiScope, answers, ProfilePath, type RouteParts } from './scope.js'
import { TokenAnswer, tokenAnswer } from './token-answer.js'

const ProofRequest = z
  .strictObject({
    method: z.string().regex(/^[A-Z]{1,20}$/, 'must be an HTTP method in capitals'),
    url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
    nonce: z.string().min(1).max(1024).optional().describe('DPoP-Nonce of the resource server'),
  })
  .meta({ id: 'ProofRequest' })

export const ProofAnswer = TokenAnswer.extend({ dpop: z.string() }).meta({ id: 'Proof' })

export function proofRoutes(app: ApiScope, { services, clock }: RouteParts): void {
  app.route({
    method: 'POST',
    url: '/v1/tokens/:profile/proof',
    config: { needs: 'token' },
    schema: {
      operationId: 'proveToken',
      summary: 'The access token and a fresh DPoP proof bound to it (RFC 9449)',
      params: ProfilePath,
      body: ProofRequest,
      response: answers({ 200: ProofAnswer }),
    },
    handler: async (request) => {
      const { profile } = request.params
      const { set, proof } = await services.tokens.prove(profile, request.body)
      services.tokenServed(principalOf(request).name, profile)
      return { ...tokenAnswer(set, profile, clock.now()), dpop: proof }
    },
  })
}
