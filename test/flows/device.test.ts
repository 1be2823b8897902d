/** Device logins of the built program at a real server: oidc-provider with its device flow. */
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
}, 30_000)

test('catchd login shows URL and code, waits, and says what was stored', async () => {
  const { server, daemon } = await start()
  const started = await daemon.cli(['login', 'tv', '--start'])
  expect(started.stderr).toMatch(/Enter the code [A-Z0-9-]+ at:\n/)
  expect(started.stderr).toContain(`${server.issuer}/device?user_code=`)
  const { login_id: id, verification_uri_complete: url } = JSON.parse(started.stdout) as Record<
    string,
    string
  >
  await server.approve(String(url))
  const { json } = await daemon.api('GET', `/v1/logins/${String(id)}?wait=15`)
  expect(json['status']).toBe('succeeded')
  const token = await daemon.cli(['token', 'tv'])
  expect(token.exitCode, token.stderr).toBe(0)
}, 40_000)

test('a denied one ends with its cause', async () => {
  const { server, daemon } = await start()
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'tv', open: false } })
  await server.approve(String(begun.json['verification_uri_complete']), { deny: true })
  const { json } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}?wait=15`)
  expect(json).toMatchObject({ status: 'failed', error: { code: 'authorization_denied' } })
}, 30_000)

test('kill -9 while somebody types the code: it is polled on', async () => {
  const { server, daemon } = await start({ CATCHD_VAULT: 'file' })
  const begun = await daemon.api('POST', '/v1/logins', { body: { profile: 'tv', open: false } })
  await daemon.restart('SIGKILL')
  await server.approve(String(begun.json['verification_uri_complete']))
  const { json } = await daemon.api('GET', `/v1/logins/${String(begun.json['login_id'])}?wait=15`)
  expect(json).toMatchObject({ status: 'succeeded' })
}, 30_000)
