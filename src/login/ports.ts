/** What logins need of the other rooms, and what they tell the log. */
import type { Profile } from '../config/profile.js'
import type { TokenSet } from '../tokens/token-set.js'

/** What logins need of the configuration. */
export interface LoginProfiles {
  /** @throws CatchdError `profile_unknown`, `config_invalid` */
  profile(name: string): Profile
  /** Whether the profile shares its redirect URI with one of another authorization server (RFC 9207). */
  issRequired(name: string): boolean
}

/** What logins need of the tokens' room. */
export interface TokenKeeping {
  /** Drawn before tokens are asked for, so that those of a login under way do not outlive a logout. */
  logoutGeneration(profile: string): number
  /** Tokens are being asked for: what stores them gets ready meanwhile. */
  prepareStore(): void
  /** Stores the token set in the vault; when it resolves, it is there. @throws `login_required`, vault codes */
  keep(profile: string, tokens: TokenSet, logoutGeneration: number): Promise<void>
}

/** Events worth a log line; ids and codes only. */
export type LoginEvent =
  | {
      readonly event: 'login.begun' | 'login.claimed' | 'login.succeeded'
      readonly login: string
      /** None of a catch. */
      readonly profile?: string
    }
  | { readonly event: 'login.caught'; readonly login: string }
  | {
      readonly event: 'login.ended'
      readonly login: string
      readonly profile?: string
      readonly code: string
    }
  | { readonly event: 'login.trouble'; readonly login: string; readonly step: string; readonly code: string }
