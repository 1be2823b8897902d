/** Device logins of the built program at a real server: oidc-provider with its device flow. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { type OidcProvider, startOidcProvider } from '../support/oidc-provider.js'

const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function start(env: Record<string, string> = {}): Promise<{ server: OidcProvider; daemon: Daemon }> {
  const server = await startOidcProvider({
    redirectUris: ['http://127.0.0.1:8252/callback'],
    deviceFlow: true,
  })
  cleanUps.push(() => server.close())
  const daemon = await startDaemon({
    env,
    config: {
      profiles: {
        tv: {
          issuer: server.issuer,
          client_id: server.clientId,
          ...(server.clientSecret === null ? {} : { client_secret: server.clientSecret }),
          grant: 'urn:ietf:params:oauth:grant-type:device_code',
          scope: 'openid email',
        },
      },
    },
  })
  cleanUps.push(() => daemon.stop())
  return { server, daemon }
}

test('a person enters the code elsewhere; the token is served, refreshed and shown with its subject', async () => {
  const { server, daemon } = await start()
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'tv', open: false } })
  expect(begun.status, begun.text).toBe(201)
  expect(begun.json).toMatchObject({
    status: 'pending',
    redirect_uri: null,
    user_code: expect.stringMatching(/^[A-Z0-9-]{6,}$/),
    verification_uri: `${server.issuer}/device`,
    authorization_url: expect.stringContaining('user_code='),
  })
  expect(begun.text).not.toContain('device_code')
  await server.approve(String(begun.json['verification_uri_complete']))
  const { json } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}?wait=15`)
  expect(json).toMatchObject({ status: 'succeeded', stored: { subject: 'ada', refreshable: true } })
  const first = await daemon.api('GET', '/v1/tokens/tv')
  const second = await daemon.api('POST', '/v1/tokens/tv/refresh')
  expect([first.status, second.status]).toEqual([200, 200])
  expect(second.json['access_token']).not.toBe(first.json['access_token'])
  expect((await daemon.api('DELETE', '/v1/tokens/tv')).status).toBe(204)
})

test('catchd login shows URL and code, opens the browser, waits, and says what was stored', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'catchd-device-'))
  cleanUps.push(async () => rmSync(folder, { recursive: true, force: true }))
  const opened = join(folder, 'opened')
  writeFileSync(join(folder, 'browser'), `#!/bin/sh\nprintf '%s' "$1" > '${opened}'\n`, { mode: 0o700 })
  const { server, daemon } = await start({ CATCHD_BROWSER: join(folder, 'browser') })
  const running = daemon.cli(['login', 'tv'])
  await expect.poll(() => existsSync(opened) && readFileSync(opened, 'utf8')).toBeTruthy()
  const url = readFileSync(opened, 'utf8')
  await server.approve(url)
  const { exitCode, stdout, stderr } = await running
  expect(exitCode, stderr).toBe(0)
  expect(url).toContain(`${server.issuer}/device?user_code=`)
  expect(stderr).toMatch(/Enter the code [A-Z0-9-]+ at:\n/)
  expect(stderr).toContain(url)
  expect(stdout).toContain('Logged in: tv')
  expect(stdout).toContain('subject')
})

test('catchd login --start prints URL and code as JSON and returns', async () => {
  const { server, daemon } = await start()
  const { stdout } = await daemon.cli(['login', 'tv', '--start'])
  const begun = JSON.parse(stdout) as Record<string, string>
  expect(begun).toMatchObject({ status: 'pending', verification_uri: `${server.issuer}/device` })
  await server.approve(String(begun['verification_uri_complete']))
  const { json } = await daemon.api('GET', `/v1/logins/${String(begun['login_id'])}?wait=15`)
  expect(json['status']).toBe('succeeded')
  const token = await daemon.cli(['token', 'tv'])
  expect(token.exitCode, token.stderr).toBe(0)
})

test('a denied one ends with its cause', async () => {
  const { server, daemon } = await start()
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'tv', open: false } })
  await server.approve(String(begun.json['verification_uri_complete']), { deny: true })
  const { json } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}?wait=15`)
  expect(json).toMatchObject({ status: 'failed', error: { code: 'authorization_denied' } })
})

test('kill -9 while somebody types the code: it is polled on', async () => {
  const { server, daemon } = await start({ CATCHD_VAULT: 'file' })
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'tv', open: false } })
  await daemon.restart('SIGKILL')
  await server.approve(String(begun.json['verification_uri_complete']))
  const { json } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}?wait=15`)
  expect(json).toMatchObject({ status: 'succeeded' })
})
