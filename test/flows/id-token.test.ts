/** The id_token of a login at oidc-provider: over the API, the command line and the library, short-lived and not renewed. */
import { createPublicKey, verify } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { exchange } from '../support/http-client.js'
import { type OidcProvider, type OidcProviderOptions, startOidcProvider } from '../support/oidc-provider.js'

const PATH = '/v1/tokens/corp/id_token'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function loggedIn(options: Omit<OidcProviderOptions, 'redirectUris'> = {}, env = {}) {
  const redirectPort = await freePort()
  const redirectUris = [`http://127.0.0.1:${redirectPort}/callback/corp`]
  const server = await startOidcProvider({ redirectUris, ...options })
  let closing: Promise<void> | undefined
  const goAway = () => (closing ??= server.close())
  cleanUps.push(goAway)
  const entry = { issuer: server.issuer, client_id: server.clientId, scope: 'openid email' }
  const plain = { ...entry, scope: 'email', redirect_uri: `http://127.0.0.1:${redirectPort}/callback/corp` }
  const config = { profiles: { corp: { ...entry, redirect_uri: redirectUris[0] }, plain } }
  const daemon = await startDaemon({ redirectPort, config, env })
  cleanUps.push(() => daemon.stop())
  expect((await daemon.login('corp', server.approveByRedirect)).login).toMatchObject({ status: 'succeeded' })
  return { server, daemon, goAway }
}

async function keyOf(daemon: Daemon, profiles: string[], actions: string[]): Promise<string> {
  const body = { client: `tool-${actions.join('-')}-${profiles.join('-')}`, profiles, actions }
  const { status, text, json } = await daemon.api('POST', '/v1/clients', { body })
  expect(status, text).toBe(201)
  return String(json['key'])
}

