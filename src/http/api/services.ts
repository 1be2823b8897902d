/**
 * The services that the API's routes call: composed by the daemon (daemon/api-services.ts). A route parses, calls one of
 * these, and maps the result.
 */
import type { Registration } from '../../config/presets/registration.js'
import type { ProfileEntry } from '../../config/profile.js'
import type { Logins } from '../../login/logins.js'
import type { ProfileDiscovery } from '../../profiles/profile-discovery.js'
import type { ProfileService } from '../../profiles/profile-service.js'
import type { Secret } from '../../secret.js'
import type { TokenService } from '../../tokens/token-service.js'
import type { LastingVault } from '../../vault/vault-kinds.js'
import type { RecentActivity } from './recent-activity.js'
import type { StatusAnswer } from './status.js'

export type { ProfileStatusName, ProfileView } from '../../profiles/profile-service.js'
export type { HappenedEvent } from './recent-activity.js'
export type DaemonStatus = StatusAnswer

/** Names, codes and instants only. */
export interface DaemonEvent {
  /** `login.succeeded`, `token.refreshed`, `configuration.changed`, … */
  readonly event: string
  readonly profile?: string | undefined
  readonly login_id?: string | undefined
  /** Why it failed. */
  readonly code?: string | undefined
  /** An API key's name. */
  readonly client?: string | undefined
  /** Until when the new access token is valid (RFC 3339); `null`: the server does not say. */
  readonly expires_at?: string | null | undefined
  /** What a new API key allows. */
  readonly actions?: readonly string[] | undefined
  readonly profiles?: readonly string[] | undefined
  /** Names of the profiles that a new configuration adds, changes and removes. */
  readonly added?: readonly string[] | undefined
  readonly changed?: readonly string[] | undefined
  readonly removed?: readonly string[] | undefined
}

export interface ApiServices {
  readonly tokens: TokenService
  readonly logins: Logins
  readonly profiles: Pick<ProfileService, 'list' | 'show' | 'put' | 'remove'>
  readonly discovery: Pick<ProfileDiscovery, 'fromUrl'>
  readonly activity: Pick<RecentActivity, 'recent'>
  /** The known servers, for adding a profile. */
  presets(): readonly { readonly name: string; readonly title: string }[]
  /** What to register at the server for a profile that is not saved yet. */
  registration(
    profile: string,
    entry: Pick<ProfileEntry, 'preset' | 'redirect_uri' | 'extends'>,
  ): Registration
  /** @param limit - Count only these profiles, because the key may know no others. Default: all. */
  status(limit?: ReadonlySet<string>): Promise<StatusAnswer>
  /** @returns A function that ends the subscription. */
  subscribe(listener: (event: DaemonEvent) => void): () => void
  /** The holder of this key gets a token of the profile. Called for every token, so it must be cheap. */
  tokenServed(client: string, profile: string): void
  /** An API key was added or removed. */
  clientChanged(
    event: 'client.added' | 'client.removed',
    client: string,
    allowed?: Pick<DaemonEvent, 'actions' | 'profiles'>,
  ): void
  readonly lock: {
    readonly isLocked: boolean
    /** @param passphrase - `null`: the one of the last lock, or the keychain's lock. */
    lock(passphrase: Secret | null): Promise<void>
    unlock(passphrase: Secret | null): Promise<void>
  }
  migrateVault(to: LastingVault): Promise<{ from: string; to: LastingVault; items: number }>
  /** Begins an orderly stop. */
  stop(): void
}
