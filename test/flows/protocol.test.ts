/**
 * Whole logins of the built program at oidc-provider with what FAPI 2.0 asks of clients: pushed authorization
 * requests, client authentication by key, tokens bound to a key (DPoP) with nonces, and `catchd inspect`.
 */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { CatchdClient } from '../../src/client/client.js'
import { type Daemon, startDaemon } from '../support/daemon.js'
import { freePort } from '../support/free-port.js'
import { exchange } from '../support/http-client.js'
import { type OidcProvider, type OidcProviderOptions, startOidcProvider } from '../support/oidc-provider.js'

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

interface Setting extends Omit<OidcProviderOptions, 'redirectUris'> {
  readonly profile?: object
}

async function corp({ profile, ...options }: Setting) {
  const redirectPort = await freePort()
  const redirectUris = [`http://127.0.0.1:${redirectPort}/callback/corp`]
  const server = await startOidcProvider({ redirectUris, ...options })
  cleanUps.push(() => server.close())
  const entry = {
    issuer: server.issuer,
    client_id: server.clientId,
    ...(server.clientSecret === null ? {} : { client_secret: server.clientSecret }),
    ...(options.tokenEndpointAuthMethod === undefined
      ? {}
      : { token_endpoint_auth_method: options.tokenEndpointAuthMethod }),
    scope: 'openid email',
    ...profile,
  }
  const daemon = await startDaemon({ redirectPort, config: { profiles: { corp: entry } } })
  cleanUps.push(() => daemon.stop())
  return { server, daemon }
}

/** A key of the client: its file for us, its public half for the server. */
async function clientKey(type: 'ec' | 'rsa' | 'ed25519' = 'ec') {
  const pair =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ed25519')
  const folder = await mkdtemp(join(tmpdir(), 'catchd-key-'))
  cleanUps.push(() => rm(folder, { recursive: true }))
  const file = join(folder, 'client.pem')
  await writeFile(file, pair.privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
  return {
    file,
    jwks: { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), use: 'sig', kid: 'theirs' }] },
  }
}

/** What the tool does: asks for a proof, and goes to the resource server with both. */
async function userinfo(daemon: Daemon, server: OidcProvider, nonce?: string) {
  const url = `${server.issuer}/me`
  const body = { method: 'GET', url, ...(nonce === undefined ? {} : { nonce }) }
  const proven = await daemon.api('POST', '/v1/tokens/corp/proof', { body })
  expect(proven.status, proven.text).toBe(200)
  const { access_token: token, token_type: type, dpop } = proven.json
  const answer = await exchange(url, {
    headers: { authorization: `${String(type)} ${String(token)}`, dpop: String(dpop) },
  })
  return { ...answer, token: String(token), dpop: String(dpop) }
}

describe('pushed authorization requests', () => {
  test('at a server that requires them the browser carries a reference alone', async () => {
    const { server, daemon } = await corp({ requirePushedRequests: true })
    const { authorizationUrl, login } = await daemon.login('corp', server.approve)
    expect(login).toMatchObject({ status: 'succeeded' })
    expect([...new URL(authorizationUrl).searchParams.keys()]).toEqual(['client_id', 'request_uri'])
    expect(server.counts).toMatchObject({ pushedRequests: 1, codesRedeemed: 1 })
  })

  test('a refusal ends the login before a browser opens, with the words of the server', async () => {
    const { server, daemon } = await corp({
      requirePushedRequests: true,
      tokenEndpointAuthMethod: 'client_secret_post',
      profile: { client_secret: 'another secret' },
    })
    const answer = await daemon.api('POST', '/v1/logins', { body: { profile: 'corp', open: false } })
    expect(answer).toMatchObject({ status: 502, json: { code: 'provider_refused', error: 'invalid_client' } })
    expect(server.counts.tokenRequests).toBe(0)
  })

  test('a reference is good once: the next login has one of its own', async () => {
    const { server, daemon } = await corp({ requirePushedRequests: true })
    const first = await daemon.login('corp', server.approve)
    const second = await daemon.login('corp', server.approve)
    expect(second.login).toMatchObject({ status: 'succeeded' })
    expect(second.authorizationUrl).not.toBe(first.authorizationUrl)
    expect(await server.approve(first.authorizationUrl)).toContain('error=invalid_request_uri')
  })
})

