/**
 * The keys that authorization servers sign with (RFC 7517): fetches and caches their sets, and tries the keys that a
 * signature can be from.
 *
 * A set is cached for five minutes. If no key of it fits, it is fetched once more: at once if it was fetched in advance,
 * because a server may make or change its key meanwhile, otherwise at most once a minute, whatever key ids the tokens have.
 * A key that cannot be used is skipped. Only asymmetric public keys are ever used: a set is public, so nothing in it can be
 * a secret of a MAC.
 */
import * as z from 'zod'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { isObject, type Members, parseObject } from './json-object.js'
import { PublicRequests } from './public-requests.js'
import { RecentMap } from './recent-map.js'
import type { ServerConnections } from './server-connections.js'

/** One key, with its public members only. */
export type PublicKey = Readonly<Record<string, string>>

const GOOD_FOR_MS = 300_000
const FETCHED_AGAIN_AFTER_MS = 60_000
/** The largest number of cached key sets. */
const MOST_KEY_SETS = 256
/** Keys that are tried for one signature. Real sets have two or three that fit. */
const MOST_TRIED = 8

interface KeySet {
  keys: readonly Members[]
  /** When the keys were received; `undefined`: never. */
  fetchedAtMs?: number
  /** When they were last asked for. */
  askedAtMs: number
  /** They were fetched before there was a signature to check. */
  isAhead: boolean
  fetching?: Promise<void>
}

export class KeySets {
  readonly #connections: ServerConnections
  readonly #sets = new RecentMap<KeySet>(MOST_KEY_SETS)

  constructor(connections: ServerConnections) {
    this.#connections = connections
  }

  /** Never throws: if this fails, the set is fetched when there is a signature to check. */
  async fetchAhead(profile: Profile, jwksUri: string): Promise<void> {
    const set = this.#set(profile, jwksUri)
    if (isFresh(set) || set.fetching !== undefined) return
    await this.#fetch(set, profile, jwksUri).then(
      () => {
        set.isAhead = true
      },
      () => {},
    )
  }

  /**
   * @param header - Of the signed JWT. Not trusted: it only selects among the server's own keys.
   * @param check - Verifies the signature with one key. It throws if the signature is not of this key.
   * @throws what the last `check` threw; {@link NotCheckable} if no key fits or the set cannot be fetched
   */
  async verify<Result>(
    profile: Profile,
    jwksUri: string,
    header: Members,
    check: (key: PublicKey) => Promise<Result>,
  ): Promise<Result> {
    const set = this.#set(profile, jwksUri)
    await set.fetching?.catch(() => {})
    const isCached = isFresh(set)
    if (!isCached) await this.#fetch(set, profile, jwksUri)
    const first = await tryKeys(fitting(set.keys, header), check)
    if ('result' in first) return first.result
    const isDue = set.isAhead || isOver(set.askedAtMs, FETCHED_AGAIN_AFTER_MS)
    if (!isCached || !(isDue || set.fetching !== undefined)) throw first.failure
    await this.#fetch(set, profile, jwksUri)
    const second = await tryKeys(fitting(set.keys, header), check)
    if ('result' in second) return second.result
    throw second.failure
  }

  /** Simultaneous callers share one request. */
  #fetch(set: KeySet, profile: Profile, jwksUri: string): Promise<void> {
    set.fetching ??= this.#request(set, profile, jwksUri).finally(() => delete set.fetching)
    return set.fetching
  }

  async #request(set: KeySet, profile: Profile, jwksUri: string): Promise<void> {
    set.isAhead = false
    set.askedAtMs = Date.now()
    set.keys = await requestKeys(new PublicRequests(this.#connections, profile.ca_file), jwksUri)
    set.fetchedAtMs = Date.now()
  }

  #set(profile: Profile, jwksUri: string): KeySet {
    const key = JSON.stringify([jwksUri, profile.ca_file])
    const set: KeySet = this.#sets.get(key) ?? { keys: [], askedAtMs: 0, isAhead: false }
    this.#sets.set(key, set)
    return set
  }
}

function isFresh({ fetchedAtMs }: KeySet): boolean {
  return fetchedAtMs !== undefined && !isOver(fetchedAtMs, GOOD_FOR_MS)
}

