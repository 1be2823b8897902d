/** Which keys of a server's set an id_token is checked with, and when the set is fetched again; and id_tokens with a MAC. */
import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { Secret } from '../../src/secret.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import {
  authorizationServers,
  type FakeServer,
  failureOf,
  type Handler,
  json,
  startFakeServer,
} from './fake-server.js'

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']
type Pair = { publicKey: Key; privateKey: Key; jwk: JWK }

async function pair(alg: string, members: object = {}): Promise<Pair> {
  const keys = (await generateKeyPair(alg, { extractable: true })) as Pair
  return { ...keys, jwk: { ...(await exportJWK(keys.publicKey)), ...members } }
}

const SECRET = 'the-client-secret-canary-0123456789'
const rsa = await pair('RS256', { kid: 'k1' })
const other = await pair('RS256', { kid: 'k2' })
const weak = { ...other.jwk, n: '!!', kid: 'k1' }

let server: FakeServer
beforeEach(async () => {
  vi.restoreAllMocks()
  server = await startFakeServer()
})

function publish(members: object = {}): void {
  const { base, routes } = server
  routes.set(
    '/.well-known/openid-configuration',
    json({
      issuer: base,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      jwks_uri: `${base}/jwks`,
      ...members,
    }),
  )
}

const publishKeys = (...keys: unknown[]) => server.routes.set('/jwks', json({ keys }))
const keyRequests = () => server.seen.filter(({ url }) => url.startsWith('/jwks')).length

const profile = (changes: Partial<Profile> = {}): Profile => {
  const {
    authorization_endpoint: _a,
    token_endpoint: _t,
    ...rest
  } = testProfile({ scope: 'openid', ...changes })
  return { ...rest, issuer: server.base }
}

const sign = (key: Key | Uint8Array, header: { alg: string; kid?: string }, changes: object = {}) =>
  new SignJWT({ nonce: 'nonce-1', ...changes })
    .setProtectedHeader(header)
    .setIssuedAt()
    .setSubject('ada')
    .setIssuer(server.base)
    .setAudience('client-1')
    .setExpirationTime('1h')
    .sign(key)

function redeem(
  idToken: string,
  made = authorizationServers({ secret: SECRET }),
  changes: Partial<Profile> = {},
) {
  server.routes.set(
    '/token',
    json({ access_token: 'access-1', token_type: 'Bearer', expires_in: 60, id_token: idToken }),
  )
  return made.redeem(profile(changes), {
    code: new Secret('code-1'),
    redirectUri: 'http://127.0.0.1:8252/callback/gw',
    codeVerifier: null,
    nonce: new Secret('nonce-1'),
  })
}

/** Fetches the keys in advance, as the beginning of a login does. */
async function begin(made: ReturnType<typeof authorizationServers>): Promise<void> {
  const before = keyRequests()
  await made.findExpectedIssuer(profile(), false)
  await expect.poll(keyRequests).toBeGreaterThan(before)
}

const later = (ms: number) => {
  const now = Date.now()
  vi.spyOn(Date, 'now').mockImplementation(() => now + ms)
}

describe('a set that does not have the key', () => {
  test.each<[string, () => unknown[]]>([
    ['an older key alone', () => [other.jwk]],
    ['no key yet', () => []],
    ['another key under the same kid', () => [{ ...other.jwk, kid: 'k1' }]],
    ['another key without a kid', () => [{ ...other.jwk, kid: undefined }]],
    ['a key that cannot be used', () => [weak]],
  ])('fetched in advance with %s: it is fetched once more', async (_name, ahead) => {
    publish()
    publishKeys(...ahead())
    const made = authorizationServers()
    await begin(made)
    publishKeys(rsa.jwk)
    expect((await redeem(await sign(rsa.privateKey, { alg: 'RS256', kid: 'k1' }), made)).subject).toBe('ada')
    expect(keyRequests()).toBe(2)
  })

  test('404 in advance, and there when it is needed', async () => {
    publish()
    server.routes.set('/jwks', json({}, 404))
    const made = authorizationServers()
    await begin(made)
    publishKeys(rsa.jwk)
    expect((await redeem(await sign(rsa.privateKey, { alg: 'RS256', kid: 'k1' }), made)).subject).toBe('ada')
  })

  test('forged key ids: once more, then once a minute', async () => {
    publish()
    publishKeys(rsa.jwk)
    const made = authorizationServers()
    await begin(made)
    const forged = async (count: number) =>
      failureOf(redeem(await sign(other.privateKey, { alg: 'RS256', kid: `forged-${count}` }), made))
    for (let count = 0; count < 4; count += 1) await forged(count)
    expect(keyRequests()).toBe(2)
    later(61_000)
    for (let count = 4; count < 8; count += 1) await forged(count)
    expect(keyRequests()).toBe(3)
  })

  test('logins at the same time share the second request', async () => {
    publish()
    publishKeys(other.jwk)
    const made = authorizationServers()
    await begin(made)
    publishKeys(rsa.jwk)
    const idToken = await sign(rsa.privateKey, { alg: 'RS256', kid: 'k1' })
    const all = await Promise.all([redeem(idToken, made), redeem(idToken, made), redeem(idToken, made)])
    expect(all.map(({ subject }) => subject)).toEqual(['ada', 'ada', 'ada'])
    expect(keyRequests()).toBe(2)
  })

  test('a set that cannot be fetched again does not make the old keys younger', async () => {
    publish()
    publishKeys(rsa.jwk)
    const made = authorizationServers()
    const idToken = await sign(rsa.privateKey, { alg: 'RS256', kid: 'k1' })
    await redeem(idToken, made)
    later(301_000)
    server.routes.set('/jwks', json({}, 503))
    expect((await failureOf(redeem(idToken, made))).detail).toContain('gave no keys (503)')
    expect((await failureOf(redeem(idToken, made))).detail).toContain('gave no keys (503)')
  })
})