describe('signed authorization responses (JARM)', () => {
  const JARM = { profile: { response_mode: 'query.jwt' } }

  test('are verified, and the code in them is redeemed', async () => {
    const { server, daemon } = await corp(JARM)
    let response = ''
    const { login, response: page } = await daemon.login('corp', async (url) => {
      response = await server.approveByRedirect(url)
      return response
    })
    expect(login).toMatchObject({ status: 'succeeded', error: null })
    expect(page.status).toBe(303)
    expect([...new URL(response).searchParams.keys()]).toEqual(['response'])
  })

  test('one that was changed on the way ends the login, and its code is not sent', async () => {
    const { server, daemon } = await corp(JARM)
    const { login } = await daemon.login('corp', async (url) => {
      const answer = new URL(await server.approveByRedirect(url))
      const [header = '', claims = '', signature = ''] = (answer.searchParams.get('response') ?? '').split(
        '.',
      )
      const members = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object
      const changed = Buffer.from(JSON.stringify({ ...members, code: 'of somebody else' })).toString(
        'base64url',
      )
      answer.searchParams.set('response', `${header}.${changed}.${signature}`)
      return answer.href
    })
    expect(login).toMatchObject({ status: 'failed', error: { code: 'provider_answer_invalid' } })
    expect(server.counts.tokenRequests).toBe(0)
  })

  test.each(['form_post.jwt', 'fragment.jwt'])('come as %s too', async (response_mode) => {
    const { server, daemon } = await corp({ profile: { response_mode } })
    const { login } = await daemon.login('corp', async (url) => {
      const answer = await server.approve(url)
      // What the page that catches a fragment does.
      return typeof answer === 'string' ? answer.replace('#', '?') : answer
    })
    expect(login).toMatchObject({ status: 'succeeded', error: null })
  })

  test('one whose signature was left away ends the login, and its code is not sent', async () => {
    const { server, daemon } = await corp(JARM)
    const { login } = await daemon.login('corp', async (url) => {
      const answer = new URL(await server.approveByRedirect(url))
      const [, claims = ''] = (answer.searchParams.get('response') ?? '').split('.')
      const { code, state, iss } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<
        string,
        string
      >
      return `${answer.origin}${answer.pathname}?${new URLSearchParams({ code, state, iss } as Record<string, string>)}`
    })
    expect(login).toMatchObject({ status: 'failed', error: { code: 'provider_answer_invalid' } })
    expect(server.counts.tokenRequests).toBe(0)
  })

  test('a denial comes signed, too', async () => {
    const { server, daemon } = await corp(JARM)
    const { login } = await daemon.login('corp', (url) => server.approve(url, { deny: true }))
    expect(login).toMatchObject({
      status: 'failed',
      error: { code: 'authorization_denied', error: 'access_denied' },
    })
  })
})

describe('client authentication', () => {
  test.each(['ec', 'rsa', 'ed25519'] as const)(
    'private_key_jwt with a key of type %s: login, refresh, logout',
    async (type) => {
      const { file, jwks } = await clientKey(type)
      const alg = { ec: 'ES256', rsa: 'RS256', ed25519: 'EdDSA' }[type]
      const { server, daemon } = await corp({
        tokenEndpointAuthMethod: 'private_key_jwt',
        requirePushedRequests: true,
        registration: { jwks, token_endpoint_auth_signing_alg: alg },
        profile: { private_key_file: file },
      })
      const { login } = await daemon.login('corp', server.approve)
      expect(login).toMatchObject({ status: 'succeeded', error: null })
      expect((await daemon.api('POST', '/v1/tokens/corp/refresh')).status).toBe(200)
      const logout = await daemon.api('DELETE', '/v1/tokens/corp')
      expect(logout.headers['catchd-revoked']).toBe('true')
      expect(server.counts).toMatchObject({ pushedRequests: 1, codesRedeemed: 1, refreshes: 1 })
    },
  )

  test('client_secret_jwt', async () => {
    const { server, daemon } = await corp({ tokenEndpointAuthMethod: 'client_secret_jwt' })
    expect((await daemon.login('corp', server.approve)).login).toMatchObject({ status: 'succeeded' })
    expect((await daemon.api('POST', '/v1/tokens/corp/refresh')).status).toBe(200)
  })

  test('a key that the server does not know is refused as the client', async () => {
    const [{ jwks }, { file }] = [await clientKey(), await clientKey()]
    const { server, daemon } = await corp({
      tokenEndpointAuthMethod: 'private_key_jwt',
      registration: { jwks },
      profile: { private_key_file: file },
    })
    const { login } = await daemon.login('corp', server.approve)
    expect(login).toMatchObject({
      status: 'failed',
      error: { code: 'provider_refused', error: 'invalid_client' },
    })
  })

  test('a key file that is not there is named before a browser opens', async () => {
    const { jwks } = await clientKey()
    const { daemon } = await corp({
      tokenEndpointAuthMethod: 'private_key_jwt',
      requirePushedRequests: true,
      registration: { jwks },
      profile: { private_key_file: '/nowhere/key.pem' },
    })
    const answer = await daemon.api('POST', '/v1/logins', { body: { profile: 'corp', open: false } })
    expect(answer.json).toMatchObject({ code: 'profile_invalid', profile: 'corp' })
    expect(String(answer.json['detail'])).toContain('/nowhere/key.pem')
  })
})