/** A clock that was set back must not make a time longer. */
function isOver(sinceMs: number, lengthMs: number): boolean {
  const passedMs = Date.now() - sinceMs
  return passedMs < 0 || passedMs >= lengthMs
}

/** The signature may be valid, but its key cannot be fetched now, or this machine's clock is wrong. */
export class NotCheckable extends CatchdError {}

/** RFC 7517 §5. A member that is no key does not cost the others. */
const Published = z.object({ keys: z.array(z.unknown()) })

/** @throws NotCheckable `provider_unreachable`, `provider_answer_invalid` */
async function requestKeys(requests: PublicRequests, jwksUri: string): Promise<readonly Members[]> {
  const headers = { accept: 'application/json, application/jwk-set+json' }
  const { status, body } = await requests
    .send(jwksUri, { method: 'GET', headers })
    .catch((error: unknown) => {
      if (!(error instanceof CatchdError)) throw error
      throw new NotCheckable(error.code, { detail: error.message, evidence: error.evidence })
    })
  const published = status === 200 ? Published.safeParse(parseObject(body)).data : undefined
  if (published !== undefined) return published.keys.filter(isObject)
  throw new NotCheckable('provider_answer_invalid', `The jwks_uri gave no keys (${status}).`)
}

/** The members of a public key that verification needs (RFC 7518 §6, RFC 8037 §2). */
const PUBLIC_MEMBERS = ['kty', 'n', 'e', 'crv', 'x', 'y']

/**
 * The keys that can have made a signature, those with its `kid` first. The key type follows from `alg`, so a key is never
 * used for another kind of algorithm.
 */
function fitting(keys: readonly Members[], { alg, kid }: Members): PublicKey[] {
  const wanted = typeof alg === 'string' ? keyTypeOf(alg) : undefined
  if (wanted === undefined) return []
  const candidates = keys.filter(
    (key) =>
      key['kty'] === wanted.kty &&
      (wanted.crv === undefined || wanted.crv.includes(String(key['crv']))) &&
      (key['kid'] === undefined || kid === undefined || key['kid'] === kid) &&
      (key['alg'] === undefined || isAlgorithm(key['alg'], alg)) &&
      (key['use'] === undefined || key['use'] === 'sig') &&
      (!Array.isArray(key['key_ops']) || key['key_ops'].includes('verify')),
  )
  const named = candidates.filter((key) => key['kid'] === kid)
  const rest = candidates.filter((key) => key['kid'] !== kid)
  return [...named, ...rest].slice(0, MOST_TRIED).map((key) => ({
    ...Object.fromEntries(
      PUBLIC_MEMBERS.flatMap((name) => (typeof key[name] === 'string' ? [[name, key[name]]] : [])),
    ),
    ...(typeof kid === 'string' ? { kid } : {}),
  }))
}

/** RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2. */
const KEY_TYPES: Readonly<Record<string, { readonly kty: string; readonly crv?: readonly string[] }>> = {
  RS: { kty: 'RSA' },
  PS: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: ['P-256'] },
  ES384: { kty: 'EC', crv: ['P-384'] },
  ES512: { kty: 'EC', crv: ['P-521'] },
  EdDSA: { kty: 'OKP', crv: ['Ed25519'] },
  Ed25519: { kty: 'OKP', crv: ['Ed25519'] },
}

function keyTypeOf(alg: string) {
  return KEY_TYPES[/^[RP]S(?:256|384|512)$/.test(alg) ? alg.slice(0, 2) : alg]
}

function isAlgorithm(listed: unknown, alg: unknown): boolean {
  const usual = (name: unknown) => (name === 'Ed25519' ? 'EdDSA' : name)
  return usual(listed) === usual(alg)
}

async function tryKeys<Result>(
  keys: readonly PublicKey[],
  check: (key: PublicKey) => Promise<Result>,
): Promise<{ readonly result: Result } | { readonly failure: unknown }> {
  let failure: unknown = new NotCheckable(
    'provider_answer_invalid',
    'The server publishes no key that fits the signature.',
  )
  for (const key of keys) {
    try {
      return { result: await check(key) }
    } catch (error) {
      failure = error
    }
  }
  return { failure }
}
