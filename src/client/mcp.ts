/**
 * `catchd/mcp`: an `OAuthClientProvider` of the npm MCP SDK that uses the daemon, so that all MCP hosts of a user share
 * one registered client, one login and one refresh.
 *
 * The SDK asks for a token before each request and gets a fresh one from the daemon. The SDK's own login (redirect, code,
 * verifier) is never used: if a login is needed, the daemon does it. Only types are imported from the SDK.
 */
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { CatchdError } from '../failures.js'
import type { TokenAnswer } from './api-types.js'
import { CatchdClient } from './client.js'
import { DaemonError } from './daemon-error.js'

export type CatchdAuthProviderOptions = {
  /** Default: this user's daemon, which is started if it is not running. */
  readonly client?: CatchdClient
  /** How long to wait for a login. Default 120. 0: do not wait. */
  readonly waitSeconds?: number
  /** Called with the URL for the login. The daemon also opens it in the browser. */
  readonly onLogin?: (authorizationUrl: string) => void
} /** `url` of the MCP server: its profile is found, or made by discovery and registration. */ & (
  | { readonly url: string | URL }
  | { readonly profile: string }
)

type Tokens = Awaited<ReturnType<OAuthClientProvider['tokens']>>

/** The SDK needs one for its request. No browser is ever sent there. */
const UNUSED_REDIRECT_URI = 'http://127.0.0.1:8252/callback'

export function catchdAuthProvider(options: CatchdAuthProviderOptions): OAuthClientProvider {
  return new CatchdAuthProvider(options)
}

class CatchdAuthProvider implements OAuthClientProvider {
  readonly #options: CatchdAuthProviderOptions
  readonly #client: CatchdClient
  #found: Promise<string> | undefined
  /** The token that the MCP server may have refused. */
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

  /** The daemon's registration, so that the SDK does not register a client. */
  async clientInformation() {
    const { configuration } = await this.#client.profile(await this.#profile())
    return { client_id: configuration.client_id ?? 'catchd' }
  }

  /** @throws CatchdError `login_required` if nobody logged in in time, … */
  async tokens(): Promise<Tokens> {
    const token = await this.#token(await this.#profile())
    if (token.token_type.toLowerCase() !== 'bearer') {
      throw new CatchdError('request_invalid', {
        profile: token.profile,
        detail: `The tokens are bound to a key (${token.token_type}), and the MCP SDK cannot make a proof. Give its transport \`fetch: (url, init) => client.fetch('${token.profile}', url, init)\` instead.`,
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
   * The MCP server refused the token. Instead of a redirect, this gets a new token by a refresh or a login. The SDK then
   * throws its `UnauthorizedError` once, because it expects the user to come back. The next request has the new token.
   */
  async redirectToAuthorization(): Promise<void> {
    const profile = await this.#profile()
    const refused = this.#handedOut
    try {
      if (refused === undefined) await this.#token(profile)
      else await this.#client.refresh(profile, { refused })
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
      'catchd redeems codes itself, so there is no authorization to finish.',
    )
  }

  /** A failure is not stored, because the server may answer the next time. */
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