describe('tokens that are bound to a key', () => {
  const DPOP = { registration: { dpop_bound_access_tokens: true }, profile: { dpop: true } }

  test.each([false, true])(
    'login, proof, refresh and logout, the server wanting nonces: %s',
    async (nonces) => {
      const { server, daemon } = await corp({ ...DPOP, requireDpopNonce: nonces })
      const { authorizationUrl, login } = await daemon.login('corp', server.approve)
      expect(login).toMatchObject({ status: 'succeeded' })
      expect(new URL(authorizationUrl).searchParams.get('dpop_jkt')).toMatch(/^[\w-]{43}$/)
      // The first token request of a nonce server is refused before it takes the code.
      expect(server.counts).toMatchObject({ codesRedeemed: 1, tokenRequests: nonces ? 2 : 1 })

      const token = await daemon.api('GET', '/v1/tokens/corp')
      expect(token.json).toMatchObject({ token_type: 'DPoP', profile: 'corp' })
      let shown = await userinfo(daemon, server)
      if (nonces) {
        expect(shown.status).toBe(401)
        shown = await userinfo(daemon, server, String(shown.headers['dpop-nonce']))
      }
      expect([shown.status, JSON.parse(shown.body)]).toMatchObject([200, { sub: 'ada' }])

      const stolen = await exchange(`${server.issuer}/me`, {
        headers: { authorization: `Bearer ${shown.token}` },
      })
      expect(stolen.status).toBe(401)

      await daemon.restart()
    },
  )

  test('the key outlives the daemon, and the refresh is bound to it', async () => {
    const redirectPort = await freePort()
    const redirectUris = [`http://127.0.0.1:${redirectPort}/callback/corp`]
    const server = await startOidcProvider({ redirectUris, ...DPOP, requireDpopNonce: true })
    cleanUps.push(() => server.close())
    const entry = { issuer: server.issuer, client_id: server.clientId, scope: 'openid email', dpop: true }
    const daemon = await startDaemon({
      redirectPort,
      config: { profiles: { corp: entry } },
      env: { CATCHD_VAULT: 'file' },
    })
    cleanUps.push(() => daemon.stop())
    await daemon.login('corp', server.approve)
    const key = async () => {
      const { dpop } = await userinfo(daemon, server)
      const header = JSON.parse(Buffer.from(dpop.split('.')[0] ?? '', 'base64url').toString()) as {
        jwk: object
      }
      return JSON.stringify(header.jwk)
    }
    const before = await key()
    await daemon.restart('SIGKILL')
    expect((await daemon.api('POST', '/v1/tokens/corp/refresh')).json).toMatchObject({ token_type: 'DPoP' })
    expect(await key()).toBe(before)

    expect((await daemon.api('DELETE', '/v1/tokens/corp')).status).toBe(204)
    expect(
      (await daemon.api('POST', '/v1/tokens/corp/proof', { body: { method: 'GET', url: server.issuer } }))
        .json,
    ).toMatchObject({ code: 'login_required' })
    await daemon.login('corp', server.approve)
    expect(await key()).not.toBe(before)
  })

  test('the library sends them with proofs, and learns the nonce of the resource server', async () => {
    const { server, daemon } = await corp({ ...DPOP, requireDpopNonce: true })
    await daemon.login('corp', server.approve)
    const client = new CatchdClient({ socketPath: daemon.socketPath })
    const response = await client.fetch('corp', `${server.issuer}/me`)
    expect([response.status, await response.json()]).toMatchObject([200, { sub: 'ada' }])
    expect(server.counts.refreshes).toBe(0)
    client.close()
  })

  test('with pushed requests and a key of the client, as FAPI 2.0 has it', async () => {
    const { file, jwks } = await clientKey()
    const { server, daemon } = await corp({
      tokenEndpointAuthMethod: 'private_key_jwt',
      requirePushedRequests: true,
      requireDpopNonce: true,
      registration: { jwks, dpop_bound_access_tokens: true, token_endpoint_auth_signing_alg: 'ES256' },
      profile: { dpop: true, private_key_file: file },
    })
    const { authorizationUrl, login } = await daemon.login('corp', server.approve)
    expect(login).toMatchObject({ status: 'succeeded', error: null })
    expect(authorizationUrl).not.toContain('dpop_jkt')
    expect((await daemon.api('POST', '/v1/tokens/corp/refresh')).json).toMatchObject({ token_type: 'DPoP' })
    // The nonce was learnt by the pushed request: one token request for the code, one for the refresh.
    expect(server.counts).toMatchObject({
      pushedRequests: 2,
      codesRedeemed: 1,
      refreshes: 1,
      tokenRequests: 2,
    })

    // Neither an assertion, nor a proof, nor a key is left lying about: they all begin as a JSON object does.
    const left = await readdir(daemon.home, { recursive: true, withFileTypes: true })
    const files = left.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
    expect(files.some((file) => file.endsWith('catchd.log'))).toBe(true)
    for (const file of files) expect(await readFile(file, 'utf8'), file).not.toMatch(/eyJ|"d"|PRIVATE/)
  })

  test('a profile without dpop is given no proof, and no token that it could not use', async () => {
    const { server, daemon } = await corp({})
    await daemon.login('corp', server.approve)
    const proof = { method: 'GET', url: `${server.issuer}/me` }
    const answer = await daemon.api('POST', '/v1/tokens/corp/proof', { body: proof })
    expect(answer).toMatchObject({ status: 400, json: { code: 'request_invalid', profile: 'corp' } })
  })
})

