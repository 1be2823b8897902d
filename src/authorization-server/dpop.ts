/**
 * Demonstrating proof of possession (DPoP, RFC 9449): the key to which a profile's tokens are bound, and the proofs for
 * requests.
 *
 * Each profile has one P-256 key. It is made when first needed, stored before a token is bound to it, and deleted at
 * logout. Proofs are signed here and not by oauth4webapi, which does not expose nonces: tools also ask for proofs, with
 * the nonce of their own resource server (§9). proof-fetch.ts sends the proofs.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto'
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'
import type { ProfileItems } from './profile-items.js'

/** The request that a proof is for (§4.2). */
export interface ProofRequest {
  readonly method: string
  /** Query and fragment are left out of the proof. */
  readonly url: string
  /** The access token of the request. */
  readonly accessToken?: Secret | undefined
  /** The server's nonce, if it sent one (§8, §9). */
  readonly nonce?: string | undefined
}

export const DPOP_ALGORITHM = 'ES256'

const KeyRecord = z.object({
  version: z.literal(1),
  jwk: z.looseObject({ kty: z.literal('EC'), crv: z.literal('P-256') }),
})

export class DpopKey {
  /** JWK thumbprint (RFC 7638) of the public key: `dpop_jkt` (RFC 9449 §10), and `jkt` of tokens bound to the key. */
  readonly thumbprint: string
  readonly #private: KeyObject
  readonly #public: JsonWebKey

  private constructor(key: KeyObject) {
    this.#private = key
    this.#public = createPublicKey(key).export({ format: 'jwk' })
    const { crv, kty, x, y } = this.#public
    this.thumbprint = digest(JSON.stringify({ crv, kty, x, y }))
  }

  /** @returns The key and its record for the vault. */
  static generate(): { key: DpopKey; record: Secret } {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = privateKey.export({ format: 'jwk' })
    return { key: new DpopKey(privateKey), record: new Secret(JSON.stringify({ version: 1, jwk })) }
  }

  /** @throws CatchdError `vault_unavailable` if the item is not a record of catchd. The message never quotes it. */
  static parse(item: Secret, profile: string): DpopKey {
    try {
      const { jwk } = KeyRecord.parse(JSON.parse(item.reveal()))
      return new DpopKey(createPrivateKey({ key: jwk, format: 'jwk' }))
    } catch {
      throw new CatchdError('vault_unavailable', {
        detail: 'The stored DPoP key does not have the format of this version.',
        profile,
        next: 'catchd logout {profile}',
      })
    }
  }

  /** @returns A proof (§4.2) for one request. Each has its own identifier and is valid for seconds. */
  proof({ method, url, accessToken, nonce }: ProofRequest, nowMs: number): string {
    const { origin, pathname } = new URL(url)
    const header = { typ: 'dpop+jwt', alg: DPOP_ALGORITHM, jwk: this.#public }
    const payload = {
      jti: randomUUID(),
      htm: method,
      htu: `${origin}${pathname}`,
      iat: Math.floor(nowMs / 1000),
      ...(nonce === undefined ? {} : { nonce }),
      ...(accessToken === undefined ? {} : { ath: digest(accessToken.reveal()) }),
    }
    const input = `${encode(header)}.${encode(payload)}`
    // JWS needs the two numbers of the signature concatenated (RFC 7518 §3.4), not in DER.
    const signature = sign('sha256', Buffer.from(input), { key: this.#private, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
}

/** The keys of all profiles. Each is read or made once. */
export class DpopKeys {
  readonly #items: ProfileItems
  readonly #keys = new Map<string, Promise<DpopKey>>()

  constructor(items: ProfileItems) {
    this.#items = items
  }

  /** The profile's key. A new key is stored in the vault before it is used. @throws the vault's codes */
  of(profile: string): Promise<DpopKey> {
    const known = this.#keys.get(profile)
    if (known !== undefined) return known
    const key = this.#read(profile)
    this.#keys.set(profile, key)
    key.catch(() => {
      if (this.#keys.get(profile) === key) this.#keys.delete(profile)
    })
    return key
  }

  /** Deletes the key. Tokens that are bound to it become useless. @throws the vault's codes */
  async forget(profile: string): Promise<void> {
    // Without this, a key that is being made now would be stored after the deletion.
    await this.#keys.get(profile)?.catch(() => undefined)
    this.#keys.delete(profile)
    await this.#items.delete(profile)
  }

  /** The next use reads them from the vault again. */
  drop(): void {
    this.#keys.clear()
  }

  async #read(profile: string): Promise<DpopKey> {
    const item = await this.#items.get(profile)
    if (item !== undefined) return DpopKey.parse(item, profile)
    const { key, record } = DpopKey.generate()
    await this.#items.set(profile, record)
    return key
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
