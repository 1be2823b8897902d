/**
 * Adds the proof of listener-proof.ts to the answer of a request with a challenge, and changes nothing else: on TCP, a
 * challenge without a key is a 401 with a proof.
 */
import type { IncomingMessage } from 'node:http'
import { CHALLENGE_HEADER, PROOF_HEADER } from '../../listener/listener-proof.js'
import type { RequestHandler } from '../http-listener.js'
import { type Gate, requireHost } from './admission.js'

export function answerChallenges(gate: Gate, next: RequestHandler): RequestHandler {
  return (request, response) => {
    if (CHALLENGE_HEADER in request.headers) {
      const proof = proofFor(request, gate)
      if (proof !== undefined) response.setHeader(PROOF_HEADER, proof)
    }
    next(request, response)
  }
}

function proofFor({ headers, socket }: IncomingMessage, gate: Gate): string | undefined {
  try {
    requireHost({ method: '', headers, socket }, gate)
  } catch {
    return undefined // the proof is only for our own addresses
  }
  return gate.keys.prove(String(headers[CHALLENGE_HEADER]), headers.host ?? '')
}