describe('catchd inspect', () => {
  test('shows the claims, what the server says, and no token', async () => {
    const { server, daemon } = await corp({ tokenEndpointAuthMethod: 'client_secret_basic' })
    await daemon.login('corp', server.approve)
    const { json } = await daemon.api('GET', '/v1/tokens/corp')
    const shown = await daemon.cli(['inspect', 'corp'])
    expect(shown.exitCode, shown.stderr).toBe(0)
    expect(shown.stdout).toMatch(/subject\s+ada/)
    expect(shown.stdout).toMatch(/alg\s+ES256/)
    expect(shown.stdout).toMatch(/active\s+true/)
    expect(shown.stdout).toMatch(/email\s+ada@example.org/)
    const asJson = await daemon.cli(['inspect', 'corp', '--json'])
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      profile: 'corp',
      issuer: server.issuer,
      subject: 'ada',
      client_id: server.clientId,
      access_token: { token_type: 'Bearer', scope: 'openid email' },
      refresh_token: { refused: null },
      id_token: { claims: { iss: server.issuer, sub: 'ada', aud: server.clientId } },
      introspection: { answer: { active: true, client_id: server.clientId }, error: null },
      userinfo: { answer: { sub: 'ada', email: 'ada@example.org' }, error: null },
    })
    for (const { stdout } of [shown, asJson]) expect(stdout).not.toContain(String(json['access_token']))
  })

  test('of bound tokens asks with a proof', async () => {
    const { server, daemon } = await corp({
      registration: { dpop_bound_access_tokens: true },
      requireDpopNonce: true,
      profile: { dpop: true },
    })
    await daemon.login('corp', server.approve)
    const { stdout } = await daemon.cli(['inspect', 'corp', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      access_token: { token_type: 'DPoP' },
      userinfo: { answer: { sub: 'ada' } },
    })
  })

  test('before a login says what to do', async () => {
    const { daemon } = await corp({})
    const { exitCode, stderr } = await daemon.cli(['inspect', 'corp'])
    expect(exitCode).toBe(3)
    expect(stderr).toContain('catchd login corp')
  })

  test('a key that may only fetch tokens is not told whose they are', async () => {
    const { server, daemon } = await corp({})
    await daemon.login('corp', server.approve)
    const key = async (action: string) => {
      const body = { client: action, profiles: ['corp'], actions: [action] }
      return String((await daemon.api('POST', '/v1/clients', { body })).json['key'])
    }
    const inspect = async (action: string) => {
      const call = { via: 'tcp', key: await key(action) } as const
      return (await daemon.api('GET', '/v1/tokens/corp/inspection', call)).status
    }
    expect([await inspect('token'), await inspect('login')]).toEqual([403, 200])
  })
})

