/**
 * A real MCP server of the npm MCP SDK on a free loopback port: a protected resource (RFC 9728) whose tokens are
 * those of an authorization server beside it, and which has one tool.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js'
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { IssuedToken } from './oidc-provider.js'

type RequestHandler = ReturnType<typeof requireBearerAuth>
type AuthedRequest = IncomingMessage & { readonly auth?: AuthInfo; readonly body?: unknown }

export const MCP_SCOPE = 'tools:call'

export interface McpServerOptions {
  /** Its metadata is read when the server starts. */
  readonly issuer: string
  /** What the authorization server knows of an access token. */
  readonly findToken: (token: string) => Promise<IssuedToken | undefined>
  /** What a call of the tool needs too. Its challenge names only this scope. */
  readonly toolScope?: string
}

export interface RunningMcpServer {
  readonly url: string
  close(): Promise<void>
}

export async function startMcpServer(
  serve: (url: string) => Promise<McpServerOptions>,
): Promise<RunningMcpServer> {
  const server = createServer()
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
  const { issuer, findToken, toolScope = MCP_SCOPE } = await serve(url)

  const app = createMcpExpressApp()
  const published = await fetch(`${issuer}/.well-known/openid-configuration`)
  app.use(
    mcpAuthMetadataRouter({
      oauthMetadata: (await published.json()) as Parameters<typeof mcpAuthMetadataRouter>[0]['oauthMetadata'],
      resourceServerUrl: new URL(url),
      scopesSupported: [MCP_SCOPE],
    }),
  )
  const guard = (scope: string): RequestHandler =>
    requireBearerAuth({
      requiredScopes: [scope],
      resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(new URL(url)),
      verifier: {
        async verifyAccessToken(token) {
          const issued = await findToken(token)
          if (issued === undefined || issued.audience !== url)
            throw new InvalidTokenError('not for this server')
          return { token, ...issued, resource: new URL(url) }
        },
      },
    })
  const guards = { any: guard(MCP_SCOPE), tool: guard(toolScope) }
  app.all('/mcp', guards.any)
  app.post('/mcp', (request: AuthedRequest, response: ServerResponse, next: () => void) => {
    const isCall = (request.body as { method?: string } | undefined)?.method === 'tools/call'
    return isCall ? guards.tool(request as never, response as never, next) : next()
  })
  app.all('/mcp', async (request: AuthedRequest, response: ServerResponse) => {
    const mcp = new McpServer({ name: 'echo', version: '1.0.0' })
    mcp.registerTool('whoami', { description: 'Says who calls' }, () => ({
      content: [{ type: 'text', text: `client ${request.auth?.clientId}` }],
    }))
    const transport = new StreamableHTTPServerTransport({})
    await mcp.connect(transport as Parameters<typeof mcp.connect>[0])
    await transport.handleRequest(request, response, request.body)
  })
  server.on('request', app)
  return {
    url,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Calls the tool as an MCP client does. @returns Its text */
export async function callWhoami(url: string, accessToken: string): Promise<string> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  const requestInit = { headers: { authorization: `Bearer ${accessToken}` } }
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit })
  await client.connect(transport as Parameters<typeof client.connect>[0])
  try {
    const { content } = await client.callTool({ name: 'whoami', arguments: {} })
    return (content as { text: string }[])[0]?.text ?? ''
  } finally {
    await client.close()
  }
}
