/** Requests as they go over the wire, and what broken or hostile servers do, against a server of our own on loopback. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OAuthAuthorizationServers } from '../../src/authorization-server/authorization-servers.js'
import { systemClock } from '../../src/clock.js'
import type { Profile } from '../../src/config/profile.js'
import { CatchdError } from '../../src/failures.js'
import { Secret } from '../../src/secret.js'
import { idTokenOf } from '../../src/tokens/id-token.js'
import { tokenSetFrom } from '../../src/tokens/token-set.js'
import { makeCertificates } from '../support/certificates.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import { memoryKeys } from './fake-server.js'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Handler = (request: Seen, response: ServerResponse) => void

const TOKENS = { access_token: 'access-1', token_type: 'Bearer', expires_in: 60 }
const json =
  (value: unknown, status = 200): Handler =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))

/** Made beforehand: it takes as long as the deadline of these tests. */
const BOMB = gzipSync(Buffer.alloc(32 * 1024 * 1024))

let seen: Seen[] = []
const routes = new Map<string, Handler>()
const cleanUps: (() => void)[] = []
let base = ''

function listener(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method = '', url = '', headers } = request
    const at = { method, url, headers, body: Buffer.concat(chunks).toString() }
    seen.push(at)
    const handler = routes.get(url.split('?')[0] ?? '')
    if (handler === undefined) response.writeHead(404).end()
    else handler(at, response)
  })
}

beforeEach(async () => {
  seen = []
  routes.clear()
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  cleanUps.push(() => {
    server.close()
    server.closeAllConnections()
  })
})

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp()
})

function servers(secret?: string, deadlineMs?: number): OAuthAuthorizationServers {
  const made = new OAuthAuthorizationServers({
    clock: systemClock,
    clientSecrets: async () => (secret === undefined ? undefined : new Secret(secret)),
    dpopKeys: memoryKeys(),
    resourceIssuers: memoryKeys(),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  })
  cleanUps.push(() => made.close())
  return made
}

const profile = (changes: Partial<Profile> = {}): Profile =>
  testProfile({
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    ...changes,
  })

const grant = () => ({
  code: new Secret('code-1'),
  redirectUri: 'http://127.0.0.1:8252/callback/gw',
  codeVerifier: new Secret('verifier-1'),
  nonce: null,
})

const failureOf = (promise: Promise<unknown>): Promise<CatchdError> =>
  promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(CatchdError)
      return error as CatchdError
    },
  )

const sentForm = () => Object.fromEntries(new URLSearchParams(seen.at(-1)?.body))

describe('the token request', () => {
  test('as a form, for a public client', async () => {
    routes.set('/token', json(TOKENS))
    await servers().redeem(profile(), grant())
    expect(seen[0]?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/)
    expect(seen[0]?.headers['accept']).toBe('application/json')
    expect(seen[0]?.headers['authorization']).toBeUndefined()
    expect(sentForm()).toEqual({
      grant_type: 'authorization_code',
      code: 'code-1',
      redirect_uri: 'http://127.0.0.1:8252/callback/gw',
      code_verifier: 'verifier-1',
      client_id: 'client-1',
    })
  })

  test.each([
    ['form', 'client+1%3A%25:a+b%3Ac'],
    ['raw', 'client 1:%:a b:c'],
  ] as const)('HTTP Basic, credentials %s-encoded (RFC 6749 §2.3.1)', async (encoding, credentials) => {
    routes.set('/token', json(TOKENS))
    await servers('a b:c').redeem(
      profile({
        client_id: 'client 1:%',
        token_endpoint_auth_method: 'client_secret_basic',
        client_secret_basic_encoding: encoding,
      }),
      grant(),
    )
    const [scheme, encoded = ''] = (seen[0]?.headers['authorization'] ?? '').split(' ')
    expect(scheme).toBe('Basic')
    expect(Buffer.from(encoded, 'base64').toString()).toBe(credentials)
    expect(sentForm()['client_id']).toBeUndefined()
  })

  test('client_secret_post, parameters and headers of the profile, resource indicators', async () => {
    routes.set('/token', json(TOKENS))
    await servers('s3cret').redeem(
      profile({
        token_endpoint_auth_method: 'client_secret_post',
        token_parameters: { audience: 'api', scope: '{scope}' },
        token_request_headers: { 'user-agent': 'test/1' },
        resource: 'https://api.example/',
      }),
      grant(),
    )
    expect(sentForm()).toMatchObject({
      client_secret: 's3cret',
      audience: 'api',
      scope: 'email',
      resource: 'https://api.example/',
    })
    expect(seen[0]?.headers['user-agent']).toBe('test/1')
  })

  test('a secret that is needed and missing is said before anything is sent', async () => {
    const failure = await failureOf(
      servers().redeem(profile({ token_endpoint_auth_method: 'client_secret_basic' }), grant()),
    )
    expect(failure.code).toBe('profile_invalid')
    expect(seen).toHaveLength(0)
  })

  test('refresh goes to its own endpoint, client credentials name their scope', async () => {
    routes.set('/refresh', json(TOKENS))
    routes.set('/token', json(TOKENS))
    const set = tokenSetFrom(tokenResponse(), { authorizationServer: base, clientId: 'client-1' }, null, 0)
    await servers().refresh(profile({ refresh_endpoint: `${base}/refresh` }), set)
    expect(sentForm()).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-1',
      client_id: 'client-1',
    })
    await servers().obtain(profile({ grant: 'client_credentials' }))
    expect(sentForm()).toEqual({ grant_type: 'client_credentials', scope: 'email', client_id: 'client-1' })
  })
})

