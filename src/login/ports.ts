/** What logins need from the configuration, the tokens and the redirect listeners, and what they log. */
import type { ConfigurationStore } from '../config/store.js'
import type { TokenKeeper } from '../tokens/token-keeper.js'

export type LoginProfiles = Pick<ConfigurationStore, 'profile' | 'issRequired'>

export type TokenKeeping = Pick<TokenKeeper, 'logoutGeneration' | 'prepareStore' | 'keep'>

/** Files for an https redirect URI: absolute paths of PEM files. */
export interface CertificateFiles {
  readonly certificateFile: string
  readonly privateKeyFile: string
}

/** Keeps an address bound. */
export interface RedirectLease {
  /** The redirect URI with the port that was really bound. */
  readonly redirectUri: string
  /**
   * What arrived there since, instead of an authorization response that can be read: a sentence or two, in which `NAME`
   * stands for the profile; `undefined` if nothing did.
   */
  missed(): string | undefined
  /**
   * Idempotent. The port closes with its last lease.
   *
   * @param browserFollows - The browser will fetch the result page, so the port closes shortly after that.
   */
  release(browserFollows?: boolean): void
}

/** Bind first, then give out the authorization URL. */
export interface RedirectListeners {
  /**
   * Binds the address of the redirect URI: a loopback literal itself, `localhost` on both families or neither, `listen`
   * if given. Port 0 takes a free one. Bound addresses are shared, but never by http and https.
   *
   * @param certificate - For an https redirect URI, read again each time; `null`: the daemon's own.
   * @throws CatchdError `redirect_port_in_use`, naming the port and, if the system tells, the process;
   *   `profile_invalid` for a certificate that a browser would refuse.
   */
  acquire(
    redirectUri: string,
    listen: string | null,
    certificate: CertificateFiles | null,
  ): Promise<RedirectLease>
}

/** For the log; ids and codes only. */
export interface LoginEvent {
  readonly event: `login.${'begun' | 'claimed' | 'caught' | 'succeeded' | 'ended' | 'trouble'}`
  readonly login: string
  /** None for a catch. */
  readonly profile?: string
  /** What failed, and with which code. */
  readonly step?: string
  readonly code?: string
  /** Until when the new access token is valid (RFC 3339); `null`: the server does not say. */
  readonly expires_at?: string | null
}

export function ofProfile({ profile }: { readonly profile: string | null }): { profile?: string } {
  return profile === null ? {} : { profile }
}
