/**
 * A proof that what listens is this user's daemon, for where the system does not name the owner of a listener (TCP on
 * macOS, the pipe on Windows, a container). The client sends a random challenge before its key. Only a program that knows
 * the hash of that key can answer (SECURITY.md#nobody-else-answers).
 *
 * The answer is for one address, so a program at another address cannot get it from the daemon. Loads node:crypto only
 * when it is used, because `catchd token` rarely needs it.
 */

/** `ID.NONCE`: which key, and 256 random bits. */
export const CHALLENGE_HEADER = 'catchd-challenge'
export const PROOF_HEADER = 'catchd-proof'

const CHALLENGE = /^([0-9a-f]{16})\.[\w-]{43}$/

export interface Challenge {
  /** Value of {@link CHALLENGE_HEADER}. */
  readonly header: string
  /** @param proof - Value of {@link PROOF_HEADER}, if there was one. */
  isAnsweredBy(proof: string | undefined): boolean
}

/** @param authority - The Host header that is sent with the challenge. */
export function challengeFor(key: string, authority: string): Challenge {
  const { createHash, randomBytes, timingSafeEqual } = crypto()
  const hash = createHash('sha256').update(key).digest()
  const header = `${idOf(hash)}.${randomBytes(32).toString('base64url')}`
  const expected = Buffer.from(proofOf(hash, header, authority))
  return {
    header,
    isAnsweredBy(proof = '') {
      const given = Buffer.from(proof)
      return given.length === expected.length && timingSafeEqual(given, expected)
    },
  }
}

/** @param head - Of an answer, with its first line. @returns The value of {@link PROOF_HEADER}. */
export function proofIn(head: string): string | undefined {
  return new RegExp(`^${PROOF_HEADER}: ([\\w-]+)\r$`, 'im').exec(head)?.[1]
}

/** Names a key by 64 bits of its hash. The other 192 bits stay secret. */
export function idOf(hash: Buffer): string {
  return hash.toString('hex', 0, 8)
}

/** @returns Which key a challenge is for; `undefined` if it is no challenge. */
export function keyIdOf(challenge: string): string | undefined {
  return CHALLENGE.exec(challenge)?.[1]
}

/** @param hash - SHA-256 of the key. */
export function proofOf(hash: Buffer, challenge: string, authority: string): string {
  return crypto().createHmac('sha256', hash).update(`catchd ${authority} ${challenge}`).digest('base64url')
}

function crypto() {
  return process.getBuiltinModule('node:crypto')
}