describe('keys beside the right one cost nothing', () => {
  test.each<[string, () => unknown[], string | null]>([
    ['an unknown kty', () => [{ kty: 'LATTICE', kid: 'k1' }], 'k1'],
    ['bad base64', () => [weak], 'k1'],
    ['no members', () => [{}], 'k1'],
    ['no object', () => ['key', null, 7, ['x']], 'k1'],
    ['a duplicate kid', () => [{ ...other.jwk, kid: 'k1' }], 'k1'],
    ['x5c alone', () => [{ kty: 'RSA', kid: 'k1', x5c: ['MIIB'] }], 'k1'],
    ['use enc', () => [{ ...other.jwk, kid: 'k1', use: 'enc' }], 'k1'],
    ['key_ops without verify', () => [{ ...other.jwk, kid: 'k1', key_ops: ['encrypt'] }], 'k1'],
    ['a symmetric key', () => [{ kty: 'oct', k: 'c2VjcmV0', kid: 'k1', alg: 'HS256' }], 'k1'],
    ['another one, and no kid in the token', () => [other.jwk], null],
    ['an elliptic key, and no kid in the token', () => [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }], null],
  ])('%s', async (_name, beside, kid) => {
    publish()
    publishKeys(...beside(), rsa.jwk)
    const header = { alg: 'RS256', ...(kid === null ? {} : { kid }) }
    expect((await redeem(await sign(rsa.privateKey, header))).subject).toBe('ada')
  })

  test.each<[string, () => unknown]>([
    ['without alg and use', () => ({ ...rsa.jwk, alg: undefined, use: undefined })],
    ['without a kid', () => ({ ...rsa.jwk, kid: undefined })],
    ['with its private parts', async () => ({ ...(await exportJWK(rsa.privateKey)), kid: 'k1' })],
    ['with key_ops of both sides', () => ({ ...rsa.jwk, key_ops: ['sign', 'verify'], ext: false })],
    ['with an empty x5c', () => ({ ...rsa.jwk, x5c: [], x5t: 7 })],
  ])('the right key %s', async (_name, jwk) => {
    publish()
    publishKeys(await jwk())
    expect((await redeem(await sign(rsa.privateKey, { alg: 'RS256', kid: 'k1' }))).subject).toBe('ada')
  })

  test.each(['PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'])('%s, announced or not', async (alg) => {
    const keys = await pair(alg, { kid: 'k9' })
    publishKeys(rsa.jwk, keys.jwk)
    for (const announced of [undefined, ['RS256', alg]]) {
      publish({ id_token_signing_alg_values_supported: announced })
      expect((await redeem(await sign(keys.privateKey, { alg, kid: 'k9' }))).subject).toBe('ada')
    }
  })

  test('an algorithm that the server does not announce is refused', async () => {
    publish({ id_token_signing_alg_values_supported: ['ES256'] })
    publishKeys(rsa.jwk)
    const failure = await failureOf(redeem(await sign(rsa.privateKey, { alg: 'RS256', kid: 'k1' })))
    expect(failure.code).toBe('provider_answer_invalid')
  })
})

