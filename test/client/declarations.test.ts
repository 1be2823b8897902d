/** What a program in TypeScript sees of the package: its declarations, without any other package. */
import { expect, test } from 'vitest'
import { compile } from './installed-package.js'

test('a program compiles against them, without skipLibCheck', () => {
  const complaint = compile(`
    import { CatchdClient, CatchdError } from 'catchd'
    const client = new CatchdClient()
    const { access_token, expires_in } = await client.token('gw', { minTtlSeconds: 300 })
    const seconds: number | null = expires_in
    const response: Response = await client.fetch('gw', 'https://api.example.com/')
    await client.putProfile('gw', { issuer: 'https://id.example.com', client_id: access_token })
    try { await client.refresh('gw') } catch (error) {
      if (error instanceof CatchdError && error.code === 'login_required') console.log(error.next, seconds, response.ok)
    }
  `)
  expect(complaint).toBe('')
})

test('so does an MCP host, whose SDK takes the provider', () => {
  const complaint = compile(
    `
    import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
    import { CatchdClient } from 'catchd'
    import { catchdAuthProvider } from 'catchd/mcp'
    const url = new URL('https://mcp.example.com/mcp')
    new StreamableHTTPClientTransport(url, { authProvider: catchdAuthProvider({ url }) })
    const client = new CatchdClient({ start: true })
    catchdAuthProvider({ profile: 'mcp', client, waitSeconds: 0, onLogin: (where: string) => console.log(where) })
    for await (const { event, at, profile } of client.events({ signal: AbortSignal.timeout(1) })) console.log(event, at, profile)
  `,
    ['@modelcontextprotocol/sdk'],
  )
  expect(complaint).toBe('')
})

const PROVIDERS = `
    import { CatchdClient } from 'catchd'
    import { catchdAuthProvider, catchdTokenProvider, type CatchdAuthProvider } from 'catchd/mcp'
    const url = new URL('https://mcp.example.com/mcp')
    const provider: CatchdAuthProvider = catchdAuthProvider({ url })
    const auth = catchdTokenProvider({ profile: 'mcp', client: new CatchdClient({ start: true }), waitSeconds: 0 })
    // @ts-expect-error a typed provider has no such member
    provider.nonsense
    // @ts-expect-error neither has the other
    auth.nonsense
`

test('the providers have types of their own, without any SDK', () => {
  expect(compile(PROVIDERS)).toBe('')
})

test.each([
  ['1.x', '@modelcontextprotocol/sdk', 'sdk/client/auth.js', 'sdk/client/streamableHttp.js', ''],
  [
    '2.x',
    '@modelcontextprotocol/client',
    'client',
    'client',
    `
    import type { AuthProvider } from '@modelcontextprotocol/client'
    export const simple: AuthProvider = auth
    new StreamableHTTPClientTransport(url, { authProvider: auth, fetch: auth.fetch })`,
  ],
])('and fit those of the SDK %s alone', (_version, sdk, types, transport, more) => {
  const source = `${PROVIDERS}
    import type { OAuthClientProvider } from '@modelcontextprotocol/${types}'
    import { StreamableHTTPClientTransport } from '@modelcontextprotocol/${transport}'
    export const fits: OAuthClientProvider = provider
    new StreamableHTTPClientTransport(url, { authProvider: provider, fetch: provider.fetch })
    ${more}`
  expect(compile(source, [sdk])).toBe('')
})

test('and a mistake is seen', () => {
  expect(compile(`import { CatchdClient } from 'catchd'; new CatchdClient().token(42)`)).toContain('TS2345')
})
