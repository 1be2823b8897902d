/**
 * The parts of the MCP SDK's types that the providers fit: `OAuthClientProvider` of `@modelcontextprotocol/sdk` 1.x and
 * of `@modelcontextprotocol/client` 2.x, and `AuthProvider` of the latter. Written here, so that a program needs only the
 * SDK that it uses. test/client/declarations.test.ts compares them.
 */

export interface CatchdMcpTokens {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in?: number
  readonly scope?: string
  /** The authorization server that issued it (SEP-2352). */
  readonly issuer?: string
}

export interface CatchdMcpClient {
  readonly client_id: string
  /** The authorization server that the client is registered at (SEP-2352). */
  readonly issuer?: string
}

/** For the option `fetch` of a transport. */
export type CatchdFetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/** An `OAuthClientProvider` of either SDK. */
export interface CatchdAuthProvider {
  readonly redirectUrl: string
  readonly clientMetadata: { readonly client_name: string; readonly redirect_uris: string[] }
  /** The daemon's registration, so that the SDK does not register a client. */
  clientInformation(): Promise<CatchdMcpClient>
  /**
   * A fresh token; `undefined` if the MCP server wants none, or if the token is bound to a key, which `fetch` proves.
   *
   * @throws CatchdError `login_required` if nobody logged in in time, …
   */
  tokens(): Promise<CatchdMcpTokens | undefined>
  /**
   * The MCP server refused the token. Instead of a redirect, the daemon gets a new token by a refresh or a login. If the
   * URL asks for scopes that the token does not have, a login asks for them too. Nothing else in the URL is used. The SDK
   * then throws its `UnauthorizedError` once, because it expects the user to come back. The next request has the new token.
   */
  redirectToAuthorization(authorizationUrl: URL): Promise<void>
  saveTokens(): void
  saveCodeVerifier(): void
  codeVerifier(): never
  /** Sends requests to the MCP server with a token, new tokens and proofs included (see {@link CatchdTokenProvider}). */
  readonly fetch: CatchdFetch
}

/** What the SDK tells about a 401. */
export interface CatchdUnauthorizedContext {
  readonly response: Response
}

/** An `AuthProvider` of the SDK 2.x. */
export interface CatchdTokenProvider {
  /**
   * A fresh token; `undefined` if the MCP server wants none, or if the token is bound to a key, which `fetch` proves.
   *
   * @throws CatchdError `login_required` if nobody logged in in time, …
   */
  token(): Promise<string | undefined>
  /** Gets a new token by a refresh or a login. The SDK then sends the request again. */
  onUnauthorized(context: CatchdUnauthorizedContext): Promise<void>
  /**
   * For the option `fetch` of the transport: requests to the MCP server are sent with a token. It also asks for missing
   * scopes (403 `insufficient_scope`) and proves tokens that are bound to a key (DPoP). All other requests are sent as
   * they are.
   */
  readonly fetch: CatchdFetch
}
