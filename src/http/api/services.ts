/**
 * What the API's routes call: composed by the daemon (daemon/api-services.ts). Routes parse, call one of these, and map.
 */
import type { ProfileEntry } from '../../config/profile.js'
import type { Logins } from '../../login/logins.js'
import type { TokenService } from '../../tokens/token-service.js'
import type { LastingVault } from '../../vault/vault-kinds.js'

export type LoginApi = Pick<
  Logins,
  'begin' | 'beginShared' | 'find' | 'ofProfile' | 'pendingOf' | 'wait' | 'takeResponse' | 'paste' | 'cancel'
>

export type ProfileStatusName = 'logged_in' | 'login_required' | 'login_pending' | 'expired'

export interface ProfileView {
  readonly name: string
  /** The entry as configured, secrets replaced by where they come from. */
  readonly entry: ProfileEntry
  readonly status: ProfileStatusName
  readonly expiresAtMs: number | null
  readonly scope: string | null
  readonly subject: string | null
  /** When a person is needed next, as things stand; `null` when that is unknown or never. */
  readonly loginNeededAtMs: number | null
  /** When the tokens came, by a login or a refresh; `null`: there are none. */
  readonly obtainedAtMs: number | null
  /** Whether new tokens can be had without a person. */
  readonly canRefresh: boolean
}

export interface ProfileApi {
  list(): Promise<ProfileView[]>
  /** @throws CatchdError `profile_unknown` */
  show(name: string): Promise<ProfileView>
  /** Validates, writes the file with its comments kept; a client secret given as a string goes to the vault. */
  put(name: string, entry: ProfileEntry): Promise<{ view: ProfileView; created: boolean }>
  remove(name: string): Promise<void>
}

export interface DiscoveryRequest {
  /** A protected resource or an issuer. */
  readonly url: string
  /** Name of the profile; one is made from the host otherwise. */
  readonly profile?: string | undefined
  /** Of a client that was registered by hand; otherwise one is registered (RFC 7591). */
  readonly clientId?: string | undefined
  /** What to ask for instead of what the resource wants. */
  readonly scope?: string | undefined
  readonly caFile?: string | undefined
  /** The server no longer knows the client: another is registered for the profile. */
  readonly registerAgain?: boolean | undefined
}

export interface DiscoveryApi {
  /**
   * The profile for a URL, made where there is none.
   *
   * @throws CatchdError `request_invalid`, `profile_invalid` (a client has to be registered by hand), `provider_refused`,
   *   `provider_unreachable`, `provider_answer_invalid`, `issuer_mismatch`
   */
  fromUrl(request: DiscoveryRequest): Promise<{ readonly view: ProfileView; readonly created: boolean }>
}

export interface DaemonStatus {
  readonly version: string
  readonly pid: number
  readonly started_at: string
  readonly listeners: {
    readonly redirect: string[]
    readonly socket: string | null
    readonly tcp: string | null
  }
  readonly vault: {
    readonly kind: string
    readonly engine: string
    readonly health: string
    readonly unsaved: string[]
  }
  readonly config: { readonly path: string; readonly ok: boolean; readonly error: string | null }
  readonly profiles: number
  readonly logins_pending: number
  /** Of all profiles together, so that it is for those alone who may know all of them. */
  readonly token_accesses?: TokenAccess[]
}

/** Who got a token, within one minute. */
export interface TokenAccess {
  readonly client: string
  readonly profile: string
  readonly first_at: string
  readonly last_at: string
  readonly count: number
}

/** Something that happened; names and codes only. */
export interface DaemonEvent {
  /** `login.succeeded`, `token.refreshed`, `configuration.changed`, … */
  readonly event: string
  readonly profile?: string
  readonly login_id?: string
  /** Why, where something failed. */
  readonly code?: string
  /** An API key's name. */
  readonly client?: string
}

/** What happened lately, since the daemon started; kept in memory, and of that not much. */
export interface ActivityApi {
  /** From the newest to the oldest. */
  recent(): readonly HappenedEvent[]
  /** Why the profile's last refresh failed; `undefined` when it did not. */
  refreshTrouble(profile: string): { readonly code: string; readonly atMs: number } | undefined
}

export interface HappenedEvent extends DaemonEvent {
  readonly atMs: number
}

export interface ApiServices {
  readonly tokens: TokenService
  readonly logins: LoginApi
  readonly profiles: ProfileApi
  readonly discovery: DiscoveryApi
  readonly activity: ActivityApi
  /** The servers that are known, for who adds a profile. */
  presets(): readonly { readonly name: string; readonly title: string }[]
  /** @param limit - Counts are of these profiles alone: what a key with these profiles may know. Default: all. */
  status(limit?: ReadonlySet<string>): Promise<DaemonStatus>
  /** @returns A function that ends the subscription. */
  subscribe(listener: (event: DaemonEvent) => void): () => void
  /** A token of the profile is on its way to whoever holds this key. Called for every one: it must cost nothing. */
  tokenServed(client: string, profile: string): void
  /** An API key was added or removed. */
  clientChanged(event: 'client.added' | 'client.removed', client: string): void
  /** Vault migration, for `catchd vault migrate`. */
  migrateVault(to: LastingVault): Promise<{ from: string; to: string; items: number }>
  /** Begins an orderly stop, for `catchd daemon stop`. */
  stop(): void
}
