/** Signed authorization responses (JARM): what is refused before the code in them is sent. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Profile } from '../../src/config/profile.js'
import { Secret } from '../../src/secret.js'
import { testProfile } from '../support/fake-authorization-servers.js'
import { authorizationServers, type FakeServer, failureOf, json, startFakeServer } from './fake-server.js'

const key = await generateKeyPair('RS256')
const other = await generateKeyPair('RS256')
const jwk = { ...(await exportJWK(key.publicKey)), kid: 'k1', alg: 'RS256' }

let server: FakeServer
beforeEach(async () => {
  server = await startFakeServer()
  server.routes.set('/token', json({ access_token: 'access-1', token_type: 'Bearer' }))
  server.routes.set('/jwks', json({ keys: [jwk] }))
  publish()
})

function publish(changes: object = {}): void {
  const { base } = server
  const endpoints = { authorization_endpoint: `${base}/authorize`, token_endpoint: `${base}/token` }
  const metadata = { issuer: base, jwks_uri: `${base}/jwks`, ...endpoints, ...changes }
  server.routes.set('/.well-known/openid-configuration', json(metadata))
}

function profileOf(changes: Partial<Profile> = {}): Profile {
  const { authorization_endpoint: _authorize, token_endpoint: _token, ...profile } = testProfile()
  return { ...profile, issuer: server.base, response_mode: 'query.jwt', ...changes }
}

const signed = (changes: object = {}, by = key.privateKey) => {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: server.base,
    aud: 'client-1',
    exp: now + 60,
    code: 'code-1',
    state: 'state-1',
    ...changes,
  }
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(by)
}

const redeem = (response: string | null, profile = profileOf()) =>
  authorizationServers().redeem(profile, {
    code: new Secret('code-1'),
    signedResponse: response === null ? null : new Secret(response),
    redirectUri: 'http://127.0.0.1:8252/callback/gw',
    codeVerifier: null,
    nonce: null,
  })

const isSent = () => server.paths().includes('/token')

test('one that holds is verified once, and its code is redeemed', async () => {
  expect((await redeem(await signed())).tokenType).toBe('Bearer')
  expect(server.paths()).toEqual(['/.well-known/openid-configuration', '/jwks', '/token'])
})

describe('one that', () => {
  const none = async () => {
    const [, claims] = (await signed()).split('.')
    return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`
  }
  test.each<[string, () => Promise<string | null>]>([
    ['is not signed by a token', async () => null],
    ['has alg none', none],
    ['is signed by another key', () => signed({}, other.privateKey)],
    ['has no iss', () => signed({ iss: undefined })],
    ['is of another issuer', () => signed({ iss: 'https://other.example' })],
    ['has no aud', () => signed({ aud: undefined })],
    ['is for another client', () => signed({ aud: 'client-2' })],
    ['has no exp', () => signed({ exp: undefined })],
    ['is over', () => signed({ exp: Math.floor(Date.now() / 1000) - 600 })],
    ['is no token', async () => 'a.b'],
  ])('%s is refused, and its code is not sent', async (_what, make) => {
    const failure = await failureOf(redeem(await make()))
    expect(failure).toMatchObject({ code: 'provider_answer_invalid', profile: 'gw' })
    expect(`${failure.detail}${JSON.stringify(failure)}`).not.toMatch(/code-1|state-1/)
    expect(isSent()).toBe(false)
  })
})

test('a signed response to a profile that asked for none is refused', async () => {
  const failure = await failureOf(redeem(await signed(), profileOf({ response_mode: 'query' })))
  expect(failure).toMatchObject({ code: 'provider_answer_invalid' })
  expect(isSent()).toBe(false)
})

test('without keys to check it with no browser is opened', async () => {
  publish({ jwks_uri: undefined })
  const request = {
    redirectUri: 'http://127.0.0.1/cb',
    state: new Secret('s'),
    codeVerifier: null,
    nonce: null,
  }
  const failure = await failureOf(authorizationServers().prepare(profileOf(), request, false))
  expect(failure).toMatchObject({ code: 'profile_invalid' })
})

test('the request asks for it', async () => {
  const request = {
    redirectUri: 'http://127.0.0.1/cb',
    state: new Secret('s'),
    codeVerifier: null,
    nonce: null,
  }
  const { authorizationUrl } = await authorizationServers().prepare(profileOf(), request, false)
  expect(new URL(authorizationUrl).searchParams.get('response_mode')).toBe('query.jwt')
})
