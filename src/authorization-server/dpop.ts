/**
 * Demonstrating proof of possession (DPoP, RFC 9449): the key that a profile's tokens are bound to, and the proofs
 * that go along with requests.
 *
 * One P-256 key per profile, made when it is first needed and stored before anything is bound to it; it ends with a
 * logout. Proofs are signed here rather than by oauth4webapi, whose handle keeps nonces to itself: tools ask for
 * proofs too, with the nonce of their own resource server (§9). Who sends them is proof-fetch.ts.
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto'
import * as z from 'zod'
import { CatchdError } from '../failures.js'
import { Secret } from '../secret.js'

/** Where the keys rest, by profile. All throw the vault's codes. */
export interface DpopKeyItems {
  get(profile: string): Promise<Secret | undefined>
  /** Durable when it resolves. */
  set(profile: string, key: Secret): Promise<void>
  /** Idempotent. */
  delete(profile: string): Promise<void>
}

/** What a proof is for (§4.2). */
export interface ProofRequest {
  readonly method: string
  /** Query and fragment are left out of the proof. */
  readonly url: string
  /** The access token that is sent beside it. */
  readonly accessToken?: Secret | undefined
  /** The server's, where it gave one (§8, §9). */
  readonly nonce?: string | undefined
}

export const DPOP_ALGORITHM = 'ES256'

const PrivateJwk = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
})
type PrivateJwk = z.infer<typeof PrivateJwk>

const KeyRecord = z.object({ version: z.literal(1), jwk: PrivateJwk })

export class DpopKey {
  /** JWK thumbprint (RFC 7638) of the public key: `dpop_jkt` (RFC 9449 §10), `jkt` of what is bound to it. */
  readonly thumbprint: string
  readonly #private: KeyObject
  readonly #public: Omit<PrivateJwk, 'd'>

  private constructor({ d, ...publicJwk }: PrivateJwk) {
    this.#private = createPrivateKey({ key: { ...publicJwk, d }, format: 'jwk' })
    this.#public = publicJwk
    const { crv, kty, x, y } = publicJwk
    this.thumbprint = digest(JSON.stringify({ crv, kty, x, y }))
  }

  /** @returns The key, and the record of it for the vault. */
  static generate(): { key: DpopKey; record: Secret } {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = PrivateJwk.parse(privateKey.export({ format: 'jwk' }))
    return { key: new DpopKey(jwk), record: new Secret(JSON.stringify({ version: 1, jwk })) }
  }

  /** @throws CatchdError `vault_unavailable` when the item is not a record of ours; never quotes it. */
  static parse(item: Secret): DpopKey {
    try {
      return new DpopKey(KeyRecord.parse(JSON.parse(item.reveal())).jwk)
    } catch {
      throw new CatchdError('vault_unavailable', {
        detail: 'The stored DPoP key is not a record of this version.',
        next: 'catchd logout {profile}',
      })
    }
  }

  /** @returns A proof (§4.2) for one request; each has an identifier of its own and is good for seconds. */
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
    // JWS wants both numbers of the signature side by side (RFC 7518 §3.4), not in DER.
    const signature = sign('sha256', Buffer.from(input), { key: this.#private, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
}

/** The keys of all profiles, each read or made once. */
export class DpopKeys {
  readonly #items: DpopKeyItems
  readonly #keys = new Map<string, Promise<DpopKey>>()

  constructor(items: DpopKeyItems) {
    this.#items = items
  }

  /** The profile's key; a new one is in the vault before it is used. @throws the vault's codes */
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

  /** Whatever is bound to the key is useless from here on. @throws the vault's codes */
  async forget(profile: string): Promise<void> {
    // One that is just being made would otherwise be stored after it was deleted.
    await this.#keys.get(profile)?.catch(() => undefined)
    this.#keys.delete(profile)
    await this.#items.delete(profile)
  }

  async #read(profile: string): Promise<DpopKey> {
    const item = await this.#items.get(profile)
    if (item !== undefined) return DpopKey.parse(item)
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
