/**
 * The Vault port: where secrets are stored. One contract suite runs against every implementation
 * (test/vault/contract.ts).
 *
 * A vault is a map from item names to secret strings. Names are not secret (see {@link itemName}). The modules that own
 * the values parse them. Every call ends within about two seconds. A locked keychain is `vault_locked`, any other
 * problem `vault_unavailable`. Neither loses an item.
 */
import { asCatchdError, type CatchdError } from '../failures.js'
import type { Secret } from '../secret.js'
import type { VaultEngine, VaultKind } from './vault-kinds.js'

export type VaultHealth = 'ok' | 'locked' | 'unavailable'

export interface Vault {
  readonly kind: VaultKind
  readonly engine: VaultEngine
  /**
   * @returns The value, or `undefined` when no such item exists (a locked keychain is an error, never `undefined`).
   * @throws CatchdError `vault_locked`, `vault_unavailable`
   */
  get(name: string): Promise<Secret | undefined>
  /**
   * Stores durably before it resolves: after a crash the item holds the old value or the new one, never half.
   * @throws CatchdError `vault_locked`, `vault_unavailable`
   */
  set(name: string, value: Secret): Promise<void>
  /**
   * Idempotent. @returns Whether there was such an item.
   * @throws CatchdError `vault_locked`, `vault_unavailable`
   */
  delete(name: string): Promise<boolean>
  /** Names of all items, sorted. They come from our own index: a keychain is never enumerated. */
  names(): Promise<string[]>
  /**
   * For a vault with a key of its own: seals everything again with the key that is configured now.
   * @returns The number of items; 0 if they are sealed with it already.
   */
  sealAgain?(): Promise<number>
  /**
   * Asks the vault itself, never throws; resolves within about two seconds.
   * @returns What is wrong: `vault_locked`, `vault_unavailable` or `locked`; `undefined` if it works.
   */
  findTrouble(): Promise<CatchdError | undefined>
  /** Ends child processes and timers. Items stay, except in memory. */
  close(): Promise<void>
}

/** @param call - Its failure says what is wrong with the vault. */
export async function troubleOf(call: () => Promise<unknown>): Promise<CatchdError | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    return asCatchdError(error)
  }
}

export function healthIn(trouble: CatchdError | undefined): VaultHealth {
  if (trouble === undefined) return 'ok'
  return trouble.code === 'vault_locked' || trouble.code === 'locked' ? 'locked' : 'unavailable'
}

/** Item names of profiles; those of pending logins are in src/login/kinds. `profile` needs no escaping: its alphabet is ours. */
export const itemName = {
  tokenSet: (profile: string) => `token-set/${profile}`,
  clientSecret: (profile: string) => `client-secret/${profile}`,
  /** What a server answered to a dynamic registration (RFC 7591). */
  registration: (profile: string) => `registration/${profile}`,
  dpopKey: (profile: string) => `dpop-key/${profile}`,
  /** The issuer that the profile's resource server named first. */
  resourceIssuer: (profile: string) => `resource-issuer/${profile}`,
} as const
