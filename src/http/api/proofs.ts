/**
 * `/v1/tokens/{profile}/proof`: for tokens that are bound to a key of the daemon (DPoP, RFC 9449), the token and a
 * proof for one request. The key itself never leaves.
 */
import { principalOf } from '../access/permission.js'
import { type ApiScope, answers, ProfilePath, type RouteParts } from './scope.js'
import { ProofAnswer, ProofRequest, tokenAnswer } from './wire.js'

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
      const { set, proof } = await services.proofs.prove(profile, request.body)
      services.tokenServed(principalOf(request).name, profile)
      return { ...tokenAnswer(set, profile, clock.now()), dpop: proof }
    },
  })
}