describe('a broken or hostile token endpoint', () => {
  const rows: [string, Handler, string][] = [
    [
      'a 307 is not followed',
      (_r, response) => response.writeHead(307, { location: '/elsewhere' }).end(),
      'provider_answer_invalid',
    ],
    [
      'a 302 is not followed',
      (_r, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      'provider_answer_invalid',
    ],
    ['an HTML 502', (_r, response) => response.writeHead(502).end('<html>'), 'provider_answer_invalid'],
    [
      '2 MiB',
      (_r, response) => response.writeHead(200).end('x'.repeat(2 * 1024 * 1024)),
      'provider_answer_invalid',
    ],
    [
      'a gzip bomb',
      (_r, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB),
      'provider_answer_invalid',
    ],
    ['silence', () => {}, 'provider_unreachable'],
    [
      'a slow drip',
      (_r, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(timer))
      },
      'provider_unreachable',
    ],
    ['a reset', (_r, response) => response.destroy(), 'provider_unreachable'],
    [
      'a reset in mid-answer',
      (_r, response) => {
        response.writeHead(200, { 'content-length': '1000' })
        response.write('{"access')
        setTimeout(() => response.destroy(), 10)
      },
      'provider_answer_invalid',
    ],
  ]
  /** Only the deadline ends these. */
  const NEVER_ENDS = new Set(['silence', 'a slow drip'])
  test.each(rows)('%s', async (name, handler, code) => {
    routes.set('/token', handler)
    routes.set('/elsewhere', json(TOKENS))
    const failure = await failureOf(
      servers(undefined, NEVER_ENDS.has(name) ? 400 : 60_000).redeem(profile(), grant()),
    )
    expect(failure.code).toBe(code)
    expect(seen, 'the code is sent once').toHaveLength(1)
    expect(`${failure.message}${failure.stack}${JSON.stringify(failure)}`).not.toMatch(/code-1|verifier-1/)
  })

  test('nothing listens, a name that does not resolve', async () => {
    const nowhere = await failureOf(
      servers().redeem(profile({ token_endpoint: 'http://127.0.0.1:1/token' }), grant()),
    )
    expect(nowhere).toMatchObject({ code: 'provider_unreachable' })
    expect(nowhere.message).toContain('nothing listens')
  })

  test('plain http beyond loopback is refused before anything is sent', async () => {
    const failure = await failureOf(
      servers().redeem(profile({ token_endpoint: 'http://as.example/token' }), grant()),
    )
    expect(failure.code).toBe('profile_invalid')
  })
})