/** As a cluster does: the signature against the published keys, then the claims. */
async function verified(server: OidcProvider, idToken: unknown) {
  const [header = '', claims = '', signature = ''] = String(idToken).split('.')
  const { keys } = JSON.parse((await exchange(`${server.issuer}/jwks`)).body)
  const key = createPublicKey({ key: keys[0], format: 'jwk' })
  const isGood = verify(
    'sha256',
    Buffer.from(`${header}.${claims}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  expect(isGood).toBe(true)
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number; aud: string; sub: string }
}

describe('a server that renews id_tokens', () => {
  test('gives the one of the login, signed for the client, with its own end', async () => {
    const { server, daemon } = await loggedIn({ idTokenLifetimeSeconds: 300 })
    const { status, json, text } = await daemon.api('GET', PATH)
    expect(status, text).toBe(200)
    const claims = await verified(server, json['id_token'])
    expect(claims).toMatchObject({ aud: server.clientId, sub: 'ada' })
    expect(json).toEqual({
      id_token: expect.any(String),
      expires_in: expect.any(Number),
      expires_at: new Date(claims.exp * 1000).toISOString().replace('.000', ''),
      issuer: server.issuer,
      subject: 'ada',
      profile: 'corp',
    })
    expect(json['expires_in']).toBeGreaterThan(280)
    expect(json['expires_in']).toBeLessThanOrEqual(300)
    const bare = await daemon.api('GET', PATH, { headers: { accept: 'text/plain' } })
    expect(bare.text).toBe(json['id_token'])
    expect(server.counts.refreshes).toBe(0)
  })

  test('a short one is refreshed first, once for all callers, while the access token has an hour left', async () => {
    const { server, daemon } = await loggedIn({ idTokenLifetimeSeconds: 30 })
    const first = await daemon.api('GET', `${PATH}?min_ttl=5`)
    expect([first.status, server.counts.refreshes]).toEqual([200, 0])
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => daemon.api('GET', n % 2 === 0 ? PATH : `${PATH}?min_ttl=60`)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(server.counts.refreshes).toBe(1)
    const tokens = new Set(answers.map(({ json }) => json['id_token']))
    expect([tokens.size, tokens.has(first.json['id_token'])]).toEqual([1, false])
    await verified(server, [...tokens][0])
  })

  test('the command line and the library give the same, and the uses are counted', async () => {
    const { server, daemon } = await loggedIn()
    const { json } = await daemon.api('GET', PATH)
    const printed = await daemon.cli(['token', 'corp', '--id-token'])
    expect(printed).toEqual({ exitCode: 0, stdout: `${String(json['id_token'])}\n`, stderr: '' })
    const credential = await daemon.cli(['credential', '--profile', 'corp', '--id-token', 'kubectl'])
    expect(JSON.parse(credential.stdout)).toMatchObject({
      status: { token: json['id_token'], expirationTimestamp: json['expires_at'] },
    })
    const client = new CatchdClient({ socketPath: daemon.socketPath })
    expect(await client.idToken('corp')).toMatchObject({ id_token: json['id_token'], subject: 'ada' })
    client.close()
    const { json: status } = await daemon.api('GET', '/v1/status')
    expect(status['token_accesses']).toMatchObject([{ client: 'socket', profile: 'corp', count: 4 }])
    expect(server.counts.refreshes).toBe(0)
  })

  test('one that is still good is served while the server is away', async () => {
    const { daemon, goAway } = await loggedIn({ idTokenLifetimeSeconds: 30 })
    const first = await daemon.api('GET', `${PATH}?min_ttl=5`)
    await goAway()
    const answer = await daemon.api('GET', PATH)
    expect([answer.status, answer.json['id_token']]).toEqual([200, first.json['id_token']])
  })
})

test('a server that gives none on a refresh is asked once, and then only a login helps', async () => {
  const options = { idTokenLifetimeSeconds: 10, idTokenOnRefresh: false }
  const { server, daemon } = await loggedIn(options, { CATCHD_VAULT: 'file' })
  const first = await daemon.api('GET', `${PATH}?min_ttl=0`)
  expect([first.status, server.counts.refreshes]).toEqual([200, 0])
  const kept = await daemon.api('GET', PATH)
  expect([kept.json['id_token'], server.counts.refreshes]).toEqual([first.json['id_token'], 1])
  const giveUpAtMs = Date.now() + 60_000
  let answer = kept
  while (answer.status === 200 && Date.now() < giveUpAtMs) {
    await delay(50)
    answer = await daemon.api('GET', PATH)
  }
  expect([answer.status, answer.json]).toMatchObject([
    409,
    { code: 'login_required', next: 'catchd login corp', detail: expect.stringContaining('only at a login') },
  ])
  await daemon.restart()
  expect(await daemon.api('GET', PATH)).toMatchObject({ status: 409, json: { code: 'login_required' } })
  expect((await daemon.api('GET', '/v1/tokens/corp')).status).toBe(200)
  expect(server.counts.refreshes).toBe(1)

  await daemon.login('corp', server.approveByRedirect)
  const again = await daemon.api('GET', `${PATH}?min_ttl=0`)
  expect(again.status, again.text).toBe(200)
  await verified(server, again.json['id_token'])
})

test('nobody else gets it, and who may have none is told why', async () => {
  const { server, daemon } = await loggedIn()
  const tcp = (path: string, key: string | null, method = 'GET', headers = {}) =>
    daemon.api(method, path, { via: 'tcp', key, headers })
  const [own, others] = [await keyOf(daemon, ['corp'], ['token']), await keyOf(daemon, ['plain'], ['login'])]
  const { json } = await daemon.api('GET', PATH)
  const idToken = String(json['id_token'])
  expect((await tcp(PATH, own)).json['id_token']).toBe(idToken)

  const refused = [
    [await tcp(PATH, null), 401, 'unauthorized'],
    [await tcp(PATH, 'A'.repeat(43)), 401, 'unauthorized'],
    [await tcp(PATH, others), 403, 'forbidden'],
    [await tcp(PATH, own, 'GET', { origin: 'https://evil.example' }), 403, 'origin_refused'],
    [await tcp(PATH, own, 'GET', { host: 'evil.example' }), 403, 'host_refused'],
    [await tcp(PATH, own, 'POST'), 405, 'route_unknown'],
    [await daemon.api('GET', '/v1/tokens/nobody/id_token'), 404, 'profile_unknown'],
    [await daemon.api('GET', '/v1/tokens/plain/id_token'), 422, 'profile_invalid'],
    [await daemon.api('GET', '/v1/tokens/plain/id_token?login=auto'), 422, 'profile_invalid'],
  ] as const
  for (const [answer, status, code] of refused) {
    expect([answer.status, answer.json['code']]).toEqual([status, code])
    expect(answer.text).not.toContain(idToken)
  }
  const { exitCode, stdout, stderr } = await daemon.cli(['token', 'plain', '--id-token'])
  expect([exitCode, stdout]).toEqual([7, ''])
  expect(stderr).toContain('`openid` is not in its scope')
  expect(stderr).toContain('→ catchd profile edit plain')
  expect(server.counts.refreshes).toBe(0)
})
