/**
 * `catchd login URL` of the built program: from nothing to a working call, at a real MCP server behind oidc-provider
 * with dynamic registration, and at the issuer itself.
 */
import { readFile } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { callWhoami, MCP_SCOPE, startMcpServer } from '../support/mcp-server.js'
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js'
import type { Finished } from '../support/program.js'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function mcp(options: { readonly clientRegistration?: boolean } = {}) {
  const redirectPort = await freePort()
  let server: OidcProvider | undefined
  const resource = await startMcpServer(async (url) => {
    server = await startOidcProvider({
      redirectUris: [`http://127.0.0.1:${redirectPort}/callback/hand`],
      clientRegistration: options.clientRegistration ?? true,
      resources: { [url]: MCP_SCOPE },
    })
    return server
  })
  cleanUps.push(() => resource.close())
  if (server === undefined) throw new Error('There is no authorization server.')
  const { close } = server
  cleanUps.push(() => close())
  const daemon = await startDaemon({ redirectPort, env: { CATCHD_VAULT: 'file' } })
  cleanUps.push(() => daemon.stop())
  return { server, resource, daemon, name: `127.0.0.1-${new URL(resource.url).port}` }
}

/** Runs the command as a person does who approves whenever a URL is shown. */
function loginAt(daemon: Daemon, server: OidcProvider, args: readonly string[]): Promise<Finished> {
  const shown = new Set<string>()
  const onStderr = (text: string) => {
    for (const [url] of text.matchAll(/https?:\/\/\S+\/auth\?\S+(?=\n)/g)) {
      if (shown.has(url)) continue
      shown.add(url)
      void server.approveByRedirect(url).then((response) => daemon.follow(response))
    }
  }
  return daemon.cli(['login', ...args, '--no-browser'], { onStderr })
}

const entryOf = async (daemon: Daemon, name: string) =>
  (await daemon.api('GET', `/v1/profiles/${name}`)).json['configuration'] as Record<string, unknown>

test('from the URL of an MCP server to a working call with one command', async () => {
  const { server, resource, daemon, name } = await mcp()
  const run = await loginAt(daemon, server, [resource.url])
  expect(run.exitCode, run.stderr).toBe(0)
  expect(run.stdout).toContain(`Logged in: ${name}`)
  expect(run.stderr).toMatch(
    new RegExp(`resource +${resource.url}\\n *issuer +${server.issuer}\\n *client +\\S+\\n`),
  )

  const { stdout: token } = await daemon.cli(['token', name])
  const entry = await entryOf(daemon, name)
  expect(await callWhoami(resource.url, token.trim())).toBe(`client ${String(entry['client_id'])}`)
  expect(entry).toEqual({
    resource_server: resource.url,
    issuer: server.issuer,
    resource: resource.url,
    redirect_uri: daemon.redirectUri(name),
    scope: `${MCP_SCOPE} offline_access`,
    authorization_parameters: { prompt: 'consent' },
    client_id: entry['client_id'],
  })

  const refreshed = await daemon.cli(['refresh', name])
  expect(refreshed.exitCode, refreshed.stderr).toBe(0)
  const { stdout: next } = await daemon.cli(['token', name])
  expect(next).not.toBe(token)
  expect(await callWhoami(resource.url, next.trim())).toContain('client ')
})

test('the same URL leads to the same profile and client, also after a restart', async () => {
  const { server, resource, daemon, name } = await mcp()
  await loginAt(daemon, server, [resource.url])
  const first = await entryOf(daemon, name)
  await daemon.restart()
  const again = await loginAt(daemon, server, [`${resource.url}/`])
  expect(again.exitCode, again.stderr).toBe(0)
  expect(await entryOf(daemon, name)).toEqual(first)
  expect(server.counts.registrations).toBe(1)
})

test('two at once make one client and one profile', async () => {
  const { server, resource, daemon } = await mcp()
  const call = () => daemon.api('POST', '/v1/profiles', { body: { url: resource.url } })
  const [one, two] = await Promise.all([call(), call()])
  expect([one.status, two.status].sort()).toEqual([200, 201])
  expect(one.json['profile']).toBe(two.json['profile'])
  expect(server.counts.registrations).toBe(1)
})

test('a second account of one server is another profile under a name of its own', async () => {
  const { server, resource, daemon } = await mcp()
  await loginAt(daemon, server, [resource.url, '--name', 'work'])
  const second = await loginAt(daemon, server, [resource.url, '--name', 'home'])
  expect(second.exitCode, second.stderr).toBe(0)
  const unclear = await daemon.cli(['login', resource.url])
  expect(unclear.exitCode).toBe(2)
  expect(unclear.stderr).toContain('work, home')
  expect(unclear.stderr).toContain('catchd login work')
})