describe('refresh outcomes', () => {
  const set = () =>
    tokenSetFrom(tokenResponse(), { authorizationServer: base, clientId: 'client-1' }, null, 0)

  test.each<[string, Handler, string, number | null]>([
    ['invalid_grant', json({ error: 'invalid_grant' }, 400), 'reauthorize', null],
    ['a refusal that is not JSON', (_r, response) => response.writeHead(403).end('no'), 'retry_later', null],
    ['invalid_client', json({ error: 'invalid_client' }, 401), 'retry_later', null],
    [
      'a 503 with Retry-After',
      (_r, response) => response.writeHead(503, { 'retry-after': '7' }).end(),
      'retry_later',
      7,
    ],
    [
      'an absurd Retry-After',
      (_r, response) => response.writeHead(429, { 'retry-after': '99999999' }).end(),
      'retry_later',
      300,
    ],
    [
      'a negative Retry-After',
      (_r, response) => response.writeHead(429, { 'retry-after': '-5' }).end(),
      'retry_later',
      null,
    ],
    ['a reset', (_r, response) => response.destroy(), 'retry_later', null],
  ])('%s', async (_name, handler, outcome, retryAfterSeconds) => {
    routes.set('/token', handler)
    const result = await servers().refresh(profile(), set())
    expect(result.outcome).toBe(outcome)
    if (result.outcome === 'retry_later') expect(result.retryAfterSeconds).toBe(retryAfterSeconds)
  })
})

test('revocation: sent, not supported, failed', async () => {
  routes.set('/revoke', (_r, response) => response.writeHead(200).end())
  routes.set('/broken', (_r, response) => response.writeHead(503).end())
  const set = tokenSetFrom(tokenResponse(), { authorizationServer: base, clientId: 'client-1' }, null, 0)
  expect((await servers().revoke(profile({ revocation_endpoint: `${base}/revoke` }), set)).outcome).toBe(
    'revoked',
  )
  const revoked = seen.map(({ body }) => Object.fromEntries(new URLSearchParams(body)))
  expect(revoked).toEqual([
    { token: 'refresh-1', token_type_hint: 'refresh_token', client_id: 'client-1' },
    { token: 'access-1', token_type_hint: 'access_token', client_id: 'client-1' },
  ])
  expect((await servers().revoke(profile(), set)).outcome).toBe('unsupported')
  expect((await servers().revoke(profile({ revocation_endpoint: `${base}/broken` }), set)).outcome).toBe(
    'failed',
  )
})

