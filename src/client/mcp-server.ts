/**
 * The tokens of one MCP server, as the providers of `catchd/mcp` need them: its profile, fresh tokens, new ones after a
 * refusal, and requests with them. The daemon does every login, and all hosts of the user share it.
 */
import { CatchdError } from '../failures.js'
import type { ProfileAnswer, TokenAnswer } from './api-types.js'
import { CatchdClient } from './client.js'
import { DaemonError } from './daemon-error.js'
import type { AccessTokenOptions } from './options.js'
import { fetchWithToken } from './token-fetch.js'

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

/** The server answers without a token. */
const OPEN = Symbol('open')

export class McpServer {
  readonly #options: CatchdAuthProviderOptions
  readonly #client: CatchdClient
  #found: Promise<string | typeof OPEN> | undefined
  /** The token that the MCP server may have refused. */
  #handedOut: string | undefined
  /** The authorization server of the profile, when it is known. */
  issuer: string | undefined
  /** Where tokens may be sent. */
  #address: Promise<URL> | undefined
  #isProving = false

  constructor(options: CatchdAuthProviderOptions) {
    this.#options = options
    this.#client = options.client ?? new CatchdClient({ start: true })
  }

  /**
   * A fresh token for the Authorization header; `undefined` if the server wants none, or the token needs a proof.
   *
   * @throws CatchdError `login_required` if nobody logged in in time, …
   */
  async bearer(): Promise<TokenAnswer | undefined> {
    const profile = await this.#profile()
    if (profile === OPEN) return undefined
    const token = await this.#token(profile)
    this.#handedOut = token.access_token
    return isBearer(token) ? token : undefined
  }

  /**
   * The server wants authorization: what was found about it before is no longer true if it wanted none.
   *
   * @throws CatchdError what discovery throws
   */
  async configuration(): Promise<ProfileAnswer> {
    return this.#client.profile(await this.#protectedProfile())
  }

  /** Gets another token than the refused one, by a refresh or a login. @throws CatchdError `login_required`, … */
  async renew(): Promise<void> {
    const profile = await this.#protectedProfile()
    const current = await this.#token(profile)
    if (!isBearer(current) && !this.#isProving) throw needsFetch(current)
    if (current.access_token !== this.#handedOut) return // another host has already refreshed it
    try {
      await this.#client.refresh(profile, { refused: current.access_token })
    } catch (error) {
      if (!isLoginRequired(error)) throw error
      await this.#token(profile)
    }
  }

  /**
   * As {@link renew}, for a token that covers these scopes, after a login if it needs one.
   *
   * @throws CatchdError `scope_insufficient` if nobody allowed them, or not yet
   */
  async stepUp(scope: string): Promise<void> {
    const profile = await this.#protectedProfile()
    try {
      await this.#token(profile, { scope })
    } catch (error) {
      // An SDK does not tell whether the scopes or the token itself was the reason.
      const isFinal = error instanceof DaemonError && error.loginId === undefined
      if (isFinal && error.code === 'scope_insufficient') await this.renew()
      throw error
    }
    await this.renew()
  }

  /** `fetch` with a token for requests to the server. Its authorization server and other servers get none. */
  async fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const profile = await this.#profile()
    if (profile === OPEN) return this.#openFetch(url, init)
    if (!(await this.#isOwn(new URL(url), profile))) return fetch(url, init)
    this.#isProving = true
    const tokens = {
      token: (name: string, options: AccessTokenOptions) => this.#token(name, options),
      refresh: this.#client.refresh.bind(this.#client),
      proof: this.#client.proof.bind(this.#client),
    }
    return fetchWithToken(tokens, profile, url, init)
  }

  async #openFetch(url: string | URL, init: RequestInit): Promise<Response> {
    const response = await fetch(url, init)
    if (response.status === 401) this.#found = undefined
    return response
  }

  /** The server's origin, without the documents that anybody may read. */
  async #isOwn({ origin, pathname }: URL, profile: string): Promise<boolean> {
    this.#address ??= this.#findAddress(profile)
    return origin === (await this.#address).origin && !pathname.startsWith('/.well-known/')
  }

  async #findAddress(profile: string): Promise<URL> {
    if ('url' in this.#options) return new URL(this.#options.url)
    const { configuration } = await this.#client.profile(profile)
    const address = configuration.resource_server ?? [configuration.resource ?? []].flat()[0]
    if (address !== undefined && URL.canParse(address)) return new URL(address)
    throw new CatchdError('request_invalid', {
      profile,
      detail: `Profile '${profile}' names no server that its tokens are for. Give the \`url\` of the MCP server instead, or set \`resource_server\`.`,
      next: `catchd profile edit ${profile}`,
    })
  }

  /** A server that wanted no token may want one now, or for some of its tools only. */
  async #protectedProfile(): Promise<string> {
    const known = await this.#profile()
    if (known !== OPEN) return known
    this.#found = undefined
    return this.#discover()
  }

  /** A failure is not stored, because the server may answer the next time. */
  #profile(): Promise<string | typeof OPEN> {
    if ('profile' in this.#options) return Promise.resolve(this.#options.profile)
    this.#found ??= this.#discover().catch((error: unknown) => {
      if (error instanceof DaemonError && error.isProtected === false) return OPEN
      this.#found = undefined
      throw error
    })
    return this.#found
  }

  async #discover(): Promise<string> {
    if ('profile' in this.#options) return this.#options.profile
    const { profile, configuration } = await this.#client.discoverProfile({ url: String(this.#options.url) })
    this.issuer = configuration?.issuer
    return profile
  }

  async #token(profile: string, options: AccessTokenOptions = {}): Promise<TokenAnswer> {
    const { waitSeconds = 120, onLogin } = this.#options
    const asked = { ...options, login: 'auto' } as const
    try {
      return await this.#client.token(profile, asked)
    } catch (error) {
      const url = error instanceof DaemonError ? error.authorizationUrl : undefined
      if (url === undefined || waitSeconds === 0) throw error
      onLogin?.(url)
      return this.#client.token(profile, { ...asked, waitSeconds })
    }
  }
}

function isBearer({ token_type }: TokenAnswer): boolean {
  return token_type.toLowerCase() === 'bearer'
}

/** A token that is bound to a key is never sent as if it were not. */
function needsFetch({ profile, token_type }: TokenAnswer): CatchdError {
  return new CatchdError('request_invalid', {
    profile,
    detail: `The tokens are bound to a key (${token_type}), and the MCP SDK cannot make a proof. Give its transport the \`fetch\` of the provider too: \`{ authProvider: provider, fetch: provider.fetch }\`.`,
  })
}

function isLoginRequired(error: unknown): error is DaemonError {
  return error instanceof DaemonError && error.code === 'login_required'
}