test('an issuer instead of a resource: no resource indicator, openid', async () => {
  const { server, daemon } = await mcp()
  const run = await loginAt(daemon, server, [server.issuer, '--name', 'id'])
  expect(run.exitCode, run.stderr).toBe(0)
  const entry = await entryOf(daemon, 'id')
  expect(entry).toMatchObject({ issuer: server.issuer, scope: 'openid offline_access' })
  expect(entry).not.toHaveProperty('resource')
  const { json } = await daemon.api('GET', '/v1/profiles/id')
  expect(json).toMatchObject({ status: 'logged_in', subject: 'ada' })
})

test('a client that the server forgot is registered again, once it is refused', async () => {
  const { server, resource, daemon, name } = await mcp()
  await loginAt(daemon, server, [resource.url])
  const before = await entryOf(daemon, name)
  await server.forgetClient(String(before['client_id']))
  const refused = await daemon.cli(['refresh', name])
  expect(refused.exitCode).toBe(4)
  const run = await loginAt(daemon, server, [resource.url, '--register'])
  expect(run.exitCode, run.stderr).toBe(0)
  const after = await entryOf(daemon, name)
  expect(after).toEqual({ ...before, client_id: after['client_id'] })
  expect(after['client_id']).not.toBe(before['client_id'])
})

test('where no clients are registered it says what to register, and takes the client_id', async () => {
  const { server, resource, daemon, name } = await mcp({ clientRegistration: false })
  const run = await daemon.cli(['login', resource.url])
  expect(run.exitCode).toBe(7)
  expect(run.stderr).toContain(daemon.redirectUri(name))
  expect(run.stderr).toContain(`catchd login ${resource.url} --client-id CLIENT_ID`)
  // The command makes the profile whose redirect URI was printed, whatever the user asked for.
  const words = ['--name', 'work', '--scope', 'a b', '--redirect-uri', 'http://localhost:0/cb']
  const named = await daemon.cli(['login', resource.url, ...words])
  expect(named.stderr).toContain(
    `catchd login ${resource.url} --name work --scope 'a b' --redirect-uri http://localhost:0/cb --client-id CLIENT_ID`,
  )
  const taken = await daemon.api('POST', '/v1/profiles', {
    body: { url: resource.url, client_id: server.clientId },
  })
  expect([taken.status, taken.json['profile']]).toEqual([201, name])
  expect(await entryOf(daemon, name)).toMatchObject({ client_id: server.clientId, resource: resource.url })
})

test('what a registration answered is in the vault, and gone with the profile', async () => {
  const { server, resource, daemon, name } = await mcp()
  await loginAt(daemon, server, [resource.url])
  const index = () => readFile(`${daemon.home}/state/vault.sealed`, 'utf8').catch(() => '')
  expect(daemon.output).not.toContain('registration_access_token')
  expect(await readFile(daemon.configPath, 'utf8')).not.toContain('registration_access_token')
  const removed = await daemon.cli(['profile', 'remove', name])
  expect(removed.exitCode, removed.stderr).toBe(0)
  expect(await index()).not.toContain(`registration/${name}`)
  expect(server.counts.deregistrations).toBe(1)
})

test('a profile written by hand with its resource server alone: the issuer is found, and iss is compared', async () => {
  const { server, resource, daemon } = await mcp({ clientRegistration: false })
  const body = {
    resource_server: resource.url,
    resource: resource.url,
    client_id: server.clientId,
    scope: MCP_SCOPE,
  }
  expect((await daemon.api('PUT', '/v1/profiles/hand', { body })).status).toBe(201)
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'hand' } })
  const response = new URL(await server.approveByRedirect(String(begun.json['authorization_url'])))
  expect(response.searchParams.get('iss')).toBe(server.issuer)
  response.searchParams.set('iss', 'https://evil.example')
  const id = String(begun.json['login_id'])
  await daemon.api('POST', `/v1/logins/${id}/response`, { body: { url: response.href } })
  const { json: login } = await daemon.api('GET', `/v1/logins/${id}`)
  expect(login).toMatchObject({ status: 'failed', error: { code: 'issuer_mismatch' } })
  expect(server.counts.tokenRequests).toBe(0)
  const { login: next } = await daemon.login('hand', server.approve)
  expect(next).toMatchObject({ status: 'succeeded' })
})

test('options that are for a URL are refused with the name of a profile', async () => {
  const { daemon } = await mcp()
  const run = await daemon.cli(['login', 'gw', '--scope', 'x'])
  expect(run.exitCode).toBe(2)
  expect(run.stderr).toContain('--scope is only for a URL')
})
