/** Stored items of one kind, one for each profile. Only types. */
import type { Secret } from '../secret.js'

/** All methods throw the vault's codes. */
export interface ProfileItems {
  get(profile: string): Promise<Secret | undefined>
  /** Resolves when the item is stored durably. */
  set(profile: string, item: Secret): Promise<void>
  /** Idempotent. */
  delete(profile: string): Promise<void>
}
