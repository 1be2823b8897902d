/** Client authentication by signed assertion and by TLS, as it goes over the wire, and keys that cannot be used. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { decodeProtectedHeader, importSPKI, jwtVerify } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { Secret } from '../../src/secret.js'
import { tokenSetFrom } from '../../src/tokens/token-set.js'
import { makeCertificates } from '../support/certificates.js'
import { testProfile, tokenResponse } from '../support/fake-authorization-servers.js'
import {
  authorizationServers,
  cleanUp,
  type FakeServer,
  failureOf,
  json,
  listen,
  startFakeServer,
} from './fake-server.js'

const TOKENS = { access_token: 'access-1', token_type: 'Bearer', expires_in: 60 }
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const GRANT = {
  code: new Secret('code-1'),
  redirectUri: 'http://127.0.0.1:8252/callback/gw',
  codeVerifier: new Secret('verifier-1'),
  nonce: null,
}

let folder = ''
let server: FakeServer
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'catchd-keys-'))
  cleanUp(() => rmSync(folder, { recursive: true }))
  server = await startFakeServer()
  server.routes.set('/token', json(TOKENS))
  server.routes.set('/revoke', json({}))
})

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString()
const spki = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }).toString()

function profileOf(changes: Partial<Profile> = {}): Profile {
  return testProfile({
    authorization_endpoint: `${server.base}/authorize`,
    token_endpoint: `${server.base}/token`,
    ...changes,
  })
}

const KEYS = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
}

describe('private_key_jwt', () => {
  test.each([
    ['rsa', 'RS256'],
    ['P-256', 'ES256'],
    ['P-384', 'ES384'],
    ['P-521', 'ES512'],
    ['Ed25519', 'EdDSA'],
  ] as const)('a key of type %s signs with %s', async (type, alg) => {
    const { privateKey, publicKey } = KEYS[type]()
    const profile = profileOf({
      token_endpoint_auth_method: 'private_key_jwt',
      private_key_file: file('key.pem', pem(privateKey)),
    })
    await authorizationServers().redeem(profile, GRANT)
    const form = server.form()
    expect(form).toMatchObject({
      client_id: 'client-1',
      client_assertion_type: ASSERTION_TYPE,
      code: 'code-1',
    })
    expect(form['client_secret']).toBeUndefined()
    const assertion = form['client_assertion'] ?? ''
    expect(decodeProtectedHeader(assertion)).toEqual({ alg })
    const { payload } = await jwtVerify(assertion, publicKey)
    expect(payload).toMatchObject({ iss: 'client-1', sub: 'client-1', aud: `${server.base}/token` })
    expect(payload.jti).toEqual(expect.stringMatching(/.{20}/))
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60)
  })

  test('the audience is the issuer where the profile has one, and each request has an assertion of its own', async () => {
    const { privateKey, publicKey } = KEYS['P-256']()
    const profile = profileOf({
      issuer: server.base,
      token_endpoint_auth_method: 'private_key_jwt',
      private_key_file: file('key.pem', pem(privateKey)),
    })
    const servers = authorizationServers()
    await servers.redeem(profile, GRANT)
    const first = server.form()['client_assertion'] ?? ''
    await servers.obtain({ ...profile, grant: 'client_credentials' })
    const second = server.form()['client_assertion'] ?? ''
    const key = await importSPKI(spki(publicKey), 'ES256')
    const [one, two] = [await jwtVerify(first, key), await jwtVerify(second, key)]
    expect(one.payload.aud).toBe(server.base)
    expect(one.payload.jti).not.toBe(two.payload.jti)
  })

  test('an RSA key signs with PS256 at a server that takes no RS256', async () => {
    const { privateKey, publicKey } = KEYS.rsa()
    server.routes.set(
      '/.well-known/openid-configuration',
      json({
        issuer: server.base,
        token_endpoint: `${server.base}/token`,
        token_endpoint_auth_signing_alg_values_supported: ['PS256', 'ES256'],
      }),
    )
    const { token_endpoint: _token, authorization_endpoint: _authorize, ...rest } = profileOf()
    const profile = {
      ...rest,
      issuer: server.base,
      token_endpoint_auth_method: 'private_key_jwt',
      private_key_file: file('key.pem', pem(privateKey)),
    } as const
    await authorizationServers().redeem(profile, GRANT)
    const assertion = server.form()['client_assertion'] ?? ''
    expect(decodeProtectedHeader(assertion).alg).toBe('PS256')
    await jwtVerify(assertion, publicKey)
  })

  test('a key that was rotated on the disk counts from the next request on', async () => {
    const old = KEYS['P-256']()
    const fresh = KEYS['P-256']()
    const profile = profileOf({
      grant: 'client_credentials',
      token_endpoint_auth_method: 'private_key_jwt',
      private_key_file: file('key.pem', pem(old.privateKey)),
    })
    const servers = authorizationServers()
    await servers.obtain(profile)
    file('key.pem', pem(fresh.privateKey))
    await servers.obtain(profile)
    await jwtVerify(server.form()['client_assertion'] ?? '', fresh.publicKey)
  })

  test('a refresh and a revocation authenticate the same way', async () => {
    const { privateKey, publicKey } = KEYS['P-256']()
    const profile = profileOf({
      revocation_endpoint: `${server.base}/revoke`,
      token_endpoint_auth_method: 'private_key_jwt',
      private_key_file: file('key.pem', pem(privateKey)),
    })
    const servers = authorizationServers()
    const set = tokenSetFrom(tokenResponse(), servers.origin(profile), null, 0)
    expect(await servers.refresh(profile, set)).toMatchObject({ outcome: 'refreshed' })
    await jwtVerify(server.form()['client_assertion'] ?? '', publicKey)
    expect(await servers.revoke(profile, set)).toEqual({ outcome: 'revoked' })
    await jwtVerify(server.form()['client_assertion'] ?? '', publicKey)
  })

  const encrypted = () =>
    KEYS['P-256']()
      .privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'hidden-word' })
      .toString()
  test.each([
    ['is missing', null, /cannot be read \(ENOENT\)/],
    ['is empty', () => '', /no private key/],
    ['holds something else', () => 'hidden-word', /no private key/],
    ['holds a public key', () => spki(KEYS['P-256']().publicKey), /no private key/],
    ['is encrypted', encrypted, /is encrypted/],
    ['is for key agreement', () => pem(generateKeyPairSync('x25519').privateKey), /cannot sign/],
    [
      'is of another curve',
      () => pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey),
      /cannot sign/,
    ],
    [
      'is too short',
      () => pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
      /cannot sign/,
    ],
  ])('a key file that %s is named, not quoted, and nothing is sent', async (_what, content, says) => {
    const path = content === null ? join(folder, 'absent.pem') : file('key.pem', content())
    const profile = profileOf({ token_endpoint_auth_method: 'private_key_jwt', private_key_file: path })
    const failure = await failureOf(authorizationServers().redeem(profile, GRANT))
    expect(failure).toMatchObject({ code: 'profile_invalid', profile: 'gw' })
    expect(failure.detail).toContain(path)
    expect(failure.detail).toMatch(says)
    expect(JSON.stringify({ ...failure, detail: failure.detail })).not.toMatch(/hidden-word|PRIVATE/)
    expect(server.seen).toEqual([])
  })
})

describe('client_secret_jwt', () => {
  test('the secret signs and never goes over the wire', async () => {
    const secret = 'a secret that is long enough to sign with'
    const profile = profileOf({ token_endpoint_auth_method: 'client_secret_jwt' })
    await authorizationServers({ secret }).redeem(profile, GRANT)
    const form = server.form()
    const { payload, protectedHeader } = await jwtVerify(
      form['client_assertion'] ?? '',
      new TextEncoder().encode(secret),
    )
    expect(protectedHeader).toEqual({ alg: 'HS256' })
    expect(payload).toMatchObject({ iss: 'client-1', sub: 'client-1', aud: `${server.base}/token` })
    expect(server.seen.at(-1)?.body).not.toContain('secret+that')
    expect(server.seen.at(-1)?.headers.authorization).toBeUndefined()
  })

  test('without a secret nothing is sent', async () => {
    const profile = profileOf({ token_endpoint_auth_method: 'client_secret_jwt' })
    const failure = await failureOf(authorizationServers().redeem(profile, GRANT))
    expect(failure).toMatchObject({ code: 'profile_invalid' })
    expect(server.seen).toEqual([])
  })
})

describe('tls_client_auth', () => {
  /** A server that takes no connection without a certificate of its CA, as nginx with `ssl_verify_client on`. */
  async function mutualServer() {
    const certificates = makeCertificates(folder)
    const presented: string[] = []
    const tls = createTlsServer(
      {
        key: certificates.key,
        cert: certificates.cert,
        ca: certificates.ca,
        requestCert: true,
        rejectUnauthorized: true,
      },
      (request, response) => {
        presented.push((request.socket as TLSSocket).getPeerCertificate().subject.CN as string)
        server.listener(request, response)
      },
    )
    tls.on('tlsClientError', () => undefined)
    const base = `https://127.0.0.1:${await listen(tls)}`
    return { base, presented, caFile: certificates.caFile }
  }

  function clientCertificate(): { certificate_file: string; private_key_file: string } {
    const at = (name: string) => join(folder, name)
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=client-1',
      '-keyout',
      at('client.key'),
      '-out',
      at('client.csr'),
    )
    openssl(
      'x509',
      '-req',
      '-in',
      at('client.csr'),
      '-days',
      '2',
      '-CAcreateserial',
      '-CA',
      at('ca.pem'),
      '-CAkey',
      at('ca.key'),
      '-out',
      at('client.pem'),
    )
    return { certificate_file: at('client.pem'), private_key_file: at('client.key') }
  }

  test('the certificate is presented and the client_id goes along, without any secret', async () => {
    const { base, presented, caFile } = await mutualServer()
    const profile = profileOf({
      token_endpoint: `${base}/token`,
      ca_file: caFile,
      token_endpoint_auth_method: 'tls_client_auth',
      ...clientCertificate(),
    })
    await authorizationServers().redeem(profile, GRANT)
    expect(presented).toEqual(['client-1'])
    expect(server.form()).toEqual({
      client_id: 'client-1',
      code: 'code-1',
      code_verifier: 'verifier-1',
      grant_type: 'authorization_code',
      redirect_uri: GRANT.redirectUri,
    })
  })

  test('a profile of another method presents nothing, and the server ends the handshake', async () => {
    const { base, caFile, presented } = await mutualServer()
    const { certificate_file, private_key_file } = clientCertificate()
    const profile = profileOf({
      token_endpoint: `${base}/token`,
      ca_file: caFile,
      certificate_file,
      private_key_file,
    })
    const failure = await failureOf(authorizationServers().redeem(profile, GRANT))
    expect(failure.code).toMatch(/^provider_(unreachable|answer_invalid)$/)
    expect(presented).toEqual([])
  })

  test('the endpoints are those that the server has for clients with a certificate (RFC 8705 §5)', async () => {
    const { base, presented, caFile } = await mutualServer()
    server.routes.set(
      '/.well-known/openid-configuration',
      json({
        issuer: server.base,
        token_endpoint: `${server.base}/never`,
        mtls_endpoint_aliases: { token_endpoint: `${base}/token`, registration_endpoint: `${base}/register` },
      }),
    )
    const { token_endpoint: _token, authorization_endpoint: _authorize, ...rest } = profileOf()
    const files = clientCertificate()
    const profile = { ...rest, issuer: server.base, ca_file: caFile, ...files }
    await authorizationServers().redeem({ ...profile, token_endpoint_auth_method: 'tls_client_auth' }, GRANT)
    expect(presented).toEqual(['client-1'])
    const other = await failureOf(authorizationServers().redeem(profile, GRANT))
    expect(other.code).toBe('provider_refused')
    expect(server.paths().at(-1)).toBe('/never')
  })

  test.each([
    ['a certificate of another key', 'client.pem', /does not belong to the key/],
    ['no certificate', 'ca.key', /no certificate in PEM form/],
    ['a file that is not there', 'absent.pem', /cannot be read \(ENOENT\)/],
  ])('%s is refused by name before anything is sent', async (_what, name, says) => {
    const { base, caFile, presented } = await mutualServer()
    clientCertificate()
    const profile = profileOf({
      token_endpoint: `${base}/token`,
      ca_file: caFile,
      token_endpoint_auth_method: 'tls_client_auth',
      certificate_file: join(folder, name),
      private_key_file: file('other.key', pem(KEYS['P-256']().privateKey)),
    })
    const failure = await failureOf(authorizationServers().redeem(profile, GRANT))
    expect(failure).toMatchObject({ code: 'profile_invalid', detail: expect.stringMatching(says) })
    expect(failure.detail).toContain(name)
    expect(presented).toEqual([])
  })
})
