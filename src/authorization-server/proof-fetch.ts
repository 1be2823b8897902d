/**
 * Sends requests with a DPoP proof and with the nonces that servers require in it (RFC 9449 §8, §9).
 *
 * A server that requires a nonce refuses the first request before it checks the grant, and sends a nonce. Only then the
 * request is sent again, once. The second request is built completely again, because a client assertion is also valid
 * only for one request. For profiles without `dpop`, requests are not changed.
 */
import type { Clock } from '../clock.js'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import { asksForNonce } from '../text/challenges.js'
import type { DpopKeys } from './dpop.js'
import { parseObject } from './json-object.js'
import { RecentMap } from './recent-map.js'
import type { Fetch } from './server-fetch.js'

/** The number of servers whose newest nonce is remembered. */
const MOST_NONCES = 256
/** Much longer than the nonces of real servers (RFC 9449 §8.1 has no limit except that of the header). */
const LONGEST_NONCE = 1024

export class ProofFetch {
  readonly #keys: DpopKeys
  readonly #clock: Pick<Clock, 'now'>
  readonly #nonces = new RecentMap<string>(MOST_NONCES)

  constructor(keys: DpopKeys, clock: Pick<Clock, 'now'>) {
    this.#keys = keys
    this.#clock = clock
  }

  /**
   * @param attempt - Builds and sends the whole request with the given `fetch`. Called at most twice.
   * @param accessToken - The token of the request, for resource requests.
   * @throws CatchdError the vault's codes; what `attempt` throws
   */
  async send(
    profile: Profile,
    fetch: Fetch,
    attempt: (fetch: Fetch) => Promise<Response>,
    accessToken?: Secret,
  ): Promise<Response> {
    if (!profile.dpop) return attempt(fetch)
    const key = await this.#keys.of(profile.name)
    let sent: string | undefined
    const proving: Fetch = async (url, options) => {
      const place = JSON.stringify([profile.name, new URL(url).origin])
      sent = this.#nonces.get(place)
      const proof = key.proof({ method: options.method, url, accessToken, nonce: sent }, this.#clock.now())
      const response = await fetch(url, { ...options, headers: { ...options.headers, dpop: proof } })
      const newest = response.headers.get('dpop-nonce') ?? ''
      if (newest !== '' && newest.length <= LONGEST_NONCE) this.#nonces.set(place, newest)
      return response
    }
    const response = await attempt(proving)
    if (!(await wantsNonce(response))) return response
    const given = response.headers.get('dpop-nonce')
    if (given === null || given === sent) {
      throw new CatchdError(
        'provider_answer_invalid',
        'The server requires a DPoP nonce but does not send one.',
      )
    }
    return attempt(proving)
  }
}

/** The error is in the body of an authorization server (§8) and in the challenge of a resource server (§9). */
async function wantsNonce(response: Response): Promise<boolean> {
  if (response.status !== 400 && response.status !== 401) return false
  if (asksForNonce(response.headers.get('www-authenticate') ?? undefined)) return true
  return parseObject(await response.clone().text())?.['error'] === 'use_dpop_nonce'
}
