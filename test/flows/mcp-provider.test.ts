/**
 * `catchd/mcp` in hosts that use the npm MCP SDK: the built daemon, a real MCP server behind oidc-provider, and the
 * SDK's own client.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterEach, expect, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { catchdAuthProvider } from '../../src/client/mcp.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { MCP_SCOPE, startMcpServer } from '../support/mcp-server.js'
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start() {
  const redirectPort = await freePort()
  const refused = new Set<string>()
  const presented: string[] = []
  let server: OidcProvider | undefined
  const resource = await startMcpServer(async (url) => {
    const started = await startOidcProvider({
      redirectUris: [],
      clientRegistration: true,
      resources: { [url]: MCP_SCOPE },
    })
    server = started
    const findToken = async (token: string) => {
      presented.push(token)
      return refused.has(token) ? undefined : started.findToken(token)
    }
    return { issuer: started.issuer, findToken }
  })
  cleanUps.push(() => resource.close())
  if (server === undefined) throw new Error('There is no authorization server.')
  const { close } = server
  cleanUps.push(() => close())
  const daemon = await startDaemon({ redirectPort, env: { CATCHD_VAULT: 'file' } })
  cleanUps.push(() => daemon.stop())
  return { server, resource, daemon, refused, presented }
}

/** A host of its own, whose person approves wherever they are sent. */
async function host(
  system: Awaited<ReturnType<typeof start>>,
  options: { approves?: boolean; profile?: string } = {},
) {
  const { server, resource, daemon } = system
  const shown: string[] = []
  const client = new CatchdClient({ socketPath: daemon.socketPath })
  const onLogin = (url: string) => {
    shown.push(url)
    if (options.approves !== false)
      void server.approveByRedirect(url).then((response) => daemon.follow(response))
  }
  const common = { client, onLogin, waitSeconds: options.approves === false ? 1 : 15 }
  const authProvider = catchdAuthProvider(
    options.profile === undefined
      ? { ...common, url: resource.url }
      : { ...common, profile: options.profile },
  )
  const mcp = new Client({ name: 'host', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(new URL(resource.url), { authProvider })
  cleanUps.push(() => mcp.close())
  return {
    shown,
    transport,
    connect: () => mcp.connect(transport as Parameters<typeof mcp.connect>[0]),
    whoami: async () => {
      const { content } = await mcp.callTool({ name: 'whoami', arguments: {} })
      return (content as { text: string }[])[0]?.text ?? ''
    },
  }
}

const profileOf = async (daemon: Daemon) =>
  ((await daemon.api('GET', '/v1/profiles')).json['profiles'] as Record<string, unknown>[])[0]

test('hosts share one registration, one login and one token', async () => {
  const system = await start()
  const { server, daemon, presented } = system
  const [one, two] = [await host(system), await host(system)]
  await one.connect()
  const name = await one.whoami()
  expect(name).toMatch(/^client /)
  await two.connect()
  expect(await two.whoami()).toBe(name)
  expect([one.shown.length, two.shown.length]).toEqual([1, 0])
  expect(server.counts).toMatchObject({ registrations: 1, tokenRequests: 1 })
  expect(new Set(presented).size).toBe(1)
  expect(await profileOf(daemon)).toMatchObject({ status: 'logged_in' })
})

test('two that need a person at once send them to one login', async () => {
  const system = await start()
  const hosts = [await host(system), await host(system, { approves: false })]
  await Promise.all(hosts.map(({ connect }) => connect().catch(() => {})))
  const urls = new Set(hosts.flatMap(({ shown }) => shown))
  expect(urls.size).toBe(1)
  expect(system.server.counts).toMatchObject({ registrations: 1, tokenRequests: 1 })
})

test('a token that the MCP server refuses is refreshed by the daemon: one call fails, the next one works', async () => {
  const system = await start()
  const one = await host(system)
  await one.connect()
  await one.whoami()
  const [first = ''] = system.presented
  system.refused.add(first)
  await expect(one.whoami()).rejects.toThrow('Unauthorized')
  expect(await one.whoami()).toMatch(/^client /)
  expect(system.presented.at(-1)).not.toBe(first)
  expect(system.server.counts).toMatchObject({ registrations: 1, tokenRequests: 2 })
  expect(one.shown).toHaveLength(1)
})

test('nobody who logs in is said to be what is missing, with the command for it', async () => {
  const system = await start()
  const one = await host(system, { approves: false })
  await expect(one.connect()).rejects.toMatchObject({
    code: 'login_required',
    next: expect.stringMatching(/^catchd login /),
  })
  expect(system.presented).toEqual([])
})

test('a profile by name; a code is not finished by the SDK', async () => {
  const system = await start()
  const first = await host(system)
  await first.connect()
  const profile = String((await profileOf(system.daemon))?.['profile'])
  const named = await host(system, { profile })
  await named.connect()
  expect(await named.whoami()).toMatch(/^client /)
  await expect(named.transport.finishAuth('code')).rejects.toMatchObject({ code: 'request_invalid' })
  expect(system.server.counts.tokenRequests).toBe(1)
})
