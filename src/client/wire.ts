/**
 * The JSON of the API, version 1, as the library hands it out: names and spelling are the wire's.
 *
 * Types only. Instants are RFC 3339 UTC strings, durations integer seconds; what is unknown is `null`.
 */
import type { ProfileEntry } from '../config/profile.js'
import type { DaemonStatus, ProfileStatusName } from '../http/api/services.js'
import type { LoginStatus } from '../login/login.js'

export type { DaemonStatus, LoginStatus, ProfileEntry, ProfileStatusName }

export interface TokenAnswer {
  readonly access_token: string
  readonly token_type: string
  /** Seconds that were left when the daemon answered. */
  readonly expires_in: number | null
  readonly expires_at: string | null
  readonly scope: string | null
  readonly profile: string
}

/** What a succeeded login put into the vault. */
export interface StoredTokenSet {
  /** In words: `the login keychain (service catchd)`. */
  readonly stored_in: string
  readonly scope: string | null
  readonly expires_at: string | null
  /** Whether the daemon can refresh it without a person. */
  readonly refreshable: boolean
  readonly subject: string | null
}

export interface LoginError {
  readonly code: string
  readonly detail: string | null
  readonly error: string | null
  readonly error_description: string | null
}

export interface LoginAnswer {
  readonly login_id: string
  /** `null` where only an authorization response is caught. */
  readonly profile?: string | null
  readonly status: LoginStatus
  readonly redirect_uri?: string
  readonly authorization_url?: string
  readonly expires_at?: string
  readonly error?: LoginError | null
  readonly stored?: StoredTokenSet
  /** Device grants (RFC 8628 §3.2). */
  readonly user_code?: string
  readonly verification_uri?: string
  readonly verification_uri_complete?: string
  /** Catch only, once: the parameters of the authorization response. */
  readonly response?: Readonly<Record<string, string>>
}

export interface ProfileAnswer {
  readonly profile: string
  readonly configuration: ProfileEntry
  readonly status: ProfileStatusName
  readonly expires_at: string | null
  readonly scope: string | null
  readonly subject: string | null
}

/** What one API key may do. */
export type ClientAction = 'token' | 'login' | 'admin'

export interface ApiKey {
  readonly client: string
  readonly profiles: readonly string[]
  readonly actions: readonly ClientAction[]
  readonly created_at?: string | null
  readonly expires_at?: string | null
}

export interface NewApiKey extends ApiKey {
  /** Shown this once. */
  readonly key: string
}

export interface VaultMigration {
  readonly from: string
  readonly to: string
  /** Items that were carried over. */
  readonly items: number
}
