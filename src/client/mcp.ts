/**
 * `catchd/mcp`: the `OAuthClientProvider` of the npm MCP SDK on the daemon, so that all MCP hosts of a user share one
 * registered client, one login and one refresher.
 *
 * The SDK asks for a token before each request and gets the daemon's, which is fresh. Its own login (a redirect, a code, a
 * verifier) is never used: where a person is needed, the daemon's login waits for them. Only types
 * come from the SDK.
 */
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { CatchdError } from '../failures.js'
import type { TokenAnswer } from './api-types.js'
import { CatchdClient } from './client.js'
import { DaemonError } from './daemon-error.js'

export type CatchdAuthProviderOptions = {
  /** Default: this user's daemon, which is started when it is not there. */
  readonly client?: CatchdClient
  /** How long to wait for a person who has to log in. Default 120; 0: not at all. */
  readonly waitSeconds?: number
  /** Told where a person can log in, beside the browser that the daemon opens. */
  readonly onLogin?: (authorizationUrl: string) => void
} /** `url` of the MCP server: its profile is found, or made by discovery and registration. */ & (
  | { readonly url: string | URL }
  | { readonly profile: string }
)

type Tokens = Awaited<ReturnType<OAuthClientProvider['tokens']>>

/** The SDK wants one in the request that it builds; no browser is ever sent there. */
const UNUSED_REDIRECT_URI = 'http://127.0.0.1:8252/callback'

export function catchdAuthProvider(options: CatchdAuthProviderOptions): OAuthClientProvider {
  return new CatchdAuthProvider(options)
}

class CatchdAuthProvider implements OAuthClientProvider {
  readonly #options: CatchdAuthProviderOptions
  readonly #client: CatchdClient
  #found: Promise<string> | undefined
  /** What the MCP server may have refused. */
  #handedOut: string | undefined

  constructor(options: CatchdAuthProviderOptions) {
    this.#options = options
    this.#client = options.client ?? new CatchdClient({ start: true })
  }

  get redirectUrl(): string {
    return UNUSED_REDIRECT_URI
  }

  get clientMetadata() {
    return { client_name: 'catchd', redirect_uris: [UNUSED_REDIRECT_URI] }
  }

  /** The daemon's registration, so that the SDK makes none of its own. */
  async clientInformation() {
    const { configuration } = await this.#client.profile(await this.#profile())
    return { client_id: configuration.client_id ?? 'catchd' }
  }

  /** @throws CatchdError `login_required` when nobody logged in in time; … */
  async tokens(): Promise<Tokens> {
    const token = await this.#token(await this.#profile())
    if (token.token_type.toLowerCase() !== 'bearer') {
      throw new CatchdError('request_invalid', {
        profile: token.profile,
        detail: `Its tokens are bound to a key (${token.token_type}), which the MCP SDK cannot prove; give its transport \`fetch: (url, init) => client.fetch('${token.profile}', url, init)\` instead.`,
      })
    }
    this.#handedOut = token.access_token
    return {
      access_token: token.access_token,
      token_type: token.token_type,
      ...(token.expires_in === null ? {} : { expires_in: token.expires_in }),
      ...(token.scope === null ? {} : { scope: token.scope }),
    }
  }

  /**
   * The MCP server refused the token: a new one is got in place of the redirect, from a refresh or a login. The SDK then
   * throws its `UnauthorizedError` once, because it expects a person to come back; the next request has the new token.
   */
  async redirectToAuthorization(): Promise<void> {
    const profile = await this.#profile()
    const current = await this.#token(profile)
    if (current.access_token !== this.#handedOut) return // another host was first
    try {
      await this.#client.refresh(profile)
    } catch (error) {
      if (!isLoginRequired(error)) throw error
      await this.#token(profile)
    }
  }

  saveCodeVerifier(): void {}

  saveTokens(): void {}

  codeVerifier(): never {
    throw new CatchdError(
      'request_invalid',
      'catchd redeems codes itself: there is no authorization to finish.',
    )
  }

  /** A failure is not kept: the server may be there the next time. */
  #profile(): Promise<string> {
    if ('profile' in this.#options) return Promise.resolve(this.#options.profile)
    this.#found ??= this.#client.discoverProfile({ url: String(this.#options.url) }).then(
      ({ profile }) => profile,
      (error: unknown) => {
        this.#found = undefined
        throw error
      },
    )
    return this.#found
  }

  async #token(profile: string): Promise<TokenAnswer> {
    const { waitSeconds = 120, onLogin } = this.#options
    try {
      return await this.#client.token(profile, { login: 'auto' })
    } catch (error) {
      const url = isLoginRequired(error) ? error.authorizationUrl : undefined
      if (url === undefined || waitSeconds === 0) throw error
      onLogin?.(url)
      return this.#client.token(profile, { login: 'auto', waitSeconds })
    }
  }
}

function isLoginRequired(error: unknown): error is DaemonError {
  return error instanceof DaemonError && error.code === 'login_required'
}
