/**
 * `catchd/mcp`: providers for the npm MCP SDK that use the daemon, so that all MCP hosts of a user share one registered
 * client, one login and one refresh.
 *
 * The SDK asks for a token before each request and gets a fresh one from the daemon. The SDK's own login (redirect, code,
 * verifier) is never used: if a login is needed, the daemon does it. Nothing is imported from an SDK (mcp-types.ts).
 */
import { CatchdError } from '../failures.js'
import { type CatchdAuthProviderOptions, McpServer } from './mcp-server.js'
import type { CatchdAuthProvider, CatchdTokenProvider } from './mcp-types.js'

export type { CatchdAuthProviderOptions } from './mcp-server.js'
export type {
  CatchdAuthProvider,
  CatchdFetch,
  CatchdMcpClient,
  CatchdMcpTokens,
  CatchdTokenProvider,
  CatchdUnauthorizedContext,
} from './mcp-types.js'

/** The SDK needs one for its request. No browser is ever sent there. */
const UNUSED_REDIRECT_URI = 'http://127.0.0.1:8252/callback'

/** For the option `authProvider` of the SDK's transports, version 1 or 2. */
export function catchdAuthProvider(options: CatchdAuthProviderOptions): CatchdAuthProvider {
  const server = new McpServer(options)
  return {
    redirectUrl: UNUSED_REDIRECT_URI,
    clientMetadata: { client_name: 'catchd', redirect_uris: [UNUSED_REDIRECT_URI] },
    fetch: (url, init) => server.fetch(url, init),

    async clientInformation() {
      const { client_id = 'catchd', issuer } = (await server.configuration()).configuration
      return { client_id, ...(issuer === undefined ? {} : { issuer }) }
    },

    async tokens() {
      const token = await server.bearer()
      return (
        token && {
          access_token: token.access_token,
          token_type: token.token_type,
          ...(token.expires_in === null ? {} : { expires_in: token.expires_in }),
          ...(token.scope === null ? {} : { scope: token.scope }),
          ...(server.issuer === undefined ? {} : { issuer: server.issuer }),
        }
      )
    },

    async redirectToAuthorization(authorizationUrl) {
      const scope = authorizationUrl.searchParams.get('scope')?.trim() ?? ''
      if (scope === '') await server.renew()
      else await server.stepUp(scope)
    },

    saveTokens() {},
    saveCodeVerifier() {},

    codeVerifier() {
      throw new CatchdError(
        'request_invalid',
        'catchd redeems codes itself, so there is no authorization to finish.',
      )
    },
  }
}

/**
 * For the options `authProvider` and `fetch` of the transports of SDK 2: a token that the server refuses is replaced, and
 * the request is sent again without an error.
 */
export function catchdTokenProvider(options: CatchdAuthProviderOptions): CatchdTokenProvider {
  const server = new McpServer(options)
  return {
    token: async () => (await server.bearer())?.access_token,
    onUnauthorized: () => server.renew(),
    fetch: (url, init) => server.fetch(url, init),
  }
}
