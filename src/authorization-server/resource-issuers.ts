/**
 * The issuer that the resource server of a profile named first (RFC 9728). For a profile with `resource_server` and
 * without `issuer`, it is the server that the client secret was entered for.
 *
 * An attacker may take over the resource later. Its metadata then names another server, which must get neither the client
 * secret nor a login. So the first issuer is stored in the vault, and another one is refused until the owner of the
 * configuration sets it as `issuer` (SECURITY.md#one-secret-one-server).
 */
import * as z from 'zod'
import type { Profile } from '../config/profile.js'
import { CatchdError } from '../failures.js'
import { readRecord, writeRecord } from '../vault/record.js'
import type { ProfileItems } from './profile-items.js'

const FirstIssuer = z.object({ version: z.literal(1), resource_server: z.string(), issuer: z.string() })

interface Named {
  readonly resourceServer: string
  readonly issuer: string
}

export class ResourceIssuers {
  readonly #items: ProfileItems
  /** The first answers, so that the vault is read once. */
  readonly #known = new Map<string, Promise<Named>>()

  constructor(items: ProfileItems) {
    this.#items = items
  }

  /**
   * Stores the issuer if it is the first one. If the profile has another `resource_server`, its issuer is the first one.
   *
   * @param issuers - That the resource server names now. The first one stays as long as it is among them.
   * @param choose - Decides between them if there is no first one yet.
   * @returns The issuer to use.
   * @throws CatchdError `issuer_mismatch` with both issuers; the vault's codes
   */
  async require(
    { name }: Profile,
    resourceServer: string,
    issuers: readonly [string, ...string[]],
    choose: () => Promise<string>,
  ): Promise<string> {
    const now = async () => ({ resourceServer, issuer: await choose() })
    let first = await this.#first(name, now)
    if (first.resourceServer !== resourceServer) {
      this.#known.delete(name)
      await this.#items.delete(name)
      first = await this.#first(name, now)
    }
    if (issuers.includes(first.issuer)) return first.issuer
    const [issuer] = issuers
    throw new CatchdError('issuer_mismatch', {
      detail:
        `${resourceServer} now names the authorization server ${issuer}. Before, it named ${first.issuer}. ` +
        `Nothing was sent to the new server. If you trust it, set issuer to ${issuer} in the profile.`,
      next: 'catchd profile edit {profile}',
      evidence: { issuer, issuerFrom: 'metadata' },
    })
  }

  /** For a profile that was removed. @throws the vault's codes */
  async forget(profile: string): Promise<void> {
    this.#known.delete(profile)
    await this.#items.delete(profile)
  }

  #first(profile: string, now: () => Promise<Named>): Promise<Named> {
    const known = this.#known.get(profile)
    if (known !== undefined) return known
    const reading = this.#read(profile, now)
    this.#known.set(profile, reading)
    reading.catch(() => this.#known.delete(profile))
    return reading
  }

  async #read(profile: string, now: () => Promise<Named>): Promise<Named> {
    const item = await this.#items.get(profile)
    const stored = item && readRecord(FirstIssuer, item)
    if (stored !== undefined) return stored
    const first = await now()
    await this.#items.set(profile, writeRecord(FirstIssuer, first))
    return first
  }
}