describe('a jwks_uri that redirects', () => {
  const to =
    (location: string): Handler =>
    (_request, response) =>
      response.writeHead(308, { location }).end()

  test('inside its origin it is followed', async () => {
    publish()
    server.routes.set('/jwks', to('/jwks/v2'))
    server.routes.set('/jwks/v2', json({ keys: [rsa.jwk] }))
    expect((await redeem(await sign(rsa.privateKey, { alg: 'RS256', kid: 'k1' }))).subject).toBe('ada')
  })

  test.each([
    ['to another origin', () => 'https://keys.example/jwks'],
    ['to another port', () => 'http://127.0.0.1:1/jwks'],
    ['to itself', () => '/jwks'],
    ['to nonsense', () => 'http://['],
  ])('%s it is not', async (_name, location) => {
    publish()
    server.routes.set('/jwks', to(location()))
    const failure = await failureOf(redeem(await sign(rsa.privateKey, { alg: 'RS256', kid: 'k1' })))
    expect(failure.detail).toContain('gave no keys (308)')
    expect(keyRequests()).toBeLessThanOrEqual(4)
  })
})

describe('an id_token with a MAC', () => {
  const key = new TextEncoder().encode(SECRET)
  const CONFIDENTIAL = {
    client_secret: { keychain: true },
    token_endpoint_auth_method: 'client_secret_basic',
  } as const
  const announce = (...algorithms: string[]) => publish({ id_token_signing_alg_values_supported: algorithms })

  test.each(['HS256', 'HS384', 'HS512'])(
    '%s with the client secret is good if it is announced',
    async (alg) => {
      announce('RS256', alg)
      publishKeys(rsa.jwk)
      const made = authorizationServers({ secret: SECRET })
      expect((await redeem(await sign(key, { alg }), made, CONFIDENTIAL)).subject).toBe('ada')
    },
  )

  test('a server with nothing else needs no key set', async () => {
    publish({ id_token_signing_alg_values_supported: ['HS256'], jwks_uri: undefined })
    const made = authorizationServers({ secret: SECRET })
    await made.findExpectedIssuer(profile(CONFIDENTIAL), false)
    expect((await redeem(await sign(key, { alg: 'HS256' }), made, CONFIDENTIAL)).subject).toBe('ada')
    expect((await failureOf(made.findExpectedIssuer(profile(), false))).detail).toContain('jwks_uri')
  })

  const pem = createHash('sha256').update(JSON.stringify(rsa.jwk)).digest()
  test.each<[string, () => Promise<string>, Partial<Profile>, string[]]>([
    ['it is not announced', () => sign(key, { alg: 'HS256' }), CONFIDENTIAL, ['RS256']],
    ['nothing is announced', () => sign(key, { alg: 'HS256' }), CONFIDENTIAL, []],
    ['the client is public', () => sign(key, { alg: 'HS256' }), {}, ['HS256', 'RS256']],
    [
      'the client has a secret that it does not use',
      () => sign(key, { alg: 'HS256' }),
      { ...CONFIDENTIAL, token_endpoint_auth_method: 'none' },
      ['HS256'],
    ],
    [
      'the secret is another',
      () => sign(Buffer.from('guess'.repeat(9)), { alg: 'HS256' }),
      CONFIDENTIAL,
      ['HS256'],
    ],
    [
      'its key is the public key',
      () => sign(new TextEncoder().encode(JSON.stringify(rsa.jwk)), { alg: 'HS256', kid: 'k1' }),
      CONFIDENTIAL,
      ['HS256', 'RS256'],
    ],
    ['its key is a digest of the public key', () => sign(pem, { alg: 'HS256' }), CONFIDENTIAL, ['HS256']],
    [
      'its MAC is cut',
      async () => (await sign(key, { alg: 'HS256' })).slice(0, -20),
      CONFIDENTIAL,
      ['HS256'],
    ],
    [
      'it has no MAC',
      async () => (await sign(key, { alg: 'HS256' })).replace(/[^.]+$/, ''),
      CONFIDENTIAL,
      ['HS256'],
    ],
  ])('is refused if %s', async (_name, make, changes, announced) => {
    announce(...announced)
    // A symmetric key in a public set is no secret.
    publishKeys(rsa.jwk, { kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), alg: 'HS256' })
    const made = authorizationServers({ secret: SECRET })
    const failure = await failureOf(redeem(await make(), made, changes))
    expect(failure.code).toBe('provider_answer_invalid')
    expect(`${failure.message}${JSON.stringify(failure)}`).not.toContain('canary')
  })

  test.each([
    ['another audience', { aud: 'someone' }],
    ['another issuer', { iss: 'https://other.example' }],
    ['another nonce', { nonce: 'nonce-2' }],
  ])('its claims are compared all the same: %s', async (_name, claims) => {
    announce('HS256')
    const idToken = await new SignJWT({
      ...{ nonce: 'nonce-1', iss: server.base, aud: 'client-1', sub: 'ada' },
      ...claims,
    })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(key)
    const made = authorizationServers({ secret: SECRET })
    expect((await failureOf(redeem(idToken, made, CONFIDENTIAL))).code).toBe('provider_answer_invalid')
  })
})
