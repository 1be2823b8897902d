/** What logins need of the configuration, the tokens and the redirect listeners, and what they tell the log. */
import type { Profile } from '../config/profile.js'
import type { TokenSet } from '../tokens/token-set.js'

/** What logins need of the configuration. */
export interface LoginProfiles {
  /** @throws CatchdError `profile_unknown`, `config_invalid` */
  profile(name: string): Profile
  /** Whether the profile shares its redirect URI with one of another authorization server (RFC 9207). */
  issRequired(name: string): boolean
}

/** What logins need of the token sets. */
export interface TokenKeeping {
  /** Drawn before tokens are asked for, so that those of a login under way do not outlive a logout. */
  logoutGeneration(profile: string): number
  /** Tokens are being asked for: what stores them gets ready meanwhile. */
  prepareStore(): void
  /** Stores the token set in the vault; when it resolves, it is there. @throws `login_required`, vault codes */
  keep(profile: string, tokens: TokenSet, logoutGeneration: number): Promise<void>
}

/** What an https redirect URI is served with: absolute paths of PEM files. */
export interface CertificateFiles {
  readonly certificateFile: string
  readonly privateKeyFile: string
}

/** A hold on a bound address. */
export interface RedirectLease {
  /** The redirect URI with the port that was really bound. */
  readonly redirectUri: string
  /** Idempotent. The port closes shortly after the last lease on it is gone. */
  release(): void
}

/** Bind first, then give out the authorization URL. */
export interface RedirectListeners {
  /**
   * Binds what the redirect URI names: a loopback literal itself, `localhost` on both families or neither,
   * `listen` where given. Port 0 takes a free one. Already bound addresses are shared, but never by http and https.
   *
   * @param certificate - For an https redirect URI, read anew each time; `null`: the daemon's own.
   * @throws CatchdError `redirect_port_in_use`, naming the port and, where the system tells, the process;
   *   `profile_invalid` for a certificate that a browser would not take.
   */
  acquire(
    redirectUri: string,
    listen: string | null,
    certificate: CertificateFiles | null,
  ): Promise<RedirectLease>
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
