/**
 * Step-up of scopes: the built daemon, a real MCP server behind oidc-provider whose tool needs one scope more than its
 * other requests, and the clients of both versions of the npm MCP SDK.
 */
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, onTestFinished, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { catchdAuthProvider, catchdTokenProvider } from '../../src/client/mcp.js'
import { startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { MCP_SCOPE, startMcpServer } from '../support/mcp-server.js'
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js'

const TOOL_SCOPE = 'tools:write'

/** A profile that is logged in with the scope of the MCP server, but not that of its tool. */
async function start() {
  const redirectPort = await freePort()
  let server: OidcProvider | undefined
  const resource = await startMcpServer(async (url) => {
    server = await startOidcProvider({
      redirectUris: [`http://127.0.0.1:${redirectPort}/callback/mcp`],
      resources: { [url]: `${MCP_SCOPE} ${TOOL_SCOPE}` },
    })
    return { ...server, toolScope: TOOL_SCOPE }
  })
  onTestFinished(() => resource.close())
  if (server === undefined) throw new Error('There is no authorization server.')
  const { issuer, clientId, close, approveByRedirect, findToken, counts } = server
  onTestFinished(() => close())
  const daemon = await startDaemon({
    redirectPort,
    env: { CATCHD_VAULT: 'file' },
    config: {
      profiles: {
        mcp: {
          issuer,
          client_id: clientId,
          resource_server: resource.url,
          resource: resource.url,
          scope: `${MCP_SCOPE} offline_access`,
          authorization_parameters: { prompt: 'consent' },
        },
      },
    },
  })
  onTestFinished(() => daemon.stop())
  const shown: string[] = []
  const approve = (url: string) => {
    shown.push(new URL(url).searchParams.get('scope') ?? '')
    void approveByRedirect(url).then((response) => daemon.follow(response))
  }
  const client = new CatchdClient({ socketPath: daemon.socketPath })
  const logIn = async () => {
    const { login_id, authorization_url = '' } = await client.beginLogin({ profile: 'mcp' })
    approve(authorization_url)
    expect(await client.login(login_id, { waitSeconds: 30 })).toMatchObject({ status: 'succeeded' })
    shown.length = 0
  }
  await logIn()
  const options = { profile: 'mcp', client, onLogin: approve, waitSeconds: 30 }
  const scopesOf = async () => (await findToken((await client.token('mcp')).access_token))?.scopes.sort()
  return { daemon, resource: new URL(resource.url), options, client, shown, approve, logIn, scopesOf, counts }
}

const WHOAMI = { name: 'whoami', arguments: {} }
const BOTH = [MCP_SCOPE, TOOL_SCOPE].sort()
const ASKED = `${MCP_SCOPE} offline_access ${TOOL_SCOPE}`
const saying = { content: [{ text: 'client catchd' }] }

test('through the library: both providers, fetch, and nobody is asked twice', async () => {
  const system = await start()
  const { resource, options, client, shown, logIn, scopesOf, daemon } = system

  // SDK 2, whose AuthProvider needs no second call
  const auth = catchdTokenProvider(options)
  const two = new Client2({ name: 'host', version: '1.0.0' })
  onTestFinished(() => two.close())
  await two.connect(new Transport2(resource, { authProvider: auth, fetch: auth.fetch }))
  expect(shown).toEqual([])
  expect(await two.callTool(WHOAMI)).toMatchObject(saying)
  expect(shown).toEqual([ASKED])
  expect(await scopesOf()).toEqual(BOTH)
  expect(await two.callTool(WHOAMI)).toMatchObject(saying)

  // a refresh keeps what was granted
  const refreshed = await client.refresh('mcp')
  expect(refreshed.scope?.split(' ')).toEqual(expect.arrayContaining(BOTH))
  expect(await two.callTool(WHOAMI)).toMatchObject(saying)

  // so does a restart
  await daemon.restart()
  expect(await scopesOf()).toEqual(BOTH)
  expect(shown).toHaveLength(1)

  // the user's own login asks for the profile again; SDK 1, which throws once
  await logIn()
  expect(await scopesOf()).toEqual([MCP_SCOPE])
  const one = new Client1({ name: 'host', version: '1.0.0' })
  onTestFinished(() => one.close())
  const provider = catchdAuthProvider(options)
  await one.connect(new Transport1(resource, { authProvider: provider }) as Parameters<typeof one.connect>[0])
  await expect(one.callTool(WHOAMI)).rejects.toThrow('Unauthorized')
  expect(await one.callTool(WHOAMI)).toMatchObject(saying)
  expect(shown).toEqual([ASKED])

  // SDK 1 with the fetch of the provider: no error at all
  await logIn()
  const calm = new Client1({ name: 'host', version: '1.0.0' })
  onTestFinished(() => calm.close())
  const calmProvider = catchdAuthProvider(options)
  const transport = new Transport1(resource, { authProvider: calmProvider, fetch: calmProvider.fetch })
  await calm.connect(transport as Parameters<typeof calm.connect>[0])
  expect(await calm.callTool(WHOAMI)).toMatchObject(saying)
  expect(shown).toEqual([ASKED])
})

test('through the API, fetch and the command line', async () => {
  const { daemon, resource, client, shown, approve, logIn, scopesOf, counts } = await start()
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: WHOAMI }
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify(call),
  }
  expect((await client.fetch('mcp', resource, init)).status).toBe(403)
  const before = counts.tokenRequests

  // three callers and one fetch: one login
  const callers = [1, 2, 3].map(() =>
    client.token('mcp', { scope: TOOL_SCOPE, login: 'auto', waitSeconds: 30 }),
  )
  const fetched = client.fetch('mcp', resource, init, { login: 'auto', waitSeconds: 30 })
  const pending = async () => (await client.logins('mcp')).find(({ status }) => status === 'pending')
  await expect.poll(pending).toBeDefined()
  const login = await pending()
  if (login?.status === 'pending') approve(login.authorization_url ?? '')
  const answers = await Promise.all(callers)
  expect(new Set(answers.map(({ access_token }) => access_token)).size).toBe(1)
  expect((await fetched).status).toBe(200)
  expect([shown, counts.tokenRequests - before]).toEqual([[ASKED], 1])
  expect(await scopesOf()).toEqual(BOTH)

  await logIn()
  const lacking = await daemon.cli(['token', 'mcp', '--scope', `${MCP_SCOPE} ${TOOL_SCOPE}`])
  expect(lacking).toMatchObject({
    exitCode: 3,
    stdout: '',
    stderr: `catchd: The token of 'mcp' does not have ${TOOL_SCOPE}.\n  → catchd token mcp --scope ${TOOL_SCOPE} --login\n`,
  })
  const seen = new Set<string>()
  const onStderr = (text: string) => {
    for (const [url] of text.matchAll(/https?:\/\/\S+\/auth\?\S+(?=\n)/g)) {
      if (!seen.has(url)) approve(url)
      seen.add(url)
    }
  }
  const done = await daemon.cli(['token', 'mcp', '--scope', TOOL_SCOPE, '--login'], { onStderr })
  expect(done.exitCode, done.stderr).toBe(0)
  expect(shown).toEqual([ASKED])
  expect(await scopesOf()).toEqual(BOTH)
  expect((await daemon.cli(['token', 'mcp', '--scope', TOOL_SCOPE])).stdout).toBe(done.stdout)
})