describe('token exchange (RFC 8693)', () => {
  const exchange = (server: OidcProvider, changes: object = {}) => ({
    issuer: server.issuer,
    client_id: server.clientId,
    grant: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: { profile: 'corp' },
    audience: 'orders',
    ...changes,
  })

  async function exchanging(changes: object = {}) {
    const system = await corp({ tokenExchange: true })
    const body = exchange(system.server, changes)
    const put = await system.daemon.api('PUT', '/v1/profiles/orders', { body })
    expect(put.status, put.text).toBe(201)
    return { ...system, token: () => system.daemon.api('GET', '/v1/tokens/orders') }
  }

  test('the token of one profile becomes that of another, without a login of its own', async () => {
    const { server, daemon, token } = await exchanging()
    const before = await token()
    expect([before.status, before.json['code'], before.json['profile']]).toEqual([
      409,
      'login_required',
      'corp',
    ])
    expect(before.json['next']).toBe('catchd login corp')
    await daemon.login('corp', server.approve)
    const { status, json } = await token()
    expect([status, json['scope'], json['profile']]).toEqual([200, 'email', 'orders'])
    expect(await server.findToken(String(json['access_token']))).toMatchObject({ audience: 'orders' })
    const { json: subject } = await daemon.api('GET', '/v1/tokens/corp')
    expect(json['access_token']).not.toBe(subject['access_token'])
    const run = await daemon.cli(['login', 'orders'])
    expect([run.exitCode, run.stdout]).toEqual([0, expect.stringContaining('needs no login')])
    const again = await daemon.api('POST', '/v1/tokens/orders/refresh')
    expect(again.json['access_token']).not.toBe(json['access_token'])
  })

  test('a refused exchange says what the server said', async () => {
    const { server, daemon, token } = await exchanging({ audience: 'forbidden' })
    await daemon.login('corp', server.approve)
    const { status, json } = await token()
    expect([status, json['code'], json['error'], json['profile']]).toEqual([
      502,
      'provider_refused',
      'invalid_target',
      'orders',
    ])
  })

  test('a file that something else keeps fresh is read each time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'catchd-subject-'))
    cleanUps.push(() => rm(folder, { recursive: true }))
    const file = join(folder, 'token')
    const type = 'urn:ietf:params:oauth:token-type:access_token'
    const { server, daemon, token } = await exchanging({ subject_token: { file }, subject_token_type: type })
    const missing = await token()
    expect([missing.status, missing.json['code']]).toEqual([422, 'profile_invalid'])
    expect(missing.json['detail']).toContain(file)
    await daemon.login('corp', server.approve)
    const { json: subject } = await daemon.api('GET', '/v1/tokens/corp')
    await writeFile(file, `${String(subject['access_token'])}\n`, { mode: 0o600 })
    expect((await daemon.api('POST', '/v1/tokens/orders/refresh')).status).toBe(200)
  })

  test.each([
    ['of a profile that is not there', { subject_token: { profile: 'nobody' } }, 'there is no such profile'],
    ['of itself', { subject_token: { profile: 'orders' } }, 'leads back to "orders"'],
    ['of nothing', { subject_token: undefined }, 'must name the token to exchange'],
    ['with another grant', { grant: 'client_credentials' }, 'works only with the grant'],
  ])('an exchange %s is refused when it is written', async (_name, changes, part) => {
    const { server, daemon } = await corp({ tokenExchange: true })
    const put = await daemon.api('PUT', '/v1/profiles/orders', { body: exchange(server, changes) })
    expect([put.status, put.json['code']]).toEqual([422, 'config_invalid'])
    expect(put.json['detail']).toContain(part)
  })
})
