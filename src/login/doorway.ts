/**
 * The seam between the listeners and the login service: what the redirect listener asks of logins, and what
 * logins ask of the redirect listener.
 */
import type { Login, SettledLogin } from './login.js'
import type { RedirectScheme } from './redirect-uris.js'

/** Implemented by LoginService, used by src/http/redirect. */
export interface RedirectAnswers {
  /**
   * The redirect URI (as in an authorization request) that a request on a bound address is for, or `undefined`.
   * Knows the redirect URIs of pending logins, of recently settled ones and of the configured profiles.
   *
   * @param authority - `host:port` or `host` exactly as in the Host header.
   * @param path - Raw path of the request target, undecoded, without query.
   * @param scheme - What the browser came by; `undefined` where it cannot be known, behind a tunnel.
   */
  findRedirectUri(authority: string, path: string, scheme?: RedirectScheme): string | undefined
  /** Whether any known redirect URI has this authority (so that a wrong Host and a wrong path are told apart). */
  knowsAuthority(authority: string): boolean
  /** Response modes of the logins pending on a redirect URI; empty when none pends. */
  responseModes(redirectUri: string): ReadonlySet<'query' | 'form_post' | 'fragment'>
  /**
   * Takes the authorization response (still encoded). Claims its login before the first await, redeems the
   * code, keeps the token set and settles the login.
   *
   * A replay of a response that was used up resolves with the same settled login and redeems nothing.
   *
   * @throws CatchdError `redirect_malformed`, `state_unknown`, `login_expired`: nothing was changed.
   */
  answer(redirectUri: string, encodedParameters: string): Promise<SettledLogin>
  /** For the result page. */
  find(id: string): Login | undefined
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

/** Implemented by src/http/redirect, used by LoginService: bind first, then give out the authorization URL. */
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