describe('TLS', () => {
  async function tls(names: string) {
    const folder = mkdtempSync(join(tmpdir(), 'catchd-tls-'))
    const { caFile, key, cert } = makeCertificates(folder, names)
    const server = createTlsServer({ key, cert }, listener)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanUps.push(() => {
      server.close()
      server.closeAllConnections()
      rmSync(folder, { recursive: true })
    })
    return { endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`, caFile, folder }
  }

  test('a private CA that is named is trusted, one that is not is said with the fix', async () => {
    routes.set('/token', json(TOKENS))
    const { endpoint, caFile } = await tls('IP:127.0.0.1')
    const response = await servers().redeem(profile({ token_endpoint: endpoint, ca_file: caFile }), grant())
    expect(response.accessToken.reveal()).toBe('access-1')
    const failure = await failureOf(servers().redeem(profile({ token_endpoint: endpoint }), grant()))
    expect(failure.code).toBe('provider_unreachable')
    expect(failure.message).toContain('ca_file')
  })

  test('a certificate for another name is refused although its CA is trusted', async () => {
    routes.set('/token', json(TOKENS))
    const { endpoint, caFile } = await tls('DNS:other.example')
    const failure = await failureOf(
      servers().redeem(profile({ token_endpoint: endpoint, ca_file: caFile }), grant()),
    )
    expect(failure.message).toContain('another host name')
    expect(seen).toHaveLength(0)
  })

  test('a ca_file that is missing or no certificate is said by its name', async () => {
    const { endpoint, folder } = await tls('IP:127.0.0.1')
    const missing = await failureOf(
      servers().redeem(profile({ token_endpoint: endpoint, ca_file: join(folder, 'none.pem') }), grant()),
    )
    expect(missing).toMatchObject({ code: 'profile_invalid' })
    writeFileSync(join(folder, 'empty.pem'), 'nothing')
    const empty = await failureOf(
      servers().redeem(profile({ token_endpoint: endpoint, ca_file: join(folder, 'empty.pem') }), grant()),
    )
    expect(empty).toMatchObject({ code: 'profile_invalid' })
  })
})

describe('metadata and id_token', async () => {
  const key = await generateKeyPair('RS256')
  const other = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(key.publicKey)), kid: 'k1', alg: 'RS256' }

  const corp = (changes: Partial<Profile> = {}): Profile => {
    const {
      authorization_endpoint: _a,
      token_endpoint: _t,
      ...rest
    } = testProfile({ scope: 'openid', ...changes })
    return { ...rest, issuer: base }
  }
  const publish = (changes: object = {}, path = '/.well-known/openid-configuration') =>
    routes.set(
      path,
      json({
        issuer: base,
        authorization_endpoint: `${base}/authorize`,
        token_endpoint: `${base}/token`,
        jwks_uri: `${base}/jwks`,
        ...changes,
      }),
    )
  const nonce = () => new Secret('nonce-1')
  const claims = (changes: object = {}) => ({ nonce: 'nonce-1', ...changes })
  const sign = (
    payload: Record<string, unknown>,
    changes: { issuer?: string; audience?: string; expires?: string; header?: object } = {},
  ) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', kid: 'k1', ...changes.header })
      .setIssuedAt()
      .setSubject(String(payload['sub'] ?? 'ada'))
      .setIssuer(changes.issuer ?? base)
      .setAudience(changes.audience ?? 'client-1')
      .setExpirationTime(changes.expires ?? '5m')
  const redeem = (idToken: string | undefined, made = servers()) => {
    routes.set('/token', json(idToken === undefined ? TOKENS : { ...TOKENS, id_token: idToken }))
    routes.set('/jwks', json({ keys: [jwk] }))
    return made.redeem(corp(), { ...grant(), nonce: nonce() })
  }

  test('a good id_token gives issuer and subject; metadata and keys are fetched once', async () => {
    publish()
    const made = servers()
    const idToken = await sign(claims()).sign(key.privateKey)
    expect(await redeem(idToken, made)).toMatchObject({ issuer: base, subject: 'ada' })
    await redeem(idToken, made)
    expect(seen.filter(({ url }) => url.includes('well-known'))).toHaveLength(1)
    expect(seen.filter(({ url }) => url === '/jwks')).toHaveLength(1)
  })

  test('the keys are fetched while a person approves, once for several logins, and not at all where nothing is signed', async () => {
    publish()
    routes.set('/jwks', json({ keys: [jwk] }))
    const keyRequests = () => seen.filter(({ url }) => url === '/jwks').length
    const made = servers()
    const request = {
      redirectUri: 'http://127.0.0.1:8252/callback/gw',
      state: new Secret('state-1'),
      codeVerifier: null,
      nonce: nonce(),
    }
    await made.prepare(corp({ scope: 'email' }), request, false)
    await made.prepare(corp(), request, false)
    await expect.poll(keyRequests).toBe(1)
    await made.prepare(corp(), request, false)
    const idToken = await sign(claims()).sign(key.privateKey)
    expect(await redeem(idToken, made)).toMatchObject({ issuer: base, subject: 'ada' })
    expect(keyRequests()).toBe(1)
  })

  test('keys that could not be had ahead are asked for when there is something to check', async () => {
    publish()
    routes.set('/jwks', (_request, response) => response.writeHead(503).end())
    const made = servers()
    await made.findExpectedIssuer(corp(), false)
    await expect.poll(() => seen.filter(({ url }) => url === '/jwks').length).toBe(1)
    const idToken = await sign(claims()).sign(key.privateKey)
    expect(await redeem(idToken, made)).toMatchObject({ subject: 'ada' })
  })

  test.each<[string, Record<string, unknown>, object]>([
    ['azp of this client', { azp: 'client-1' }, {}],
    ['several audiences with azp of this client', { azp: 'client-1', aud: ['b', 'client-1'] }, {}],
    ['typ JWT', {}, { typ: 'JWT' }],
    ['an expiry that no date has', { exp: 1e300 }, {}],
  ])('an id_token with %s is good', async (_, changes, header) => {
    publish()
    const token = sign(claims(), { header })
    const payload = { ...decodeJwt(await token.sign(key.privateKey)), ...changes }
    const idToken = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header })
      .sign(key.privateKey)
    expect((await redeem(idToken)).subject).toBe('ada')
    expect(idTokenOf({ idToken: new Secret(idToken) })?.expiresAtMs).toBeLessThan(8.64e15)
  })

  test('a nonce that only another tool knows is not compared; the rest of its id_token is', async () => {
    publish()
    const adopted = async (audience: string) => {
      const idToken = await sign(claims(), { audience }).sign(key.privateKey)
      routes.set('/token', json({ ...TOKENS, id_token: idToken }))
      routes.set('/jwks', json({ keys: [jwk] }))
      return servers().redeem(corp(), { ...grant(), nonce: null })
    }
    expect(await adopted('client-1')).toMatchObject({ issuer: base, subject: 'ada' })
    expect((await failureOf(adopted('someone'))).code).toBe('provider_answer_invalid')
  })

  test('RFC 8414 metadata serves where there is no OpenID Connect document', async () => {
    publish({}, '/.well-known/oauth-authorization-server')
    const request = {
      redirectUri: 'http://127.0.0.1:8252/callback/gw',
      state: new Secret('s'),
      codeVerifier: null,
      nonce: null,
    }
    const prepared = await servers().prepare(corp(), request, false)
    expect(prepared.authorizationUrl.startsWith(`${base}/authorize?`)).toBe(true)
    expect(prepared).toMatchObject({ expectedIssuer: base, issRequired: false })
  })

  test.each<[string, () => Promise<string | undefined>]>([
    ['missing', async () => undefined],
    ['of another issuer', () => sign(claims(), { issuer: 'https://other.example' }).sign(key.privateKey)],
    ['for another audience', () => sign(claims(), { audience: 'someone' }).sign(key.privateKey)],
    [
      'for several audiences with another azp',
      () =>
        sign(claims({ azp: 'someone' }))
          .setAudience(['client-1', 'b'])
          .sign(key.privateKey),
    ],
    [
      'for several audiences without azp',
      () => sign(claims()).setAudience(['client-1', 'b']).sign(key.privateKey),
    ],
    ['for no audience', () => sign(claims()).setAudience([]).sign(key.privateKey)],
    ['for one audience with another azp', () => sign(claims({ azp: 'someone' })).sign(key.privateKey)],
    ['with an azp that is no text', () => sign(claims({ azp: ['client-1'] })).sign(key.privateKey)],
    ['about nobody', () => sign(claims()).setSubject('').sign(key.privateKey)],
    ['about a blank', () => sign(claims()).setSubject(' ').sign(key.privateKey)],
    ['about 256 characters', () => sign(claims()).setSubject('x'.repeat(256)).sign(key.privateKey)],
    ...['at+jwt', 'application/AT+JWT', 'dpop+jwt', 'logout+jwt', 'secevent+jwt'].map(
      (typ): [string, () => Promise<string>] => [
        typ,
        () => sign(claims(), { header: { typ } }).sign(key.privateKey),
      ],
    ),
    ['expired', () => sign(claims(), { expires: '-5m' }).sign(key.privateKey)],
    ['with another nonce', () => sign({ nonce: 'nonce-2' }).sign(key.privateKey)],
    ['without nonce', () => sign({}).sign(key.privateKey)],
    ['signed by another key', () => sign(claims()).sign(other.privateKey)],
    [
      'unsigned',
      async () => {
        const signed = await sign(claims()).sign(key.privateKey)
        const header = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url')
        return `${header}.${signed.split('.')[1]}.`
      },
    ],
    [
      'HS256 with the public key as secret',
      () => sign(claims(), { header: { alg: 'HS256' } }).sign(new TextEncoder().encode(JSON.stringify(jwk))),
    ],
    ['no JWT at all', async () => 'a.b'],
  ])('an id_token that is %s spoils the response', async (_name, make) => {
    publish()
    const failure = await failureOf(redeem(await make()))
    expect(failure.code).toBe('provider_answer_invalid')
    expect(`${failure.message}${JSON.stringify(failure)}`).not.toContain('access-1')
  })

  const refreshWith = async (idToken: string) => {
    publish()
    routes.set('/jwks', json({ keys: [jwk] }))
    routes.set('/token', json({ ...TOKENS, id_token: idToken }))
    const origin = { authorizationServer: base, clientId: 'client-1' }
    return servers().refresh(
      corp(),
      tokenSetFrom(tokenResponse({ issuer: base, subject: 'ada' }), origin, null, 0),
    )
  }

  test('a refreshed id_token about somebody else is not taken, and the refresh token not sent again', async () => {
    const outcome = await refreshWith(await sign({ sub: 'eve' }).sign(key.privateKey))
    expect(outcome).toMatchObject({ outcome: 'reauthorize', error: { code: 'provider_answer_invalid' } })
  })

  test('a refreshed id_token that this clock takes for expired costs no token', async () => {
    const outcome = await refreshWith(await sign({}, { expires: '-5m' }).sign(key.privateKey))
    expect(outcome).toMatchObject({ outcome: 'refreshed', response: { idToken: null } })
  })

  test('a flood of unknown keys makes one JWKS request', async () => {
    publish()
    const made = servers()
    for (let count = 0; count < 5; count++) {
      const idToken = await sign(claims(), { header: { kid: `unknown-${count}` } }).sign(other.privateKey)
      await failureOf(redeem(idToken, made))
    }
    expect(seen.filter(({ url }) => url === '/jwks').length).toBeLessThanOrEqual(1)
  })

  test.each<[string, object, string]>([
    ['of another issuer', { issuer: 'https://honest.example' }, 'issuer_mismatch'],
    ['of the issuer with a slash', { issuer: 'slash' }, 'issuer_mismatch'],
    [
      'with an authorization endpoint that is no http',
      { authorization_endpoint: 'file:///etc/passwd' },
      'provider_answer_invalid',
    ],
    ['with a command for an endpoint', { authorization_endpoint: '$(calc)' }, 'provider_answer_invalid'],
    [
      'with a plain http token endpoint elsewhere',
      { token_endpoint: 'http://as.example/token' },
      'provider_answer_invalid',
    ],
  ])('metadata %s', async (_name, changes, code) => {
    publish('issuer' in changes && changes.issuer === 'slash' ? { issuer: `${base}/` } : changes)
    const request = {
      redirectUri: 'http://127.0.0.1:8252/callback/gw',
      state: new Secret('s'),
      codeVerifier: null,
      nonce: null,
    }
    expect((await failureOf(servers().prepare(corp(), request, false))).code).toBe(code)
  })

  test('a server without iss is refused where another server shares the redirect URI', async () => {
    publish()
    const request = {
      redirectUri: 'http://127.0.0.1:8252/callback',
      state: new Secret('s'),
      codeVerifier: null,
      nonce: null,
    }
    expect((await failureOf(servers().prepare(corp(), request, true))).code).toBe('profile_invalid')
    publish({ authorization_response_iss_parameter_supported: true })
    expect(await servers().prepare(corp(), request, true)).toMatchObject({ issRequired: true })
  })

  test('whom the response to a request of another tool must come from, with nothing pushed or built', async () => {
    publish({
      authorization_response_iss_parameter_supported: true,
      require_pushed_authorization_requests: true,
    })
    expect(await servers().findExpectedIssuer(corp(), true)).toMatchObject({
      expectedIssuer: base,
      issRequired: true,
    })
    expect(seen.map(({ method }) => method)).not.toContain('POST')
    publish()
    expect(await servers().findExpectedIssuer(corp(), false)).toMatchObject({
      expectedIssuer: base,
      issRequired: false,
    })
    expect((await failureOf(servers().findExpectedIssuer(corp(), true))).code).toBe('profile_invalid')
  })

  test('without an issuer, no response is expected to name one', async () => {
    expect(await servers().findExpectedIssuer(profile(), false)).toMatchObject({
      expectedIssuer: null,
      issRequired: false,
      server: { issuer: null, urls: { token_endpoint: profile().token_endpoint } },
    })
    expect(seen).toEqual([])
  })
})
